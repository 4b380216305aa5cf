//! The rows of the server's tables.

use chrono::{DateTime, TimeDelta, Utc};

/// How a client says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// In the Authorization header only.
    Basic,
    /// In the form only.
    Post,
    /// Either way.
    Either,
}

/// A client that has a secret.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its public name.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// How it says who it is.
    pub auth: ClientAuth,
    /// What it may be granted.
    pub scopes: Vec<String>,
    /// How long its access tokens live.
    pub life: TimeDelta,
    /// How long its refresh tokens live, from when each was made.
    pub refresh_life: TimeDelta,
}

/// An access token.
#[derive(Clone, Debug)]
pub struct Access {
    /// The secret itself.
    pub value: String,
    /// Whose it is.
    pub client: String,
    /// Which grant it came from; none for client credentials.
    pub grant: Option<usize>,
    /// What it may do, separated by spaces.
    pub scope: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it dies.
    pub expires: DateTime<Utc>,
    /// Whether it was ended before.
    pub revoked: bool,
}

impl Access {
    /// Whether it works at this time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        !self.revoked && now < self.expires
    }
}

/// What a person once allowed a client: a chain of refresh tokens of which only the last one works.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whose it is.
    pub client: String,
    /// The person.
    pub subject: String,
    /// What was allowed, separated by spaces.
    pub scope: String,
    /// The refresh token that works now.
    pub refresh: String,
    /// When that dies.
    pub expires: DateTime<Utc>,
    /// Those that were used.
    pub used: Vec<String>,
    /// Whether the whole grant is over.
    pub ended: bool,
}

impl Grant {
    /// Whether it can be refreshed at this time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        !self.ended && now < self.expires
    }
}
