//! `github/webhook`: the secret that the deliveries of a repository's or an organisation's webhook are signed with.
//!
//! It is written by the route for the hook's `config` alone: editing the hook itself would take away whatever of the
//! config is not sent again. A hook has one secret and no overlap, so its receiver must take the new one first.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::GitHub;
use super::place::{Level, Named, Place, moved, stamp};
use super::wire::date;
use crate::connection::own;
use crate::destination::{Address, Ask, Assurance, Destination, DestinationKind, Holding, Receipt, Site};
use crate::http::Retry;
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "github/webhook",
    about: "The secret of a webhook of a repository or an organisation; say `first: true` at its receiver",
    confirms: "by its stamp: when the hook was last changed; with `confirm: delivery` by what the receiver answers to a \
               ping",
    needs: "permission `repository_hooks: write` for a repository, `organization_hooks: write` for an organisation \
            (classic scopes `write:repo_hook`, `admin:org_hook`)",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The repository whose hook it is, such as `acme/app`.
    repository: Option<String>,
    /// The organisation whose hook it is.
    organization: Option<String>,
    /// The number of the hook: the last part of the address of its page.
    id: u64,
    /// Prove it with a ping, which goes to the receiver: it must answer well to what the new secret signs.
    confirm: Option<Confirm>,
}

/// How a webhook is proved beyond its stamp.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Confirm {
    /// By what the receiver answers.
    Delivery,
}

/// A hook, as far as it matters here. What stands in place of the secret are stars.
#[derive(Clone, Deserialize, PartialEq)]
struct HookJson {
    active: bool,
    events: Vec<String>,
    config: ConfigJson,
    updated_at: DateTime<Utc>,
}

#[derive(Clone, Deserialize, PartialEq)]
struct ConfigJson {
    url: Option<String>,
    content_type: Option<String>,
    /// A text, or a number.
    insecure_ssl: Option<Value>,
    /// Whether there is one.
    #[serde(default, deserialize_with = "is_there")]
    secret: bool,
}

fn is_there<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<String>::deserialize(from)?.is_some_and(|stars| !stars.is_empty()))
}

impl HookJson {
    /// Whether all is as it was, but for the secret and what it leaves behind.
    fn keeps(&self, before: &Self) -> bool {
        let plain = |hook: &Self| {
            let mut plain = hook.clone();
            plain.config.secret = true;
            plain.updated_at = self.updated_at;
            plain
        };
        plain(self) == plain(before)
    }
}

/// One delivery. <https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook>
#[derive(Deserialize)]
struct DeliveryJson {
    id: u64,
    event: String,
    status_code: u16,
}

struct Webhook {
    place: Place,
    id: u64,
    by_delivery: bool,
    address: Address,
    /// What was seen of it in this run.
    seen: OnceCell<HookJson>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    let named = Named {
        repository: config.repository.as_deref(),
        environment: None,
        organization: config.organization.as_deref(),
    };
    let place = Place::new(own::<GitHub>(site.connection()?)?, &named)?;
    let hooks = if place.level == Level::Organization { "organization_hooks" } else { "repository_hooks" };
    place.needs(hooks, true)?;
    let address = Address::new(format!("{} webhook {}", place.name, config.id));
    let by_delivery = config.confirm == Some(Confirm::Delivery);
    Ok(Box::new(Webhook { place, id: config.id, by_delivery, address, seen: OnceCell::new() }))
}

impl Webhook {
    /// Looks, once a run.
    async fn look(&self) -> anyhow::Result<HookJson> {
        self.seen.get_or_try_init(|| self.read()).await.cloned()
    }

    async fn read(&self) -> anyhow::Result<HookJson> {
        let answer = self.place.call(Method::GET, &format!("hooks/{}", self.id), None, Retry::Read).await?;
        anyhow::ensure!(answer.ok(), "{}: {}", self.address, self.place.refused(&answer));
        Ok(answer.json()?)
    }

    async fn deliveries(&self) -> anyhow::Result<Vec<DeliveryJson>> {
        let path = format!("hooks/{}/deliveries?per_page=20", self.id);
        let answer = self.place.call(Method::GET, &path, None, Retry::Read).await?;
        anyhow::ensure!(answer.ok(), "{}: {}", self.address, self.place.refused(&answer));
        Ok(answer.json()?)
    }

    /// Has GitHub ping the receiver, and looks what that answered. <https://docs.github.com/en/webhooks/webhook-events-and-payloads#ping>
    async fn ping(&self) -> anyhow::Result<()> {
        let newest = self.deliveries().await?.iter().map(|delivery| delivery.id).max();
        let answer = self.place.call(Method::POST, &format!("hooks/{}/pings", self.id), None, Retry::Once).await?;
        anyhow::ensure!(answer.ok(), "{} could not be pinged: {}", self.address, self.place.refused(&answer));
        // A receiver has ten seconds to answer, and the list is behind by a moment.
        for wait in [1, 2, 4, 8] {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            let deliveries = self.deliveries().await?;
            let ours = |delivery: &&DeliveryJson| delivery.event == "ping" && Some(delivery.id) > newest;
            if let Some(delivery) = deliveries.iter().find(ours) {
                anyhow::ensure!(
                    (200..300).contains(&delivery.status_code),
                    "{}: its receiver answered {} to a ping with the new secret: does it take the new one yet?",
                    self.address,
                    delivery.status_code
                );
                return Ok(());
            }
        }
        anyhow::bail!("{}: a ping was sent, and what its receiver answered cannot be seen", self.address)
    }
}

#[async_trait]
impl Destination for Webhook {
    fn address(&self) -> &Address {
        &self.address
    }

    /// A write of something else would move the stamp of what it holds, so that both depths look.
    async fn rehearse(&self, _ask: &Ask<'_>) -> anyhow::Result<()> {
        self.look().await?;
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let before = self.look().await?;
        let path = format!("hooks/{}/config", self.id);
        let body = json!({ "secret": value.expose() });
        let answer = self.place.call(Method::PATCH, &path, Some(body), Retry::Put).await?;
        anyhow::ensure!(answer.ok(), "{} refused the value: {}", self.address, self.place.refused(&answer));
        let after = self.read().await?;
        anyhow::ensure!(after.config.secret, "{} has no secret, although GitHub took one", self.address);
        // Whether a changed secret moves the time is not documented. Where it does not, there is no trace to go by.
        let seen = moved(Some(before.updated_at), after.updated_at, date(&answer));
        Ok(Receipt { stamp: seen.then(|| stamp(after.updated_at)), moved_to: None })
    }

    async fn confirm(&self, _value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let (before, found) = (self.look().await?, self.read().await?);
        anyhow::ensure!(found.keeps(&before), "{} has other settings than before the write", self.address);
        let stamped = receipt.stamp.as_ref().map(|last| *last == stamp(found.updated_at));
        anyhow::ensure!(stamped != Some(false), "{} was changed by somebody else meanwhile", self.address);
        if self.by_delivery {
            self.ping().await?;
            return Ok(Assurance::Stamped);
        }
        Ok(match stamped {
            Some(_) => Assurance::Stamped,
            None => {
                Assurance::Unseen("GitHub shows no trace of a webhook's secret; say `confirm: delivery`".to_owned())
            }
        })
    }

    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let found = self.look().await?;
        if !found.config.secret {
            return Ok(Holding::Nothing);
        }
        Ok(match last.and_then(|receipt| receipt.stamp.as_ref()) {
            Some(last) => Holding::Stamp { same: *last == stamp(found.updated_at) },
            None => Holding::Unknowable("GitHub never shows a webhook's secret".to_owned()),
        })
    }
}
