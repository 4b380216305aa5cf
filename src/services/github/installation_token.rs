//! `github/installation-token`: what an App's key is exchanged for: one hour for the repositories and the permissions
//! that the config names, and no more. Minted at every run; it dies by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::TimeDelta;
use http::Method;
use octocrab::models::apps::CreateInstallationAccessToken;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::GitHub;
use super::app::{InstallationJson, Needs, refusal};
use crate::connection::{Connection as _, own};
use crate::http::{Answer, HttpError, Retry};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "github/installation-token",
    about: "An installation token of a GitHub App: one hour, for the named repositories and permissions",
    succession: "ephemeral",
    needs: "a connection with `app:` and `installation:`, whose `token:` is the App's private key; the installation \
            granted all that is ordered",
    ttl: Ttl::Optional,
    shortest: TimeDelta::hours(1),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// What stands for all repositories of the installation.
const ALL: &str = "*";

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The repositories it reaches, by name without the owner, who is the installation's; `["*"]` is all of them.
    repositories: BTreeSet<String>,
    /// What it may do there, such as `{ contents: read }`. GitHub adds `metadata: read`.
    permissions: BTreeMap<String, Level>,
}

/// How much of a permission.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// To look.
    Read,
    /// To look and to change.
    Write,
    /// To administer, for the few permissions that know it.
    Admin,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// <https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation>
#[derive(Deserialize)]
struct ReachJson {
    total_count: usize,
    repositories: Vec<RepositoryJson>,
}

#[derive(Deserialize)]
struct RepositoryJson {
    name: String,
}

struct InstallationToken {
    github: Arc<GitHub>,
    config: Config,
    subject: Subject,
    /// What this run made.
    made: Mutex<Option<(TokenValue, TokenRecord)>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let github = own::<GitHub>(&ground.connection)?;
    let app = github.app.as_ref().context(
        "it is minted with the key of a GitHub App: say `app:` and `installation:` at the connection, and let its \
         `token:` be the key",
    )?;
    let all = config.repositories.contains(ALL);
    anyhow::ensure!(
        config.repositories.len() == 1 || (!all && !config.repositories.is_empty()),
        "`repositories` names some, by name without the owner, or is [\"*\"] alone"
    );
    anyhow::ensure!(
        config.repositories.iter().all(|name| !name.contains('/')),
        "`repositories` are named without their owner, who is the installation's"
    );
    anyhow::ensure!(!config.permissions.is_empty(), "`permissions` must not be empty: GitHub takes that for all");
    let place = format!("installation {} at {}", app.installation, github.host());
    let repositories: Vec<String> = config.repositories.iter().map(|name| name.to_lowercase()).collect();
    let permissions: Vec<String> =
        config.permissions.iter().map(|(name, level)| format!("{name}={}", level.word())).collect();
    let name = format!("{} on {}", permissions.join(" "), repositories.join(" "));
    let subject = Subject::new(KIND.kind, &place, &name);
    Ok(Box::new(InstallationToken { github, config, subject, made: Mutex::default() }))
}

impl InstallationToken {
    fn order(&self) -> CreateInstallationAccessToken {
        let names: Vec<String> = self.config.repositories.iter().filter(|name| *name != ALL).cloned().collect();
        let permissions =
            self.config.permissions.iter().map(|(name, level)| (name.clone(), level.word().to_owned())).collect();
        CreateInstallationAccessToken {
            repositories: Some(names).filter(|names| !names.is_empty()),
            repository_ids: None,
            permissions: Some(permissions),
        }
    }

    /// Whether GitHub granted what was ordered, and nothing beyond it.
    fn is_ordered(&self, granted: &BTreeMap<String, String>) -> bool {
        let ordered = |(name, level): (&String, &String)| match self.config.permissions.get(name) {
            Some(wanted) => wanted.word() == level,
            None => name == "metadata" && level == "read",
        };
        granted.iter().all(ordered) && self.config.permissions.keys().all(|name| granted.contains_key(name))
    }

    /// Ends a token by its value, which is the only way.
    async fn end(&self, value: &TokenValue) -> Result<Answer, HttpError> {
        self.github.call_as(value, Method::DELETE, "installation/token", None, Retry::Put).await
    }

    /// Whether what a token reaches is what was ordered. All is not compared with anything.
    async fn reaches(&self, value: &TokenValue) -> Result<Answer, HttpError> {
        let path = "installation/repositories?per_page=100";
        self.github.call_as(value, Method::GET, path, None, Retry::Read).await
    }

    fn fits(&self, reach: &ReachJson) -> bool {
        let wanted: BTreeSet<String> = self.config.repositories.iter().map(|name| name.to_lowercase()).collect();
        let mut seen = reach.repositories.iter().map(|repository| repository.name.to_lowercase());
        wanted.contains(ALL) || (reach.total_count == wanted.len() && seen.all(|name| wanted.contains(&name)))
    }
}

#[async_trait]
impl Issuer for InstallationToken {
    fn succession(&self) -> Succession {
        Succession::Ephemeral
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The older form has 40 characters; the newer one carries what it may do, and no length is promised.
    fn shape(&self) -> Option<ValueShape> {
        Some(ValueShape { shortest: 40, longest: 2048, marks: "-._".to_owned() })
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        value.expose().starts_with("ghs_")
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(match order.until {
            Some(_) => Leave::Unknown("GitHub gives one hour, whatever `ttl` says".to_owned()),
            // The key has said whose it is; what its installation was granted shows itself at the mint, which kills
            // nothing.
            None => Leave::Unknown("what the installation was granted shows itself at the mint".to_owned()),
        })
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        Ok(Inventory::Blind { why: "GitHub lists no installation tokens".to_owned(), id: None })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let refused = |why: &str| MintError::Refused(anyhow::anyhow!(why.to_owned()));
        let app = self.github.app.as_ref().ok_or_else(|| refused("the connection has no App"))?;
        let key = self.github.slot().lend().ok_or_else(|| refused("the key of the App is not at hand"))?;
        let answer = self.github.exchange(app, &key, &self.order()).await?;
        if !answer.ok() {
            let why = refusal(&answer, app, &Needs::default()).filter(|_| answer.status.as_u16() != 422);
            let ungranted = || {
                "the installation was not granted all of `permissions`, or does not reach all of `repositories`; \
                 change it on its page under *Installed GitHub Apps*"
                    .to_owned()
            };
            let why = if answer.status.as_u16() == 422 { ungranted() } else { why.unwrap_or_default() };
            let why = if why.is_empty() { self.github.meaning(&answer) } else { why };
            return Err(MintError::from(answer.refused(&why)));
        }
        let made: InstallationJson = answer.json()?;
        if !self.is_ordered(&made.permissions) {
            let ended = matches!(self.end(&made.token).await, Ok(answer) if answer.ok());
            let rest = if ended { "it was ended at once" } else { "it could not be ended, and dies within the hour" };
            return Err(refused(&format!("GitHub granted other permissions than were ordered: {rest}")));
        }
        let record = TokenRecord {
            created: Some(order.now),
            expires: Some(made.expires_at),
            ..TokenRecord::named(format!("of {}", made.expires_at.format("%Y-%m-%d %H:%M:%S")))
        };
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some((made.token.clone(), record.clone()));
        Ok(Minted::new(made.token, record))
    }

    /// Asks with the token which repositories it reaches: a stranger's reaches others, and garbage none.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let answer = match self.reaches(value).await {
            Ok(answer) => answer,
            Err(error) => return Proof::Inconclusive(error.to_string()),
        };
        match answer.status.as_u16() {
            200 => {}
            401 => return Proof::Rejected(self.github.refused(&answer).to_string()),
            _ => return Proof::Inconclusive(self.github.refused(&answer).to_string()),
        }
        match answer.json::<ReachJson>() {
            Err(error) => Proof::Inconclusive(error.to_string()),
            Ok(reach) if !self.fits(&reach) => {
                Proof::Rejected("it does not reach just the repositories that were ordered".to_owned())
            }
            Ok(_) => match &*self.made.lock().unwrap_or_else(PoisonError::into_inner) {
                Some((made, record)) if made.same_as(value) => Proof::Identity(Box::new(record.clone())),
                // It reaches the same repositories; what it may do there it does not say.
                _ => Proof::Alive,
            },
        }
    }

    async fn revoke(&self, record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let dies =
            record.expires.map_or_else(|| "within the hour".to_owned(), |at| at.format("at %H:%M UTC").to_string());
        let value = value
            .with_context(|| format!("only its value can end it, which is not at hand; it dies by itself {dies}"))?;
        let answer = self.end(value).await?;
        match answer.status.as_u16() {
            204 | 401 => Ok(Ended::Ended),
            _ => Err(self.github.refused(&answer).into()),
        }
    }
}
