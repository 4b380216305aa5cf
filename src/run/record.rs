//! Taking facts down in the ledger. Nothing here decides anything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::observe::Observation;
use super::setup::{Turning, Wheel};
use crate::issuer::{Ended, Inventory, Succession};
use crate::ledger::{Current, Delivered, Entry, Intent, Ledger, Retiree};
use crate::plan::{Plan, Sight, Step};
use crate::rotation::{Confirmed, Held, Missed};
use crate::token::{Fingerprint, Salt, TokenRecord};

/// Takes down which value lived, where the issuer says of one that it lives and not which one it is: beside a successor
/// whose answer was lost, only its fingerprint would tell them apart.
fn remember_unnamed(
    entry: &mut Entry,
    token: &Turning,
    plan: &Plan,
    seen: Option<&Observation>,
    now: DateTime<Utc>,
    salt: &Salt,
) {
    let overlaps = token.issuer.succession() == Succession::Overlaps;
    let live = plan.live.as_ref().filter(|live| overlaps && entry.current.is_none() && !live.id.is_empty());
    let unnamed = seen.and_then(|seen| {
        let mut held = seen.seen.sights.iter().zip(&seen.lent);
        held.find_map(|(sight, lent)| lent.as_ref().filter(|_| matches!(sight, Sight::Live { record: None, .. })))
    });
    if let (Some(live), Some(value)) = (live, unnamed) {
        entry.current = Some(Current {
            id: live.id.clone(),
            created: live.created,
            expires: live.expires,
            fingerprint: Some(value.fingerprint(salt)),
            confirmed: now,
        });
    }
}

/// Moves what is known of a renamed token to its new name.
pub(super) fn rename(wheel: &Wheel, ledger: &mut Ledger) {
    for (name, token) in &wheel.tokens {
        let Some(was) = token.spec.was.as_ref().filter(|was| !wheel.tokens.contains_key(*was)) else { continue };
        if !ledger.tokens.contains_key(name)
            && let Some(entry) = ledger.tokens.remove(was)
        {
            ledger.tokens.insert(name.clone(), entry);
        }
    }
}

/// Forgets what the config no longer names.
pub(super) fn forget_removed(ledger: &mut Ledger, wheel: &Wheel) {
    ledger.tokens.retain(|name, _| wheel.tokens.contains_key(name));
}

fn entry<'a>(ledger: &'a mut Ledger, token: &Turning) -> &'a mut Entry {
    let subject = token.issuer.subject().to_string();
    let entry = ledger.tokens.entry(token.wanted.name.clone()).or_default();
    // A name that was given to another subject is another token.
    if entry.subject != subject {
        *entry = Entry { subject, ..Entry::default() };
    }
    entry
}

/// Takes down that a mint is about to happen, and what lived before it.
pub(super) fn intend(
    ledger: &mut Ledger,
    token: &Turning,
    plan: &Plan,
    seen: Option<&Observation>,
    since: DateTime<Utc>,
) {
    // Their overlap counts too: a run that died may have delivered one where nobody can look.
    mark_strays(ledger, token, plan, since + token.wanted.overlap);
    let salt = ledger.salt.clone();
    let entry = entry(ledger, token);
    remember_unnamed(entry, token, plan, seen, since, &salt);
    let lived: BTreeMap<String, Option<DateTime<Utc>>> = match seen.map(|seen| &seen.seen.inventory) {
        Some(Inventory::Listed(records)) => records.iter().map(|record| (record.id.clone(), record.created)).collect(),
        _ => BTreeMap::new(),
    };
    entry.intents.push(Intent { since, until: None, lived });
}

/// Marks strays, before a newer intent covers them.
pub(super) fn mark_strays(ledger: &mut Ledger, token: &Turning, plan: &Plan, after: DateTime<Utc>) {
    let entry = entry(ledger, token);
    for stray in &plan.strays {
        entry.mark(stray, after);
    }
}

/// Forgets marked tokens that the issuer no longer lists.
pub(super) fn forget_ended(ledger: &mut Ledger, token: &Turning, inventory: &Inventory) {
    let Inventory::Listed(records) = inventory else { return };
    entry(ledger, token).retire.retain(|old| old.ending || records.iter().any(|record| record.id == old.id));
}

/// Takes down a confirmed successor.
pub(super) fn confirmed(
    ledger: &mut Ledger,
    token: &Turning,
    plan: &Plan,
    confirmed: &Confirmed,
    now: DateTime<Utc>,
    overlap: TimeDelta,
) {
    let fingerprint = confirmed.value.fingerprint(&ledger.salt);
    let entry = entry(ledger, token);
    let before = entry.current.clone();
    let expires = confirmed.record.expires.or(token.wanted.ttl.map(|ttl| now + ttl));
    entry.current = Some(Current {
        id: confirmed.record.id.clone(),
        created: confirmed.record.created,
        expires,
        fingerprint: Some(fingerprint.clone()),
        confirmed: now,
    });
    entry.order.clone_from(&token.wanted.order);
    entry.intents.clear();
    // One that a later run had given up, and that was unsealed after all, is nobody's predecessor yet.
    entry.retire.retain(|old| old.id != confirmed.record.id);
    deliveries(entry, token, &confirmed.held, &confirmed.owed, &fingerprint);
    if token.issuer.succession() == Succession::Overlaps && token.issuer.ends_tokens() {
        // One that was only seen, at an issuer that lists none, has no name by which it could be ended.
        let old = plan.live.iter().filter(|old| plan.ours && old.id != confirmed.record.id && !old.id.is_empty());
        old.for_each(|old| entry.mark(old, now + overlap));
        mark_passed_over(entry, before, &confirmed.record, now + overlap);
        if overlap.is_zero() {
            // Asked for at once: what waits for the end of an older overlap ends now too.
            entry.retire.iter_mut().for_each(|retiree| retiree.after = retiree.after.min(now));
        }
    }
}

/// Lets those predecessors live on that a place held until now which lacked the live one: whoever read it there has the
/// whole overlap from this delivery on.
pub(super) fn prolong(ledger: &mut Ledger, token: &Turning, sights: &[Sight], until: DateTime<Utc>) {
    let entry = entry(ledger, token);
    // What cannot be seen, or does not say which one it is, may be any of them.
    let unnamed = sights.iter().any(|sight| matches!(sight, Sight::Live { record: None, .. }));
    let any = unnamed || !entry.owed.is_empty();
    let held =
        |id: &str| sights.iter().any(|sight| matches!(sight, Sight::Live { record: Some(record), .. } if record == id));
    for retiree in entry.retire.iter_mut().filter(|retiree| !retiree.ending) {
        if any || held(&retiree.id) {
            retiree.after = retiree.after.max(until);
        }
    }
}

/// Takes down what the turn used up.
pub(super) fn spent(ledger: &mut Ledger, token: &Turning, spent: Option<&Fingerprint>) {
    if let Some(spent) = spent {
        entry(ledger, token).spent = Some(spent.clone());
    }
}

/// Marks the token that was confirmed before, when another one has taken its place without a word in the ledger.
fn mark_passed_over(entry: &mut Entry, before: Option<Current>, live: &TokenRecord, after: DateTime<Utc>) {
    if let Some(before) = before.filter(|before| before.id != live.id) {
        entry.mark(&TokenRecord { expires: before.expires, ..TokenRecord::named(&before.id) }, after);
    }
}

fn deliveries(entry: &mut Entry, token: &Turning, held: &[Held], owed: &[Missed], fingerprint: &Fingerprint) {
    let address = |index: usize| token.destinations.get(index).map(|to| to.address().to_string());
    for held in held {
        let Some(address) = address(held.index) else { continue };
        entry.owed.remove(&address);
        entry.delivered.insert(address, Delivered { fingerprint: fingerprint.clone(), receipt: held.receipt.clone() });
    }
    entry.owed.extend(owed.iter().filter_map(|missed| address(missed.index)));
    // What the config no longer names is not remembered either.
    let known: BTreeSet<String> = token.destinations.iter().map(|to| to.address().to_string()).collect();
    entry.owed.retain(|address| known.contains(address));
    entry.delivered.retain(|address, _| known.contains(address));
}

/// Takes down that destinations were given the live value.
pub(super) fn redelivered(
    ledger: &mut Ledger,
    token: &Turning,
    held: &[Held],
    owed: &[Missed],
    fingerprint: &Fingerprint,
    sights: &[Sight],
) {
    let entry = entry(ledger, token);
    if let Some(current) = &mut entry.current {
        current.fingerprint = Some(fingerprint.clone());
    }
    deliveries(entry, token, held, owed, fingerprint);
    if everywhere(held, owed, sights) {
        entry.intents.clear();
    }
}

/// Whether every destination was seen to hold a live token, or was just given it.
pub(super) fn everywhere(held: &[Held], owed: &[Missed], sights: &[Sight]) -> bool {
    let has_it = |(index, sight): (usize, &Sight)| {
        matches!(sight, Sight::Live { .. }) || held.iter().any(|held| held.index == index)
    };
    owed.is_empty() && sights.iter().enumerate().all(has_it)
}

/// Takes over what was seen to be alive: without a ledger, and after a run whose end was not written down.
pub(super) fn adopted(
    ledger: &mut Ledger,
    token: &Turning,
    plan: &Plan,
    seen: Option<&Result<Observation, String>>,
    now: DateTime<Utc>,
) {
    let Some(Ok(seen)) = seen else { return };
    let salt = ledger.salt.clone();
    let entry = entry(ledger, token);
    let sights = || seen.seen.sights.iter().zip(&seen.lent).enumerate();
    let Some(live) = plan.live.as_ref().filter(|live| !live.id.is_empty()) else { return };
    let holds_live = |sight: &Sight| match sight {
        Sight::Live { record, .. } => record.as_ref().is_none_or(|record| *record == live.id),
        _ => false,
    };
    let value = sights().find_map(|(_, (sight, lent))| lent.as_ref().filter(|_| holds_live(sight)));
    let fingerprint = value.map(|value| value.fingerprint(&salt));
    // What a destination holds has changed, or nothing was known: then the facts are those seen now.
    let known = entry.current.as_ref().is_some_and(|current| {
        let dated = current.created.is_some() || live.created.is_none();
        current.is(live) && dated && (fingerprint.is_none() || current.fingerprint == fingerprint)
    });
    if !known {
        let old = entry.current.take();
        let known = old.clone().filter(|old| old.is(live)).and_then(|old| old.fingerprint);
        entry.current = Some(Current {
            id: live.id.clone(),
            created: live.created,
            expires: live.expires,
            fingerprint: fingerprint.clone().or(known),
            confirmed: now,
        });
        // A run that died after its delivery made it: what it followed is still to be retired.
        if token.issuer.succession() == Succession::Overlaps && entry.may_have_made(live) {
            mark_passed_over(entry, old, live, now + token.wanted.overlap);
        }
    }
    if entry.order.is_empty() {
        entry.order.clone_from(&token.wanted.order);
    }
    let held: Vec<Held> = sights()
        .filter(|(_, (sight, _))| holds_live(sight))
        .map(|(index, _)| {
            let address = token.destinations.get(index).map(|to| to.address().to_string()).unwrap_or_default();
            let receipt = entry.delivered.get(&address).map(|given| given.receipt.clone()).unwrap_or_default();
            Held { index, assurance: crate::destination::Assurance::ReadBack, receipt }
        })
        .collect();
    if let Some(fingerprint) = &fingerprint {
        deliveries(entry, token, &held, &[], fingerprint);
    }
    if plan.settled && plan.strays.is_empty() && plan.step == Step::Keep {
        entry.intents.clear();
    }
}

/// Takes down that this run minted nothing, where that is certain. The intents of earlier runs stand.
pub(super) fn unminted(ledger: &mut Ledger, token: &Turning, started: DateTime<Utc>) {
    entry(ledger, token).intents.retain(|intent| intent.since != started);
}

/// The predecessors that may end now.
pub(super) fn marked(ledger: &Ledger, token: &Turning, now: DateTime<Utc>) -> Vec<Retiree> {
    let entry = ledger.entry(&token.wanted.name, &token.issuer.subject().to_string());
    let current = entry.and_then(|entry| entry.current.as_ref()).map(|current| current.id.as_str());
    let retire = entry.map(|entry| entry.retire.as_slice()).unwrap_or_default();
    retire.iter().filter(|retiree| retiree.after <= now && Some(retiree.id.as_str()) != current).cloned().collect()
}

/// Until when what was revoked may go on working.
pub(super) const fn lingers(ended: &anyhow::Result<Ended>) -> Option<DateTime<Utc>> {
    match ended {
        Ok(Ended::NotYet { until }) => Some(*until),
        Ok(Ended::Ended) | Err(_) => None,
    }
}

/// How often it is asked whether a token that was ended is dead.
const ENOUGH: u32 = 3;

/// Takes down what came of a revocation.
pub(super) fn retired(ledger: &mut Ledger, token: &Turning, retiree: &Retiree, ended: &anyhow::Result<Ended>) {
    let entry = entry(ledger, token);
    match ended {
        Ok(Ended::Ended) => entry.retire.retain(|other| other.id != retiree.id),
        Ok(Ended::NotYet { until }) => {
            entry.retire.retain(|other| other.id != retiree.id);
            entry.retire.push(Retiree { after: *until, ending: true, ..retiree.clone() });
        }
        Err(_) => {
            entry.retire.iter_mut().filter(|other| other.id == retiree.id).for_each(|other| other.tried += 1);
            // Its end was accepted, and nothing more can be learnt of it.
            entry.retire.retain(|other| other.id != retiree.id || !other.ending || other.tried < ENOUGH);
        }
    }
}
