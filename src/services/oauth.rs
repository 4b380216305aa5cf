//! Any OAuth 2.0 authorisation server: the connection that its kinds share. The credential is the client's secret.

pub(super) mod client_credentials;
pub(super) mod refresh_token;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;

use crate::connection::{Connecting, Connection, Login, LoginError, Needed, ServiceKind, Slot};
use crate::http::{Cause, Http, HttpError};
use crate::protocol::oauth::{Client, ClientAuth, Introspected, Known};
use crate::token::TokenValue;

/// Any OAuth 2.0 authorisation server, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "oauth",
    about: "Any OAuth 2.0 authorisation server, as one of its clients",
    own_address: None,
    url: Needed::Required,
    token: Needed::Required,
    schema: || schema_for!(Keys).to_value(),
    connect,
};

/// The keys of a connection. Its `token` is the client's secret.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// The client's public name.
    client_id: String,
    /// How the client says who it is: `basic`, in the Authorization header, is what every server must take; `post`, in
    /// the form; `json`, in a body of JSON.
    #[serde(default)]
    auth: ClientAuth,
    /// The path of the token endpoint, below `url`; `/oauth/token` by default.
    token_path: Option<String>,
    /// The path of the introspection endpoint, below `url`; `/oauth/introspect` by default. A server without one answers
    /// 404 there.
    introspection_path: Option<String>,
    /// The path of the revocation endpoint, below `url`; `/oauth/revoke` by default. A server without one answers 404
    /// there.
    revocation_path: Option<String>,
}

fn connect(to: Connecting) -> anyhow::Result<Arc<dyn Connection>> {
    let base = to.address()?;
    let keys: Keys = serde_json::from_value(to.keys)?;
    let token = endpoint(&base, "token_path", keys.token_path.as_deref().unwrap_or("/oauth/token"))?;
    let introspection = keys.introspection_path.as_deref().unwrap_or("/oauth/introspect");
    let introspection = endpoint(&base, "introspection_path", introspection)?;
    let revocation = endpoint(&base, "revocation_path", keys.revocation_path.as_deref().unwrap_or("/oauth/revoke"))?;
    let host = base.port().map_or_else(String::new, |port| format!(":{port}"));
    let host = format!("{}{host}", base.host_str().unwrap_or_default());
    let (client_id, auth, secret) = (keys.client_id, keys.auth, to.slot.clone());
    let endpoints = Arc::new(Endpoints { token, introspection, revocation, client_id, auth, host });
    Ok(Arc::new(OAuth { http: to.http, endpoints, secret, slot: to.slot, garbage: OnceCell::new() }))
}

/// An endpoint below the address: never at another host.
fn endpoint(base: &Url, key: &str, path: &str) -> anyhow::Result<Url> {
    let strays = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '\\');
    let up = path.split('/').any(|part| matches!(part, "." | ".."));
    anyhow::ensure!(
        path.starts_with('/') && !path.starts_with("//") && !path.contains(strays) && !up,
        "`{key}` is a path below the `url`, such as `/oauth/token`"
    );
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    Ok(url)
}

struct Endpoints {
    token: Url,
    introspection: Url,
    revocation: Url,
    client_id: String,
    auth: ClientAuth,
    host: String,
}

/// One authorisation server, as one client.
pub(super) struct OAuth {
    http: Arc<Http>,
    endpoints: Arc<Endpoints>,
    /// Where the client's secret is.
    secret: Slot,
    /// What a token of this server is: the client's secret, or a token of its own (`self:`).
    slot: Slot,
    /// Whether introspection tells a value that nobody has from a live one; asked once a run.
    garbage: OnceCell<bool>,
}

impl OAuth {
    fn client<'a>(&'a self, secret: &'a TokenValue) -> Client<'a> {
        let Endpoints { client_id, auth, .. } = self.endpoints.as_ref();
        Client { http: &self.http, id: client_id, secret: Some(secret), auth: *auth }
    }

    fn secret(&self) -> Result<TokenValue, HttpError> {
        let none = || HttpError::before("oauth", Cause::Withheld("the client's secret is not at hand".to_owned()));
        self.secret.lend().ok_or_else(none)
    }

    /// Asks what a token is. None where the server does not tell, or tells garbage the same.
    async fn introspect(&self, value: &TokenValue) -> Result<Introspected, String> {
        let secret = self.secret().map_err(|error| error.to_string())?;
        let (client, endpoint) = (self.client(&secret), &self.endpoints.introspection);
        let told = client.introspect(endpoint, value).await.map_err(|error| match error.status() {
            Some(404 | 405 | 501) => NO_INTROSPECTION.to_owned(),
            _ => error.to_string(),
        })?;
        let control = || async {
            let Ok(garbage) = TokenValue::new("tokenwheel-control-no-token-has-this-value") else { return false };
            client.introspect(endpoint, &garbage).await.is_ok_and(|told| !told.active)
        };
        if told.active && !*self.garbage.get_or_init(control).await {
            return Err(CALLS_ALL_ACTIVE.to_owned());
        }
        Ok(told)
    }

    /// Revokes a token. The answer proves nothing (RFC 7009 wants 200 for what is not known), so it is asked after.
    async fn revoke(&self, value: &TokenValue) -> anyhow::Result<()> {
        let secret = self.secret()?;
        let revoked = self.client(&secret).revoke(&self.endpoints.revocation, value).await;
        revoked.map_err(|error| match error.status() {
            Some(404 | 405 | 501) => anyhow::anyhow!("the server has no revocation endpoint: it dies by itself"),
            _ => error.into(),
        })?;
        match self.introspect(value).await {
            Ok(told) if told.active => {
                anyhow::bail!("the server answered that it is revoked, and introspection says that it lives on")
            }
            // Where nothing can be asked, its word is all there is.
            Ok(_) => Ok(()),
            Err(why) if why == NO_INTROSPECTION || why == CALLS_ALL_ACTIVE => Ok(()),
            Err(why) => {
                anyhow::bail!("the server answered that it is revoked, and could not be asked whether it is: {why}")
            }
        }
    }
}

/// Why introspection tells nothing here.
const NO_INTROSPECTION: &str = "the server has no introspection endpoint";
const CALLS_ALL_ACTIVE: &str = "the server calls a value active that nobody has";

/// When a token dies, as introspection tells it.
fn dies(told: &Introspected) -> Option<DateTime<Utc>> {
    told.exp.and_then(|seconds| DateTime::from_timestamp(seconds, 0))
}

#[async_trait]
impl Connection for OAuth {
    fn host(&self) -> &str {
        &self.endpoints.host
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Introspects garbage: a server that knows the client says that it is not active. Where there is no introspection,
    /// an exchange of garbage is refused, and how tells whether the client is known. Neither makes a token.
    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let client = self.client(value);
        let mut known = client.is_known(&self.endpoints.introspection, &[]).await;
        if !matches!(known, Ok(Known::Yes | Known::No(_))) {
            known = client.is_known(&self.endpoints.token, &[("grant_type", "refresh_token")]).await;
        }
        match known.map_err(|error| LoginError::Unreachable(error.to_string()))? {
            Known::Yes => {
                let who = Some(format!("client {}", self.endpoints.client_id));
                Ok(Login { who, record: None, rights: Vec::new(), too_wide: None })
            }
            Known::No(why) => Err(LoginError::Dead(why)),
            Known::Unsaid(why) => Err(LoginError::Unreachable(why)),
        }
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        let (http, endpoints) = (Arc::clone(&self.http), Arc::clone(&self.endpoints));
        Arc::new(Self { http, endpoints, secret: self.secret.clone(), slot, garbage: OnceCell::new() })
    }

    fn forget(&self) {}
}
