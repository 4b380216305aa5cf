//! `manual/token`: a token that no API makes. Its dates are the config's; a person makes a new one and hands it over
//! with `tokenwheel supply`.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::protocol::proof::{Control, Expected, Verify};
use crate::protocol::request::{Badge, Door};
use crate::protocol::seen::moment;
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "manual/token",
    about: "A token that no API makes: watched by the config's dates, and handed over by a person",
    succession: "manual",
    needs: "nothing: a person makes it, with the rights of that person",
    ttl: Ttl::Optional,
    shortest: TimeDelta::days(1),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What it is called at its service.
    name: String,
    /// The page where a person makes a new one.
    #[schemars(example = "https://example.com/settings/tokens")]
    url: String,
    /// When the one in use dies: `2026-12-31`, or with a time. Left out, what `supply --expires` said counts; where
    /// both are there, this one does, so change it with each new one.
    expires: Option<String>,
    /// When the one in use was made.
    created: Option<String>,
    /// What its values begin with. Only what begins so is taken for one of them.
    prefix: Option<String>,
    /// How a value proves what it is: `at` is the address, `header` and `scheme` carry the value, and `by` has the keys of
    /// `verify` of `http/regenerate`.
    verify: Option<Asked>,
}

/// Where a value proves what it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The address that the path of the request starts from.
    at: String,
    /// The header that carries the value; `Authorization` by default.
    header: Option<String>,
    /// What stands before the value there; `Bearer` in `Authorization`, nothing in another header.
    scheme: Option<String>,
    /// The request, and what its answer says.
    by: Verify,
}

struct ManualToken {
    config: Config,
    /// Where and how it is asked.
    verify: Option<(Door, Verify)>,
    record: TokenRecord,
    subject: Subject,
    control: Control,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let mut config: Config = serde_json::from_value(keys)?;
    let page = crate::http::address(config.url.split(['?', '#']).next().unwrap_or_default());
    let page = page.map_err(|why| anyhow::anyhow!("`url` is where a person clicks: {why}"))?;
    let date = |key: &str, text: &Option<String>| {
        let read = |text: &String| moment(&Value::from(text.as_str())).filter(|_| text.contains('-'));
        let wrong = || anyhow::anyhow!("`{key}` is a date: `2026-12-31`, or `2026-12-31T12:00:00Z`");
        text.as_ref().map(|text| read(text).ok_or_else(wrong)).transpose()
    };
    let record = TokenRecord {
        created: date("created", &config.created)?,
        expires: date("expires", &config.expires)?,
        ..TokenRecord::named(&config.name)
    };
    let verify = config.verify.take().map(|asked| {
        let base = crate::http::address(&asked.at).map_err(|why| anyhow::anyhow!("`verify`: {why}"))?;
        asked.by.check("verify")?;
        let badge = Badge::new(asked.header.as_deref(), asked.scheme.as_deref())?;
        anyhow::Ok((Door { http: (ground.means.door)(None)?, base, badge }, asked.by))
    });
    let subject = Subject::new(KIND.kind, page.host_str().unwrap_or_default(), &config.name);
    Ok(Box::new(ManualToken { config, verify: verify.transpose()?, record, subject, control: Control::new() }))
}

#[async_trait]
impl Issuer for ManualToken {
    fn succession(&self) -> Succession {
        Succession::Manual
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        None
    }

    /// Without a prefix everything that a person hands over is taken for one.
    fn recognises(&self, value: &TokenValue) -> bool {
        self.config.prefix.as_deref().is_none_or(|prefix| value.expose().starts_with(prefix))
    }

    /// What a destination holds is sent only where its prefix says that it is one.
    fn askable(&self) -> bool {
        self.verify.is_some() && self.config.prefix.is_some()
    }

    fn ends_tokens(&self) -> bool {
        false
    }

    fn constant_id(&self) -> Option<&str> {
        Some(&self.config.name)
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown(format!("no API makes it: a person does, at {}", self.config.url)))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        Ok(Inventory::Listed(vec![self.record.clone()]))
    }

    async fn mint(&self, _order: &Order<'_>) -> Result<Minted, MintError> {
        Err(MintError::Refused(anyhow::anyhow!("no API makes it: make a new one by hand at {}", self.config.url)))
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        let Some((door, verify)) = &self.verify else {
            return Proof::Inconclusive("the config has no `verify` request".to_owned());
        };
        let id = (!verify.tells_id()).then_some(self.config.name.as_str());
        let expected = Expected { id, prefix: self.config.prefix.as_deref() };
        match verify.prove(door, (None, value), expected, &self.control).await {
            // Its service may call it something else: here it has the one name.
            Proof::Identity(record) => {
                let expires = record.expires.or(self.record.expires);
                Proof::Identity(Box::new(TokenRecord { expires, ..self.record.clone() }))
            }
            proof => proof,
        }
    }

    async fn revoke(&self, _record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        anyhow::bail!("no API ends it: end it by hand at {}", self.config.url)
    }

    fn advice(&self, live: Option<&TokenRecord>, now: DateTime<Utc>) -> Vec<String> {
        let dies = live.and_then(|live| live.expires);
        let mut advice = vec![format!("a person makes it, at {}", self.config.url)];
        if dies.is_none() && live.is_some_and(|live| live.expires.is_none()) {
            advice.push("nobody knows when it dies: say `expires:`, or `supply --expires`".to_owned());
        }
        if self.record.expires.is_some_and(|dies| dies <= now) {
            advice.push(
                "it is dead by the date of the config: once a new one is handed over, change `expires:`".to_owned(),
            );
        }
        advice
    }
}
