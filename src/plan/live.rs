//! Which of the records is the live token, which are strays, and whether every destination has it.

use super::{Moment, Seen, Sight, Wanted};
use crate::issuer::{Inventory, Succession};
use crate::ledger::{Entry, Retiree};
use crate::text;
use crate::token::TokenRecord;

/// How a token stands.
pub(super) struct Standing {
    /// The token that lives now, and that the destinations should hold.
    pub(super) live: Option<TokenRecord>,
    /// Live tokens of ours that nobody holds or confirmed.
    pub(super) strays: Vec<TokenRecord>,
    /// A live record of our subject that we did not make and nobody of ours holds.
    pub(super) foreign: Option<TokenRecord>,
    /// Several live records of one subject, none of which can be told to be ours.
    pub(super) ambiguous: Option<usize>,
    /// Destinations that have to be given the live value.
    pub(super) wanting: Vec<usize>,
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
    let (mut strays, mut foreign, mut ambiguous) = (Vec::new(), None, None);
    match &seen.inventory {
        Inventory::Listed(records) => {
            // Newest first: the newest that somebody holds, else the one confirmed last, else the only one there is.
            live = records
                .iter()
                .find(|record| held(&record.id))
                .or_else(|| records.iter().find(|record| current.is_some_and(|current| current.id == record.id)))
                .cloned();
            let others: Vec<&TokenRecord> = records
                .iter()
                .filter(|record| live.as_ref().is_none_or(|live| live.id != record.id))
                .filter(|record| !entry.is_some_and(|entry| entry.retires(&record.id)))
                .collect();
            let ours = |record: &TokenRecord| made_by_us(entry, record);
            if live.is_none() {
                match (wanted.succession, others.as_slice()) {
                    (_, []) => {}
                    // The only one of its subject: it is the one, whoever made it.
                    (Succession::Replaces, [only]) => live = Some((*only).clone()),
                    (_, many) if many.iter().all(|record| ours(record)) => live = many.first().map(|r| (*r).clone()),
                    (_, [only]) => live = Some((*only).clone()),
                    (_, many) => ambiguous = Some(many.len()),
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
        }
        Inventory::Blind { why, id } => {
            live = current.map(|current| TokenRecord {
                created: Some(current.created),
                expires: current.expires,
                ..TokenRecord::named(&current.id)
            });
            // Without a ledger too: a destination that was seen to hold a live one says that one lives.
            if live.is_none() && seen.sights.iter().any(|sight| matches!(sight, Sight::Live { .. })) {
                live = Some(TokenRecord::named(id.clone().unwrap_or_default()));
            }
            if live.as_ref().and_then(|live| live.expires).is_some_and(|dies| dies <= moment.now) {
                live = None;
            }
            if live.as_ref().is_some_and(|live| live.expires.is_none()) {
                notes.push(format!(
                    "when it dies is not known ({why}); to be sure, take it over once with `rotate --force`"
                ));
            }
        }
    }
    let wanting = wanting(wanted, entry, seen, live.as_ref());
    let settled = live.is_some() && wanting.is_empty() && certain(wanted, entry, seen);
    Standing { live, strays, foreign, ambiguous, wanting, settled, notes }
}

/// Whether a record is one that a run of ours meant to make: newer than the start of that run, and not there before.
fn made_by_us(entry: Option<&Entry>, record: &TokenRecord) -> bool {
    let intent = entry.and_then(|entry| entry.intent.as_ref());
    intent.is_some_and(|intent| {
        !intent.lived.contains(&record.id) && record.created.is_some_and(|created| created >= intent.since)
    })
}

/// A record that is newer than what we confirmed last, while our memory is fresh and knows of no intent: somebody
/// else turns this token.
fn another_wheel(
    entry: Option<&Entry>,
    records: &[TokenRecord],
    held: &dyn Fn(&str) -> bool,
    moment: &Moment,
) -> Option<TokenRecord> {
    let entry = entry.filter(|entry| entry.intent.is_none() && moment.remembers_the_last_run())?;
    let current = entry.current.as_ref()?;
    let newest = records.first()?;
    let newer = newest.id != current.id && newest.created.is_some_and(|created| created > current.confirmed);
    (newer && !held(&newest.id) && !entry.retires(&newest.id)).then(|| newest.clone())
}

/// The destinations that do not hold the live token.
fn wanting(wanted: &Wanted, entry: Option<&Entry>, seen: &Seen, live: Option<&TokenRecord>) -> Vec<usize> {
    let stands = |(index, sight): (usize, &Sight)| {
        let address = wanted.destinations.get(index).map_or("", String::as_str);
        let owed = entry.is_some_and(|entry| entry.owed.contains(address));
        let behind = match sight {
            Sight::Live { record: Some(record), .. } => live.is_some_and(|live| live.id != *record),
            Sight::Live { record: None, .. } => false,
            Sight::Wrong(_) => true,
            // An empty place is only wrong if we filled it before, or owe it.
            Sight::Empty => owed || entry.is_some_and(|entry| entry.delivered.contains_key(address)),
            Sight::Stamped { .. } | Sight::Unknowable(_) => owed,
        };
        behind.then_some(index)
    };
    seen.sights.iter().enumerate().filter_map(stands).collect()
}

/// Whether each destination was seen to hold a live token, or was given the confirmed one and cannot be seen.
fn certain(wanted: &Wanted, entry: Option<&Entry>, seen: &Seen) -> bool {
    wanted.destinations.iter().zip(&seen.sights).all(|(address, sight)| match sight {
        Sight::Live { .. } => true,
        Sight::Stamped { same: true } | Sight::Unknowable(_) => entry.is_some_and(|entry| entry.was_given(address)),
        Sight::Stamped { same: false } | Sight::Wrong(_) | Sight::Empty => false,
    })
}

/// The marked predecessors whose overlap is over: older than the live one, which every destination has.
pub(super) fn retirable(entry: Option<&Entry>, standing: &Standing, seen: &Seen, moment: &Moment) -> Vec<Retiree> {
    let Some((entry, live)) = entry.zip(standing.live.as_ref()) else { return Vec::new() };
    let lives = |id: &str| match &seen.inventory {
        Inventory::Listed(records) => records.iter().any(|record| record.id == id && !newer(record, live)),
        Inventory::Blind { .. } => true,
    };
    let due = |retiree: &&Retiree| retiree.id != live.id && retiree.after <= moment.now && lives(&retiree.id);
    entry.retire.iter().filter(due).cloned().collect()
}

/// A record newer than the confirmed one is never retired as its predecessor, unless a lost mint of ours marked it.
fn newer(record: &TokenRecord, live: &TokenRecord) -> bool {
    matches!((record.created, live.created), (Some(record), Some(live)) if record > live)
}
