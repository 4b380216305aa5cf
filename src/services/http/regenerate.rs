//! `http/regenerate`: any API that answers one request with a new secret. What the request is, where the secret stands
//! in the answer and how it is proven is the config's.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::HttpApi;
use crate::connection::own;
use crate::http::Retry;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::protocol::proof::{Control, Expected, Verify};
use crate::protocol::request::Request;
use crate::protocol::seen::{Rule, Seen, check_pointer, moment};
use crate::protocol::template::{Fill, Holes};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "http/regenerate",
    about: "Any API that answers one request with a new secret",
    succession: "as configured",
    needs: "whatever the API asks for the configured requests, and nothing else",
    ttl: Ttl::Optional,
    shortest: TimeDelta::minutes(5),
    rotates_itself: true,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What the API calls the token where that never changes, else a name of yours. It fills `{id}`.
    id: String,
    /// How a new one follows the old one: `replaces`, `overlaps` or `ephemeral`.
    succession: Follows,
    /// The request that makes a new one: `method`, `path`, and where needed `headers`, `json` or `form`, `with` (`login`,
    /// `value` or `nobody`) and `success` (`status`, `where`). It is sent once, whatever happens. Holes: `{id}`; `{now}`, and `{stamp}` such
    /// as `20260504-060000`; with `ttl:` also `{until}`, `{until_unix}` and `{seconds}`; `{grace}` in seconds; `{login}`,
    /// the credential itself.
    request: Request,
    /// Where the answer has the new value, as a JSON pointer.
    #[schemars(example = "/key")]
    value: String,
    /// Where the answer has the id of the new one, for APIs that give each its own.
    id_at: Option<String>,
    /// Where the answer says when it dies: a date, or Unix time.
    expires: Option<String>,
    /// Where the answer says how many seconds it lives.
    expires_in: Option<String>,
    /// Where a refusal says why, as a JSON pointer to a short code.
    error: Option<String>,
    /// What its values begin with. Only what begins so is taken for one of them and sent there; without it, what has the
    /// form of the credential that the connection logs in with.
    prefix: Option<String>,
    /// How a value proves what it is: a `request` with the hole `{value}`, sent with the value itself and once a run with
    /// garbage; `id`, `expires` and `error` as JSON pointers; `identity`, what must stand at which pointer; `rejected`,
    /// which answers say that it is dead.
    verify: Option<Verify>,
    /// The request that ends one. Holes: `{id}`, `{value}`. Without it, and without `grace`, a person is told to do it.
    revoke: Option<Request>,
    /// Which answers to `revoke` say that it had ended before; 404 and 410 by default.
    gone: Option<Rule>,
    /// How long the API itself lets the old one live on. It then ends by itself.
    #[schemars(extend("format" = "length"), example = "1h")]
    grace: Option<String>,
}

/// How a new one follows the old one.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Follows {
    /// The new one kills the old one at once.
    Replaces,
    /// Both live side by side, until the old one is ended.
    Overlaps,
    /// Made at every run; it dies by itself.
    Ephemeral,
}

struct Regenerate {
    api: Arc<HttpApi>,
    config: Config,
    grace: Option<TimeDelta>,
    own_login: bool,
    subject: Subject,
    control: Control,
    /// When this run made one.
    made: Mutex<Option<DateTime<Utc>>>,
}

/// What fills the holes of the request that mints.
const MINT: &[&str] = &["id", "now", "stamp", "until", "until_unix", "seconds", "grace", "login"];

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let api = own::<HttpApi>(&ground.connection)?;
    config.request.check("request", MINT)?;
    anyhow::ensure!(
        !config.request.reads(),
        "`request` makes something new: a GET may be repeated by anyone in between"
    );
    check_pointer("value", Some(&config.value))?;
    let pointers = [
        ("id_at", &config.id_at),
        ("expires", &config.expires),
        ("expires_in", &config.expires_in),
        ("error", &config.error),
    ];
    pointers.into_iter().try_for_each(|(key, pointer)| check_pointer(key, pointer.as_deref()))?;
    if let Some(verify) = &config.verify {
        verify.check("verify")?;
    }
    if let Some(revoke) = &config.revoke {
        revoke.check("revoke", &["id", "value"])?;
        let which = revoke.has("id") && config.id_at.is_none() && config.succession != Follows::Replaces;
        anyhow::ensure!(!which, "`revoke` names `{{id}}`, and nothing says which id the new one has: say `id_at`");
    }
    let grace = config.grace.as_deref().map(length).transpose()?;
    let replaces = config.succession == Follows::Replaces;
    anyhow::ensure!(grace.is_none() || !replaces, "with `grace` the old one lives on: say `succession: overlaps`");
    let subject = Subject::new(KIND.kind, &api.host, &config.id);
    let (control, made, own_login) = (Control::new(), Mutex::default(), ground.own_login);
    Ok(Box::new(Regenerate { api, config, grace, own_login, subject, control, made }))
}

/// A length of time, whose form was checked with the config.
fn length(text: &str) -> anyhow::Result<TimeDelta> {
    let wrong = || anyhow::anyhow!("`grace` is a number and a unit: `30min`, `12h`, `30d`");
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(wrong()),
    };
    let number: i64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).and_then(TimeDelta::try_seconds).ok_or_else(wrong)
}

impl Regenerate {
    fn holes(&self, order: &Order<'_>) -> Holes {
        let written = |at: DateTime<Utc>| Fill::Plain(at.to_rfc3339_opts(SecondsFormat::Secs, true));
        Holes::default()
            .with("id", Some(Fill::Plain(self.config.id.clone())))
            .with("now", Some(written(order.now)))
            .with("stamp", Some(Fill::Plain(order.now.format("%Y%m%d-%H%M%S").to_string())))
            .with("until", order.until.map(written))
            .with("until_unix", order.until.map(|until| Fill::Number(until.timestamp())))
            .with("seconds", order.until.map(|until| Fill::Number((until - order.now).num_seconds())))
            .with("grace", self.grace.map(|grace| Fill::Number(grace.num_seconds())))
            .with("login", self.api.slot.lend().map(Fill::Secret))
    }

    /// Whether all its tokens are called the same.
    fn keeps_its_id(&self) -> bool {
        self.config.succession == Follows::Replaces && self.config.id_at.is_none()
    }

    fn expected(&self) -> Expected<'_> {
        let id = self.keeps_its_id().then_some(self.config.id.as_str());
        Expected { id, prefix: self.config.prefix.as_deref() }
    }

    /// What the answer says of the new one.
    fn record(&self, seen: &Seen, order: &Order<'_>) -> TokenRecord {
        let id = match self.config.id_at.as_deref().and_then(|pointer| seen.text(pointer)) {
            Some(id) => id,
            None if self.keeps_its_id() => self.config.id.clone(),
            None => format!("{} of {}", self.config.id, order.now.to_rfc3339_opts(SecondsFormat::Secs, true)),
        };
        let told = self.config.expires.as_deref().and_then(|pointer| moment(seen.at(pointer)?));
        let life = self.config.expires_in.as_deref().and_then(|pointer| seen.text(pointer)?.parse().ok());
        let life = life.and_then(TimeDelta::try_seconds).map(|life| order.now + life);
        // What was ordered counts only where the order was sent along.
        let sent = ["until", "until_unix", "seconds"].iter().any(|hole| self.config.request.has(hole));
        let expires = told.or(life).or(order.until.filter(|_| sent));
        TokenRecord { created: Some(order.now), expires, ..TokenRecord::named(id) }
    }

    async fn still_works(&self, value: Option<&TokenValue>) -> bool {
        let (Some(verify), Some(value)) = (&self.config.verify, value) else { return false };
        let login = self.api.slot.lend();
        let proof = verify.prove(&self.api.door, (login.as_ref(), value), self.expected(), &self.control).await;
        matches!(proof, Proof::Identity(_) | Proof::Matched(_) | Proof::Alive)
    }
}

#[async_trait]
impl Issuer for Regenerate {
    fn succession(&self) -> Succession {
        match self.config.succession {
            Follows::Replaces => Succession::Replaces,
            Follows::Overlaps => Succession::Overlaps,
            Follows::Ephemeral => Succession::Ephemeral,
        }
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        self.own_login.then(|| self.api.slot.lend()).flatten().map(|login| login.shape())
    }

    /// By the prefix; without one, by having the form of the credential that we log in with.
    fn recognises(&self, value: &TokenValue) -> bool {
        if let Some(prefix) = &self.config.prefix {
            return value.expose().starts_with(prefix);
        }
        let Some(login) = self.api.slot.lend().map(|login| login.shape()) else { return false };
        let shape = value.shape();
        let url_safe = |text: &str| text.chars().all(|mark| "-_.".contains(mark));
        shape.longest == login.longest && url_safe(&shape.marks) == url_safe(&login.marks)
    }

    fn askable(&self) -> bool {
        self.config.verify.is_some()
    }

    fn ends_tokens(&self) -> bool {
        self.config.revoke.is_some() || self.grace.is_some()
    }

    fn advice(&self, live: Option<&TokenRecord>, _now: DateTime<Utc>) -> Vec<String> {
        let unknown = self.config.succession == Follows::Overlaps && live.is_some_and(|live| live.id.is_empty());
        let what = "the one in use was not made here and its id is not known: once it is turned, end it by hand";
        unknown.then(|| what.to_owned()).into_iter().collect()
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        self.config.request.is_ready(&self.api.door.base, &self.holes(order))?;
        Ok(Leave::Unknown("the API does not tell whether it would make a new one".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let why = "the config has no request that lists them".to_owned();
        Ok(Inventory::Blind { why, id: self.keeps_its_id().then(|| self.config.id.clone()) })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let sent = self.api.send(&self.config.request, &self.holes(order), None, Retry::Once).await;
        let mut seen = sent?;
        let refusal = seen.refused(self.config.error.as_deref());
        if !self.config.request.is_done(&seen) {
            // What was answered with a good status and cannot be read says nothing either way.
            let unread = (200..300).contains(&seen.status) && !seen.is_json();
            return Err(if unread { MintError::InDoubt(refusal.into()) } else { MintError::from(refusal) });
        }
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(order.now);
        let record = self.record(&seen, order);
        let value = seen.secret(&self.config.value).ok_or_else(|| {
            let what = format!("{}: done, it answers, and `value` points to no new secret", self.config.request.name());
            MintError::InDoubt(anyhow::anyhow!("{what}: a new one may exist all the same"))
        })?;
        Ok(Minted::new(value, record))
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        let Some(verify) = &self.config.verify else {
            return Proof::Inconclusive("the config has no `verify` request".to_owned());
        };
        let login = self.api.slot.lend();
        verify.prove(&self.api.door, (login.as_ref(), value), self.expected(), &self.control).await
    }

    async fn revoke(&self, record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let Some(revoke) = &self.config.revoke else {
            let grace =
                self.grace.ok_or_else(|| anyhow::anyhow!("the config has no `revoke` request: end it by hand"))?;
            // It ends by itself, counted from when its successor was made: in this run, or in one long over.
            let made = *self.made.lock().unwrap_or_else(PoisonError::into_inner);
            // Of a predecessor that an earlier run left behind no more than its id is known. What is known better is in
            // use, and nothing but its successor ends it.
            anyhow::ensure!(
                made.is_some() || (value.is_none() && record.created.is_none()),
                "only its successor ends it, after the grace: `rotate --only NAME --force --reason TEXT` makes that \
                 now, and the config has no \
                 `revoke` request"
            );
            return Ok(made.map_or(Ended::Ended, |made| Ended::NotYet { until: made + grace }));
        };
        anyhow::ensure!(
            !record.id.is_empty() || !revoke.has("id"),
            "its id is not known, for this wheel did not make it: end it by hand"
        );
        anyhow::ensure!(
            value.is_some() || !revoke.has("value"),
            "it is ended by its value, which is not known any more: end it by hand, or wait until it dies"
        );
        let holes = Holes::default()
            .with("id", Some(Fill::Plain(record.id.clone())))
            .with("value", value.cloned().map(Fill::Secret));
        let seen = self.api.send(revoke, &holes, value, Retry::Put).await?;
        let by_default = || matches!(seen.status, 404 | 410);
        let gone = self.config.gone.as_ref().map_or_else(by_default, |rule| rule.fits(&seen));
        if !gone && !revoke.is_done(&seen) {
            return Err(seen.refused(self.config.error.as_deref()).into());
        }
        anyhow::ensure!(
            !self.still_works(value).await,
            "{}: done, it answers, and the token still works",
            revoke.name()
        );
        Ok(Ended::Ended)
    }
}
