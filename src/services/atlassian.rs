//! Atlassian: the connection that its kinds share. It leads to one of three places, by its keys: the admin API of an
//! organisation (`org`), the authorisation server (`client_id`), or a Data Center (`product`).

pub(super) mod admin_api_key;
pub(super) mod api_token;
pub(super) mod data_center_token;
mod gateway;
mod identity;
pub(super) mod oauth_refresh_token;
pub(super) mod oauth_token;
mod organisation;

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use http::header::{AUTHORIZATION, DATE};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;

use crate::connection::{Connecting, Connection, Login, LoginError, Needed, ServiceKind, Slot};
use crate::http::{Answer, Call, Cause, Http, HttpError, Retry, address};
use crate::issuer::Ended;
use crate::token::TokenValue;
use identity::{Product, Who};

/// Atlassian, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "atlassian",
    about: "Atlassian Cloud (admin API, OAuth 2.0) and Data Center (Jira, Confluence)",
    own_address: None,
    url: Needed::Required,
    token: Needed::Required,
    schema: || schema_for!(Config).to_value(),
    connect,
};

/// The keys of a connection: `org`, `client_id` or `product` say what `token:` is and where it logs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The id of the organisation. `token:` is one of its admin API keys, and `url:` is `https://api.atlassian.com`.
    org: Option<String>,
    /// The id of an OAuth 2.0 client. `token:` is its secret, and `url:` is `https://auth.atlassian.com`.
    client_id: Option<String>,
    /// Where the access tokens of `client_id` are proved: `https://api.atlassian.com`. Without it they are not.
    api: Option<String>,
    /// What runs at this Data Center. `token:` is a personal access token, or the password of `user`, and `url:` is
    /// its base.
    product: Option<Product>,
    /// The user of the Data Center whose password `token:` is.
    user: Option<String>,
}

fn connect(to: Connecting) -> anyhow::Result<Arc<dyn Connection>> {
    let base = to.address()?;
    let config: Config = serde_json::from_value(to.keys)?;
    let door = match (config.org, config.client_id, config.product) {
        (Some(org), None, None) => Door::Organisation(org),
        (None, Some(id), None) => {
            let api = config.api.as_deref().map(|text| address(text).map_err(anyhow::Error::msg));
            let api = api.transpose().context("`api`")?;
            Door::Client { id, secret: to.slot.clone(), api, lent: false }
        }
        (None, None, Some(product)) => Door::DataCenter { product, user: config.user.clone() },
        _ => anyhow::bail!("say one of `org` (admin API), `client_id` (OAuth 2.0) and `product` (Data Center)"),
    };
    anyhow::ensure!(config.api.is_none() || matches!(door, Door::Client { .. }), "`api` belongs to `client_id`");
    anyhow::ensure!(config.user.is_none() || matches!(door, Door::DataCenter { .. }), "`user` belongs to `product`");
    let host = base.host_str().unwrap_or_default().to_owned();
    Ok(Arc::new(Atlassian { http: to.http, base, host, slot: to.slot, door, garbage: OnceCell::new() }))
}

/// One of the places, logged in to with one credential.
pub(super) struct Atlassian {
    http: Arc<Http>,
    base: Url,
    host: String,
    slot: Slot,
    door: Door,
    /// Whether a key that nobody has is refused as unknown; asked once a run.
    garbage: OnceCell<bool>,
}

/// What a connection leads to.
#[derive(Clone)]
enum Door {
    /// The admin API of the organisation of this id.
    Organisation(String),
    /// The authorisation server, for one client.
    Client {
        id: String,
        /// Its secret: the credential of the connection, whatever a token logs in with.
        secret: Slot,
        api: Option<Url>,
        /// Whether the slot holds a token that is exchanged, and not the secret.
        lent: bool,
    },
    /// A Data Center; with the password of a user, or a token.
    DataCenter { product: Product, user: Option<String> },
}

/// How long a revoked credential may go on working: ten minutes by the documentation of admin keys, twenty as people
/// who waited report.
/// <https://support.atlassian.com/organization-administration/docs/manage-an-organization-with-the-admin-apis/>
const LAG: TimeDelta = TimeDelta::minutes(20);

impl Atlassian {
    /// The credential that this connection logs in with.
    fn own(&self) -> Result<TokenValue, HttpError> {
        let none = || HttpError::before("atlassian", Cause::Withheld("no credential is at hand".to_owned()));
        self.slot.lend().ok_or_else(none)
    }

    /// A call to this place; the credential is put on by who makes it.
    fn call(&self, method: Method, path: &str, retry: Retry) -> Call {
        call(&self.base, method, path, retry)
    }

    /// The same with the connection's own credential.
    async fn send(&self, call: Call) -> Result<Answer, HttpError> {
        let value = self.own()?;
        let call = match &self.door {
            Door::DataCenter { user: Some(user), .. } => call.basic(user, &value),
            _ => call.credential(AUTHORIZATION, "Bearer ", &value),
        };
        self.http.send(call).await
    }

    /// Who a call is made by, by the words of the answer and never by its status.
    async fn who(&self, call: Call, product: Product, cloud: bool) -> Who {
        match self.http.send(call.header(http::header::ACCEPT, "application/json")).await {
            Ok(answer) => identity::who(&answer, product, cloud),
            Err(error) => Who::Unclear(error.to_string()),
        }
    }
}

/// A call to a path below an address, each part of which is encoded already.
fn call(base: &Url, method: Method, path: &str, retry: Retry) -> Call {
    let mut url = base.clone();
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.set_query(query);
    Call::new(method, url, retry)
}

/// A name as one part of a path, or as a value in a query.
fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Whether a value has the form of what Atlassian's Cloud issues: `AT`, and then letters, digits and a few marks. The
/// prefixes of its kinds are not documented, and their lengths vary.
fn is_of_the_cloud(value: &TokenValue) -> bool {
    let text = value.expose();
    text.len() >= 24
        && text.starts_with("AT")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=.".contains(&b))
}

/// What a revocation that was just answered means: it goes on working for a while, counted by the server's own clock.
fn ends_late(answer: &Answer) -> anyhow::Result<Ended> {
    let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).context(
        "it was revoked, and may go on working for twenty minutes, which cannot be counted: the answer has no date",
    )?;
    Ok(Ended::NotYet { until: date.with_timezone(&Utc) + LAG })
}

/// What a refusal means.
fn meaning(answer: &Answer) -> &'static str {
    match answer.status.as_u16() {
        401 => "Atlassian knows no such credential, or it has expired or was revoked",
        403 => "the credential has no right, or no scope, for this",
        404 => "there is no such thing, or this credential may not see it",
        400 | 422 => "Atlassian refuses it as invalid",
        500.. => "Atlassian failed",
        _ => "an answer that is not expected here",
    }
}

fn login(who: Option<String>, rights: Vec<String>) -> Login {
    Login { who, record: None, rights, too_wide: None }
}

#[async_trait]
impl Connection for Atlassian {
    fn host(&self) -> &str {
        &self.host
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        match &self.door {
            Door::Organisation(org) => self.administers(org, value).await,
            // There is no "who am I" for a client: to try its secret is to mint. A refresh token would be used up.
            Door::Client { .. } => Ok(login(None, vec!["a client is not asked who it is: its mint tells".to_owned()])),
            Door::DataCenter { product, user } => {
                let call = self.call(Method::GET, product.data_center(), Retry::Read);
                let call = match user {
                    Some(user) => call.basic(user, value),
                    None => call.credential(AUTHORIZATION, "Bearer ", value),
                };
                match self.who(call, *product, false).await {
                    Who::Is(name) => Ok(login(Some(name), Vec::new())),
                    Who::Refused(why) => Err(LoginError::Dead(why)),
                    Who::Unclear(why) => Err(LoginError::Unreachable(why)),
                }
            }
        }
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        let door = match &self.door {
            Door::Client { id, secret, api, .. } => {
                Door::Client { id: id.clone(), secret: secret.clone(), api: api.clone(), lent: true }
            }
            // A token of its own is no password.
            Door::DataCenter { product, .. } => Door::DataCenter { product: *product, user: None },
            door @ Door::Organisation(_) => door.clone(),
        };
        let (http, base, host) = (Arc::clone(&self.http), self.base.clone(), self.host.clone());
        Arc::new(Self { http, base, host, slot, door, garbage: OnceCell::new() })
    }

    fn forget(&self) {}
}
