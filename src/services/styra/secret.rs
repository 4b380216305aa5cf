//! `styra/secret`: a secret that DAS keeps for its plugins. It is written whole and never shown again; only when it was
//! last changed can be seen, where the login may read at all.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{Styra, meaning, segments};
use crate::connection::own;
use crate::destination::{Address, Ask, Assurance, Destination, DestinationKind, Holding, Receipt, Site};
use crate::http::Retry;
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "styra/secret",
    about: "A secret of Styra DAS; its name and description are kept",
    confirms: "cannot be seen; that somebody else changed it afterwards is seen",
    needs: "a token whose role may write secrets of the workspace; to read their names and descriptions too",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Its id, such as `libraries/rules/git`.
    id: String,
    /// Its name, which is a user's for some plugins: needed where it does not exist yet or the login may not read it,
    /// for a write replaces all of it. The one it has is kept.
    name: Option<String>,
    /// Its description: needed where the login may not read it. The one it has is kept.
    description: Option<String>,
    /// Create it where it does not exist.
    create: Option<Create>,
}

/// Nothing more is needed for the first one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {}

/// <https://docs.styra.com/das/reference/api-specs>
#[derive(Clone, Deserialize, PartialEq)]
struct SecretJson {
    name: String,
    description: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Clone, Default, Deserialize, PartialEq)]
struct Metadata {
    last_modified_at: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    result: Option<SecretJson>,
}

/// What the login sees of it.
#[derive(Clone)]
enum Entry {
    Found(SecretJson),
    None,
    Hidden,
}

struct StyraSecret {
    styra: Arc<Styra>,
    config: Config,
    address: Address,
    /// What was last seen of it in this run.
    seen: Mutex<Option<Entry>>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    anyhow::ensure!(!config.id.trim_matches('/').is_empty(), "`id` must not be empty");
    let styra: Arc<Styra> = own(site.connection()?)?;
    let address = Address::new(format!("{} secret {}", styra.host, config.id));
    Ok(Box::new(StyraSecret { styra, config, address, seen: Mutex::default() }))
}

impl StyraSecret {
    fn path(&self) -> String {
        format!("v1/secrets/{}", segments(&self.config.id))
    }

    /// Looks, once a run.
    async fn look(&self) -> anyhow::Result<Entry> {
        let mut seen = self.seen.lock().await;
        if let Some(entry) = seen.as_ref() {
            return Ok(entry.clone());
        }
        let entry = self.get().await?;
        *seen = Some(entry.clone());
        Ok(entry)
    }

    async fn get(&self) -> anyhow::Result<Entry> {
        let answer = self.styra.call(Method::GET, &self.path(), None, Retry::Read).await?;
        match answer.status.as_u16() {
            200 => Ok(answer.json::<Envelope>()?.result.map_or(Entry::None, Entry::Found)),
            404 => Ok(Entry::None),
            403 => Ok(Entry::Hidden),
            _ => Err(answer.refused(meaning(&answer)).into()),
        }
    }

    /// The name and the description that a write is to have: those that it has, else those of the config.
    fn rest(&self, entry: &Entry) -> anyhow::Result<(String, String)> {
        let Config { name, description, create, .. } = &self.config;
        match entry {
            Entry::Found(found) => Ok((found.name.clone(), found.description.clone())),
            Entry::None if create.is_none() => {
                anyhow::bail!("{} does not exist: create it by hand once, or say `create:`", self.address)
            }
            Entry::None => {
                let name = name.clone().ok_or_else(|| {
                    anyhow::anyhow!("{} does not exist, and to be created it needs a `name`", self.address)
                })?;
                Ok((name, description.clone().unwrap_or_default()))
            }
            Entry::Hidden => name.clone().zip(description.clone()).ok_or_else(|| {
                anyhow::anyhow!(
                    "{}: the login may not read it, and a write replaces its name and its description: say `name` and \
                     `description`",
                    self.address
                )
            }),
        }
    }
}

#[async_trait]
impl Destination for StyraSecret {
    fn address(&self) -> &Address {
        &self.address
    }

    /// A look is all: DAS knows no write of a secret that changes nothing.
    async fn rehearse(&self, _ask: &Ask<'_>) -> anyhow::Result<()> {
        self.rest(&self.look().await?).map(|_| ())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let before = self.look().await?;
        let (name, description) = self.rest(&before)?;
        let body = json!({ "name": name, "description": description, "secret": value.expose() });
        let answer = self.styra.call(Method::PUT, &self.path(), Some(body), Retry::Put).await?;
        anyhow::ensure!(answer.ok(), "{} refused the value: {}", self.address, answer.refused(meaning(&answer)));
        if matches!(before, Entry::Hidden) {
            return Ok(Receipt::default());
        }
        // The one read after the write, for its stamp. That it fails takes nothing back.
        let after = self.get().await.unwrap_or(Entry::Hidden);
        *self.seen.lock().await = Some(after.clone());
        let Entry::Found(after) = after else { return Ok(Receipt::default()) };
        anyhow::ensure!(
            (&after.name, &after.description) == (&name, &description),
            "{} took the value, and has another name or description than before: put them right at DAS",
            self.address
        );
        Ok(Receipt { stamp: after.metadata.last_modified_at, moved_to: None })
    }

    async fn confirm(&self, _value: &TokenValue, _receipt: &Receipt) -> anyhow::Result<Assurance> {
        Ok(Assurance::Unseen("DAS never shows a secret".to_owned()))
    }

    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let unknowable = |why: &str| Holding::Unknowable(why.to_owned());
        let given = last.and_then(|last| last.stamp.as_ref());
        Ok(match (self.look().await?, given) {
            (Entry::None, _) => Holding::Nothing,
            (Entry::Hidden, _) => unknowable("the login may not read secrets"),
            (Entry::Found(SecretJson { metadata: Metadata { last_modified_at: Some(now) }, .. }), Some(given)) => {
                Holding::Stamp { same: now == *given }
            }
            (Entry::Found(_), _) => unknowable("DAS never shows a secret"),
        })
    }
}
