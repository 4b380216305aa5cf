//! `atlassian/oauth-refresh-token`: the refresh token of an app that a person let in (3LO). Each exchange gives another
//! and disables the old one. The value is the refresh token; the access token that comes with it is the part `access`.
//!
//! Whoever else exchanges it breaks the chain, and a spent one that is shown again may end the whole grant: so it is
//! never shown but to be exchanged, once, and nothing of what came back is used before it is saved.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::Atlassian;
use super::gateway::is_jwt;
use crate::connection::own;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "atlassian/oauth-refresh-token",
    about: "The refresh token of an app of Atlassian Cloud (3LO), exchanged for its successor; part `access`: the access \
            token, which lives an hour",
    succession: "replaces",
    needs: "an app with scope `offline_access`, and one refresh token that a person allowed once, in `self`; nothing else \
            may exchange it. Left alone for 90 days it ends, and a lost answer may cost it: a person then allows it \
            again",
    ttl: Ttl::Optional,
    shortest: TimeDelta::minutes(10),
    rotates_itself: true,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The part that is the access token.
const ACCESS: &str = "access";
/// A refresh token that nobody uses dies after so many days, and the grant itself after 365, although it is used.
/// <https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens/>; the days are the word of Atlassian's
/// staff in its developer community.
const IDLE: TimeDelta = TimeDelta::days(90);
const GRANT: TimeDelta = TimeDelta::days(365);

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// A name of yours for what was allowed, such as the person's.
    name: String,
    /// The day on which the person allowed it: it ends a year later, however often it is exchanged.
    allowed: Option<NaiveDate>,
}

struct RefreshToken {
    atlassian: Arc<Atlassian>,
    config: Config,
    subject: Subject,
    /// What the exchange of this run gave, and its record.
    minted: Mutex<Option<(TokenValue, TokenRecord)>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    anyhow::ensure!(
        ground.own_login,
        "a refresh token is exchanged for its successor: say where it is, `self: env:NAME`"
    );
    let atlassian = own::<Atlassian>(&ground.connection)?;
    let place = format!("client {} at {}", atlassian.client()?, atlassian.host);
    let subject = Subject::new(KIND.kind, &place, &config.name);
    Ok(Box::new(RefreshToken { atlassian, config, subject, minted: Mutex::default() }))
}

impl RefreshToken {
    /// When what was allowed ends, if the config says when it began.
    fn ends(&self) -> Option<DateTime<Utc>> {
        self.config.allowed.map(|day| day.and_time(NaiveTime::MIN).and_utc() + GRANT)
    }
}

#[async_trait]
impl Issuer for RefreshToken {
    fn succession(&self) -> Succession {
        Succession::Replaces
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        None
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        is_jwt(value)
    }

    /// To ask is to exchange.
    fn askable(&self) -> bool {
        false
    }

    fn ends_tokens(&self) -> bool {
        false
    }

    fn parts(&self) -> &'static [&'static str] {
        &[ACCESS]
    }

    fn advice(&self, _live: Option<&TokenRecord>, now: DateTime<Utc>) -> Vec<String> {
        let Some(ends) = self.ends() else { return Vec::new() };
        if now + TimeDelta::days(30) < ends {
            return Vec::new();
        }
        let day = ends.format("%-d %b %Y");
        vec![format!(
            "what was allowed ends on {day}, however often it is exchanged: let the person allow the app again, put the new \
             refresh token there, and write the day into `allowed`"
        )]
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown("to ask whether it can be exchanged is to exchange it".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let why = "refresh tokens are listed nowhere".to_owned();
        Ok(Inventory::Blind { why, id: Some(self.config.name.clone()) })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let refused = |why: anyhow::Error| MintError::Refused(why);
        let old = self.atlassian.lent().ok_or_else(|| refused(anyhow::anyhow!("the refresh token is not at hand")))?;
        let fields = [("grant_type", "refresh_token"), ("refresh_token", old.expose())];
        let granted = self.atlassian.grant(&fields).await.map_err(|error| match error {
            // 403 and `invalid_grant`, where the RFC has 400.
            MintError::Refused(why) => refused(why.context(format!(
                "the refresh token of {} was not exchanged; if it is spent, or its year is over, a person has to allow the \
                 app again and put a new one there by hand",
                self.config.name
            ))),
            doubt @ MintError::InDoubt(_) => doubt,
        })?;
        let idle = order.now + IDLE;
        let record = TokenRecord {
            created: Some(order.now),
            expires: Some(self.ends().map_or(idle, |ends| ends.min(idle))),
            ..TokenRecord::named(&self.config.name)
        };
        let value = granted.refresh_token.unwrap_or(old);
        *self.minted.lock().unwrap_or_else(PoisonError::into_inner) = Some((value.clone(), record.clone()));
        let mut minted = Minted::new(value, record);
        minted.parts.insert(ACCESS, granted.access_token);
        Ok(minted)
    }

    /// The answer of the exchange is the issuer's own word for it; to ask more would be to use it before it is saved.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match minted {
            Some((ours, record)) if ours.same_as(value) => Proof::Matched(Box::new(record)),
            _ => Proof::Inconclusive("a refresh token cannot be asked whose it is without being used up".to_owned()),
        }
    }

    async fn revoke(&self, _record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        anyhow::bail!(
            "a refresh token is revoked by no API: the person removes the app at \
             https://id.atlassian.com/manage-profile/apps"
        )
    }
}
