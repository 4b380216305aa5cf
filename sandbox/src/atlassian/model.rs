//! The rows of Atlassian's tables, as far as credentials need them.

use chrono::{DateTime, TimeDelta, Utc};

/// A person, or a service account.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account id of the Cloud.
    pub id: String,
    /// The e-mail address, with which an API token logs in.
    pub email: String,
    /// The user name at the Data Center.
    pub username: String,
    /// The name.
    pub name: String,
    /// The password at the Data Center.
    pub password: String,
}

/// An API token of an account of the Cloud.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// What the admin API calls it.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// Its label.
    pub label: String,
    /// The secret itself.
    pub value: String,
    /// Whether it has scopes, and so works only through the gateway.
    pub scoped: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it dies.
    pub expires: DateTime<Utc>,
    /// When it was last used.
    pub last_active: Option<DateTime<Utc>>,
    /// When somebody revoked it.
    pub revoked: Option<DateTime<Utc>>,
}

impl ApiToken {
    /// Whether it works: a revoked one goes on for the lag.
    pub fn works(&self, now: DateTime<Utc>, lag: TimeDelta) -> bool {
        now < self.expires && self.revoked.is_none_or(|at| now < at + lag)
    }
}

/// An admin API key of an organisation.
#[derive(Clone, Debug)]
pub struct Key {
    /// What the admin API calls it.
    pub id: String,
    /// Its name.
    pub label: String,
    /// The secret itself.
    pub value: String,
    /// Its scopes; none: everything.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it dies.
    pub expires: DateTime<Utc>,
    /// When it was last used.
    pub last_active: Option<DateTime<Utc>>,
    /// When somebody revoked it.
    pub revoked: Option<DateTime<Utc>>,
}

impl Key {
    /// Whether it works: a revoked one goes on for the lag.
    pub fn works(&self, now: DateTime<Utc>, lag: TimeDelta) -> bool {
        now < self.expires && self.revoked.is_none_or(|at| now < at + lag)
    }
}

/// A personal access token of a Data Center.
#[derive(Clone, Debug)]
pub struct Pat {
    /// Its number.
    pub id: u64,
    /// Whose it is.
    pub account: String,
    /// Its name; several may have one.
    pub name: String,
    /// The secret itself.
    pub value: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it dies, if it does.
    pub expires: Option<DateTime<Utc>>,
    /// When it was last used.
    pub last_used: Option<DateTime<Utc>>,
}

impl Pat {
    /// Whether it works at this time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}

/// An OAuth client: of a service account, or an app that people let in (3LO).
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The service account that it acts as; an app acts as whoever let it in.
    pub account: Option<String>,
    /// What it may ask for.
    pub scopes: Vec<String>,
}

/// What a person let an app do.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its id.
    pub id: String,
    /// The app.
    pub client: String,
    /// The person.
    pub account: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was given.
    pub since: DateTime<Utc>,
    /// Whether it has ended.
    pub ended: bool,
}

/// An access token.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) account: String,
    pub(super) grant: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) expires: DateTime<Utc>,
}

/// A refresh token.
#[derive(Clone, Debug)]
pub(super) struct Refresh {
    pub(super) grant: String,
    pub(super) made: DateTime<Utc>,
    pub(super) used: Option<DateTime<Utc>>,
}
