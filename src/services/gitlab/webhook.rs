//! `gitlab/webhook`: one secret of a webhook of a project or a group. What GitLab lets be changed in place is; for what
//! it does not, the whole webhook is made anew.
//!
//! The facts behind it are in the model's callbacks: a changed address takes the token, the custom headers and the URL
//! variables away, and a variable that the address uses cannot be changed at all.
//! <https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/models/concerns/web_hooks/hook.rb>

mod address;
mod anew;
mod hook;
mod mark;
mod part;
mod place;
mod secrets;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::GitLab;
use super::wire::meaning;
use crate::connection::{Means, own};
use crate::destination::{Address, Ask, Assurance, Depth, Destination, DestinationKind, Holding, Receipt, Site};
use crate::http::{Answer, Cause};
use crate::token::TokenValue;
use hook::Hook;
use part::{Part, Way};
use place::{Place, Wanted};
use secrets::Secrets;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "gitlab/webhook",
    about: "One secret of a webhook of a project or a group: changed in place where GitLab can, made anew where it cannot",
    confirms: "a parameter in clear is read back; of all others GitLab shows only that there is one; with \
               `confirm: delivery` the receiver's answer",
    needs: "scope `api` of a Maintainer of the project, or of an Owner of the group",
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
    /// Which of its secrets this is.
    part: Part,
    /// Where its other secrets are; needed only where it has to be made anew, or where its address changes.
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
    given: Mutex<Option<(TokenValue, Hook, u64)>>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
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
        self.secrets.fields(&self.means, hook, but).with_context(|| self.place.name.clone())
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

    fn nonce(&self) -> String {
        let mut bytes = [0; 8];
        (self.means.random)(&mut bytes);
        crate::text::hex(bytes)
    }

    fn given(&self) -> Option<(TokenValue, Hook, u64)> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn gave(&self, value: &TokenValue, meant: Hook, id: u64) {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = Some((value.clone(), meant, id));
    }

    /// Makes it anew, unless this run did so for this very value.
    async fn renew(
        &self,
        old: &Hook,
        url: &str,
        secrets: Map<String, Value>,
        value: &TokenValue,
    ) -> anyhow::Result<Receipt> {
        if let Some((last, _, id)) = self.given()
            && last.same_as(value)
        {
            return Ok(moved(id));
        }
        let new = anew::make(&self.place, old, url, secrets, &self.nonce()).await?;
        self.gave(value, old.at(url), new.id());
        Ok(moved(new.id()))
    }

    /// Has a delivery sent, and says what became of it.
    async fn play(&self, hook: &Hook) -> anyhow::Result<Assurance> {
        let (name, event) = (&self.place.name, self.event(hook)?);
        let mut answer = self.place.play(hook.id(), event).await;
        if answer.as_ref().is_err_and(|error| error.cause == Cause::TooManyRequests) {
            // Five a minute for all webhooks of a place together; a refused one was not sent.
            tokio::time::sleep(Duration::from_secs(61)).await;
            answer = self.place.play(hook.id(), event).await;
        }
        match answer {
            Ok(answer) if answer.ok() => Ok(Assurance::Stamped),
            Ok(answer) if nothing_to_play(&answer) => Ok(Assurance::Unseen(format!(
                "no test delivery: GitLab has nothing to play {event} with; name another one with `event`"
            ))),
            Ok(answer) if answer.status.as_u16() == 422 => {
                let beside = if hook.mark().is_some() { "; the old one stands beside it" } else { "" };
                let said = self.place.last_answer(hook.id()).await;
                let said = said.map(|status| format!(" (its last answer was {status})")).unwrap_or_default();
                anyhow::bail!("{name}: the receiver did not take a test delivery{said}{beside}")
            }
            Ok(answer) => Ok(Assurance::Unseen(format!("no test delivery: {}", answer.refused(&meaning(&answer))))),
            Err(error) => Ok(Assurance::Unseen(format!("no test delivery: {error}"))),
        }
    }
}

/// Whether the event was not played because there is no commit, no issue, no note to play it with.
fn nothing_to_play(answer: &Answer) -> bool {
    let said = answer.word("/message").unwrap_or_default();
    answer.status.as_u16() == 422 && (said.starts_with("Ensure the ") || said.starts_with("Testing not available"))
}

/// The receipt of one that has another number now.
fn moved(id: u64) -> Receipt {
    Receipt { moved_to: Some(id.to_string()), ..Receipt::default() }
}

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
            Way::Url(_) => drop(self.other_secrets(&hook, None)?),
            Way::Anew { variable, .. } => {
                anew::possible(&self.place, &hook)?;
                drop(self.other_secrets(&hook, variable.as_deref())?);
            }
        }
        if self.confirm.is_some() {
            self.event(&hook)?;
        }
        if ask.depth == Depth::Try {
            // A setting as it is: a write that changes nothing, holds no secret and has no address in it.
            let as_it_is = hook.flag("enable_ssl_verification").unwrap_or(true);
            let fields = Map::from_iter([("enable_ssl_verification".to_owned(), json!(as_it_is))]);
            self.place.put(hook.id(), &fields).await?;
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let seen = self.look().await?;
        // Its settings are copied, so they are to be those of this moment.
        let seen = if matches!(self.way(&seen)?, Way::Anew { .. }) {
            self.place.choose(&self.place.all(true).await?)?
        } else {
            seen
        };
        let way = self.way(&seen)?;
        self.part.fits(value).map_err(|why| anyhow::anyhow!("{} takes no such value: {why}", self.place.name))?;
        match way {
            Way::Field(field) => {
                let fields = Map::from_iter([(field.to_owned(), json!(value.expose()))]);
                self.place.put(seen.id(), &fields).await?;
                self.gave(value, seen.clone(), seen.id());
            }
            Way::Entry(list, key) => {
                self.place.put_in(seen.id(), list, &key, value.expose()).await?;
                self.gave(value, seen.clone(), seen.id());
            }
            Way::Url(parameter) => {
                let url = parameter.replaced(seen.url(), value.expose());
                let mut fields = self.other_secrets(&seen, None)?;
                fields.insert("url".to_owned(), json!(url));
                self.place.put(seen.id(), &fields).await?;
                self.gave(value, seen.at(&url), seen.id());
            }
            Way::Anew { variable: Some(variable), encoded } => {
                let mut secrets = self.other_secrets(&seen, Some(&variable))?;
                let text = if encoded { address::encoded(value.expose()) } else { value.expose().to_owned() };
                secrets::add(&mut secrets, "url_variables", &variable, &text);
                return self.renew(&seen, seen.url(), secrets, value).await;
            }
            Way::Anew { variable: None, .. } => {
                let secrets = self.other_secrets(&seen, None)?;
                let url = self.part.replaced(seen.url(), value.expose())?;
                return self.renew(&seen, &url, secrets, value).await;
            }
        }
        Ok(Receipt::default())
    }

    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let given = self.given().filter(|(last, _, _)| last.same_as(value));
        let id = match (number(receipt), &given) {
            (Some(id), _) => id,
            (None, Some((_, _, id))) => *id,
            (None, None) => self.look().await?.id(),
        };
        let hook = self.place.get(id).await?;
        let name = &self.place.name;
        self.part.stands(&hook).map_err(|why| anyhow::anyhow!("{name}: {why}"))?;
        let clear = self.part.clear(&hook);
        if let Some(held) = &clear {
            anyhow::ensure!(held == value.expose(), "{name} holds another value than was just written");
        }
        if let Some((_, meant, _)) = given {
            let differences = meant.differences(&hook);
            let expected = self.part.brings();
            let differences: Vec<String> =
                differences.into_iter().filter(|field| !expected.contains(&field.as_str())).collect();
            let differences = crate::text::list(&differences);
            anyhow::ensure!(differences.is_empty(), "{name} has another {differences} than before the write");
        }
        match self.confirm {
            Some(Confirm::Delivery) => self.play(&hook).await,
            None if clear.is_some() => Ok(Assurance::ReadBack),
            None => Ok(Assurance::Unseen(self.part.hidden().to_owned())),
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
        matches!(self.part, Part::UrlParameter(_))
            .then(|| format!("{} may show it in its address to everybody who maintains the project", self.place.name))
    }
}
