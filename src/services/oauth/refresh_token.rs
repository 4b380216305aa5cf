//! `oauth/refresh-token`: a refresh token that is exchanged for its successor (RFC 6749 §6). The value is the refresh
//! token; the access token that comes with it is the part `access`.
//!
//! It is never shown to the token endpoint but to be exchanged: a server that is shown a spent one may end the whole
//! grant. Whoever exchanges it besides this wheel breaks the chain for both.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::TimeDelta;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{OAuth, dies};
use crate::connection::own;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::protocol::oauth::Introspected;
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "oauth/refresh-token",
    about: "A refresh token of any OAuth 2.0 server, exchanged for its successor; part `access`: the access token",
    succession: "replaces",
    needs: "a client with the grant `refresh_token`, and one refresh token that a person allowed once, in `self`; nothing \
            else may exchange it. A lost answer may cost it: a person then allows it again",
    ttl: Ttl::Optional,
    shortest: TimeDelta::minutes(10),
    rotates_itself: true,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The part that is the access token.
const ACCESS: &str = "access";

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// A name of yours for what was allowed, such as the person's.
    name: String,
    /// What the access token may do; all that was allowed where it is left out.
    #[serde(default)]
    scopes: Vec<String>,
    /// What refresh tokens of this server begin with. Without it, one is known by having the form of the one at hand.
    prefix: Option<String>,
}

struct RefreshToken {
    server: Arc<OAuth>,
    config: Config,
    subject: Subject,
    /// The access token that came with the last exchange of this run.
    access: Mutex<Option<TokenValue>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    anyhow::ensure!(
        ground.own_login,
        "a refresh token is exchanged for its successor: say where it is, `self: env:NAME`"
    );
    let server = own::<OAuth>(&ground.connection)?;
    let place = format!("{} at {}", server.endpoints.client_id, server.endpoints.host);
    let subject = Subject::new(KIND.kind, &place, &config.name);
    Ok(Box::new(RefreshToken { server, config, subject, access: Mutex::default() }))
}

impl RefreshToken {
    fn is_ours(&self, told: &Introspected) -> bool {
        told.active && told.client_id.as_ref().is_none_or(|client| *client == self.server.endpoints.client_id)
    }

    async fn exchange(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let refused = |why: &'static str| MintError::Refused(anyhow::anyhow!(why));
        let old = self.server.slot.lend().ok_or_else(|| refused("the refresh token is not at hand"))?;
        let secret = self.server.secret().map_err(|error| MintError::Refused(error.into()))?;
        let scope = self.config.scopes.join(" ");
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", old.expose())];
        if !scope.is_empty() {
            fields.push(("scope", &scope));
        }
        let granted = self.server.client(&secret).grant(&self.server.endpoints.token, &fields).await?;
        *self.access.lock().unwrap_or_else(PoisonError::into_inner) = Some(granted.access_token.clone());
        let life = granted.refresh_token_expires_in.and_then(TimeDelta::try_seconds);
        let record = TokenRecord {
            created: Some(order.now),
            expires: life.map(|life| order.now + life),
            ..TokenRecord::named(&self.config.name)
        };
        // A server that gives no new one wants the old one to be kept (§6).
        let value = granted.refresh_token.unwrap_or(old);
        let mut minted = Minted::new(value, record);
        minted.parts.insert(ACCESS, granted.access_token);
        Ok(minted)
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

    /// As long as the one at hand, and of the same letters: to be one of a chain, it is only ever sent to its server.
    fn recognises(&self, value: &TokenValue) -> bool {
        if let Some(prefix) = &self.config.prefix {
            return value.expose().starts_with(prefix);
        }
        let Some(own) = self.server.slot.lend().map(|own| own.shape()) else { return false };
        let shape = value.shape();
        let url_safe = |text: &str| text.chars().all(|mark| "-_.".contains(mark));
        shape.longest == own.longest && url_safe(&shape.marks) == url_safe(&own.marks)
    }

    /// To exchange one is to use it up, and introspection of refresh tokens is nothing that a server must have.
    fn askable(&self) -> bool {
        false
    }

    fn parts(&self) -> &'static [&'static str] {
        &[ACCESS]
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown("to ask whether it can be exchanged is to exchange it".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let why = "a server of this protocol lists no tokens".to_owned();
        Ok(Inventory::Blind { why, id: Some(self.config.name.clone()) })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        self.exchange(order).await.map_err(|error| match error {
            MintError::Refused(why) => MintError::Refused(why.context(format!(
                "the refresh token of {} was not exchanged; if it is spent, a person has to allow it again and put a new one \
                 there by hand",
                self.config.name
            ))),
            doubt @ MintError::InDoubt(_) => doubt,
        })
    }

    /// A server that knows nothing of refresh tokens calls them inactive, so that this rejects nothing: the old one is
    /// spent, and the new one is all there is. The access token that came with it tells whether the answer was good.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let told = match self.server.introspect(value).await {
            Ok(told) => told,
            Err(why) => return Proof::Inconclusive(why),
        };
        if self.is_ours(&told) {
            let created = told.iat.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
            let record = TokenRecord { created, expires: dies(&told), ..TokenRecord::named(&self.config.name) };
            return Proof::Identity(Box::new(record));
        }
        let access = self.access.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(access) = access
            && self.server.introspect(&access).await.is_ok_and(|told| self.is_ours(&told))
        {
            return Proof::Alive;
        }
        Proof::Inconclusive("the server tells nothing of refresh tokens".to_owned())
    }

    async fn revoke(&self, record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let held = self.server.slot.lend();
        let Some(value) = value.or(held.as_ref()) else {
            anyhow::bail!("{}: it is ended by its value, which is not at hand", crate::text::plain(&record.id))
        };
        self.server.revoke(value).await?;
        Ok(Ended::Ended)
    }
}
