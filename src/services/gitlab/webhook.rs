//! `gitlab/webhook`: one secret of a webhook of a project or a group. What GitLab lets be changed in place is; for what
//! it does not, the whole webhook is made anew.
//!
//! The facts behind it are in the model's callbacks: a changed address takes the token, the custom headers and the URL
//! variables away, and a variable that the address uses cannot be changed at all.
//! <https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/models/concerns/web_hooks/hook.rb>

mod address;
mod anew;
mod desk;
mod hook;
mod mark;
mod part;
mod place;
mod play;
mod secrets;
mod write;

use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::GitLab;
use crate::connection::{Means, own};
use crate::destination::{Address, Ask, Assurance, Depth, Destination, DestinationKind, Holding, Receipt, Site};
use crate::token::TokenValue;
pub(super) use desk::Desk;
use hook::Hook;
use part::{Part, Way};
use place::{Place, Wanted};
use secrets::Secrets;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "gitlab/webhook",
    about: "One secret of a webhook of a project or a group: changed in place where GitLab can, made anew where it cannot",
    confirms: "a parameter in clear is read back; of all others GitLab shows only that there is one; with \
               `confirm: delivery` the receiver's answer",
    needs: "scope `api` of a Maintainer of the project, or of an Owner of the group (whose webhooks need Premium)",
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
    /// Its address as GitLab shows it, up to the `?`; masked parts stay as they are shown, `{name}`.
    url: Option<String>,
    /// Its name; beside `url` where several have one address.
    name: Option<String>,
    /// Its number; not for one that has to be made anew, which gets another.
    id: Option<u64>,
    /// Which of its secrets this is: `token`, `signing_token`, `{ custom_header: NAME }`, `{ url_variable: NAME }` (a
    /// masked part of its address) or `{ url_parameter: NAME }` (`?NAME=` in its address, masked or in clear).
    #[schemars(schema_with = "part::schema")]
    part: Part,
    /// Where its other secrets are, as it holds them now: `token`, `signing_token`, `url_variables: { NAME: … }`,
    /// `custom_headers: { NAME: … }`, each `env:NAME` or `file:PATH`. Needed where it has to be made anew (a masked part
    /// that its address uses) or where its address changes (a parameter in clear), for GitLab never shows them.
    #[serde(default)]
    secrets: Secrets,
    /// Add the custom header where the webhook does not have it yet.
    #[serde(default)]
    create: bool,
    /// How to confirm beyond looking. Without it nothing is sent to the receiver.
    confirm: Option<Confirm>,
    /// Which event the test delivery plays, such as `push_events`; otherwise the first that it listens to.
    event: Option<String>,
}

/// What shows that the receiver takes it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Confirm {
    /// A test delivery, which sets off at the receiver whatever the event sets off.
    Delivery,
}

struct Webhook {
    place: Place,
    part: Part,
    secrets: Secrets,
    create: bool,
    confirm: Option<Confirm>,
    event: Option<String>,
    means: Means,
    address: Address,
    /// What was delivered in this run: the value, and the webhook as it was meant to be.
    given: Mutex<Option<(TokenValue, Hook)>>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let parts = keys.get("part").and_then(Value::as_object).map_or(1, Map::len);
    anyhow::ensure!(parts == 1, "`part` names one secret; a second secret of the webhook is another destination");
    let config: Config = serde_json::from_value(keys)?;
    let gitlab: Arc<GitLab> = own(site.connection()?)?;
    let wanted = Wanted { id: config.id, url: config.url, name: config.name };
    let place = Place::new(gitlab, config.project.as_deref(), config.group.as_deref(), wanted)?;
    anyhow::ensure!(
        !config.create || matches!(config.part, Part::CustomHeader(_)),
        "`create` is for a custom header; everything else of a webhook is there already"
    );
    anyhow::ensure!(
        config.event.is_none() || config.confirm.is_some(),
        "`event` is what a test delivery plays, and there is none without `confirm: delivery`"
    );
    let address = Address::new(format!("{} ({})", place.name, config.part));
    Ok(Box::new(Webhook {
        place,
        part: config.part,
        secrets: config.secrets,
        create: config.create,
        confirm: config.confirm,
        event: config.event,
        means: site.means.clone(),
        address,
        given: Mutex::default(),
    }))
}

impl Webhook {
    /// The webhook as it is listed in this run.
    async fn look(&self) -> anyhow::Result<Hook> {
        self.place.choose(&self.place.all(false).await?)
    }

    fn way(&self, hook: &Hook) -> anyhow::Result<Way> {
        self.part.way(hook, self.create).map_err(|why| anyhow::anyhow!("{}: {why}", self.place.name))
    }

    fn other_secrets(&self, hook: &Hook, but: Option<&str>) -> anyhow::Result<Map<String, Value>> {
        self.secrets.fields(&self.means, self.place.desk(), hook, but).with_context(|| self.place.name.clone())
    }

    /// The event that a test delivery plays.
    fn event<'a>(&'a self, hook: &'a Hook) -> anyhow::Result<&'a str> {
        let name = &self.place.name;
        match &self.event {
            Some(event) if hook.knows(event) => Ok(event),
            Some(event) => anyhow::bail!("{name} knows no event `{event}`"),
            None => hook.event().ok_or_else(|| anyhow::anyhow!("{name} listens to nothing that a test could play")),
        }
    }
}

/// The number of one that was made anew.
fn number(receipt: &Receipt) -> Option<u64> {
    receipt.moved_to.as_ref()?.parse().ok()
}

#[async_trait]
impl Destination for Webhook {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        let hook = self.look().await?;
        let way = self.way(&hook)?;
        if let Some(shape) = ask.shape {
            self.part
                .takes(&way, shape)
                .map_err(|why| anyhow::anyhow!("{} would refuse the value: {why}", self.place.name))?;
        }
        match &way {
            Way::Field(_) | Way::Entry(..) => {}
            Way::Url => drop(self.other_secrets(&hook, None)?),
            Way::Anew { variable, .. } => {
                anew::possible(&self.place, &hook)?;
                drop(self.other_secrets(&hook, variable.as_deref())?);
            }
        }
        if self.confirm.is_some() {
            self.event(&hook)?;
        }
        if let (Depth::Try, Some(verifies)) = (ask.depth, hook.flag("enable_ssl_verification")) {
            // A setting as it is: a write that changes nothing, holds no secret and has no address in it.
            self.place.try_out(self.place.desk().now(hook.id()), "enable_ssl_verification", verifies).await?;
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        self.part.fits(value).map_err(|why| anyhow::anyhow!("{} takes no such value: {why}", self.place.name))?;
        self.write(value).await
    }

    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let given = self.given().filter(|(last, _)| last.same_as(value));
        let id = match (number(receipt), &given) {
            (Some(id), _) => id,
            (None, Some((_, meant))) => meant.id(),
            (None, None) => self.look().await?.id(),
        };
        let hook = self.place.get(self.place.desk().now(id)).await?;
        let name = &self.place.name;
        self.part.stands(&hook).map_err(|why| anyhow::anyhow!("{name}: {why}"))?;
        let clear = self.part.clear(&hook);
        if let Some(held) = &clear {
            anyhow::ensure!(held == value.expose(), "{name} holds another value than was just written");
        }
        if let Some((_, meant)) = given {
            let ours = self.place.desk().changed(id);
            let differences = meant.differences(&hook).into_iter().filter(|field| !ours.contains(&field.as_str()));
            let differences: Vec<String> = differences.map(|field| crate::text::plain(&field)).collect();
            let differences = crate::text::list(&differences);
            anyhow::ensure!(differences.is_empty(), "{name} has another {differences} than before the write");
        }
        match self.confirm {
            Some(Confirm::Delivery) => play::play(&self.place, &hook, self.event(&hook)?).await,
            None if clear.is_some() => Ok(Assurance::ReadBack),
            None => Ok(Assurance::Unseen(match number(receipt) {
                Some(_) => format!("{}; it was made anew, as number {}", self.part.hidden(), hook.id()),
                None => self.part.hidden().to_owned(),
            })),
        }
    }

    async fn clear_up(&self, receipt: &Receipt) -> anyhow::Result<()> {
        match number(receipt) {
            Some(id) => anew::clear_up(&self.place, id).await,
            None => Ok(()),
        }
    }

    async fn holds(&self, _last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let all = self.place.all(false).await?;
        let hook = self.place.choose(&all)?;
        self.way(&hook)?;
        if let Some(held) = self.part.clear(&hook) {
            return Ok(TokenValue::new(&held).map_or(Holding::Nothing, Holding::Lent));
        }
        if self.part.stands(&hook).is_err() {
            return Ok(Holding::Nothing);
        }
        let off = match hook.text("alert_status") {
            "" | "executable" => "",
            _ => "; GitLab has switched it off, for its deliveries failed",
        };
        let beside = if self.place.stand_ins(&all, &hook).is_empty() {
            ""
        } else {
            "; beside it stands one from a run that was cut off, which its next turn removes"
        };
        Ok(Holding::Unknowable(format!("{}{off}{beside}", self.part.hidden())))
    }

    fn exposure(&self) -> Option<String> {
        matches!(self.part, Part::UrlParameter(_)).then(|| {
            format!("{} may show it in its address to everybody who may manage webhooks there", self.place.name)
        })
    }
}
