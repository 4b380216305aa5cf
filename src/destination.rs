//! The contract of a destination: it holds a token for those who use it.
//!
//! A destination holds no policy either. What it owes:
//!
//! * [`Destination::rehearse`] changes nothing that anyone could see, and never writes back a value.
//! * [`Destination::deliver`] changes the value and nothing else, and done twice is done once.
//! * [`Destination::confirm`] looks again, at the destination itself; what cannot be seen is said to be unseen.
//! * [`Destination::holds`] lends the value only to the truth test of its own issuer.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connection::{Connection, Means};
use crate::token::{TokenValue, ValueShape};

/// Where a token lives: unique over the config, and what people read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// Names a place.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As the ledger and the reports write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How hard a rehearsal tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// It only reads.
    Look,
    /// It also makes a write that changes nothing.
    Try,
}

/// What is left behind by a delivery, for confirming it now and for recognising it in a later run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// What the service says changed, where the value itself cannot be read: a time, a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// Where the thing is now, when the delivery had to make it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
}

/// How sure we are that a destination holds what was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assurance {
    /// Its value was read and is the one delivered.
    ReadBack,
    /// It bears the stamp of the delivery.
    Stamped,
    /// It took the value, and nobody can see it.
    Unseen(String),
}

/// What a destination holds now.
pub enum Holding {
    /// This value.
    Lent(TokenValue),
    /// Something that cannot be read, but which is, or is not, what the receipt was given for.
    Stamp {
        /// Whether it is still the same delivery.
        same: bool,
    },
    /// Nothing can be said, for that reason.
    Unknowable(String),
    /// There is nothing there yet.
    Nothing,
}

/// A job that may be using what a destination holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// What it is, in a few words.
    pub what: String,
    /// The address of its page, by which a run knows itself.
    pub url: Option<String>,
}

/// What a destination is asked before a token is minted for it.
pub struct Ask<'a> {
    /// What the value will look like, as far as anyone knows.
    pub shape: Option<&'a ValueShape>,
    /// How hard to try.
    pub depth: Depth,
    /// The receipt of the last delivery.
    pub last: Option<&'a Receipt>,
}

/// A variable that jobs are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its name.
    pub name: String,
    /// The place that gives it, as [`crate::connection::Connection::levels`] names it.
    pub by: String,
    /// Whether only jobs of protected branches and tags get it, as far as it was seen.
    pub protected: bool,
}

/// Holds a token for those who use it. The module says what it owes.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Where it is.
    fn address(&self) -> &Address;

    /// Shows whether it would take such a value. An error says why not, in a sentence for people.
    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()>;

    /// Puts the value there.
    async fn deliver(&self, value: &TokenValue, last: Option<&Receipt>) -> anyhow::Result<Receipt>;

    /// Looks again. An error means that it holds something else.
    async fn confirm(&self, value: &TokenValue, receipt: &Receipt) -> anyhow::Result<Assurance>;

    /// Says what it holds.
    async fn holds(&self, last: Option<&Receipt>) -> anyhow::Result<Holding>;

    /// Removes what the delivery made superfluous, such as the old thing where it had to be made anew. Called once it
    /// is confirmed; until it succeeds the destination counts as owed.
    async fn clear_up(&self, _receipt: &Receipt) -> anyhow::Result<()> {
        Ok(())
    }

    /// The variable by which the jobs of a pipeline get what is held here; asked after [`Self::holds`].
    fn gives(&self) -> Option<Given> {
        None
    }

    /// Whether it can say which jobs use what it holds. Asked while it is built, where [`Self::readers`] will be: for
    /// that a login may need more rights.
    fn knows_readers(&self) -> anyhow::Result<bool> {
        Ok(false)
    }

    /// The jobs that may be using what it holds: they were given it, and have not ended.
    async fn readers(&self) -> anyhow::Result<Vec<Reader>> {
        Ok(Vec::new())
    }

    /// Who could read a refresher kept here besides the job that needs it; asked after [`Self::holds`].
    fn exposure(&self) -> Option<String> {
        None
    }
}

/// What a destination is built on.
pub struct Site {
    /// The service, logged in to; `None` for kinds that need none.
    pub connection: Option<Arc<dyn Connection>>,
    /// What it may use besides.
    pub means: Means,
}

impl Site {
    /// The connection, for a kind that needs one.
    pub fn connection(&self) -> anyhow::Result<&Arc<dyn Connection>> {
        self.connection.as_ref().ok_or_else(|| anyhow::anyhow!("this kind needs a connection"))
    }
}

/// One kind of destination, as the catalogue lists it.
pub struct DestinationKind {
    /// Its name: the path of its file.
    pub kind: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// What `confirm` can prove, for the reference.
    pub confirms: &'static str,
    /// The narrowest rights that work, for the reference and `check --needs`.
    pub needs: &'static str,
    /// The JSON schema of its own keys.
    pub schema: fn() -> Value,
    /// Makes a destination from its own keys.
    pub build: fn(Value, &Site) -> anyhow::Result<Box<dyn Destination>>,
}
