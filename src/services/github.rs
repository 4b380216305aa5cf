//! GitHub: the connection that all its kinds share, logged in to with a token or with the key of a GitHub App.

pub(super) mod actions_secret;
pub(super) mod actions_variable;
mod address;
mod app;
pub(super) mod codespaces_secret;
mod create;
mod credentials;
pub(super) mod dependabot_secret;
pub(super) mod deploy_key;
pub(super) mod installation_token;
mod pace;
pub(super) mod personal_access_token;
mod place;
mod sealed;
mod secret;
mod store;
pub(super) mod user_token;
pub(super) mod webhook;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName};
use octocrab::models::PublicKey;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

use crate::connection::{Connecting, Connection, Login, LoginError, Needed, ServiceKind, Slot};
use crate::http::{Answer, Call, Cause, Http, HttpError, Retry};
use crate::issuer::Leave;
use crate::token::{TokenRecord, TokenValue};
use address::Addresses;
use app::{App, Needs, Session};
use pace::Pace;
use place::owner_and_name;
use wire::{expiry, meaning, pause, scopes, segment, too_wide};

/// GitHub, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "github",
    about: "GitHub.com, GitHub Enterprise Cloud or Server",
    own_address: Some("GITHUB_API_URL"),
    url: Needed::Required,
    token: Needed::Required,
    schema: || schema_for!(Keys).to_value(),
    connect: |to| Ok(Arc::new(GitHub::new(to)?)),
};

/// The keys of a connection that only GitHub knows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// The GitHub App to log in as: its client id, or its number in quotes. `token:` is then its private key in PEM. Each
    /// run opens one session, an installation token for what this config needs, and ends it.
    app: Option<String>,
    /// The number of the App's installation: the last part of the address of its page under *Installed GitHub Apps*.
    installation: Option<u64>,
}

const VERSION: HeaderName = HeaderName::from_static("x-github-api-version");

/// The longest that a request waits because GitHub wants fewer.
const PATIENCE: Duration = Duration::from_mins(1);

type Key = Arc<OnceCell<Arc<PublicKey>>>;

/// One GitHub, logged in to with one credential.
pub(super) struct GitHub {
    http: Arc<Http>,
    at: Addresses,
    slot: Slot,
    /// The App, where the credential is its key.
    app: Option<App>,
    /// What the kinds of this config need, from which an App's session is cut.
    needs: Arc<Mutex<Needs>>,
    /// The session that the credential of the slot was exchanged for.
    session: tokio::sync::Mutex<Option<Session>>,
    /// Every session that was opened in this run, to be ended.
    opened: Mutex<Vec<TokenValue>>,
    /// The server's clock when it was asked, and when that was.
    clock: OnceCell<(i64, Instant)>,
    /// Keeps the writes apart.
    writes: Pace,
    /// A credential that was refused: it is never used again, for after many refusals GitHub locks its user out.
    /// <https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api#failed-login-limit>
    dead: Mutex<Option<TokenValue>>,
    /// The public keys that secrets are sealed with, by their place; asked for once a run.
    keys: Mutex<HashMap<String, Key>>,
}

impl GitHub {
    fn new(to: Connecting) -> anyhow::Result<Self> {
        let at = Addresses::of(&to.address()?)?;
        let Keys { app, installation } = serde_json::from_value(to.keys)?;
        let app = match (app, installation) {
            (None, None) => None,
            (Some(id), Some(installation)) => Some(App { id, installation }),
            (Some(_), None) => anyhow::bail!("`app:` needs `installation:`, the number of the App's installation"),
            (None, Some(_)) => anyhow::bail!("`installation:` needs `app:`, the client id of the App"),
        };
        Ok(Self::with(to.http, at, to.slot, app, Arc::default()))
    }

    fn with(http: Arc<Http>, at: Addresses, slot: Slot, app: Option<App>, needs: Arc<Mutex<Needs>>) -> Self {
        Self {
            http,
            at,
            slot,
            app,
            needs,
            session: tokio::sync::Mutex::default(),
            opened: Mutex::default(),
            clock: OnceCell::new(),
            writes: Pace::default(),
            dead: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// Sends a request with the credential of the slot, or with the session that it was exchanged for. The path is below
    /// the API's address, its query included.
    async fn call(&self, method: Method, path: &str, body: Option<Value>, retry: Retry) -> Result<Answer, HttpError> {
        let value = self.slot.lend().ok_or_else(|| withheld("no credential is at hand"))?;
        if self.is_dead(&value) {
            return Err(withheld("the credential was refused before in this run and is not used again"));
        }
        let bearer = match &self.app {
            // Nothing of the request itself has been sent: whatever became of the session, that is not in doubt.
            Some(app) => self.session(app, &value).await.map_err(|error| withheld(&error.to_string()))?,
            None if value.expose().starts_with("ghr_") => {
                return Err(withheld("a refresh token opens nothing but the way to its successor"));
            }
            None => value.clone(),
        };
        if method != Method::GET {
            self.writes.turn().await;
        }
        let mut waited = Duration::ZERO;
        loop {
            let answer = self.call_as(&bearer, method.clone(), path, body.clone(), retry).await?;
            if answer.status.as_u16() == 401 {
                *lock(&self.dead) = Some(value);
                return Ok(answer);
            }
            // `http` waits at 429; GitHub says the same with 403 as well, and has done nothing then.
            let wait = pause(&answer).filter(|wait| retry != Retry::Once && waited + *wait <= PATIENCE);
            let Some(wait) = wait else { return Ok(answer) };
            tokio::time::sleep(wait).await;
            waited += wait.max(Duration::from_secs(1));
        }
    }

    /// The same with another credential.
    async fn call_as(
        &self,
        value: &TokenValue,
        method: Method,
        path: &str,
        body: Option<Value>,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        let call = self.prepared(method, path, body, retry)?;
        self.http.send(call.credential(AUTHORIZATION, "Bearer ", value)).await
    }

    /// The same without any.
    async fn call_as_nobody(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        self.http.send(self.prepared(method, path, body, retry)?).await
    }

    fn prepared(&self, method: Method, path: &str, body: Option<Value>, retry: Retry) -> Result<Call, HttpError> {
        let url = self.at.api.join(path).map_err(|_| withheld("the path is not one"))?;
        let call = Call::new(method, url, retry)
            .header(ACCEPT, "application/vnd.github+json")
            // The older of the two versions that are spoken: it is what Enterprise Server knows too.
            .header(VERSION, "2022-11-28");
        Ok(if let Some(body) = body { call.json(&body) } else { call })
    }

    /// All pages of a plain list.
    async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, HttpError> {
        let mut all = Vec::new();
        for page in 1..=1000 {
            let path = format!("{path}?per_page=100&page={page}");
            let answer = self.call(Method::GET, &path, None, Retry::Read).await?;
            if !answer.ok() {
                return Err(self.refused(&answer));
            }
            let rows = answer.json::<Vec<T>>()?;
            let last = rows.len() < 100;
            all.extend(rows);
            if last {
                break;
            }
        }
        Ok(all)
    }

    /// An address among the web pages.
    fn web(&self, path: &str) -> Url {
        self.at.web.join(path).unwrap_or_else(|_| self.at.web.clone())
    }

    /// The door, for what is neither below the API nor in its form.
    fn http(&self) -> &Http {
        &self.http
    }

    /// The path of a repository below the API, and its name for people.
    fn repository(&self, path: &str) -> anyhow::Result<(String, String)> {
        let (owner, name) = owner_and_name(path)?;
        Ok((format!("repos/{}/{}", segment(owner), segment(name)), path.to_lowercase()))
    }

    /// Says that a kind of this config needs a permission there, before anything is asked of GitHub.
    fn need(&self, owner: &str, repository: Option<&str>, permission: &'static str, write: bool) -> anyhow::Result<()> {
        lock(&self.needs).add(owner, repository, permission, write, self.app.is_some())
    }

    /// Whether the login may write something of a repository that this config said it needs: an App's session was cut
    /// for it, and no other login can be asked.
    async fn may(&self, permission: &str) -> anyhow::Result<Leave> {
        let Some(app) = &self.app else {
            return Ok(Leave::Unknown(format!(
                "GitHub does not say before it is tried whether it has {permission}=write"
            )));
        };
        let key = self.slot.lend().ok_or_else(|| anyhow::anyhow!("no credential is at hand"))?;
        self.session(app, &key).await?;
        Ok(Leave::May)
    }

    /// An answer as an error.
    fn refused(&self, answer: &Answer) -> HttpError {
        answer.refused(&self.meaning(answer))
    }

    /// What a refusal means here.
    fn meaning(&self, answer: &Answer) -> String {
        let own = self.slot.lend().filter(|_| self.app.is_none());
        let of_a_job = own.is_some_and(|value| value.expose().starts_with("ghs_"));
        meaning(answer, of_a_job)
    }

    fn is_dead(&self, value: &TokenValue) -> bool {
        lock(&self.dead).as_ref().is_some_and(|dead| dead.same_as(value))
    }

    /// The public key of a place, asked for once a run; `anew` when GitHub has turned it since.
    async fn public_key(&self, place: &str, anew: bool) -> anyhow::Result<Arc<PublicKey>> {
        let key = {
            let mut keys = lock(&self.keys);
            if anew {
                keys.remove(place);
            }
            Arc::clone(keys.entry(place.to_owned()).or_default())
        };
        let ask = || async {
            let answer = self.call(Method::GET, &format!("{place}/public-key"), None, Retry::Read).await?;
            anyhow::ensure!(answer.ok(), self.refused(&answer));
            Ok(Arc::new(answer.json::<PublicKey>()?))
        };
        key.get_or_try_init(ask).await.map(Arc::clone)
    }

    /// Who a personal or user token belongs to. <https://docs.github.com/en/rest/users/users#get-the-authenticated-user>
    async fn identify_user(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let answer = self.call_as(value, Method::GET, "user", None, Retry::Read).await.map_err(unreachable)?;
        if !answer.ok() {
            return Err(not_let_in(&answer, &meaning(&answer, false)));
        }
        let who = answer.word("/login").ok_or_else(|| {
            LoginError::Unreachable(answer.unclear("the answer does not say whose token it is").to_string())
        })?;
        let scopes = scopes(&answer);
        let record = TokenRecord { expires: expiry(&answer), ..TokenRecord::named(String::new()) };
        Ok(Login {
            who: Some(format!("@{who}")),
            record: Some(record).filter(|record| record.expires.is_some()),
            too_wide: too_wide(&scopes),
            rights: scopes,
        })
    }

    /// An installation token that somebody else minted says only which repositories it reaches.
    /// <https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation>
    async fn identify_installation(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let path = "installation/repositories?per_page=1";
        let answer = self.call_as(value, Method::GET, path, None, Retry::Read).await.map_err(unreachable)?;
        if !answer.ok() {
            return Err(not_let_in(&answer, &meaning(&answer, true)));
        }
        Ok(Login {
            who: Some("an installation of a GitHub App".to_owned()),
            record: None,
            rights: Vec::new(),
            too_wide: None,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn withheld(why: &str) -> HttpError {
    HttpError::before("github", Cause::Withheld(why.to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unreachable(error: HttpError) -> LoginError {
    LoginError::Unreachable(error.to_string())
}

/// Only 401 says that a credential is dead: 403 is also a rate limit, a lock, or single sign-on.
fn not_let_in(answer: &Answer, meaning: &str) -> LoginError {
    let text = answer.refused(meaning).to_string();
    if answer.status.as_u16() == 401 { LoginError::Dead(text) } else { LoginError::Unreachable(text) }
}

#[async_trait]
impl Connection for GitHub {
    fn host(&self) -> &str {
        &self.at.host
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let text = value.expose();
        if let Some(app) = &self.app {
            return self.identify_app(app, value).await;
        }
        if text.starts_with("-----BEGIN ") {
            return Err(LoginError::Dead(
                "this is a private key, and the connection does not say whose: add `app:` and `installation:`"
                    .to_owned(),
            ));
        }
        if text.starts_with("ghr_") {
            // To ask with it is to use it up.
            let rights = vec!["a refresh token, which is not asked".to_owned()];
            return Ok(Login { who: None, record: None, rights, too_wide: None });
        }
        // The newer form of these tokens names its app; this is the number of GitHub Actions itself. Where the form is
        // the older one, the first refusal says the same.
        if text.starts_with("ghs_15368_") {
            return Err(LoginError::Dead(wire::OF_A_JOB.to_owned()));
        }
        if text.starts_with("ghs_") { self.identify_installation(value).await } else { self.identify_user(value).await }
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        let needs = Arc::clone(&self.needs);
        Arc::new(Self::with(Arc::clone(&self.http), self.at.clone(), slot, self.app.clone(), needs))
    }

    fn forget(&self) {}

    async fn log_out(&self) {
        self.end_sessions().await;
    }
}
