//! The contract of an issuer: it mints, lists, verifies and revokes tokens of one kind.
//!
//! An issuer holds no policy. When to mint, in which order, what to do after a lost answer and what may be revoked is
//! decided in [`crate::plan`] and [`crate::rotation`]; an issuer only knows how its service does it, and tells the
//! truth about what it saw. In particular:
//!
//! * [`Issuer::mint`] sends its irreversible request once ([`crate::http::Retry::Once`]) and says honestly whether a
//!   failure means *nothing happened* or *nobody knows*.
//! * [`Issuer::verify`] proves identity, not status: an answer that a stranger would get too is no proof.
//! * [`Issuer::inventory`] lists live tokens only, and only those of its subject.
//! * [`Issuer::revoke`] ends one record and is content if it has ended already.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::connection::{Connection, Means};
use crate::http::HttpError;
use crate::token::{Minted, Order, Parts, Subject, TokenRecord, TokenValue, ValueShape};

/// How a new token follows the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    /// New and old live side by side.
    Overlaps,
    /// The new one kills the old one at once.
    Replaces,
    /// Minted at every run; dies by itself.
    Ephemeral,
    /// No API mints it: a person supplies it.
    Manual,
}

impl Succession {
    /// The word used in plans, the ledger and the docs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Overlaps => "overlaps",
            Self::Replaces => "replaces",
            Self::Ephemeral => "ephemeral",
            Self::Manual => "manual",
        }
    }
}

/// Whether the login may mint. That it may not is an error, which says what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// It may.
    May,
    /// The service does not say before it is tried.
    Unknown(String),
}

/// The live tokens of one subject.
#[derive(Clone)]
pub enum Inventory {
    /// All of them, newest first.
    Listed(Vec<TokenRecord>),
    /// This issuer, or this login, cannot list.
    Blind {
        /// Why, for people.
        why: String,
        /// What the issuer calls the token, where that never changes.
        id: Option<String>,
    },
}

/// A mint that failed.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// Nothing was made, and the old token is as it was.
    #[error("{0:#}")]
    Refused(anyhow::Error),
    /// A token may exist that nobody holds, and the old one may be dead.
    #[error("{0:#}")]
    InDoubt(anyhow::Error),
}

/// Of a request that mints and is sent once: whether anything was done is for the error to say.
impl From<HttpError> for MintError {
    fn from(error: HttpError) -> Self {
        if error.in_doubt() { Self::InDoubt(error.into()) } else { Self::Refused(error.into()) }
    }
}

/// What a value turned out to be.
#[derive(Clone)]
pub enum Proof {
    /// The issuer says who it is.
    Identity(Box<TokenRecord>),
    /// The issuer still shows this value, or its fingerprint, for that record. For tokens whose use has effects.
    Matched(Box<TokenRecord>),
    /// It is refused for its rights where garbage is refused as unknown: alive, but it does not say who.
    Alive,
    /// Nothing can be said.
    Inconclusive(String),
    /// The issuer says that it is dead, unknown, or somebody else's.
    Rejected(String),
}

impl Proof {
    /// The record that the proof names.
    pub fn record(&self) -> Option<&TokenRecord> {
        match self {
            Self::Identity(record) | Self::Matched(record) => Some(record),
            Self::Alive | Self::Inconclusive(_) | Self::Rejected(_) => None,
        }
    }

    /// The word used in reports.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Identity(_) => "identity",
            Self::Matched(_) => "matched",
            Self::Alive => "alive",
            Self::Inconclusive(_) => "inconclusive",
            Self::Rejected(_) => "rejected",
        }
    }
}

/// What came of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The issuer no longer knows it as live.
    Ended,
    /// It may go on working until then; checked by the next run, not by waiting.
    NotYet {
        /// When the issuer's lag is over.
        until: DateTime<Utc>,
    },
}

/// Mints, lists, verifies and revokes the tokens of one subject. The module says what it owes.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// How a new token follows the old one.
    fn succession(&self) -> Succession;

    /// What makes it this token and no other.
    fn subject(&self) -> &Subject;

    /// What a value of this issuer looks like; `None` where nothing is known.
    fn shape(&self) -> Option<ValueShape>;

    /// Whether a value is of this issuer's make, by its prefix or its form. Only then is it ever sent there.
    fn recognises(&self, value: &TokenValue) -> bool;

    /// Shows, without minting, whether the login may mint such a token.
    async fn rehearse(&self, order: &Order<'_>) -> anyhow::Result<Leave>;

    /// Lists the live tokens of the subject. May answer from what this run has listed before.
    async fn inventory(&self) -> anyhow::Result<Inventory>;

    /// Makes one token. Never retried: it may exist although the answer was lost.
    async fn mint(&self, order: &Order<'_>) -> Result<Minted, MintError>;

    /// Proves what a value is, by asking the issuer with it or about it.
    async fn verify(&self, value: &TokenValue) -> Proof;

    /// Ends one token for good. That it has ended before is well. The value is lent where this run knows it; an issuer
    /// that cannot do without it says so when there is none.
    async fn revoke(&self, record: &TokenRecord, value: Option<&TokenValue>) -> anyhow::Result<Ended>;

    /// Whether a value can be asked who it is. Where to ask is to use it up, or nobody can be asked at all, it is known
    /// by its fingerprint, and [`Self::verify`] is only called with what was just minted.
    fn askable(&self) -> bool {
        true
    }

    /// Whether a predecessor can be ended here at all; where it cannot, a person is told to do it.
    fn ends_tokens(&self) -> bool {
        true
    }

    /// What its token is called whoever makes it, where nothing gives each one a name of its own.
    fn constant_id(&self) -> Option<&str> {
        None
    }

    /// The names of what is minted besides the value.
    fn parts(&self) -> &'static [&'static str] {
        &[]
    }

    /// Those parts that are known without minting, so that a value alone can be given its shape again.
    fn known_parts(&self) -> Parts {
        Parts::new()
    }

    /// What a person should know about the live token, besides its dates; asked after [`Self::inventory`].
    fn advice(&self, _live: Option<&TokenRecord>, _now: DateTime<Utc>) -> Vec<String> {
        Vec::new()
    }

    /// Whose rights a token minted now would carry, where that is not the old one's matter.
    async fn mints_as(&self) -> Option<String> {
        None
    }
}

/// Whether the config of a kind takes `ttl:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// It must be given: without it the issuer would grant years, or a week.
    Required,
    /// It may be left out.
    Optional,
}

/// What an issuer is built on.
pub struct Ground {
    /// The service, logged in to as this token's config says. A kind without a service gets one without a host.
    pub connection: Arc<dyn Connection>,
    /// What it may use besides.
    pub means: Means,
    /// Whether the login is the token itself (`self:`), which then rotates itself.
    pub own_login: bool,
}

/// One kind of issuer, as the catalogue lists it. A kind is a constant of this type in the file that implements it.
pub struct IssuerKind {
    /// Its name: the path of its file.
    pub kind: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// How its tokens follow each other, for the reference.
    pub succession: &'static str,
    /// The narrowest rights that work, for the reference and `check --needs`.
    pub needs: &'static str,
    /// Whether it takes `ttl:`.
    pub ttl: Ttl,
    /// The shortest `ttl:` that can be kept.
    pub shortest: TimeDelta,
    /// Whether a token of this kind can rotate itself, so that `self:` is accepted.
    pub rotates_itself: bool,
    /// Whether `login:` is accepted: minted as another token of the config.
    pub lends_login: bool,
    /// The JSON schema of its own keys.
    pub schema: fn() -> Value,
    /// Makes an issuer from its own keys.
    pub build: fn(Value, &Ground) -> anyhow::Result<Box<dyn Issuer>>,
}
