//! What became of a token, as a sentence and as facts.

use chrono::{DateTime, Utc};

use crate::destination::Assurance;
use crate::issuer::Proof;
use crate::plan::{Plan, Reason, Sight, Step};
use crate::rotation::{Confirmed, Held, Missed, Stopped, Verb};
use crate::run::Turning;
use crate::text;
use crate::token::Fingerprint;

/// What became of a token.
pub enum Outcome {
    /// Nothing was to be done.
    Kept,
    /// It is only watched.
    Watched,
    /// It would be rotated, for that reason.
    WouldRotate(Reason),
    /// It would be given to destinations that lack it.
    WouldRedeliver(String),
    /// A new one was minted and confirmed.
    Rotated {
        /// Why.
        reason: String,
        /// What the issuer calls it.
        id: String,
        /// What its verification said.
        proof: String,
        /// Where it is.
        held: Vec<Held>,
        /// Where it is not yet.
        owed: Vec<Missed>,
        /// Its dates.
        dates: Dates,
        /// Whether every destination has it.
        everywhere: bool,
        /// Whether the old one ended with the mint.
        replaced: bool,
        /// Predecessors that were to end.
        retired: Vec<Retired>,
    },
    /// The live value was given to destinations that lacked it.
    Redelivered {
        /// Where it is now.
        held: Vec<Held>,
        /// Where it is not yet.
        owed: Vec<Missed>,
        /// Of the value.
        fingerprint: Fingerprint,
    },
    /// Predecessors ended, and nothing else was to be done.
    Retired(Vec<Retired>),
    /// A rotation did not come to its end.
    Stopped(Stopped),
    /// It is due and must not be done.
    Refused(String),
    /// It is due and beyond the limit of this run.
    Deferred,
    /// It is due, and waits for the other refresher of its pair, which turns first.
    Waits,
    /// It could not be looked at.
    NotSeen(String),
}

/// The dates of a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dates {
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
    /// When it dies.
    pub dies: Option<DateTime<Utc>>,
    /// When it turns.
    pub due: Option<DateTime<Utc>>,
}

/// A predecessor that was to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// What the issuer calls it.
    pub id: String,
    /// Why it did not end.
    pub failed: Option<String>,
    /// When it dies by itself.
    pub dies: Option<DateTime<Utc>>,
    /// Until when it may go on working although it was revoked, where the issuer is slow.
    pub lingers: Option<DateTime<Utc>>,
    /// Whether it was asked for at once.
    pub now: bool,
}

impl Outcome {
    /// The outcome of a step that was not carried out.
    pub fn of_step(step: &Step) -> Self {
        match step {
            Step::Keep => Self::Kept,
            Step::Watch => Self::Watched,
            Step::Redeliver { why, .. } => Self::WouldRedeliver(why.clone()),
            Step::Rotate { reason } => Self::WouldRotate(reason.clone()),
            Step::Refuse { why } => Self::Refused(why.clone()),
            Step::Defer => Self::Deferred,
        }
    }

    pub(crate) fn rotated(plan: &Plan, confirmed: &Confirmed, token: &Turning) -> Self {
        let reason = if let Step::Rotate { reason } = &plan.step { reason.to_string() } else { String::new() };
        let dies = confirmed.record.expires;
        // An issuer that does not say when it made it was asked for a lifetime.
        let ordered = || dies.zip(token.wanted.ttl).map(|(dies, ttl)| dies - ttl);
        let created = confirmed.record.created.or_else(ordered);
        let due = token.wanted.rule.due(created, dies, token.wanted.ttl);
        Self::Rotated {
            reason,
            id: confirmed.record.id.clone(),
            proof: match &confirmed.proof {
                Proof::Inconclusive(why) => format!("not proven: {why}"),
                proof => proof.word().to_owned(),
            },
            held: confirmed.held.clone(),
            owed: confirmed.owed.clone(),
            dates: Dates { created, dies, due },
            everywhere: confirmed.everywhere(),
            replaced: token.issuer.succession() == crate::issuer::Succession::Replaces,
            retired: Vec::new(),
        }
    }

    pub(crate) fn and_retired(self, more: Vec<Retired>) -> Self {
        match self {
            Self::Rotated { reason, id, proof, held, owed, dates, everywhere, replaced, .. } => {
                Self::Rotated { reason, id, proof, held, owed, dates, everywhere, replaced, retired: more }
            }
            Self::Kept => Self::Retired(more),
            other => other,
        }
    }

    /// Whether a new one was confirmed.
    pub fn is_rotated(&self) -> bool {
        matches!(self, Self::Rotated { .. })
    }

    /// Whether it is certain that nothing was minted.
    pub fn minted_nothing(&self) -> bool {
        match self {
            Self::Stopped(stopped) => stopped.at <= Verb::Mint && !stopped.look_again,
            Self::Rotated { .. } => false,
            _ => true,
        }
    }

    /// The word for machines, and for the first column.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Watched => "watched",
            Self::WouldRotate(_) => "rotate",
            Self::WouldRedeliver(_) => "redeliver",
            Self::Rotated { .. } => "rotated",
            Self::Redelivered { .. } => "redelivered",
            Self::Retired(_) => "retired",
            Self::Stopped(_) => "stopped",
            Self::Refused(_) => "refused",
            Self::Deferred => "deferred",
            Self::Waits => "waits",
            Self::NotSeen(_) => "not seen",
        }
    }

    /// The sentence for people. What went well and needs no word has none.
    pub fn sentence(&self, now: DateTime<Utc>) -> String {
        match self {
            Self::Kept | Self::Watched => String::new(),
            Self::WouldRotate(reason) => reason.to_string(),
            Self::WouldRedeliver(why) => format!("from a sibling that holds the live one: {why}"),
            Self::Rotated { reason, proof, owed, retired, replaced, .. } => {
                let mut parts = vec![reason.clone()];
                parts.extend(Some(proof.clone()).filter(|proof| proof.starts_with("not proven")));
                parts.extend(missing(owed, *replaced));
                parts.extend(retired.iter().map(|old| old.sentence(now)));
                parts.join("; ")
            }
            Self::Redelivered { held, owed, .. } => {
                let mut parts = vec![format!("given to {} from a sibling", text::count(held.len(), "destination"))];
                parts.extend(missing(owed, false));
                parts.join("; ")
            }
            Self::Retired(retired) => retired.iter().map(|old| old.sentence(now)).collect::<Vec<_>>().join("; "),
            Self::Stopped(stopped) => stopped.to_string(),
            Self::Refused(why) => why.clone(),
            Self::Deferred => "due, and left to the next run".to_owned(),
            Self::Waits => "due; a run turns one refresher of a pair, and logs in with the other".to_owned(),
            Self::NotSeen(why) => format!("nothing was done: {why}"),
        }
    }

    /// Whether what was asked for with `--revoke-now` is proved.
    pub(crate) fn ended_the_old_one(&self, nothing_left: bool) -> bool {
        match self {
            Self::Rotated { replaced, everywhere, .. } => *replaced || (*everywhere && nothing_left),
            Self::Retired(retired) => nothing_left && retired.iter().all(|old| old.failed.is_none()),
            _ => false,
        }
    }

    /// Whether a destination was given the live token.
    pub(super) fn mended(&self, index: usize) -> bool {
        match self {
            Self::Rotated { held, .. } | Self::Redelivered { held, .. } => held.iter().any(|held| held.index == index),
            _ => false,
        }
    }

    /// What stands at a destination after what was done, if something was.
    pub(super) fn at_destination(&self, index: usize) -> Option<String> {
        let (Self::Rotated { held, owed, .. } | Self::Redelivered { held, owed, .. }) = self else { return None };
        let here = held.iter().find(|held| held.index == index).map(|held| match &held.assurance {
            Assurance::ReadBack => "holds the live token".to_owned(),
            Assurance::Stamped => "bears the stamp of the delivery".to_owned(),
            Assurance::Unseen(why) => format!("accepted, cannot be seen: {why}"),
        });
        here.or_else(|| {
            let missed = owed.iter().find(|missed| missed.index == index)?;
            Some(format!("lacks the live token: {}", missed.why))
        })
    }

    /// The dates of what lives after it.
    pub(super) fn dates(&self, plan: &Plan) -> Dates {
        if let Self::Rotated { dates, .. } = self {
            return *dates;
        }
        plan.live.as_ref().map_or_else(Dates::default, |live| Dates {
            created: live.created,
            dies: plan.dies,
            due: plan.due,
        })
    }
}

fn missing(owed: &[Missed], replaced: bool) -> Option<String> {
    let first = owed.first()?;
    let old = match (replaced, owed.len()) {
        (true, 1) => "holds a dead one",
        (true, _) => "hold a dead one",
        (false, 1) => "still holds the old one",
        (false, _) => "still hold the old one",
    };
    let next = "the next run delivers it from a sibling that can be read, or rotates again";
    Some(format!("{} {old} ({}); {next}", text::count(owed.len(), "destination"), first.why))
}

impl Retired {
    fn sentence(&self, now: DateTime<Utc>) -> String {
        let id = text::plain(&self.id);
        match (&self.failed, self.dies) {
            (None, _) => match self.lingers {
                Some(until) => {
                    format!("token {id} was revoked, and may go on working until {}", text::when(until, now))
                }
                None => format!("token {id} was ended"),
            },
            (Some(why), Some(dies)) => {
                format!(
                    "token {id} could not be ended and lives until {}: {why}; the next run tries again",
                    text::when(dies, now)
                )
            }
            (Some(why), None) => format!("token {id} could not be ended and lives on: {why}; the next run tries again"),
        }
    }
}

impl Sight {
    /// What stands at a destination, in a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Live { .. } => "holds a live token".to_owned(),
            Self::Wrong(why) => format!("wrong: {why}"),
            Self::Empty => "holds nothing yet".to_owned(),
            Self::Unknowable(why) => format!("cannot be seen: {why}"),
            Self::Unseen(why) => format!("was not seen: {why}"),
            Self::Stamped { same: true } => "bears the stamp of the last delivery".to_owned(),
            Self::Stamped { same: false } => "was changed since the last delivery".to_owned(),
        }
    }
}
