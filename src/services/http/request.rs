//! `http/request`: any API that takes a value. What is written, and how it is looked at, is the config's.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::HttpApi;
use crate::connection::own;
use crate::destination::{Address, Ask, Assurance, Destination, DestinationKind, Holding, Receipt, Site};
use crate::http::Retry;
use crate::protocol::request::Request;
use crate::protocol::seen::{Seen, check_pointer};
use crate::protocol::template::{Fill, Holes};
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "http/request",
    about: "Any API that takes a value; all else is what the configured request makes of it",
    confirms: "as configured: read back, stamp, or accepted and not seen",
    needs: "whatever the API asks for the configured requests, and nothing else",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What people call the place; by default the method and path of `write`, so say it where two places share these.
    name: Option<String>,
    /// The request that writes the value, with the hole `{value}`; its keys are those of `http/regenerate`. It may be repeated, so it must do the same twice as
    /// once; and it must change nothing else: rather a PATCH of one field than a PUT of the whole.
    write: Request,
    /// The `request` that looks at the place before and after, and where its answer has the `value`, or a `stamp` that
    /// changes at each write, as JSON pointers. It must only read.
    look: Option<Look>,
    /// The request that confirms, where that is another one than `look`.
    confirm: Option<Look>,
    /// Where a refusal says why, as a JSON pointer to a short code.
    error: Option<String>,
}

/// A request that looks.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Look {
    /// The request. It has no holes.
    request: Request,
    /// Where the answer has the value, as a JSON pointer.
    value: Option<String>,
    /// Where the answer has what changes at each write, such as a version or a time, as a JSON pointer.
    stamp: Option<String>,
}

impl Look {
    fn check(&self, what: &str) -> anyhow::Result<()> {
        self.request.check(what, &[])?;
        check_pointer("value", self.value.as_deref())?;
        check_pointer("stamp", self.stamp.as_deref())
    }
}

struct Place {
    api: Arc<HttpApi>,
    config: Config,
    address: Address,
    /// What was seen of it in this run: the value, and the stamp.
    seen: OnceCell<(Option<TokenValue>, Option<String>)>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    let api = own::<HttpApi>(site.connection()?)?;
    config.write.check("write", &["value"])?;
    anyhow::ensure!(config.write.has("value"), "`write` has no hole `{{value}}`: nothing would be written");
    anyhow::ensure!(!config.write.reads(), "`write` is a GET, which writes nothing");
    for (what, look) in [("look", &config.look), ("confirm", &config.confirm)] {
        look.iter().try_for_each(|look| look.check(what))?;
    }
    check_pointer("error", config.error.as_deref())?;
    let name = config.name.clone().unwrap_or_else(|| config.write.name());
    let address = Address::new(format!("{name} at {}", api.host));
    Ok(Box::new(Place { api, config, address, seen: OnceCell::new() }))
}

impl Place {
    async fn ask(&self, look: &Look) -> anyhow::Result<Seen> {
        let seen = self.api.send(&look.request, &Holes::default(), None, Retry::Read).await?;
        anyhow::ensure!(
            look.request.is_done(&seen),
            "{} cannot be looked at: {}",
            self.address,
            seen.refused(self.config.error.as_deref())
        );
        Ok(seen)
    }

    /// The value and the stamp that a look shows.
    async fn read(&self, look: &Look) -> anyhow::Result<(Option<TokenValue>, Option<String>)> {
        let mut seen = self.ask(look).await?;
        let stamp = look.stamp.as_deref().and_then(|pointer| seen.text(pointer));
        let lost = look.stamp.is_some() && stamp.is_none();
        anyhow::ensure!(!lost, "{}: nothing stands where `stamp` points", self.address);
        Ok((look.value.as_deref().and_then(|pointer| seen.secret(pointer)), stamp))
    }

    /// Looks, once a run.
    async fn seen(&self) -> anyhow::Result<Option<&(Option<TokenValue>, Option<String>)>> {
        match &self.config.look {
            Some(look) => Ok(Some(self.seen.get_or_try_init(|| self.read(look)).await?)),
            None => Ok(None),
        }
    }

    /// The look that confirms, when it can see anything.
    fn proof(&self) -> Option<&Look> {
        self.config.confirm.as_ref().or(self.config.look.as_ref())
    }
}

#[async_trait]
impl Destination for Place {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn rehearse(&self, _ask: &Ask<'_>) -> anyhow::Result<()> {
        self.seen().await.map(drop)
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let before = self.seen().await?.and_then(|(_, stamp)| stamp.clone());
        let holes = Holes::default().with("value", Some(Fill::Secret(value.clone())));
        let seen = self.api.send(&self.config.write, &holes, Some(value), Retry::Put).await?;
        anyhow::ensure!(
            self.config.write.is_done(&seen),
            "{} refused the value: {}",
            self.address,
            seen.refused(self.config.error.as_deref())
        );
        // The one read that belongs to the write: the stamp that it left.
        let Some(look) = self.config.look.as_ref().filter(|look| look.stamp.is_some()) else {
            return Ok(Receipt::default());
        };
        let (held, stamp) = self.read(look).await?;
        let unmoved = held.is_none() && before.is_some() && stamp == before;
        anyhow::ensure!(!unmoved, "{} took the value, it answers, and nothing changed there", self.address);
        Ok(Receipt { stamp, moved_to: None })
    }

    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let Some(look) = self.proof() else {
            return Ok(Assurance::Unseen("the config has no request that looks at it".to_owned()));
        };
        let (held, stamp) = self.read(look).await?;
        match (look.value.is_some(), held, stamp) {
            (true, Some(held), _) if held.same_as(value) => Ok(Assurance::ReadBack),
            (true, _, _) => anyhow::bail!("{} holds another value than was just written", self.address),
            (false, _, Some(stamp)) if receipt.stamp.as_ref() == Some(&stamp) => Ok(Assurance::Stamped),
            (false, _, Some(_)) if receipt.stamp.is_some() => {
                anyhow::bail!("{} was changed by somebody else since it was written", self.address)
            }
            _ => Ok(Assurance::Unseen("what looks at it shows neither the value nor a stamp of the write".to_owned())),
        }
    }

    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let shows = self.config.look.as_ref().is_some_and(|look| look.value.is_some());
        Ok(match (self.seen().await?, last.and_then(|last| last.stamp.as_ref())) {
            (Some((Some(value), _)), _) => Holding::Lent(value.clone()),
            (Some(_), _) if shows => Holding::Nothing,
            (Some((None, Some(stamp))), Some(last)) => Holding::Stamp { same: stamp == last },
            _ => Holding::Unknowable("nothing in the config shows what it holds".to_owned()),
        })
    }
}
