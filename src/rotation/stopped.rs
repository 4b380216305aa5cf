//! Stopped says what stands: what did or did not change, what is at risk, and what comes next.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;

use super::Missed;
use crate::issuer::Succession;
use crate::text;

/// The six verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Show that it would work, changing nothing.
    Rehearse,
    /// Make the new token.
    Mint,
    /// Prove who it is.
    Verify,
    /// Put it where it is used.
    Deliver,
    /// Look again.
    Confirm,
    /// End the old one.
    Retire,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rehearse => "rehearse",
            Self::Mint => "mint",
            Self::Verify => "verify",
            Self::Deliver => "deliver",
            Self::Confirm => "confirm",
            Self::Retire => "retire",
        })
    }
}

/// A rotation that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The verb that failed.
    pub at: Verb,
    /// What stands now, and why, in a sentence.
    pub stands: String,
    /// What the next run does, or what a person should do.
    pub next: String,
    /// Whether the token in use may be dead because of it.
    pub in_use_may_be_dead: bool,
    /// Whether a token may exist that nobody holds: worth looking at once more in this very run.
    pub look_again: bool,
}

const TRIES_AGAIN: &str = "the next run tries again";
const HEALS: &str = "the next run finds and replaces it";

impl Stopped {
    fn unchanged(stands: String) -> Self {
        let next = TRIES_AGAIN.to_owned();
        Self { at: Verb::Rehearse, stands, next, in_use_may_be_dead: false, look_again: false }
    }

    pub(super) fn rehearsing_issuer(why: &anyhow::Error) -> Self {
        Self::unchanged(format!("nothing was changed: {why:#}"))
    }

    pub(super) fn rehearsing(owed: &[Missed], all: usize) -> Self {
        let first = owed.first().map_or("", |missed| missed.why.as_str());
        let others = if owed.len() > 1 { format!(" ({} of {all} would refuse)", owed.len()) } else { String::new() };
        Self::unchanged(format!("nothing was changed: {first}{others}"))
    }

    pub(super) fn halted(why: &str) -> Self {
        Self::unchanged(format!("nothing was changed: {why}"))
    }

    pub(super) fn unseen(why: &anyhow::Error) -> Self {
        Self::unchanged(format!(
            "nothing was changed: it cannot be seen which jobs may be using it, as `wait_for_jobs` asks: {why:#}"
        ))
    }

    pub(super) fn in_use(first: &str, all: usize, after: Duration) -> Self {
        let after = text::span(TimeDelta::from_std(after).unwrap_or_default());
        let these = super::readers::these(first, all);
        let next = "the next run tries again, and waits for nobody once the token would die before the run after";
        let stands = format!("nothing was changed: after {after} it may still be in use by {these}");
        Self { next: next.to_owned(), ..Self::unchanged(stands) }
    }

    pub(super) fn refused(why: &anyhow::Error) -> Self {
        Self { at: Verb::Mint, ..Self::unchanged(format!("nothing was changed: the issuer refused: {why:#}")) }
    }

    pub(super) fn in_doubt(why: &anyhow::Error, succession: Succession) -> Self {
        Self {
            at: Verb::Mint,
            stands: format!("a new token may exist that nobody holds: {why:#}"),
            next: HEALS.to_owned(),
            in_use_may_be_dead: succession == Succession::Replaces,
            look_again: true,
        }
    }

    pub(super) fn rejected(why: &str, succession: Succession) -> Self {
        Self {
            at: Verb::Verify,
            stands: format!("the issuer rejects the token it has just made, so it was delivered nowhere: {why}"),
            next: HEALS.to_owned(),
            in_use_may_be_dead: succession == Succession::Replaces,
            look_again: false,
        }
    }

    pub(super) fn delivering(owed: &[Missed], succession: Succession) -> Self {
        Self::nowhere(Verb::Deliver, "no destination took the new token", owed, succession)
    }

    pub(super) fn confirming(owed: &[Missed], succession: Succession) -> Self {
        Self::nowhere(Verb::Confirm, "no destination was seen to hold the new token", owed, succession)
    }

    fn nowhere(at: Verb, what: &str, owed: &[Missed], succession: Succession) -> Self {
        let first = owed.first().map_or("", |missed| missed.why.as_str());
        let old = if succession == Succession::Replaces { "the old one is dead" } else { "the old one lives on" };
        Self {
            at,
            stands: format!("{what}; {old}: {first}"),
            next: HEALS.to_owned(),
            in_use_may_be_dead: succession == Succession::Replaces,
            look_again: false,
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.stands, self.next)
    }
}
