//! `oauth/client-credentials`: an access token of the client's own (RFC 6749 §4.4), made at every run.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{SecondsFormat, TimeDelta};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::OAuth;
use crate::connection::own;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "oauth/client-credentials",
    about: "An access token of the client's own, from any OAuth 2.0 server",
    succession: "ephemeral",
    needs: "a confidential client with the grant `client_credentials` and no scope but those of the token",
    ttl: Ttl::Optional,
    shortest: TimeDelta::zero(),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What it may do; what the server grants the client by default where it is left out.
    #[serde(default)]
    scopes: Vec<String>,
    /// Whom it is for, at servers that want an `audience`.
    audience: Option<String>,
    /// Whom it is for, at servers that follow RFC 8707.
    resource: Option<String>,
}

struct ClientCredentials {
    server: Arc<OAuth>,
    config: Config,
    subject: Subject,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let odd = config.scopes.iter().find(|scope| scope.is_empty() || scope.contains(char::is_whitespace));
    anyhow::ensure!(odd.is_none(), "`scopes` is a list of words: say `[read, write]`");
    let server = own::<OAuth>(&ground.connection)?;
    let mut name = config.scopes.join(" ");
    for more in [&config.audience, &config.resource].into_iter().flatten() {
        name = format!("{name} for {more}");
    }
    let place = format!("{} at {}", server.endpoints.client_id, server.endpoints.host);
    let subject = Subject::new(KIND.kind, &place, name.trim());
    Ok(Box::new(ClientCredentials { server, config, subject }))
}

impl ClientCredentials {
    /// Whether the scopes are those asked for. Some servers grant any word, and the token then may do nothing.
    fn narrower(&self, granted: Option<&str>) -> Option<String> {
        let granted: Vec<&str> = granted?.split_whitespace().collect();
        let lacking = self.config.scopes.iter().find(|scope| !granted.contains(&scope.as_str()))?;
        Some(format!("the server did not grant the scope `{lacking}`"))
    }
}

#[async_trait]
impl Issuer for ClientCredentials {
    fn succession(&self) -> Succession {
        Succession::Ephemeral
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn shape(&self) -> Option<ValueShape> {
        None
    }

    /// Of the letters that an access token has (RFC 6750 §2.1). Nothing in it says whose it is, so none is ever sent.
    fn recognises(&self, value: &TokenValue) -> bool {
        value.expose().chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/=".contains(c))
    }

    /// Each run makes a new one: there is no need to send what a destination holds to anybody.
    fn askable(&self) -> bool {
        false
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown("the server does not tell which scopes it would grant".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        Ok(Inventory::Blind { why: "a server of this protocol lists no tokens".to_owned(), id: None })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let secret = self.server.secret().map_err(|error| MintError::Refused(error.into()))?;
        let scope = self.config.scopes.join(" ");
        let mut fields = vec![("grant_type", "client_credentials")];
        if !scope.is_empty() {
            fields.push(("scope", &scope));
        }
        fields.extend(self.config.audience.as_deref().map(|audience| ("audience", audience)));
        fields.extend(self.config.resource.as_deref().map(|resource| ("resource", resource)));
        let granted = self.server.client(&secret).grant(&self.server.endpoints.token, &fields).await?;
        if let Some(why) = self.narrower(granted.scope.as_deref()) {
            return Err(MintError::Refused(anyhow::anyhow!(
                "{why}: nothing was delivered, and what it made dies by itself"
            )));
        }
        let id = format!("made {}", order.now.to_rfc3339_opts(SecondsFormat::Secs, true));
        let record =
            TokenRecord { created: Some(order.now), expires: granted.dies(order.now), ..TokenRecord::named(id) };
        Ok(Minted::new(granted.access_token, record))
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        let told = match self.server.introspect(value).await {
            Ok(told) => told,
            Err(why) => return Proof::Inconclusive(why),
        };
        if !told.active {
            return Proof::Rejected("the server says that it is not active".to_owned());
        }
        if told.client_id.as_ref().is_some_and(|client| *client != self.server.endpoints.client_id) {
            return Proof::Rejected("the server says that it is another client's".to_owned());
        }
        if let Some(why) = self.narrower(told.scope.as_deref()) {
            return Proof::Rejected(why);
        }
        // It lives and is the client's; which of the client's it is nobody says.
        Proof::Alive
    }

    async fn revoke(&self, record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        let Some(value) = value else {
            let id = crate::text::plain(&record.id);
            anyhow::bail!("{id}: it is ended by its value, which is not known any more; it dies by itself")
        };
        self.server.revoke(value).await?;
        Ok(Ended::Ended)
    }
}
