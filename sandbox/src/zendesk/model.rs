//! The rows of Zendesk's tables, as far as tokens, webhooks and apps need them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Tickets; none of the settings.
    Agent,
}

/// A person.
#[derive(Clone, Debug)]
pub struct User {
    /// The number.
    pub id: u64,
    /// The name.
    pub name: String,
    /// The address that API tokens are used with.
    pub email: String,
    /// What the person may do.
    pub role: Role,
}

/// An OAuth client, which acts as the person who made it.
#[derive(Clone, Debug)]
pub struct Client {
    /// The number, by which the API knows it.
    pub id: u64,
    /// The unique identifier, by which it logs in.
    pub identifier: String,
    /// Whether it can keep a secret: only such a one may log in by itself.
    pub confidential: bool,
    /// The secret itself.
    pub secret: String,
    /// Secrets it had before, oldest first.
    pub former: Vec<String>,
    /// Who made it.
    pub user: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When anything of it changed.
    pub updated_at: DateTime<Utc>,
}

/// An OAuth access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The number.
    pub id: u64,
    /// The token itself.
    pub value: String,
    /// The number of the client.
    pub client: u64,
    /// Whom it acts as.
    pub user: u64,
    /// What it may do, as it was asked for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it dies; none: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used last.
    pub used_at: Option<DateTime<Utc>>,
}

impl AccessToken {
    /// Whether it works at this time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|dies| now < dies)
    }
}

/// A token of the old kind, of which no more are made.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// The number.
    pub id: u64,
    /// The token itself.
    pub value: String,
    /// What it is for.
    pub description: String,
    /// Who made it.
    pub user: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was used last.
    pub last_used: Option<DateTime<Utc>>,
}

/// How a webhook tells its receiver who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// `bearer_token`, `basic_auth` or `api_key`.
    pub kind: String,
    /// Where it is put.
    pub position: String,
    /// The credential, whole.
    pub data: Value,
}

/// One delivery, as Zendesk remembers it for a week.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its id.
    pub id: String,
    /// How it ended: `success`, `client error`, `server error`, …
    pub status: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
}

/// What a receiver was sent by a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The address, query included.
    pub endpoint: String,
    /// The headers, credentials included.
    pub headers: BTreeMap<String, String>,
}

/// A webhook.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The id: a ULID.
    pub id: String,
    /// The name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `active` or `inactive`.
    pub status: String,
    /// The address of the receiver.
    pub endpoint: String,
    /// The method.
    pub http_method: String,
    /// The format of the body.
    pub request_format: String,
    /// What sets it off.
    pub subscriptions: Vec<String>,
    /// How it tells who it is.
    pub authentication: Option<Authentication>,
    /// Headers of its own, which are shown to everybody who may read it.
    pub custom_headers: BTreeMap<String, String>,
    /// The app that made it.
    pub external_source: Option<String>,
    /// Signs what is sent.
    pub signing_secret: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When anything of it changed.
    pub updated_at: DateTime<Utc>,
    /// Who changed it.
    pub updated_by: u64,
    /// What the receiver answers to all but what it refuses.
    pub receiver: u16,
    /// Credentials that the receiver answers 401 to.
    pub refused: Vec<String>,
    /// What tests sent to the receiver.
    pub sent: Vec<Sent>,
    /// The deliveries of the last week.
    pub invocations: Vec<Invocation>,
}

/// An app as it is installed.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The number of the installation.
    pub id: u64,
    /// The number of the app.
    pub app: u64,
    /// Its settings.
    pub settings: BTreeMap<String, String>,
    /// The names of those that are never shown.
    pub secure: Vec<String>,
    /// When it was installed.
    pub created_at: DateTime<Utc>,
    /// When anything of it changed.
    pub updated_at: DateTime<Utc>,
}
