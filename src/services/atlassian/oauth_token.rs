//! `atlassian/oauth-token`: an access token of a service account, by client credentials. It lives an hour, dies by
//! itself, and is the way that needs no person.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::TimeDelta;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::Atlassian;
use super::gateway::{Of, is_jwt};
use crate::connection::own;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "atlassian/oauth-token",
    about: "An access token of a service account of Atlassian Cloud, which lives an hour",
    succession: "ephemeral",
    needs: "an OAuth 2.0 credential of a service account; to be proved, scope `read:jira-user` (Jira) or \
            `read:confluence-user` (Confluence)",
    ttl: Ttl::Optional,
    shortest: TimeDelta::hours(1),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// A name of yours, which tells apart several tokens of one client.
    name: String,
    /// The scopes that it gets; all that the credential has where they are left out.
    #[serde(default)]
    scopes: Vec<String>,
    /// Whose it must be. Without it nobody is asked.
    of: Option<Of>,
}

struct OAuthToken {
    atlassian: Arc<Atlassian>,
    config: Config,
    subject: Subject,
    /// What was granted in this run without a scope that was asked for.
    lacking: Mutex<Option<(TokenValue, String)>>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let config: Config = serde_json::from_value(keys)?;
    let atlassian = own::<Atlassian>(&ground.connection)?;
    let place = format!("client {} at {}", atlassian.client()?, atlassian.host);
    let subject = Subject::new(KIND.kind, &place, &config.name);
    Ok(Box::new(OAuthToken { atlassian, config, subject, lacking: Mutex::default() }))
}

#[async_trait]
impl Issuer for OAuthToken {
    fn succession(&self) -> Succession {
        Succession::Ephemeral
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

    fn ends_tokens(&self) -> bool {
        false
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        Ok(Leave::Unknown("a client is told what it may when it asks for a token".to_owned()))
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let why = "access tokens are listed nowhere".to_owned();
        Ok(Inventory::Blind { why, id: Some(self.config.name.clone()) })
    }

    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError> {
        let scope = self.config.scopes.join(" ");
        let mut fields = vec![("grant_type", "client_credentials")];
        if !scope.is_empty() {
            fields.push(("scope", scope.as_str()));
        }
        let granted = self.atlassian.grant(&fields).await?;
        // A scope that it may not have is left out without a word.
        let told = granted.scope.as_deref().unwrap_or(&scope);
        let has = |wanted: &&String| told.split_whitespace().any(|scope| scope == wanted.as_str());
        if let Some(lacks) = self.config.scopes.iter().find(|wanted| !has(wanted)) {
            let lacking = Some((granted.access_token.clone(), lacks.clone()));
            *self.lacking.lock().unwrap_or_else(PoisonError::into_inner) = lacking;
        }
        let record = TokenRecord {
            created: Some(order.now),
            expires: granted.dies(order.now),
            ..TokenRecord::named(&self.config.name)
        };
        Ok(Minted::new(granted.access_token, record))
    }

    async fn verify(&self, value: &TokenValue) -> Proof {
        let lacking = self.lacking.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, scope)) = lacking.filter(|(of, _)| of.same_as(value)) {
            return Proof::Rejected(format!("it was granted without the scope {scope}: give that to the credential"));
        }
        let record = TokenRecord::named(&self.config.name);
        self.atlassian.prove(value, self.config.of.as_ref(), &record).await
    }

    async fn revoke(&self, _record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        anyhow::bail!("an access token is revoked by no API: it dies within the hour, or with its credential")
    }
}
