//! `zendesk/webhook`: one part of a webhook, by PATCH. A PUT would drop the credential that no read shows, so that none
//! is ever sent.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::webhook_json::{Part, WebhookJson};
use super::{Zendesk, meaning};
use crate::connection::own;
use crate::destination::{Address, Ask, Assurance, Depth, Destination, DestinationKind, Holding, Receipt, Site};
use crate::http::{Answer, HttpError, Retry};
use crate::token::TokenValue;

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "zendesk/webhook",
    about: "One part of a webhook: its bearer token, password or API key, one header, or one parameter of its address",
    confirms: "read back for a header and a parameter; a stamp for a credential, which nobody can read, and what the \
               receiver refused since; with `confirm: delivery` a test that the receiver must not refuse",
    needs: "scopes `webhooks:read` and `webhooks:write` of an OAuth client that an administrator made",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Its id: the end of the address of its page in the admin centre.
    id: String,
    /// Where in it the value goes: `bearer`, `{ basic: USERNAME }`, `{ api_key: NAME }`, `{ custom_header: NAME }` or
    /// `{ url_parameter: NAME }`. It must be there already: neither the kind of authentication nor its position is ever
    /// changed. Zendesk shows headers and addresses to every administrator.
    part: Part,
    /// `delivery`: also sends a test to the receiver, which sets off there whatever the webhook sets off.
    confirm: Option<Confirm>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Confirm {
    /// By a test delivery.
    Delivery,
}

#[derive(Deserialize)]
struct Envelope {
    webhook: WebhookJson,
}

/// <https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhook_invocations/>
#[derive(Deserialize)]
struct Invocations {
    invocations: Vec<Invocation>,
}

#[derive(Deserialize)]
struct Invocation {
    status: String,
}

struct Webhook {
    zendesk: Arc<Zendesk>,
    path: String,
    config: Config,
    address: Address,
    /// What was seen of it in this run.
    seen: OnceCell<WebhookJson>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let config: Config = serde_json::from_value(keys)?;
    let word = !config.id.is_empty() && config.id.chars().all(|c| c.is_ascii_alphanumeric());
    anyhow::ensure!(word, "`id` is the letters and digits at the end of the address of the webhook's page");
    let zendesk = own::<Zendesk>(site.connection()?)?;
    zendesk.needs(&["webhooks:read", "webhooks:write"]);
    let path = format!("api/v2/webhooks/{}", config.id);
    zendesk.has_place(&path);
    let address = Address::new(format!("{} webhook {} {}", zendesk.host, config.id, config.part));
    Ok(Box::new(Webhook { zendesk, path, config, address, seen: OnceCell::new() }))
}

impl Webhook {
    async fn call(&self, method: Method, body: Option<&Value>) -> Result<Answer, HttpError> {
        let retry = if method == Method::GET { Retry::Read } else { Retry::Put };
        self.zendesk.call(&self.zendesk.scope(), method, &self.path, &[], body, retry).await
    }

    async fn read(&self) -> anyhow::Result<WebhookJson> {
        let answer = self.call(Method::GET, None).await?;
        match answer.status.as_u16() {
            200 => Ok(answer.json::<Envelope>()?.webhook),
            404 => anyhow::bail!("{}: there is no such webhook", self.address),
            _ => Err(answer.refused(meaning(&answer))).with_context(|| format!("{} cannot be read", self.address)),
        }
    }

    /// Looks, once a run.
    async fn look(&self) -> anyhow::Result<&WebhookJson> {
        self.seen.get_or_try_init(|| self.read()).await
    }

    async fn patch(&self, fields: &Value) -> anyhow::Result<()> {
        let answer = self.call(Method::PATCH, Some(&json!({ "webhook": fields }))).await?;
        anyhow::ensure!(answer.ok(), answer.refused(meaning(&answer)));
        Ok(())
    }

    /// Whether the rest of it is as it was before the write.
    fn kept(&self, before: &WebhookJson, after: &WebhookJson) -> anyhow::Result<()> {
        let changed = self.config.part.changed(before, after);
        anyhow::ensure!(
            changed.is_empty(),
            "{}: the webhook is not what it was before the write; look at its {}",
            self.address,
            changed.join(", ")
        );
        Ok(())
    }

    /// How many deliveries the receiver refused since then; Zendesk remembers a week.
    async fn refusals(&self, since: &str) -> anyhow::Result<usize> {
        let path = format!("{}/invocations", self.path);
        let query = [("filter[status]", "client error"), ("filter[from_ts]", since)];
        let answer = self.zendesk.call(&self.zendesk.scope(), Method::GET, &path, &query, None, Retry::Read).await?;
        anyhow::ensure!(answer.ok(), answer.refused(meaning(&answer)));
        // Whether the filter is heeded is for the answer to show.
        let refused = |one: &&Invocation| one.status == "client error";
        Ok(answer.json::<Invocations>()?.invocations.iter().filter(refused).count())
    }

    /// Sends a test, once, and says what the receiver answered; Zendesk itself answers 200 whatever that was.
    async fn test(&self, hook: &WebhookJson) -> anyhow::Result<Option<u64>> {
        let query = [("webhook_id", self.config.id.as_str())];
        let (path, scope) = ("api/v2/webhooks/test", self.zendesk.scope());
        let mut answer = None;
        // What the body is called is not confirmed: one of the two is refused before anything is sent.
        for name in ["request", "webhook"] {
            let body = json!({ name: hook.test() });
            let sent = self.zendesk.call(&scope, Method::POST, path, &query, Some(&body), Retry::Once).await?;
            let unread = sent.status.as_u16() == 400;
            answer = Some(sent);
            if !unread {
                break;
            }
        }
        let answer = answer.ok_or_else(|| anyhow::anyhow!("no test was sent"))?;
        anyhow::ensure!(answer.ok(), answer.refused(meaning(&answer)));
        let said: Value = answer.json()?;
        Ok(["/response/status", "/test/response_code"].iter().find_map(|at| said.pointer(at)?.as_u64()))
    }

    /// Holds the receiver's answer to a test against what it should be.
    async fn delivered(&self, hook: &WebhookJson, otherwise: Assurance) -> anyhow::Result<Assurance> {
        let said = self.test(hook).await.with_context(|| format!("{}: the test delivery", self.address))?;
        match said {
            Some(status @ 200..=399) => {
                log::debug!("{}: the receiver answered {status}", self.address);
                Ok(otherwise)
            }
            Some(status) => anyhow::bail!(
                "{}: the receiver answers HTTP {status} to a test with the new token; does its address still lead there?",
                self.address
            ),
            None => Ok(Assurance::Unseen("a test was sent, and what the receiver answered was not told".to_owned())),
        }
    }
}

#[async_trait]
impl Destination for Webhook {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        let hook = self.look().await?;
        self.config.part.fits(hook).map_err(|why| anyhow::anyhow!("{}: {why}", self.address))?;
        if let Part::CustomHeader(_) = self.config.part {
            let shown = "Zendesk shows a webhook's own headers to every administrator";
            log::warn!("{}: {shown}; as a bearer token or an API key nobody could read it", self.address);
        }
        if ask.depth == Depth::Try {
            let share = self.zendesk.share(&self.path);
            let _turn = share.turn.lock().await;
            // The name as it is: a write that changes nothing and holds no value.
            let tried = self.patch(&json!({ "name": hook.name })).await;
            tried.with_context(|| format!("{} cannot be written", self.address))?;
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let share = self.zendesk.share(&self.path);
        let _turn = share.turn.lock().await;
        let before = if share.has_others() { self.read().await? } else { self.look().await?.clone() };
        let fields =
            self.config.part.patch(&before, value).map_err(|why| anyhow::anyhow!("{}: {why}", self.address))?;
        self.patch(&fields).await.with_context(|| format!("{} refused the value", self.address))?;
        if share.has_others() {
            self.kept(&before, &self.read().await?)?;
            return Ok(Receipt::default());
        }
        // What can be read needs no stamp.
        let stamp = if self.config.part.is_shown() { None } else { self.read().await?.updated_at };
        Ok(Receipt { stamp, moved_to: None })
    }

    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let after = self.read().await?;
        let others = self.zendesk.share(&self.path).has_others();
        if !others {
            self.kept(self.look().await?, &after)?;
        }
        let assurance = if self.config.part.is_shown() {
            let held = self.config.part.held(&after);
            let same = held.as_deref() == Some(value.expose());
            anyhow::ensure!(same, "{} holds another value than was just written", self.address);
            Assurance::ReadBack
        } else if others {
            Assurance::Unseen("other tokens are in this webhook too, so that its stamp says nothing".to_owned())
        } else {
            let same = after.updated_at.is_some() && after.updated_at == receipt.stamp;
            anyhow::ensure!(same, "{} was changed since the value was written", self.address);
            Assurance::Stamped
        };
        match self.config.confirm {
            Some(Confirm::Delivery) => self.delivered(&after, assurance).await,
            None => Ok(assurance),
        }
    }

    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let hook = self.look().await?;
        self.config.part.fits(hook).map_err(|why| anyhow::anyhow!("{}: {why}", self.address))?;
        if self.config.part.is_shown() {
            let held = self.config.part.held(hook).unwrap_or_default();
            return Ok(TokenValue::of_lines(&held).map_or(Holding::Nothing, Holding::Lent));
        }
        let Some(stamp) = last.and_then(|last| last.stamp.as_deref()) else {
            return Ok(Holding::Unknowable("Zendesk never shows the credential of a webhook".to_owned()));
        };
        let same = hook.updated_at.as_deref() == Some(stamp);
        if same {
            // Without the right to see deliveries the stamp is all there is.
            let refused = self.refusals(stamp).await.unwrap_or_else(|error| {
                log::debug!("{}: its deliveries cannot be listed: {error:#}", self.address);
                0
            });
            if refused > 0 {
                let what = "it has the stamp of the delivery, but since then the receiver refused";
                return Ok(Holding::Unknowable(format!(
                    "{what} {refused} of what the webhook sent: look at its activity"
                )));
            }
        }
        Ok(Holding::Stamp { same })
    }

    fn exposure(&self) -> Option<String> {
        let shown = format!("{} is shown to every administrator of Zendesk", self.address);
        self.config.part.is_shown().then_some(shown)
    }
}
