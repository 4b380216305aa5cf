//! The rows of the tables.

use chrono::{DateTime, Utc};

/// Whose manners a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A token of a Grafana service account.
    Grafana,
    /// A Cloudflare API token.
    Cloudflare,
    /// A team token of HCP Terraform.
    Terraform,
    /// A key of a service that answers as Slack does.
    Slack,
}

/// One secret.
#[derive(Clone, Debug)]
pub struct Key {
    /// Whose manners it has.
    pub family: Family,
    /// What the service calls it; a key that is rolled keeps it.
    pub id: String,
    /// Whose it is: a service account, a team.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// The secret itself.
    pub value: String,
    /// Whether it may make and end others.
    pub admin: bool,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it dies.
    pub expires: Option<DateTime<Utc>>,
    /// Whether it was ended.
    pub revoked: bool,
}

impl Key {
    /// Whether it works at this time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        !self.revoked && self.expires.is_none_or(|end| now < end)
    }
}

/// A place that takes a value.
#[derive(Clone, Debug, Default)]
pub struct Sink {
    /// The value.
    pub value: String,
    /// What else is there, and must stay.
    pub note: String,
    /// How often it was written.
    pub version: u64,
    /// The longest value that it takes; none: any.
    pub longest: Option<usize>,
    /// Whether only an administrator may write it.
    pub guarded: bool,
}
