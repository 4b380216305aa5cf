//! The login of a GitHub App: its key signs an assertion, which is exchanged for a session of one hour.
//!
//! The session is an installation token, cut down to the repositories and the permissions that the kinds of the config
//! said they need, opened when the first of them asks, and ended with the run.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use octocrab::models::apps::CreateInstallationAccessToken;
use serde::Deserialize;
use serde_json::{Value, json};

use super::login::{not_let_in, unreachable};
use super::wire::{date, is_a_limit};
use super::{GitHub, lock, withheld};
use crate::connection::{Login, LoginError};
use crate::http::{Answer, HttpError, Retry};
use crate::text;
use crate::token::TokenValue;

/// What is no key: a path, base64, or a key whose line breaks were lost on the way.
const UNFIT_KEY: &str = "the credential is not the private key of an App, in PEM: keep GitHub's whole file with its line \
                         breaks; its path, base64 of it, or `\\n` in place of the breaks is none";

/// A session is opened anew when it has fewer seconds left than these.
const LAST_MINUTES: i64 = 10 * 60;

/// An App, as the config names it.
#[derive(Clone)]
pub(super) struct App {
    /// Its client id or its number.
    pub(super) id: String,
    /// The number of its installation.
    pub(super) installation: u64,
}

/// What the kinds of a config need at GitHub.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Needs {
    owner: Option<String>,
    repositories: BTreeSet<String>,
    /// Permission, and whether reading it is not enough.
    permissions: BTreeMap<&'static str, bool>,
}

impl Needs {
    /// Adds one. An installation is of one owner: another cannot be reached with it.
    pub(super) fn add(
        &mut self,
        owner: &str,
        repository: Option<&str>,
        permission: &'static str,
        write: bool,
        of_an_app: bool,
    ) -> anyhow::Result<()> {
        let owner = owner.to_lowercase();
        if let Some(first) = self.owner.as_ref().filter(|first| of_an_app && **first != owner) {
            anyhow::bail!(
                "an installation of an App is of one owner, and this connection is used for {first} and {owner}: add a connection for each"
            );
        }
        self.owner = Some(owner);
        self.repositories.extend(repository.map(str::to_lowercase));
        *self.permissions.entry(permission).or_default() |= write;
        Ok(())
    }

    /// The order for a token that can do this and no more. Without a repository the permissions alone narrow it: then
    /// they are an organisation's.
    pub(super) fn order(&self) -> CreateInstallationAccessToken {
        let level = |write: &bool| if *write { "write" } else { "read" }.to_owned();
        let permissions = self.permissions.iter().map(|(name, write)| ((*name).to_owned(), level(write))).collect();
        let repositories = Some(self.repositories.iter().cloned().collect::<Vec<_>>());
        CreateInstallationAccessToken {
            repositories: repositories.filter(|names| !names.is_empty()),
            repository_ids: None,
            permissions: Some(permissions).filter(|all: &std::collections::HashMap<_, _>| !all.is_empty()),
        }
    }

    fn words(&self) -> (String, String) {
        let permissions: Vec<String> = self
            .permissions
            .iter()
            .map(|(name, write)| format!("{name}={}", if *write { "write" } else { "read" }))
            .collect();
        let repositories: Vec<String> = self.repositories.iter().cloned().collect();
        (text::list(&permissions), text::list(&repositories))
    }
}

/// An installation token, as far as it is needed here.
#[derive(Deserialize)]
pub(super) struct InstallationJson {
    /// Since April 2026 of a form without a fixed length.
    pub(super) token: TokenValue,
    pub(super) expires_at: DateTime<Utc>,
    #[serde(default)]
    pub(super) permissions: BTreeMap<String, String>,
}

/// An App, as it sees itself.
#[derive(Deserialize)]
struct AppJson {
    slug: Option<String>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

/// What the key of an App was exchanged for.
pub(super) struct Session {
    of: TokenValue,
    narrowed_to: Needs,
    dies: i64,
    token: TokenValue,
}

impl GitHub {
    /// Who the key belongs to. <https://docs.github.com/en/rest/apps/apps#get-the-authenticated-app>
    pub(super) async fn identify_app(&self, app: &App, key: &TokenValue) -> Result<Login, LoginError> {
        let assertion = self.assertion(app, key).await?;
        let answer = self.call_as(&assertion, Method::GET, "app", None, Retry::Read).await.map_err(unreachable)?;
        match answer.status.as_u16() {
            200 => {}
            // Of an assertion that was just made, both say that this key is not that App's.
            401 | 404 => {
                let why = format!(
                    "GitHub does not take this key for the App {}: it was deleted, or is another App's",
                    app.id
                );
                return Err(LoginError::Dead(answer.refused(&why).to_string()));
            }
            _ => return Err(not_let_in(&answer, &self.meaning(&answer))),
        }
        let found: AppJson = answer.json().map_err(unreachable)?;
        let rights = found.permissions.iter().map(|(name, level)| text::plain(&format!("{name}={level}"))).collect();
        let who = found.slug.map(|slug| format!("App {}", text::plain(&slug)));
        Ok(Login { who, record: None, rights, too_wide: None })
    }

    /// A text that the App's key has signed, good for ten minutes at most. GitHub counts them by its own clock, and so
    /// do we: a runner whose clock is wrong still logs in.
    pub(super) async fn assertion(&self, app: &App, key: &TokenValue) -> Result<TokenValue, LoginError> {
        let now = self.server_time().await.map_err(unreachable)?;
        let who = app.id.parse::<u64>().map_or_else(|_| Value::from(app.id.clone()), Value::from);
        let claims = json!({ "iss": who, "iat": now - 60, "exp": now + 9 * 60 });
        let unfit = |_| LoginError::Dead(UNFIT_KEY.to_owned());
        let key = EncodingKey::from_rsa_pem(key.expose().as_bytes()).map_err(unfit)?;
        let signed = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).map_err(unfit)?;
        TokenValue::new(&signed).map_err(|why| LoginError::Dead(why.to_string()))
    }

    /// The time of GitHub's latest answer. Any answer tells it, also a refusal; the one that is asked for costs nothing.
    async fn server_time(&self) -> Result<i64, HttpError> {
        let latest = *lock(&self.clock);
        if let Some(now) = latest {
            return Ok(now);
        }
        let answer = self.call_as_nobody(Method::GET, "rate_limit", None, Retry::Read).await?;
        date(&answer).ok_or_else(|| answer.unclear("the answer does not tell the time"))
    }

    /// The session of the App's key, opened when it is first needed.
    pub(super) async fn session(&self, app: &App, key: &TokenValue) -> Result<TokenValue, HttpError> {
        let needs = lock(&self.needs).clone();
        let mut open = self.session.lock().await;
        let latest = *lock(&self.clock);
        let fits = |session: &&Session| {
            let lasts = latest.is_none_or(|now| session.dies - now > LAST_MINUTES);
            session.of.same_as(key) && session.narrowed_to == needs && lasts
        };
        if let Some(session) = open.as_ref().filter(fits) {
            return Ok(session.token.clone());
        }
        let answer = self.exchange(app, key, &needs.order()).await?;
        if !answer.ok() {
            if answer.status.as_u16() == 401 {
                *lock(&self.dead) = Some(key.clone());
            }
            return Err(answer.refused(&refusal(&answer, app, &needs).unwrap_or_else(|| self.meaning(&answer))));
        }
        let InstallationJson { token, expires_at, .. } = answer.json()?;
        lock(&self.opened).push(token.clone());
        let dies = expires_at.timestamp();
        *open = Some(Session { of: key.clone(), narrowed_to: needs, dies, token: token.clone() });
        Ok(token)
    }

    /// Forgets a session that GitHub no longer takes; another may have been opened meanwhile.
    pub(super) async fn drop_session(&self, token: &TokenValue) {
        let mut open = self.session.lock().await;
        open.take_if(|session| session.token.same_as(token));
        *lock(&self.clock) = None;
    }

    /// Asks for an installation token. An assertion that was made for a time long past is refused, and nothing done: then
    /// the time is asked for, once.
    /// <https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app>
    pub(super) async fn exchange(
        &self,
        app: &App,
        key: &TokenValue,
        order: &CreateInstallationAccessToken,
    ) -> Result<Answer, HttpError> {
        let knew = lock(&self.clock).is_some();
        let answer = self.exchange_now(app, key, order).await?;
        if answer.status.as_u16() == 401 && knew {
            *lock(&self.clock) = None;
            return self.exchange_now(app, key, order).await;
        }
        Ok(answer)
    }

    async fn exchange_now(
        &self,
        app: &App,
        key: &TokenValue,
        order: &CreateInstallationAccessToken,
    ) -> Result<Answer, HttpError> {
        let assertion = self.assertion(app, key).await.map_err(|error| withheld(&error.to_string()))?;
        let path = format!("app/installations/{}/access_tokens", app.installation);
        // A plain struct, which always has a JSON form.
        let order = serde_json::to_value(order).unwrap_or_default();
        self.call_as(&assertion, Method::POST, &path, Some(order), Retry::Once).await
    }

    /// Ends every session of this run. One that is not ended dies within the hour.
    pub(super) async fn end_sessions(&self) {
        self.session.lock().await.take();
        let opened = std::mem::take(&mut *lock(&self.opened));
        for token in opened {
            match self.call_as(&token, Method::DELETE, "installation/token", None, Retry::Put).await {
                Ok(answer) if answer.ok() || answer.status.as_u16() == 401 => {}
                Ok(answer) => log::warn!("a session was not ended: {}", self.refused(&answer)),
                Err(error) => log::warn!("a session was not ended: {error}"),
            }
        }
    }
}

/// What GitHub means when it refuses such a token; `None` where it means what it always does.
pub(super) fn refusal(answer: &Answer, app: &App, needs: &Needs) -> Option<String> {
    let (permissions, repositories) = needs.words();
    match answer.status.as_u16() {
        401 => Some(format!("GitHub does not take this key for the App {}", app.id)),
        403 if is_a_limit(answer) => None,
        403 => Some(format!("the installation {} of the App {} is suspended, or blocked", app.installation, app.id)),
        404 => Some(format!("the App {} has no installation {}", app.id, app.installation)),
        422 => {
            let reach = if repositories.is_empty() {
                repositories
            } else {
                format!(", or does not reach all of {repositories}")
            };
            Some(format!(
                "the installation {} was not granted all of {permissions}{reach}; change it on its page under *Installed \
                 GitHub Apps*",
                app.installation
            ))
        }
        _ => None,
    }
}
