//! Zendesk: the connection that its kinds share.
//!
//! It logs in as an OAuth client, by its secret, for a session of an hour with the scopes that the kinds at this
//! connection need and no others. API tokens are not spoken: none can be made since 27 October 2026.
//! <https://developer.zendesk.com/documentation/api-basics/authentication/oauth-migration/>

pub(super) mod api_token;
pub(super) mod app_setting;
pub(super) mod oauth_client_secret;
pub(super) mod oauth_token;
mod session;
pub(super) mod webhook;
mod webhook_json;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::Method;
use http::header::AUTHORIZATION;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::connection::{Connection, Login, LoginError, Needed, ServiceKind, Slot};
use crate::http::{Answer, Call, Cause, Http, HttpError, Retry};
use crate::token::{TokenRecord, TokenValue};
use session::{Session, Why};

/// Zendesk, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "zendesk",
    about: "Zendesk Support, logged in to as an OAuth client whose secret is `token`",
    own_address: None,
    url: Needed::Required,
    token: Needed::Required,
    schema: || schema_for!(Keys).to_value(),
    connect: |to| {
        let keys: Keys = serde_json::from_value(to.keys.clone())?;
        let clients = [Some(keys.client_id), keys.spare_client_id].into_iter().flatten().collect();
        Ok(Arc::new(Zendesk::new(to.address()?, clients, to.slot, to.http)))
    },
};

/// The keys of a connection of its own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// The unique identifier of the OAuth client whose secret is `token`. It is a confidential one, and acts as the
    /// person who made it.
    client_id: String,
    /// The unique identifier of another client, whose secret is `spare`: each can save the other.
    spare_client_id: Option<String>,
}

/// What is asked for when nothing else is: enough to say who it is.
const LEAST: &str = "users:read";

/// One account, logged in to with one client's secret.
pub(super) struct Zendesk {
    http: Arc<Http>,
    base: Url,
    host: String,
    slot: Slot,
    /// The clients that the secret may be of: that of `token`, and that of `spare`.
    clients: Vec<String>,
    /// The scopes that the kinds at this connection asked for when they were built.
    needed: Arc<Mutex<BTreeSet<&'static str>>>,
    sessions: Mutex<Vec<Session>>,
    /// One opens a session, and all who want it wait for it.
    opening: tokio::sync::Mutex<()>,
    /// The webhooks and apps of the config, by their paths.
    shared: Arc<Mutex<BTreeMap<String, Share>>>,
}

/// A webhook or an app, in which several places of the config may be.
#[derive(Clone, Default)]
struct Share {
    /// How many.
    places: usize,
    /// Whoever writes to it has it, so that none takes back what another has just written.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Share {
    /// Whether it has other places too: then its stamp says nothing of one of them.
    const fn has_others(&self) -> bool {
        self.places > 1
    }
}

impl Zendesk {
    fn new(base: Url, clients: Vec<String>, slot: Slot, http: Arc<Http>) -> Self {
        let host = base.host_str().unwrap_or_default().to_owned();
        Self {
            http,
            base,
            host,
            slot,
            clients,
            needed: Arc::default(),
            sessions: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            shared: Arc::default(),
        }
    }

    /// The client of `token`.
    fn client(&self) -> &str {
        self.clients.first().map(String::as_str).unwrap_or_default()
    }

    /// Asks that the session have these scopes.
    fn needs(&self, scopes: &[&'static str]) {
        self.needed.lock().unwrap_or_else(PoisonError::into_inner).extend(scopes);
    }

    /// Says that a place of the config is in this webhook or app.
    fn has_place(&self, path: &str) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.entry(path.to_owned()).or_default().places += 1;
    }

    /// Who else is in it.
    fn share(&self, path: &str) -> Share {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned().unwrap_or_default()
    }

    /// The scopes of the usual session, and no others.
    fn scope(&self) -> String {
        let needed = self.needed.lock().unwrap_or_else(PoisonError::into_inner);
        if needed.is_empty() { LEAST.to_owned() } else { needed.iter().copied().collect::<Vec<_>>().join(" ") }
    }

    /// Sends a call in the session of these scopes, which is opened where there is none yet.
    async fn call(
        &self,
        scope: &str,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        let session = self.session(scope).await?;
        let answer = self.call_as(&session.token, method, path, query, body, retry).await?;
        if answer.status.as_u16() == 401 {
            // Somebody ended it: the next call opens another.
            self.drop_session(&session);
        }
        Ok(answer)
    }

    /// The same with another access token.
    async fn call_as(
        &self,
        token: &TokenValue,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        let call = Call::new(method, self.url(path, query), retry).credential(AUTHORIZATION, "Bearer ", token);
        self.http.send(if let Some(body) = body { call.json(body) } else { call }).await
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

fn withheld(why: &str) -> HttpError {
    HttpError::before("zendesk", Cause::Withheld(why.to_owned()))
}

/// What a refusal means.
fn meaning(answer: &Answer) -> &'static str {
    match answer.status.as_u16() {
        401 => "Zendesk knows no such token: it has expired, was revoked, or never was",
        403 => "its scopes do not reach this, or whoever made the OAuth client is no administrator",
        404 => "there is no such thing",
        400 | 422 => "Zendesk refuses it as invalid",
        500.. => "Zendesk failed",
        _ => "an answer that is not expected here",
    }
}

#[async_trait]
impl Connection for Zendesk {
    fn host(&self) -> &str {
        &self.host
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Exchanges the secret for a session, which the calls of this run are then made in.
    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let session = self.prove(value, &self.scope(), &self.clients).await.map_err(|why| match why {
            Why::Dead(why) => LoginError::Dead(why),
            Why::Unclear(why) => LoginError::Unreachable(why),
        })?;
        Ok(Login {
            who: session.user.map(|id| format!("OAuth client {}, user {id}", session.client)),
            record: Some(TokenRecord::named(&session.client)),
            rights: session.scope.split(' ').map(str::to_owned).collect(),
            too_wide: None,
        })
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        let sibling = Self::new(self.base.clone(), self.clients.clone(), slot, Arc::clone(&self.http));
        Arc::new(Self { needed: Arc::clone(&self.needed), shared: Arc::clone(&self.shared), ..sibling })
    }

    /// The sessions stay open, and prove nothing any more of the secrets that they were opened with.
    fn forget(&self) {
        self.doubt_sessions();
    }

    async fn log_out(&self) {
        self.end_sessions().await;
    }
}
