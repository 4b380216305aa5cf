//! GitHub: the connection that all its kinds share, logged in to with a token or with the key of a GitHub App.

pub(super) mod actions_secret;
pub(super) mod actions_variable;
pub(super) mod actions_variable_shelf;
mod address;
mod app;
mod calls;
pub(super) mod codespaces_secret;
mod create;
mod credentials;
pub(super) mod dependabot_secret;
pub(super) mod deploy_key;
pub(super) mod installation_token;
mod login;
mod pace;
pub(super) mod personal_access_token;
mod pipeline;
mod place;
mod runs;
mod sealed;
mod secret;
mod store;
pub(super) mod user_token;
mod variable;
pub(super) mod webhook;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use octocrab::models::PublicKey;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;

use crate::connection::{Connecting, Connection, Job, Login, LoginError, Needed, Pipeline, ServiceKind, Slot};
use crate::http::{Answer, Cause, Http, HttpError};
use crate::issuer::Leave;
use crate::token::TokenValue;
use address::Addresses;
use app::{App, Needs, Session};
use pace::Pace;
use place::owner_and_name;
use wire::{meaning, segment};

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
    /// run opens one session, an installation token for what this config needs, and ends it. The key never expires, and
    /// only the App's page makes another: turn it by hand.
    app: Option<String>,
    /// The number of the App's installation: the last part of the address of its page under *Installed GitHub Apps*.
    installation: Option<u64>,
}

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
    /// The server's clock at its latest answer, in Unix seconds.
    clock: Mutex<Option<i64>>,
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
            clock: Mutex::default(),
            writes: Pace::default(),
            dead: Mutex::default(),
            keys: Mutex::default(),
        }
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
    #[expect(clippy::unused_self, reason = "a place at this GitHub, like the others")]
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
        let key = self.slot.lend().ok_or_else(|| anyhow::anyhow!("no credential is at hand"))?;
        let Some(app) = self.app_of(&key) else {
            return Ok(Leave::Unknown(format!(
                "GitHub does not say before it is tried whether it has {permission}=write"
            )));
        };
        self.session(app, &key).await?;
        Ok(Leave::May)
    }

    /// An answer as an error.
    fn refused(&self, answer: &Answer) -> HttpError {
        answer.refused(&self.meaning(answer))
    }

    /// The App whose key a value would be. Somebody's own token may log in beside it (`self:`).
    fn app_of(&self, value: &TokenValue) -> Option<&App> {
        const TOKENS: &[&str] = &["ghp_", "github_pat_", "gho_", "ghu_", "ghs_", "ghr_"];
        let is_token = TOKENS.iter().any(|make| value.expose().starts_with(make));
        self.app.as_ref().filter(|_| !is_token)
    }

    /// What a refusal means here.
    fn meaning(&self, answer: &Answer) -> String {
        let own = self.slot.lend().filter(|value| self.app_of(value).is_none());
        let of_a_job = own.is_some_and(|value| value.expose().starts_with("ghs_"));
        meaning(answer, of_a_job)
    }

    fn is_dead(&self, value: &TokenValue) -> bool {
        lock(&self.dead).as_ref().is_some_and(|dead| dead.same_as(value))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn withheld(why: &str) -> HttpError {
    HttpError::before("github", Cause::Withheld(why.to_owned()))
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
        if let Some(app) = self.app_of(value) {
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

    fn levels(&self, job: &Job) -> Vec<String> {
        pipeline::levels(job)
    }

    async fn pipeline(&self, job: &Job, names: &[(String, String)]) -> anyhow::Result<Pipeline> {
        self.look_at_pipeline(job, names).await
    }

    fn forget(&self) {}

    async fn log_out(&self) {
        self.end_sessions().await;
    }
}
