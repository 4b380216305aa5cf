//! `zendesk/oauth-client-secret`: generated in place; the old one is dead at once. It is what its connection logs in with.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use http::Method;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::session::Why;
use super::{Zendesk, meaning};
use crate::connection::own;
use crate::http::Retry;
use crate::issuer::{Ended, Ground, Inventory, Issuer, IssuerKind, Leave, MintError, Proof, Succession, Ttl};
use crate::token::{Minted, Order, Subject, TokenRecord, TokenValue, ValueShape};

pub(crate) const KIND: IssuerKind = IssuerKind {
    kind: "zendesk/oauth-client-secret",
    about: "The secret of a confidential OAuth client, generated anew in place, where the old one is taken for dead at \
            once. It never dies by itself: say `rotate: { after: 60d }`",
    succession: "replaces",
    needs: "an OAuth client that an administrator made. While the secret turns, the session has the scopes `read` and \
            `write`, for Zendesk has none of its own for OAuth clients",
    ttl: Ttl::Optional,
    shortest: TimeDelta::days(1),
    rotates_itself: false,
    lends_login: false,
    schema: || schema_for!(Config).to_value(),
    build,
};

/// OAuth clients are not among the resources that a scope can name.
const SCOPE: &str = "read write";

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The unique identifier of the client.
    client_id: String,
}

/// <https://developer.zendesk.com/api-reference/ticketing/oauth/oauth_clients/>
#[derive(Deserialize)]
struct ClientJson {
    id: u64,
    identifier: String,
    kind: Option<String>,
    /// Whole in the answer that made it; elsewhere a beginning, and three dots.
    secret: Option<TokenValue>,
}

#[derive(Deserialize)]
struct Envelope {
    client: ClientJson,
}

#[derive(Deserialize)]
struct Listing {
    clients: Vec<ClientJson>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    has_more: bool,
    after_cursor: Option<String>,
}

struct OauthClientSecret {
    zendesk: Arc<Zendesk>,
    client: String,
    subject: Subject,
    /// The number of the client, found once a run.
    number: OnceCell<u64>,
}

fn build(keys: Value, ground: &Ground) -> anyhow::Result<Box<dyn Issuer>> {
    let Config { client_id: client } = serde_json::from_value(keys)?;
    let zendesk = own::<Zendesk>(&ground.connection)?;
    let subject = Subject::new(KIND.kind, &zendesk.host, &client);
    Ok(Box::new(OauthClientSecret { zendesk, client, subject, number: OnceCell::new() }))
}

impl OauthClientSecret {
    async fn number(&self) -> anyhow::Result<u64> {
        self.number.get_or_try_init(|| self.find()).await.copied()
    }

    async fn find(&self) -> anyhow::Result<u64> {
        let mut after: Option<String> = None;
        for _ in 0..100 {
            let mut query = vec![("page[size]", "100")];
            query.extend(after.as_deref().map(|after| ("page[after]", after)));
            let path = "api/v2/oauth/clients";
            let answer = self.zendesk.call(SCOPE, Method::GET, path, &query, None, Retry::Read).await?;
            anyhow::ensure!(answer.ok(), answer.refused(meaning(&answer)));
            let Listing { clients, meta } = answer.json()?;
            if let Some(found) = clients.into_iter().find(|client| client.identifier == self.client) {
                let public = found.kind.as_deref() == Some("public");
                anyhow::ensure!(!public, "OAuth client {} is a public one, whose secret nobody uses", self.client);
                return Ok(found.id);
            }
            after = meta.filter(|meta| meta.has_more).and_then(|meta| meta.after_cursor);
            if after.is_none() {
                break;
            }
        }
        anyhow::bail!("{} has no OAuth client with the unique identifier {}", self.zendesk.host, self.client)
    }
}

/// Whether it is only the beginning of a secret.
fn is_cut(secret: &TokenValue) -> bool {
    let text = secret.expose();
    text.ends_with("...") || text.ends_with('…')
}

#[async_trait]
impl Issuer for OauthClientSecret {
    fn succession(&self) -> Succession {
        Succession::Replaces
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Zendesk does not say what its secrets look like; the one that we log in with is one of them.
    fn shape(&self) -> Option<ValueShape> {
        self.zendesk.slot.lend().map(|login| login.shape())
    }

    fn recognises(&self, value: &TokenValue) -> bool {
        self.shape().is_some_and(|shape| shape == value.shape())
    }

    async fn rehearse(&self, _order: &Order<'_>) -> anyhow::Result<Leave> {
        self.number().await?;
        Ok(Leave::Unknown("that it may list OAuth clients does not say that it may change them".to_owned()))
    }

    /// A client shows when it changed, and not whether that was its secret.
    async fn inventory(&self) -> anyhow::Result<Inventory> {
        let why = "a client's secret never dies by itself, and Zendesk does not say when it was generated".to_owned();
        Ok(Inventory::Blind { why, id: Some(self.client.clone()) })
    }

    async fn mint(&self, _order: &Order<'_>) -> Result<Minted, MintError> {
        let number = self.number().await.map_err(MintError::Refused)?;
        // Whatever comes of it, what was known of a secret before says nothing now.
        self.zendesk.doubt_sessions();
        let path = format!("api/v2/oauth/clients/{number}/generate_secret");
        let answer = self.zendesk.call(SCOPE, Method::PUT, &path, &[], None, Retry::Once).await?;
        if !answer.ok() {
            return Err(MintError::from(answer.refused(meaning(&answer))));
        }
        let made = answer.json::<Envelope>()?.client;
        let value = made.secret.filter(|secret| !is_cut(secret)).ok_or_else(|| {
            let what = "Zendesk answered 200 without a whole secret: it may have generated one that nobody holds";
            MintError::InDoubt(anyhow::anyhow!(what))
        })?;
        Ok(Minted::new(value, TokenRecord::named(&self.client)))
    }

    /// Exchanges it for a session, as this client and no other.
    async fn verify(&self, value: &TokenValue) -> Proof {
        let only = std::slice::from_ref(&self.client);
        match self.zendesk.prove(value, &self.zendesk.scope(), only).await {
            Ok(session) => Proof::Identity(Box::new(TokenRecord::named(session.client))),
            Err(Why::Dead(why)) => Proof::Rejected(why),
            Err(Why::Unclear(why)) => Proof::Inconclusive(why),
        }
    }

    async fn revoke(&self, _record: &TokenRecord, _value: Option<&TokenValue>) -> anyhow::Result<Ended> {
        anyhow::bail!(
            "an OAuth client always has a secret: to end this one, generate another with \
             `rotate --only NAME --force --reason TEXT`, or delete \
             the client {} in Zendesk; access tokens that were made with it live on for two days at most",
            self.client
        )
    }

    fn ends_tokens(&self) -> bool {
        false
    }
}
