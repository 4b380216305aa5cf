//! Confirmed facts between runs: ids, dates, fingerprints, receipts, what is owed and what is still to be retired.
//!
//! It holds no values. It may be lost, or a week old: then the worst is one extra mint per token, never a wrong
//! revoke. What a run *intends* is written before the first mint, so that the next run knows which new tokens are
//! ours although nobody holds them.

mod keep;
mod lease;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::destination::Receipt;
use crate::token::{Fingerprint, Salt, TokenRecord};

pub use keep::{LedgerError, read, write};
pub use lease::{Lease, LeaseError, TERM};

/// The version of the form below. A ledger of a later version is refused, not guessed at.
pub const VERSION: u32 = 1;

/// All that one wheel remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The version of this form.
    pub version: u32,
    /// The key of the fingerprints below.
    pub salt: Salt,
    /// When a run last wrote here.
    pub written: DateTime<Utc>,
    /// What is known of each token, by its name in the config.
    pub tokens: BTreeMap<String, Entry>,
}

/// What is remembered of one token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The subject: a name that is given to another subject is another token.
    pub subject: String,
    /// The digest of what was ordered: a changed order is a reason to rotate.
    pub order: String,
    /// The token that was last confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Current>,
    /// What each destination was last given, by its address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub delivered: BTreeMap<String, Delivered>,
    /// The destinations that have not been given the live value.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub owed: BTreeSet<String>,
    /// One for each run that meant to mint, until all is confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Intent>,
    /// Of the value that the last turn used up, where to use it once more could end all that followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Fingerprint>,
    /// Tokens of ours that are to end, marked by a confirmed successor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retire: Vec<Retiree>,
}

/// The token that was last confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    /// What the issuer calls it.
    pub id: String,
    /// When it was made, by the issuer's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// When it dies, by the issuer's word, else as ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// Its fingerprint, if we ever held or read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// When it was confirmed, by our clock.
    pub confirmed: DateTime<Utc>,
}

/// What a destination was last given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// The fingerprint of the value as it was delivered.
    pub fingerprint: Fingerprint,
    /// What the destination gave for it.
    #[serde(default)]
    pub receipt: Receipt,
}

/// How far our clock and an issuer's may be apart.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// The intent to mint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// When the run that means to mint began, by our clock.
    pub since: DateTime<Utc>,
    /// Until when it may mint, where it held its lease for longer than the usual term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The records that lived before it, and when they were made, by the issuer's clock.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lived: BTreeMap<String, Option<DateTime<Utc>>>,
}

impl Intent {
    /// Whether a record can be what that run made: it did not live before, and was made while the run could last.
    /// Whatever came later is somebody else's.
    pub fn may_have_made(&self, record: &TokenRecord) -> bool {
        let until = self.until.unwrap_or(self.since + TERM);
        let in_time = |made: DateTime<Utc>| self.since - SKEW <= made && made <= until + SKEW;
        !self.lived.contains_key(&record.id) && record.created.is_some_and(in_time)
    }

    /// Whether what lives now is not what lived before: by its id, or, where that never changes, by its date.
    pub fn moved_on_to(&self, record: &TokenRecord) -> bool {
        self.lived.get(&record.id).is_none_or(|made| *made != record.created)
    }
}

impl Current {
    /// Whether a record is this very token, not a later one under the same id.
    pub fn is(&self, record: &TokenRecord) -> bool {
        let same_date = self.created.zip(record.created).is_none_or(|(known, seen)| known == seen);
        self.id == record.id && same_date
    }
}

/// A token that is to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retiree {
    /// What the issuer calls it.
    pub id: String,
    /// Not before then: the end of its overlap.
    pub after: DateTime<Utc>,
    /// When it dies by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// How often it was tried in vain.
    #[serde(default)]
    pub tried: u32,
    /// Whether its end was accepted and is yet to be proved: it may no longer be listed, and work on for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ending: bool,
}

impl Ledger {
    /// A ledger that knows nothing yet.
    pub fn empty(salt: Salt, now: DateTime<Utc>) -> Self {
        Self { version: VERSION, salt, written: now, tokens: BTreeMap::new() }
    }

    /// What is known of a token, if it is still the same subject.
    pub fn entry(&self, name: &str, subject: &str) -> Option<&Entry> {
        self.tokens.get(name).filter(|entry| entry.subject == subject)
    }
}

impl Entry {
    /// Whether a destination was last given the value of this token, as far as we know.
    pub fn gave(&self, live: &TokenRecord, address: &str) -> bool {
        let Some(current) = self.current.as_ref().filter(|current| current.is(live)) else { return false };
        let given = self.delivered.get(address).map(|delivered| &delivered.fingerprint);
        given.is_some() && given == current.fingerprint.as_ref() && !self.owed.contains(address)
    }

    /// Whether a record is one that a run of ours meant to make.
    pub fn may_have_made(&self, record: &TokenRecord) -> bool {
        self.intents.iter().any(|intent| intent.may_have_made(record))
    }

    /// Whether a record is to be retired.
    pub fn retires(&self, id: &str) -> bool {
        self.retire.iter().any(|retiree| retiree.id == id)
    }

    /// Marks a predecessor, once.
    pub fn mark(&mut self, record: &TokenRecord, after: DateTime<Utc>) {
        if !self.retires(&record.id) {
            self.retire.push(Retiree {
                id: record.id.clone(),
                after,
                expires: record.expires,
                tried: 0,
                ending: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_after_a_run_could_last_is_not_taken_for_its_own() {
        let since: DateTime<Utc> = "2026-05-04T06:00:00Z".parse().unwrap();
        let made =
            |minutes| TokenRecord { created: Some(since + TimeDelta::minutes(minutes)), ..TokenRecord::named("9") };
        let ours = |until: Option<i64>, minutes| {
            let until = until.map(|until| since + TimeDelta::minutes(until));
            Intent { since, until, lived: BTreeMap::new() }.may_have_made(&made(minutes))
        };
        assert_eq!([-6, 0, 35, 36].map(|at| ours(None, at)), [false, true, true, false]);
        assert_eq!([-6, 0, 36, 55, 56].map(|at| ours(Some(50), at)), [false, true, true, true, false]);
    }
}
