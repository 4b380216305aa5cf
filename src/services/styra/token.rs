//! `styra/token`: regenerated in place, with a lifetime; the old value is dead at once.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Styra, meaning};
use crate::connection::own;
use crate::http::{HttpError, Retry};
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "styra/token",
    about: "A Styra DAS token, regenerated in place: the old value is dead at once",
    succession: "replaces",
    needs: "a token with role WorkspaceTokenRefresher, or SystemTokenRefresher for tokens of a system",
    ttl: Ttl::Required,
    shortest: TimeDelta::minutes(10),
    rotates_itself: true,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The token's id, such as `application-token` or `systems/SYSTEM/NAME`.
    id: String,
    /// The paths it may use, as regular expressions. They are sent at every regeneration, for DAS may take a token
    /// without them to be one for all paths.
    paths: Vec<String>,
    /// Its description; the one it has, where the refresher may read it, by default. It is sent at every regeneration,
    /// for DAS may take a token without one to have none.
    description: Option<String>,
}

/// <https://docs.styra.com/das/reference/api-specs>
#[derive(Deserialize)]
struct TokenJson {
    expires: Option<DateTime<Utc>>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    allow_path_patterns: Vec<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    last_modified_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Envelope<T> {
    result: Option<T>,
}

struct StyraToken {
    styra: Arc<Styra>,
    config: Config,
    subject: Subject,
    /// The description that was read in this run.
    read: Mutex<String>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    anyhow::ensure!(
        !config.paths.is_empty(),
        "`paths` must not be empty: DAS takes an empty list for all paths; say `[\".*\"]` if that is meant"
    );
    let styra = own::<Styra>(&ground.connection)?;
    let subject = Subject::new(KIND.kind, &styra.host, &config.id);
    Ok(Box::new(StyraToken { styra, config, subject, read: Mutex::default() }))
}

impl StyraToken {
    fn path(&self) -> String {
        format!("v1/tokens/{}", super::segments(&self.config.id))
    }

    /// Reads the token's own entry; `None` where the login may not.
    async fn entry(&self) -> Result<Entry, HttpError> {
        let answer = self.styra.call(Method::GET, &self.path(), None, Retry::Read).await?;
        match answer.status.as_u16() {
            200 => {
                let found = answer.json::<Envelope<TokenJson>>()?.result;
                Ok(found.map_or(Entry::None, |found| Entry::Found(Box::new(found))))
            }
            404 => Ok(Entry::None),
            403 => Ok(Entry::Hidden),
            _ => Err(answer.refused(meaning(&answer))),
        }
    }

    /// The description of the config, else the one that was read.
    fn description(&self) -> String {
        let read = || self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.config.description.clone().unwrap_or_else(read)
    }

    fn record(&self, token: &TokenJson) -> TokenRecord {
        TokenRecord {
            created: token.metadata.as_ref().and_then(|metadata| metadata.last_modified_at),
            expires: token.expires,
            ..TokenRecord::named(&self.config.id)
        }
    }
}

enum Entry {
    Found(Box<TokenJson>),
    None,
    Hidden,
}

#[async_trait]
impl Issuer for StyraToken {
    fn succession(&self) -> Succession {
        Succession::Replaces
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    /// DAS does not say what its tokens look like; the credential that we log in with is one of them.
    fn shape(&self) -> Option<ValueShape> {
        self.styra.slot.lend().map(|login| login.shape())
    }

    /// The same length, and marks of the same alphabet, as the credential that we log in with: DAS has no prefix.
    fn recognises(&self, value: &TokenValue) -> bool {
        let Some(login) = self.styra.slot.lend().map(|login| login.shape()) else { return false };
        let shape = value.shape();
        let url_safe = |text: &str| text.chars().all(|mark| "-_".contains(mark));
        shape.longest == login.longest && url_safe(&shape.marks) == url_safe(&login.marks)
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown("DAS does not tell what a refresher may before it does it".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        Ok(match self.entry().await? {
            Entry::Found(token) => {
                self.read.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&token.description);
                Inventory::Listed(vec![self.record(&token)])
            }
            Entry::None => Inventory::Listed(Vec::new()),
            Entry::Hidden => Inventory::Blind {
                why: "the refresher's role may not read tokens".to_owned(),
                id: Some(self.config.id.clone()),
            },
        })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let Some(until) = order.until else {
            return Err(MintError::Refused(anyhow::anyhow!("without a ttl DAS would grant ten years")));
        };
        let ttl = format!("{}s", (until - order.now).num_seconds());
        let body = json!({
            "description": self.description(), "allow_path_patterns": self.config.paths,
            "regenerate": true, "ttl": ttl,
        });
        let answer = self.styra.call(Method::PUT, &self.path(), Some(body), Retry::Once).await?;
        if !answer.ok() {
            return Err(MintError::from(answer.refused(meaning(&answer))));
        }
        // A secret that cannot be read leaves doubt too: the old one is dead by then.
        let made = answer.json::<Envelope<TokenValue>>()?.result;
        // A plain update answers 200 without a secret: nothing was regenerated.
        let nothing = || anyhow::anyhow!("DAS answered 200 without a new secret: it regenerated nothing");
        let value = made.ok_or_else(|| MintError::Refused(nothing()))?;
        let record = TokenRecord { expires: Some(until), ..TokenRecord::named(&self.config.id) };
        Ok(Minted::new(value, record))
    }

    /// Asks for the token's own entry with the value itself. Only a token with rights to read it gets it; one without
    /// is refused for its rights, where garbage is refused as unknown.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let answer = match self.styra.call_as(value, Method::GET, &self.path(), None, Retry::Read).await {
            Ok(answer) => answer,
            Err(error) => return Proof::Inconclusive(error.to_string()),
        };
        match answer.status.as_u16() {
            401 => Proof::Rejected(answer.refused(meaning(&answer)).to_string()),
            200 | 403 | 404 if self.styra.refuses_garbage().await => match answer.json::<Envelope<TokenJson>>() {
                Ok(Envelope { result: Some(token) }) if token.allow_path_patterns != self.config.paths => {
                    Proof::Inconclusive("it is alive, but its paths are not those of the config".to_owned())
                }
                // A page of a proxy says nothing about the token.
                Err(error) if answer.ok() => Proof::Inconclusive(error.to_string()),
                _ => Proof::Alive,
            },
            200 | 403 | 404 => Proof::Inconclusive("DAS answers this to garbage too".to_owned()),
            _ => Proof::Inconclusive(answer.refused(meaning(&answer)).to_string()),
        }
    }

    async fn revoke(&self, _record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let answer = self.styra.call(Method::DELETE, &self.path(), None, Retry::Put).await?;
        match answer.status.as_u16() {
            200..=299 | 404 => Ok(Ended::Ended),
            _ => Err(answer.refused(meaning(&answer)).into()),
        }
    }
}
