//! `gitlab/ci-variable`: a CI/CD variable of a project, a group or the instance. Only its value is ever written.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::GitLab;
use super::variables::{Create, Level, Place, VariableJson, value};
use super::wire::meaning;
use crate::connection::own;
use crate::destination::{
    Address, Ask, Assurance, Depth, Destination, DestinationKind, Given, Holding, Reader, Receipt, Site,
};
use crate::http::Retry;
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "gitlab/ci-variable",
    about: "A CI/CD variable of a project, a group or the instance; all but its value is kept as it is. A \
            masked one takes one line of 8 characters or more",
    confirms: "read back; a hidden variable cannot be seen",
    needs: "scope `api` of a Maintainer of the project, an Owner of the group, or an administrator for the instance",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The project it hangs at: its path, or its number in quotes.
    project: Option<String>,
    /// The group it hangs at.
    group: Option<String>,
    /// Whether it hangs at the instance.
    #[serde(default)]
    instance: bool,
    /// Its key.
    key: String,
    /// Its environment scope; needed where several variables have this key.
    environment_scope: Option<String>,
    /// Create it with this where it does not exist.
    create: Option<Create>,
}

struct CiVariable {
    place: Place,
    create: Option<Create>,
    address: Address,
    /// What was seen of it in this run.
    seen: OnceCell<Option<VariableJson>>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    let gitlab: Arc<GitLab> = own(site.connection()?)?;
    let level = Level { project: config.project.as_deref(), group: config.group.as_deref(), instance: config.instance };
    let place = Place::new(gitlab, &level, &config.key, config.environment_scope.as_deref())?;
    let address = Address::new(&place.name);
    Ok(Box::new(CiVariable { place, create: config.create, address, seen: OnceCell::new() }))
}

impl CiVariable {
    /// Looks, once a run.
    async fn look(&self) -> anyhow::Result<Option<VariableJson>> {
        self.seen.get_or_try_init(|| self.place.get()).await.cloned()
    }

    fn missing(&self) -> anyhow::Error {
        anyhow::anyhow!("{} does not exist: create it by hand once, or say `create:`", self.place.name)
    }
}

#[async_trait]
impl Destination for CiVariable {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        let found = self.look().await?;
        let scope = self.place.scope.as_deref().unwrap_or("*");
        let would_be = match (&found, &self.create) {
            (Some(variable), _) => variable.clone(),
            (None, Some(create)) => create.variable(scope),
            (None, None) => return Err(self.missing()),
        };
        if let Some(shape) = ask.shape {
            would_be
                .takes(shape)
                .map_err(|why| anyhow::anyhow!("{} would refuse the value: {why}", self.place.name))?;
        }
        if let (Some(variable), Depth::Try) = (found, ask.depth) {
            // The description as it is: a write that changes nothing and holds no value.
            let fields = json!({ "description": variable.description });
            let answer = self.place.put(&variable.environment_scope, fields).await?;
            anyhow::ensure!(
                answer.ok(),
                "{} cannot be written: {}",
                self.place.name,
                answer.refused(&meaning(&answer))
            );
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let answer = match (self.look().await?, &self.create) {
            (Some(variable), _) => {
                self.place.put(&variable.environment_scope, json!({ "value": value.expose() })).await?
            }
            (None, Some(create)) => {
                let made = self.place.post(value.expose(), create, Retry::Put).await?;
                // It was made meanwhile, or our own first try was answered by nobody: then there is one to write to.
                if made.status.as_u16() == 400 {
                    let scope = self.place.scope.as_deref().unwrap_or("*");
                    self.place.put(scope, json!({ "value": value.expose() })).await?
                } else {
                    made
                }
            }
            (None, None) => return Err(self.missing()),
        };
        anyhow::ensure!(answer.ok(), "{} refused the value: {}", self.place.name, answer.refused(&meaning(&answer)));
        Ok(Receipt::default())
    }

    async fn confirm(&self, value: &TokenValue, _receipt: &Receipt) -> anyhow::Result<Assurance> {
        let before = self.look().await?;
        let found = self.place.get().await?.ok_or_else(|| self.missing())?;
        if let Some(before) = before {
            let kept = (before.masked, before.protected, before.raw, before.hidden)
                == (found.masked, found.protected, found.raw, found.hidden);
            anyhow::ensure!(kept, "{} has other attributes than before the write", self.place.name);
        }
        match found.value {
            None => Ok(Assurance::Unseen("it is hidden".to_owned())),
            Some(text) if super::variables::value(&text).is_some_and(|held| held.same_as(value)) => {
                Ok(Assurance::ReadBack)
            }
            Some(_) => anyhow::bail!("{} holds another value than was just written", self.place.name),
        }
    }

    async fn holds(&self, _last: Option<&Receipt>) -> anyhow::Result<Holding> {
        Ok(match self.look().await? {
            None => Holding::Nothing,
            Some(VariableJson { value: None, .. }) => Holding::Unknowable("it is hidden".to_owned()),
            Some(VariableJson { value: Some(text), .. }) => match value(&text) {
                Some(value) => Holding::Lent(value),
                None => Holding::Nothing,
            },
        })
    }

    fn gives(&self) -> Option<Given> {
        let protected = self.seen.get().and_then(Option::as_ref).is_some_and(|variable| variable.protected);
        Some(Given { name: self.place.key.clone(), by: self.place.level.clone(), protected })
    }

    fn knows_readers(&self) -> anyhow::Result<bool> {
        Ok(self.place.project().is_some())
    }

    async fn readers(&self) -> anyhow::Result<Vec<Reader>> {
        self.place.readers().await
    }

    fn exposure(&self) -> Option<String> {
        let seen = self.seen.get()?.as_ref()?;
        let open = format!("{} is not protected, so a job of any branch can read it", self.place.name);
        (!seen.protected).then_some(open)
    }
}
