//! `atlassian/data-center-token`: a personal access token of a Jira or Confluence Data Center, made beside the old one,
//! which is deleted when the new one is everywhere.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use http::header::AUTHORIZATION;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::identity::{Product, Who};
use super::{Atlassian, Door, encoded, meaning};
use crate::connection::own;
use crate::http::Retry;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "atlassian/data-center-token",
    about: "A personal access token of a Jira or Confluence Data Center",
    succession: "overlaps",
    needs: "a personal access token, or the password, of the user whose token it is; Jira 8.14, Confluence 7.9. Not \
            Bitbucket, whose tokens make no tokens",
    ttl: Ttl::Required,
    shortest: TimeDelta::days(1),
    rotates_itself: true,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Its name at the Data Center. It belongs to the user that the connection logs in as.
    name: String,
    /// The user name that it must be of; without it, that of the login.
    user: Option<String>,
    /// Make the first one where none lives.
    #[serde(default)]
    create: bool,
}

/// <https://confluence.atlassian.com/enterprise/using-personal-access-tokens-1026032365.html>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenJson {
    id: Number,
    name: String,
    #[serde(default, deserialize_with = "moment")]
    created_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "moment")]
    expiring_at: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "moment")]
    last_accessed_at: Option<DateTime<Utc>>,
    raw_token: Option<TokenValue>,
}

/// A number, which some versions might send as text.
struct Number(String);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Number(number) => Ok(Self(number.to_string())),
            Value::String(text) => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("an id is a number")),
        }
    }
}

/// A time as Java writes it, with a zone that has no colon; as the RFC has it; or in milliseconds. No page says which.
fn moment<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_i64().and_then(DateTime::from_timestamp_millis),
        Value::String(text) => DateTime::parse_from_rfc3339(&text)
            .or_else(|_| DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%z"))
            .ok()
            .map(|at| at.to_utc()),
        _ => None,
    })
}

impl TokenJson {
    fn record(&self) -> TokenRecord {
        TokenRecord {
            created: self.created_at,
            expires: self.expiring_at,
            last_used: self.last_accessed_at,
            ..TokenRecord::named(&self.id.0)
        }
    }
}

const TOKENS: &str = "rest/pat/latest/tokens";

struct DataCenterToken {
    atlassian: Arc<Atlassian>,
    config: Config,
    product: Product,
    subject: Subject,
    /// Whom the login is, asked once a run.
    me: Mutex<Option<String>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let atlassian = own::<Atlassian>(&ground.connection)?;
    let Door::DataCenter { product, .. } = &atlassian.door else {
        anyhow::bail!("this kind needs a connection to a Data Center: one with `product`");
    };
    let product = *product;
    let of = config.user.as_deref().map(|user| format!("{user} at ")).unwrap_or_default();
    let subject = Subject::new(KIND.kind, &format!("{of}{}", atlassian.host), &config.name);
    Ok(Box::new(DataCenterToken { atlassian, config, product, subject, me: Mutex::default() }))
}

impl DataCenterToken {
    /// The user that the token must be of.
    async fn user(&self) -> Result<String, Who> {
        if let Some(user) = &self.config.user {
            return Ok(user.clone());
        }
        let known = self.me.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(me) = known {
            return Ok(me);
        }
        let call = self.atlassian.call(Method::GET, self.product.data_center(), Retry::Read);
        let who = match self.atlassian.send(call).await {
            Ok(answer) => super::identity::who(&answer, self.product, false),
            Err(error) => Who::Unclear(error.to_string()),
        };
        let Who::Is(me) = who else { return Err(who) };
        *self.me.lock().unwrap_or_else(PoisonError::into_inner) = Some(me.clone());
        Ok(me)
    }
}

#[async_trait]
impl Issuer for DataCenterToken {
    fn succession(&self) -> Succession {
        Succession::Overlaps
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What they are made of is not documented: base64 is what was seen.
    fn shape(&self) -> Option<ValueShape> {
        None
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        let text = value.expose();
        text.len() >= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
    }

    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave> {
        anyhow::ensure!(
            order.follows.is_some() || self.config.create,
            "no token of this name lives: make it by hand once, or say `create: true`"
        );
        // How many a user may have is the administrator's choice, ten as they come; it is not told.
        Ok(Leave::Unknown("a Data Center does not tell how many tokens a user may have".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let call = self.atlassian.call(Method::GET, TOKENS, Retry::Read);
        let answer = self.atlassian.send(call).await?;
        anyhow::ensure!(answer.ok(), answer.refused(meaning(&answer)));
        let all: Vec<TokenJson> = answer.json()?;
        let mut records: Vec<TokenRecord> =
            all.iter().filter(|token| token.name == self.config.name).map(TokenJson::record).collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.created));
        Ok(Inventory::Listed(records))
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let Some(until) = order.until else {
            return Err(MintError::Refused(anyhow::anyhow!("without a ttl the token would never die")));
        };
        // Whole days, of which the last one counts.
        let day = TimeDelta::days(1);
        let days = (until - order.now + day - TimeDelta::seconds(1)).num_days().max(1);
        let body = json!({ "name": self.config.name, "expirationDuration": days });
        let call = self.atlassian.call(Method::POST, TOKENS, Retry::Once).json(&body);
        // 201 was observed, 200 is what others expect.
        let answer = self.atlassian.send(call).await?;
        if answer.status.as_u16() == 400 {
            let why = "it refuses such a token: the user may have reached the limit of tokens (ten, unless the \
                       administrator chose otherwise), or the ttl is longer than allowed";
            return Err(MintError::Refused(answer.refused(why).into()));
        }
        if !answer.ok() {
            return Err(MintError::from(answer.refused(meaning(&answer))));
        }
        let mut made: TokenJson = answer.json()?;
        let nothing = || anyhow::anyhow!("the Data Center answered without the token's value");
        let value = made.raw_token.take().ok_or_else(|| MintError::InDoubt(nothing()))?;
        Ok(Minted::new(value, made.record()))
    }

    /// A value tells whose it is, and not which of the user's tokens: that the ledger knows by its fingerprint.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let call = self.atlassian.call(Method::GET, self.product.data_center(), Retry::Read);
        let call = call.credential(AUTHORIZATION, "Bearer ", value);
        match self.atlassian.who(call, self.product, false).await {
            Who::Refused(why) => Proof::Rejected(why),
            Who::Unclear(why) => Proof::Inconclusive(why),
            Who::Is(name) => match self.user().await {
                Ok(user) if user == name => Proof::Alive,
                Ok(_) => Proof::Rejected(format!("it is a token of user {name}")),
                Err(_) => Proof::Inconclusive("it lives, and whose it should be could not be asked".to_owned()),
            },
        }
    }

    async fn revoke(&self, record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let path = format!("{TOKENS}/{}", encoded(&record.id));
        let answer = self.atlassian.send(self.atlassian.call(Method::DELETE, &path, Retry::Put)).await?;
        match answer.status.as_u16() {
            200..=299 | 404 => Ok(Ended::Ended),
            _ => Err(answer.refused(meaning(&answer)).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_however_it_is_written() {
        for at in
            [json!("2026-05-04T06:00:00.000+0000"), json!("2026-05-04T08:00:00+02:00"), json!(1_777_874_400_000_i64)]
        {
            let read: TokenJson = serde_json::from_value(json!({ "id": 7, "name": "ci", "expiringAt": at })).unwrap();
            assert_eq!(read.expiring_at.unwrap().to_rfc3339(), "2026-05-04T06:00:00+00:00", "{at}");
        }
        let never: TokenJson = serde_json::from_value(json!({ "id": "7", "name": "ci", "expiringAt": null })).unwrap();
        assert!(never.expiring_at.is_none() && never.id.0 == "7");
    }
}
