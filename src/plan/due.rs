//! When a token turns. Dates come from the expiry that the issuer returned, not from what was ordered.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Moment, Wanted};
use crate::ledger::Entry;
use crate::text;
use crate::token::TokenRecord;

/// The rule by which a token turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// After this share of the lifetime that was really granted.
    AfterShare {
        /// Numerator.
        of: i32,
        /// Denominator.
        parts: i32,
    },
    /// At this age.
    AfterAge(#[serde(with = "seconds")] TimeDelta),
    /// This long before it dies.
    Before(#[serde(with = "seconds")] TimeDelta),
}

impl Default for Rule {
    /// Two thirds of the real lifetime, as cert-manager does it: a third is left for a person to mend what fails.
    fn default() -> Self {
        Self::AfterShare { of: 2, parts: 3 }
    }
}

impl Rule {
    /// When a token with these dates turns; `ttl` measures one that lives for ever.
    pub fn due(
        self,
        created: Option<DateTime<Utc>>,
        dies: Option<DateTime<Utc>>,
        ttl: Option<TimeDelta>,
    ) -> Option<DateTime<Utc>> {
        let due = match self {
            Self::AfterAge(age) => created.map(|created| created + age),
            // One that lives for ever is measured by the lifetime that the config wants.
            Self::Before(rest) => dies.or(created.zip(ttl).map(|(created, ttl)| created + ttl)).map(|dies| dies - rest),
            Self::AfterShare { of, parts } => created.and_then(|created| {
                let lifetime = dies.map(|dies| dies - created).or(ttl)?;
                Some(created + lifetime / parts.max(1) * of)
            }),
        };
        // Nothing outlives its own death: a rule that would turn it later turns it in time.
        match (due, dies) {
            (Some(due), Some(dies)) => Some(due.min(dies)),
            (due, dies) => due.or(dies),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AfterShare { of, parts } => write!(f, "past {of}/{parts} of its life"),
            Self::AfterAge(age) => write!(f, "older than {}", text::span(*age)),
            Self::Before(rest) => write!(f, "less than {} before it dies", text::span(*rest)),
        }
    }
}

mod seconds {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &TimeDelta, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(span.num_seconds())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TimeDelta, D::Error> {
        i64::deserialize(from).map(TimeDelta::seconds)
    }
}

/// The dates of the live token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dates {
    /// When it turns by the rule.
    pub(super) due: Option<DateTime<Utc>>,
    /// When it dies by itself.
    pub(super) dies: Option<DateTime<Utc>>,
}

/// Finds the dates of the live token: from its record, else from what the ledger remembers of that same token.
pub(super) fn dates(wanted: &Wanted, entry: Option<&Entry>, live: Option<&TokenRecord>, moment: &Moment) -> Dates {
    let Some(live) = live else { return Dates::default() };
    let remembered = entry.and_then(|entry| entry.current.as_ref()).filter(|current| current.id == live.id);
    let created = live.created.or(remembered.map(|current| current.created.unwrap_or(current.confirmed)));
    let dies = live.expires.or(remembered.and_then(|current| current.expires));
    // Its birth may not be known: then it is counted from now on, and the rule still turns it before its death.
    let due = wanted.rule.due(created.or(Some(moment.now)), dies, wanted.ttl);
    Dates { due, dies }
}
