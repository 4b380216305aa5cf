//! Which of the records is the live token, which are strays, and whether every destination has it.

use super::{Moment, Rule, Seen, Sight, Wanted};
use crate::issuer::{Inventory, Succession};
use crate::ledger::{Current, Entry, Retiree};
use crate::text;
use crate::token::TokenRecord;

/// How the note begins that nobody knows when a token dies.
pub(crate) const DEATH_UNKNOWN: &str = "when it dies is not known";

/// How a token stands.
pub(super) struct Standing {
    /// The token that lives now, and that the destinations should hold.
    pub(super) live: Option<TokenRecord>,
    /// Whether that one is ours: held, confirmed before, or meant by a run of ours.
    pub(super) ours: bool,
    /// Live tokens of ours that nobody holds or confirmed.
    pub(super) strays: Vec<TokenRecord>,
    /// A live record of our subject that we did not make and nobody of ours holds.
    pub(super) foreign: Option<TokenRecord>,
    /// Several live records of one subject, none of which can be told to be ours.
    pub(super) ambiguous: Option<usize>,
    /// Destinations that lack the live value.
    pub(super) wanting: Vec<usize>,
    /// Destinations that cannot be seen, and of which nobody remembers that they were given the live value.
    pub(super) unproven: Vec<usize>,
    /// Whether every destination has the live token, as far as anyone can see.
    pub(super) settled: bool,
    /// For people.
    pub(super) notes: Vec<String>,
}

/// Finds how a token stands.
pub(super) fn standing(wanted: &Wanted, entry: Option<&Entry>, seen: &Seen, moment: &Moment) -> Standing {
    let current = entry.and_then(|entry| entry.current.as_ref());
    let held = |id: &str| {
        seen.sights.iter().any(|sight| matches!(sight, Sight::Live { record: Some(record), .. } if record == id))
    };
    let mut notes = Vec::new();
    let mut live;
    let mut known = true;
    let (mut strays, mut foreign, mut ambiguous) = (Vec::new(), None, None);
    match &seen.inventory {
        Inventory::Listed(records) => {
            // Newest first: the newest that somebody holds, else the one confirmed last.
            let confirmed = |record: &&TokenRecord| current.is_some_and(|current| current.id == record.id);
            let first = records.iter().find(|record| held(&record.id));
            live = first.or_else(|| records.iter().find(confirmed)).cloned();
            let others: Vec<&TokenRecord> = records
                .iter()
                .filter(|record| live.as_ref().is_none_or(|live| live.id != record.id))
                .filter(|record| !entry.is_some_and(|entry| entry.retires(&record.id)))
                .collect();
            let ours = |record: &TokenRecord| entry.is_some_and(|entry| entry.may_have_made(record));
            // What a destination holds is a live one, and its issuer cannot say which: then none of several is picked.
            let unnamed = seen.sights.iter().any(|sight| matches!(sight, Sight::Live { record: None, .. }));
            if live.is_none() {
                let mine: Vec<&TokenRecord> = others.iter().copied().filter(|record| ours(record)).collect();
                // One that is older than the one confirmed last, and neither held nor marked, was never ours.
                let before = |record: &TokenRecord| {
                    let confirmed = current.and_then(|current| current.created);
                    record.created.zip(confirmed).is_some_and(|(made, confirmed)| made < confirmed)
                };
                let others: Vec<&TokenRecord> =
                    others.iter().copied().filter(|record| ours(record) || !before(record)).collect();
                match (others.as_slice(), mine.as_slice()) {
                    ([], _) => {}
                    // The only one of its subject, or the only one that we can have made.
                    ([only], _) => live = Some((*only).clone()),
                    (_, [only]) if !unnamed => live = Some((*only).clone()),
                    (_, [newest, ..]) if wanted.succession == Succession::Overlaps && !unnamed => {
                        live = Some((*newest).clone());
                    }
                    (many, _) => ambiguous = Some(many.len()),
                }
            }
            for record in others.iter().filter(|record| live.as_ref().is_none_or(|live| live.id != record.id)) {
                if ours(record) {
                    strays.push((*record).clone());
                } else {
                    notes.push(format!(
                        "token {} of the same name lives too and is unknown to the ledger: it is left alone",
                        text::plain(&record.id)
                    ));
                }
            }
            foreign = another_wheel(entry, records, &held, moment);
            known = live
                .as_ref()
                .is_none_or(|live| held(&live.id) || ours(live) || taken_over(live, current, records, seen));
            if let Some(live) = live.as_ref().filter(|_| !known && current.is_some()) {
                notes.push(format!(
                    "token {} of the same name lives, and is unknown to the ledger: it is not revoked",
                    text::plain(&live.id)
                ));
            }
        }
        Inventory::Blind { why, id } => {
            let lives = |current: &&Current| current.expires.is_none_or(|dies| dies > moment.now);
            live = current.filter(lives).map(|current| TokenRecord {
                created: current.created,
                expires: current.expires,
                ..TokenRecord::named(&current.id)
            });
            // Without a ledger, and with an old one: a destination that was seen to hold a live one says that one lives.
            // What the issuer said of that one counts where it is newer than what is remembered, or tells more.
            if let Some(proved) = &seen.proved {
                let tells_more = |live: &TokenRecord| {
                    if live.id == proved.id {
                        live.expires.is_none()
                    } else {
                        live.created.zip(proved.created).is_some_and(|(live, proved)| proved > live)
                    }
                };
                if live.as_ref().is_none_or(tells_more) {
                    live = Some(proved.clone());
                }
            }
            if live.is_none() && seen.sights.iter().any(|sight| matches!(sight, Sight::Live { .. })) {
                live = Some(TokenRecord::named(id.clone().unwrap_or_default()));
            }
            // What turns at an age needs no date of death.
            let by_age = matches!(wanted.rule, Rule::AfterAge(_));
            if !by_age && live.as_ref().is_none_or(|live| live.expires.is_none()) {
                notes.push(format!(
                    "{DEATH_UNKNOWN} ({why}); to be sure, take it over once with \
                     `rotate --only NAME --force --reason TEXT`"
                ));
            }
        }
    }
    let lacks = |kind: Lack| -> Vec<usize> {
        let Some(live) = &live else { return Vec::new() };
        let places = wanted.destinations.iter().zip(&seen.sights).enumerate();
        let lacks = places.filter(|(_, (address, sight))| lack(address, sight, entry, live) == Some(kind));
        lacks.map(|(index, _)| index).collect()
    };
    let (wanting, unproven) = (lacks(Lack::Known), lacks(Lack::Unproven));
    let settled = wanting.is_empty() && live.as_ref().is_some_and(|live| certain(wanted, entry, seen, live));
    Standing { live, ours: known, strays, foreign, ambiguous, wanting, unproven, settled, notes }
}

/// Whether it is the one confirmed last; without a memory the only one of its subject is taken over, unless what is held
/// is seen to be another one.
fn taken_over(live: &TokenRecord, current: Option<&Current>, records: &[TokenRecord], seen: &Seen) -> bool {
    let dead = seen.sights.iter().any(|sight| matches!(sight, Sight::Wrong(_)));
    current.map_or(records.len() == 1 && !dead, |current| current.id == live.id)
}

/// A record that is newer than what we confirmed last, while our memory is fresh and knows of no intent: somebody
/// else turns this token.
fn another_wheel(
    entry: Option<&Entry>,
    records: &[TokenRecord],
    held: &dyn Fn(&str) -> bool,
    moment: &Moment,
) -> Option<TokenRecord> {
    let entry = entry.filter(|entry| entry.intents.is_empty() && moment.remembers_the_last_run())?;
    let current = entry.current.as_ref()?;
    let newest = records.first()?;
    // Both dates are the issuer's.
    let newer = newest.id != current.id && newest.created > current.created;
    (newer && !held(&newest.id) && !entry.retires(&newest.id)).then(|| newest.clone())
}

/// Whether a destination lacks the live token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lack {
    /// It is seen to, or is known not to have been given it.
    Known,
    /// It cannot be seen, and nobody remembers that it was given it: a sibling may fill it, and nothing is minted.
    Unproven,
}

/// What a destination lacks, as far as anyone can tell.
fn lack(address: &str, sight: &Sight, entry: Option<&Entry>, live: &TokenRecord) -> Option<Lack> {
    match sight {
        Sight::Live { record: Some(record), .. } => (live.id != *record).then_some(Lack::Known),
        Sight::Live { record: None, .. } | Sight::Unseen(_) => None,
        Sight::Wrong(_) | Sight::Empty => Some(Lack::Known),
        Sight::Stamped { .. } | Sight::Unknowable(_) => {
            let moved_on = entry.is_some_and(|entry| entry.intents.iter().any(|intent| intent.moved_on_to(live)));
            let gave = entry.is_some_and(|entry| entry.gave(live, address));
            let remembered = entry.is_some_and(|entry| {
                let before = entry.current.is_some() && entry.delivered.contains_key(address);
                entry.owed.contains(address) || before
            });
            match (gave && !moved_on, remembered) {
                (true, _) => None,
                (false, true) => Some(Lack::Known),
                (false, false) => Some(Lack::Unproven),
            }
        }
    }
}

/// Whether each destination was seen to hold a live token, or was given the live one and cannot be seen.
fn certain(wanted: &Wanted, entry: Option<&Entry>, seen: &Seen, live: &TokenRecord) -> bool {
    wanted.destinations.iter().zip(&seen.sights).all(|(address, sight)| match sight {
        Sight::Live { .. } => true,
        Sight::Stamped { same: true } | Sight::Unknowable(_) => entry.is_some_and(|entry| entry.gave(live, address)),
        Sight::Stamped { same: false } | Sight::Wrong(_) | Sight::Empty | Sight::Unseen(_) => false,
    })
}

/// The marked predecessors whose overlap is over: older than the live one, which every destination has.
pub(super) fn retirable(
    entry: Option<&Entry>,
    standing: &Standing,
    seen: &Seen,
    moment: &Moment,
    at_once: bool,
) -> Vec<Retiree> {
    let Some((entry, live)) = entry.zip(standing.live.as_ref()) else { return Vec::new() };
    let lives = |id: &str| match &seen.inventory {
        Inventory::Listed(records) => records.iter().any(|record| record.id == id && !newer(record, live)),
        Inventory::Blind { .. } => true,
    };
    let over = |retiree: &Retiree| at_once || retiree.after <= moment.now;
    entry
        .retire
        .iter()
        .filter(|old| old.id != live.id && over(old) && (old.ending || lives(&old.id)))
        .cloned()
        .collect()
}

/// A record newer than the confirmed one is never retired as its predecessor: a stray waits until it has a successor.
fn newer(record: &TokenRecord, live: &TokenRecord) -> bool {
    matches!((record.created, live.created), (Some(record), Some(live)) if record > live)
}
