//! What should be done now, and why. Pure: no I/O, no clock, no service, no config.
//!
//! [`plan`] looks at one token: what is wanted, what the ledger remembers, what was seen, and the time. [`limit`] and
//! [`turns`] then look at all of them together.

mod due;
mod live;
mod reasons;
mod whole;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::issuer::{Inventory, Succession};
use crate::ledger::{Entry, Retiree};
use crate::token::TokenRecord;

pub use due::Rule;
pub(crate) use live::DEATH_UNKNOWN;
pub use reasons::{Code, Reason};
pub use whole::{Pair, Seat, limit, turns};

/// What the config wants of a token, as far as planning goes.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What makes it this token at its issuer, for people.
    pub subject: String,
    /// Its name in the config.
    pub name: String,
    /// How a new one follows the old one.
    pub succession: Succession,
    /// When to rotate.
    pub rule: Rule,
    /// How long the old one lives after the new one is confirmed.
    pub overlap: TimeDelta,
    /// How long a new one is to live.
    pub ttl: Option<TimeDelta>,
    /// The digest of what is ordered.
    pub order: String,
    /// Whether one may be made where none lives.
    pub create: bool,
    /// Only watched, never minted.
    pub watch: bool,
    /// The destinations, by address, in the order of the config.
    pub destinations: Vec<String>,
    /// Those among them that need what only a mint gives, so that no sibling can lend it to them.
    pub only_minted: BTreeSet<usize>,
}

/// What was seen of a token in this run.
#[derive(Clone)]
pub struct Seen {
    /// The live records.
    pub inventory: Inventory,
    /// What each destination holds, in the order of the config.
    pub sights: Vec<Sight>,
    /// What the issuer said of the newest value that a destination lent. A blind one lists nothing, and yet tells this.
    pub proved: Option<TokenRecord>,
}

/// What a destination was seen to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A live token of this subject.
    Live {
        /// Which record, where the issuer says.
        record: Option<String>,
        /// Whether the value was read, so that it can be given to a sibling.
        lent: bool,
    },
    /// The issuer says definitely that it is dead, or somebody else's.
    Wrong(String),
    /// Nothing is there.
    Empty,
    /// It cannot be seen, or the issuer cannot say. Reported, and never a reason to act.
    Unknowable(String),
    /// It could not be looked at this time. Never a reason to act either, and nothing is settled until it is seen.
    Unseen(String),
    /// It bears the stamp of the last delivery, or another one.
    Stamped {
        /// Whether it is the same delivery.
        same: bool,
    },
}

/// The time of planning.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Now.
    pub now: DateTime<Utc>,
    /// When the next run comes.
    pub next_run: DateTime<Utc>,
    /// How late it may come.
    pub slack: TimeDelta,
    /// When the ledger was last written; `None` without one.
    pub remembered: Option<DateTime<Utc>>,
}

impl Moment {
    /// What dies by then cannot wait for the next run.
    pub fn horizon(&self) -> DateTime<Utc> {
        self.next_run + self.slack
    }

    /// Whether the ledger is of the last run, so that what it does not know was not done by us.
    pub fn remembers_the_last_run(&self) -> bool {
        let every = self.next_run - self.now;
        self.remembered.is_some_and(|written| self.now - written <= every + self.slack)
    }
}

/// What is to be done with one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Keep,
    /// It is only watched.
    Watch,
    /// Give the live value to these destinations, from a sibling that can be read.
    Redeliver {
        /// The destination that lends it.
        from: usize,
        /// Those that get it.
        to: Vec<usize>,
        /// Why.
        why: String,
    },
    /// Mint a new one.
    Rotate {
        /// Why.
        reason: Reason,
    },
    /// Something is due, and must not or cannot be done.
    Refuse {
        /// Why not, and what to do about it.
        why: String,
    },
    /// It is due, but the limit of this run is reached.
    Defer,
}

/// The plan for one token.
#[derive(Clone)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What is to be done.
    pub step: Step,
    /// The token that lives now.
    pub live: Option<TokenRecord>,
    /// Whether that one is ours: held, confirmed before, or meant by a run of ours. What is not is never revoked.
    pub ours: bool,
    /// When it turns.
    pub due: Option<DateTime<Utc>>,
    /// When it dies by itself.
    pub dies: Option<DateTime<Utc>>,
    /// Predecessors that are to end now.
    pub retire: Vec<Retiree>,
    /// The destinations that lack the live token.
    pub wanting: Vec<usize>,
    /// Live tokens of ours that nobody confirmed: to be marked.
    pub strays: Vec<TokenRecord>,
    /// Whether every destination was seen to hold the live token, or cannot be seen and was given it.
    pub settled: bool,
    /// What people should know besides.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether the live token, if any, is gone before the next run would come.
    pub fn at_risk(&self, moment: &Moment) -> bool {
        match (&self.live, self.dies) {
            (None, _) => true,
            (Some(_), Some(dies)) => dies <= moment.horizon(),
            (Some(_), None) => false,
        }
    }

    /// Whether something is to be minted.
    pub fn rotates(&self) -> bool {
        matches!(self.step, Step::Rotate { .. })
    }
}

/// Asked for by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Rotate it even if it is not due.
    pub force: bool,
    /// End the old one at once, without the overlap.
    pub revoke_now: bool,
    /// Why, as the person gave it.
    pub reason: Option<String>,
}

/// Plans one token.
pub fn plan(wanted: &Wanted, entry: Option<&Entry>, seen: &Seen, moment: &Moment, asked: Option<&Asked>) -> Plan {
    let standing = live::standing(wanted, entry, seen, moment);
    let dates = due::dates(wanted, entry, standing.live.as_ref(), moment);
    let view = reasons::View { wanted, entry, seen, moment, asked, standing: &standing, dates };
    let step = reasons::decide(&view);
    let at_once = asked.is_some_and(|asked| asked.revoke_now);
    let retire = if standing.settled { live::retirable(entry, &standing, seen, moment, at_once) } else { Vec::new() };
    Plan {
        name: wanted.name.clone(),
        step,
        due: dates.due,
        dies: dates.dies,
        retire,
        settled: standing.settled,
        ours: standing.ours,
        wanting: standing.wanting,
        strays: standing.strays,
        notes: standing.notes,
        live: standing.live,
    }
}
