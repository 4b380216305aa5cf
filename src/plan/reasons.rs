//! Why now? A chain of small functions, each one reason; the first that holds decides.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::due::Dates;
use super::live::Standing;
use super::{Asked, Moment, Seen, Sight, Step, Wanted};
use crate::issuer::{Inventory, Succession};
use crate::ledger::Entry;
use crate::text;

/// All that a reason may look at.
pub(super) struct View<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) entry: Option<&'a Entry>,
    pub(super) seen: &'a Seen,
    pub(super) moment: &'a Moment,
    pub(super) asked: Option<&'a Asked>,
    pub(super) standing: &'a Standing,
    pub(super) dates: Dates,
}

/// Why a token is rotated now: a code for machines and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The code, stable over versions.
    pub code: Code,
    /// The sentence.
    pub sentence: String,
}

/// The codes of the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// `--force`, with a reason given.
    AskedByHand,
    /// The issuer mints it at every run.
    MintedAtEveryRun,
    /// A destination holds what the issuer says is dead, and no sibling can lend the live value.
    WrongSomewhere,
    /// A destination was never given the live value, and no sibling can lend it.
    Owed,
    /// The last run minted and did not confirm.
    Interrupted,
    /// Nothing of this subject lives.
    NoneLives,
    /// The config orders something else than what was last ordered.
    OrderChanged,
    /// The rule says so.
    PastItsShareOfLife,
    /// It would be dead before the run after this one.
    DiesBeforeTheNextRun,
}

impl Code {
    /// Whether it mends what an earlier run, or somebody else, left broken.
    pub const fn is_repair(self) -> bool {
        matches!(self, Self::WrongSomewhere | Self::Owed | Self::Interrupted)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

type Check = fn(&View<'_>) -> Option<Reason>;

/// The reasons, the strongest first. That something cannot be known is never among them.
const REASONS: &[Check] = &[
    asked_by_hand,
    minted_at_every_run,
    wrong_somewhere,
    interrupted,
    owed,
    none_lives,
    order_changed,
    dies_before_the_next_run,
    past_its_share_of_life,
];

/// Decides what to do with one token.
pub(super) fn decide(view: &View<'_>) -> Step {
    if view.wanted.watch {
        return Step::Watch;
    }
    if view.wanted.succession == Succession::Manual {
        return mend(view);
    }
    if let Some(count) = view.standing.ambiguous {
        return Step::Refuse {
            why: format!(
                "{count} live tokens have this name and nothing says which is ours: end the others at the issuer, or \
                 give this one another name"
            ),
        };
    }
    let by_hand = view.asked.is_some_and(|asked| asked.force);
    if let (Some(foreign), false) = (&view.standing.foreign, by_hand) {
        return Step::Refuse {
            why: format!(
                "token {} was made after our last run, and not by us: another wheel seems to turn it; let only one do \
                 so, or take it over with --force --reason",
                text::plain(&foreign.id)
            ),
        };
    }
    let Some(reason) = REASONS.iter().find_map(|reason| reason(view)) else { return redeliver(view, None) };
    // A stray can only be retired by a successor of its own; all else is first mended by giving what lives.
    if reason.code.is_repair() && view.standing.strays.is_empty() && lender(view).is_some() && can_be_lent(view) {
        let due = REASONS.iter().filter_map(|other| other(view)).find(|other| !other.code.is_repair());
        return due.map_or_else(|| redeliver(view, Some(&reason)), |reason| rotate(view, reason));
    }
    rotate(view, reason)
}

fn rotate(view: &View<'_>, reason: Reason) -> Step {
    let none = view.standing.live.is_none() && matches!(view.seen.inventory, Inventory::Listed(_));
    if none && !view.wanted.create && view.wanted.succession != Succession::Ephemeral {
        return Step::Refuse {
            why: format!(
                "{}, and a dead one cannot be rotated: make it by hand once, or say `create:` where its kind takes it",
                nothing_lives(view)
            ),
        };
    }
    Step::Rotate { reason }
}

/// The destination that can lend the live value to its siblings: one of which the issuer, or the fingerprint, says
/// that it holds that very token.
fn lender(view: &View<'_>) -> Option<usize> {
    let live = view.standing.live.as_ref()?;
    let lends = |sight: &Sight| matches!(sight, Sight::Live { record: Some(record), lent: true } if *record == live.id);
    view.seen.sights.iter().position(lends)
}

/// Nobody but a person mints it; what lives is given to those that lack it.
fn mend(view: &View<'_>) -> Step {
    let reason = [wrong_somewhere, owed].iter().find_map(|reason: &Check| reason(view));
    match redeliver(view, reason.as_ref()) {
        Step::Keep => Step::Watch,
        step => step,
    }
}

/// Whether whatever lacks the live value can do with the value alone.
fn can_be_lent(view: &View<'_>) -> bool {
    view.standing.wanting.iter().all(|index| !view.wanted.only_minted.contains(index))
}

fn redeliver(view: &View<'_>, reason: Option<&Reason>) -> Step {
    let mut to = [view.standing.wanting.as_slice(), &view.standing.unproven].concat();
    to.retain(|index| !view.wanted.only_minted.contains(index));
    to.sort_unstable();
    match lender(view) {
        Some(from) if !to.is_empty() => {
            let why = reason.map_or_else(|| "nobody remembers that it was given".to_owned(), ToString::to_string);
            Step::Redeliver { from, to, why }
        }
        _ => Step::Keep,
    }
}

fn because(code: Code, sentence: impl Into<String>) -> Reason {
    Reason { code, sentence: sentence.into() }
}

fn asked_by_hand(view: &View<'_>) -> Option<Reason> {
    let asked = view.asked.filter(|asked| asked.force)?;
    let why = asked.reason.as_deref().unwrap_or("no reason given");
    Some(because(Code::AskedByHand, format!("asked by hand: {}", text::plain(why))))
}

fn minted_at_every_run(view: &View<'_>) -> Option<Reason> {
    let every = view.wanted.succession == Succession::Ephemeral;
    every.then(|| because(Code::MintedAtEveryRun, "minted at every run"))
}

fn address(view: &View<'_>, index: usize) -> String {
    view.wanted.destinations.get(index).cloned().unwrap_or_default()
}

fn wrong_somewhere(view: &View<'_>) -> Option<Reason> {
    view.seen.sights.iter().enumerate().find_map(|(index, sight)| match sight {
        Sight::Wrong(_) => {
            let what = format!("{} holds a dead token, or another one", address(view, index));
            Some(because(Code::WrongSomewhere, what))
        }
        _ => None,
    })
}

/// The last run meant to mint, and a token lives that did not live before it, or nobody can say: unless every
/// destination was seen to hold a live one, the new one is in nobody's hands.
fn interrupted(view: &View<'_>) -> Option<Reason> {
    let intents = &view.entry?.intents;
    if intents.is_empty() {
        return None;
    }
    if !view.standing.strays.is_empty() {
        return Some(because(Code::Interrupted, "the last run minted a token that nobody holds"));
    }
    let seen_everywhere = view.seen.sights.iter().all(|sight| matches!(sight, Sight::Live { .. }));
    let moved_on = match (&view.seen.inventory, &view.standing.live) {
        (Inventory::Listed(_), Some(live)) => intents.iter().any(|intent| intent.moved_on_to(live)),
        (Inventory::Listed(_), None) => false,
        (Inventory::Blind { .. }, _) => true,
    };
    (moved_on && !(seen_everywhere && view.standing.wanting.is_empty()))
        .then(|| because(Code::Interrupted, "the last run minted and did not confirm"))
}

/// Without a ledger nothing is owed: an empty place is filled from a sibling, but nothing is minted for it.
fn owed(view: &View<'_>) -> Option<Reason> {
    view.entry?.current.as_ref()?;
    let first = *view.standing.wanting.first()?;
    Some(because(Code::Owed, format!("{} lacks the live token", address(view, first))))
}

fn nothing_lives(view: &View<'_>) -> String {
    format!("no live token of this name exists ({})", view.wanted.subject)
}

fn none_lives(view: &View<'_>) -> Option<Reason> {
    if view.standing.live.is_some() {
        return None;
    }
    // A blind issuer tells nothing; what the ledger remembers may have died on its day.
    let remembered = view.entry.and_then(|entry| entry.current.as_ref());
    let died = remembered.and_then(|current| current.expires).filter(|dies| *dies <= view.moment.now);
    match (&view.seen.inventory, died) {
        (_, Some(died)) => Some(because(Code::NoneLives, format!("it died on {}", text::when(died, view.moment.now)))),
        (Inventory::Listed(_), None) => Some(because(Code::NoneLives, nothing_lives(view))),
        (Inventory::Blind { .. }, None) => {
            // Nobody lists, nobody remembers, and every destination was seen to hold nothing.
            let nowhere = view.seen.sights.iter().all(|sight| matches!(sight, Sight::Empty));
            let first = view.wanted.create && remembered.is_none() && nowhere && !view.seen.sights.is_empty();
            first.then(|| because(Code::NoneLives, "no destination holds one yet"))
        }
    }
}

fn order_changed(view: &View<'_>) -> Option<Reason> {
    let entry = view.entry.filter(|entry| entry.current.is_some())?;
    (entry.order != view.wanted.order)
        .then(|| because(Code::OrderChanged, "the config orders it otherwise than it was made"))
}

fn dies_before_the_next_run(view: &View<'_>) -> Option<Reason> {
    let dies = view.dates.dies.filter(|dies| *dies <= view.moment.horizon())?;
    let when = text::when(dies, view.moment.now);
    Some(because(Code::DiesBeforeTheNextRun, format!("it dies on {when}, before the run after this one is sure")))
}

fn past_its_share_of_life(view: &View<'_>) -> Option<Reason> {
    let due = view.dates.due.filter(|due| *due <= view.moment.now)?;
    let since = text::when(due, view.moment.now);
    Some(because(Code::PastItsShareOfLife, format!("{}, since {since}", view.wanted.rule)))
}
