//! Looking: what lives at the issuers, and what every destination holds. Every run does it, also when nothing is due.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::login::{Alive, ConnectionState};
use super::place::{Held, Place};
use super::setup::{Turning, Wheel};
use super::{Wish, unasked};
use crate::connection::LoginError;
use crate::destination::Holding;
use crate::issuer::{Inventory, Issuer, Proof, Succession};
use crate::ledger::{Current, Entry, Ledger};
use crate::plan::{Seat, Seen, Sight};
use crate::token::{Salt, TokenRecord, TokenValue};

/// What was seen of a token.
pub struct Observation {
    /// For planning.
    pub seen: Seen,
    /// The values that destinations lent, in their order; used only for what they are.
    pub lent: Vec<Option<TokenValue>>,
    /// Who else could read it, for refreshers.
    pub exposed: Vec<String>,
}

/// Looks at every token that the wish includes.
pub(super) async fn all(
    wheel: &Wheel,
    connections: &mut BTreeMap<String, ConnectionState>,
    ledger: &Ledger,
    wish: &Wish,
    now: DateTime<Utc>,
) -> BTreeMap<String, Result<Observation, String>> {
    find_moved(wheel, connections).await;
    let logins: Vec<&String> = wheel.tokens.values().filter_map(|token| token.spec.login.as_ref()).collect();
    let wanted = |name: &String| wish.includes(name) || logins.contains(&name);
    // Those that others log in with come first.
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (name, token) in wheel.tokens.iter().filter(|(name, _)| wanted(name)) {
        if token.spec.login.is_some() { second.push((name, token)) } else { first.push((name, token)) }
    }
    let mut observations = BTreeMap::new();
    for group in [first, second] {
        for (_, token) in &group {
            lend_login(token, &observations);
        }
        let states = &*connections;
        let looks = join_all(group.iter().map(|(name, token)| async move {
            let entry = ledger.entry(name, &token.issuer.subject().to_string());
            ((*name).clone(), one(token, states, entry, &ledger.salt, now).await)
        }))
        .await;
        observations.extend(looks);
    }
    observations
}

/// A dead credential of a pair is first looked for in its own destination: if a live one stands there, the job was
/// merely started before the last turn.
async fn find_moved(wheel: &Wheel, connections: &mut BTreeMap<String, ConnectionState>) {
    for (name, state) in connections.iter_mut().filter(|(_, state)| state.login.is_some()) {
        let Some(linked) = wheel.connections.get(name) else { continue };
        let dead: Vec<Seat> = state.dead.keys().copied().collect();
        for seat in dead {
            let Some(token) = wheel.pair(name).seats.get(&seat).and_then(|token| wheel.tokens.get(token)) else {
                continue;
            };
            for to in &token.destinations {
                let Some(value) = to.lends().await else { continue };
                if !is_of(token.issuer.as_ref(), &value).await {
                    continue;
                }
                if let Ok(login) = linked.connection.identify(&value).await {
                    let found_at = Some(to.address().to_string());
                    state.alive.insert(seat, Alive { value, login, found_at });
                    break;
                }
            }
        }
    }
}

/// Whether a value that a destination lends is a live one of this subject.
async fn is_of(issuer: &dyn Issuer, value: &TokenValue) -> bool {
    let lives = |proof| matches!(proof, Proof::Identity(_) | Proof::Matched(_) | Proof::Alive);
    issuer.recognises(value) && lives(issuer.verify(value).await)
}

/// Gives a token that is minted as another one that other's live value.
pub(super) fn lend_login(token: &Turning, observations: &BTreeMap<String, Result<Observation, String>>) {
    let Some(Ok(other)) = token.spec.login.as_ref().and_then(|login| observations.get(login)) else { return };
    let live = other
        .seen
        .sights
        .iter()
        .zip(&other.lent)
        .find_map(|(sight, lent)| matches!(sight, Sight::Live { .. }).then(|| lent.clone()).flatten());
    if let Some(value) = live {
        token.ground.slot().switch(value);
    }
}

/// Looks at one token, or says why that was not possible.
pub(super) async fn one(
    token: &Turning,
    connections: &BTreeMap<String, ConnectionState>,
    entry: Option<&Entry>,
    salt: &Salt,
    now: DateTime<Utc>,
) -> Result<Observation, String> {
    // The head of the report has the reasons.
    let trouble = |name: &String| {
        let state = connections.get(name).filter(|state| state.login.is_none())?;
        let what = if state.unreachable { "cannot be asked" } else { "has no live refresher" };
        Some(format!("connection {name} {what}"))
    };
    if token.own.is_some() {
        find_own(token, entry, salt).await?;
    } else if let Some(why) = trouble(&token.connection) {
        return Err(why);
    }
    // What is made here is known by its places alone.
    if let (true, Some(why)) = (token.connection.is_empty(), token.needs.iter().find_map(trouble)) {
        return Err(why);
    }
    if token.spec.login.is_some() && token.ground.slot().lend().is_none() {
        let login = token.spec.login.as_deref().unwrap_or_default();
        return Err(format!("the live value of `{login}`, which it is minted as, can be read nowhere"));
    }
    let inventory = match token.issuer.inventory().await.map_err(|error| format!("{error:#}"))? {
        // Some issuers go on listing what has expired.
        Inventory::Listed(mut records) => {
            records.retain(|record| record.expires.is_none_or(|dies| dies > now));
            Inventory::Listed(records)
        }
        blind @ Inventory::Blind { .. } => blind,
    };
    let proofs: Mutex<Vec<TokenRecord>> = Mutex::default();
    let looks = join_all(token.destinations.iter().map(|to| {
        let closed = token.needs.iter().find_map(trouble);
        let (inventory, proofs) = (&inventory, &proofs);
        async move {
            if let Some(why) = closed {
                return (Sight::Unseen(why), None);
            }
            sight(token.issuer.as_ref(), to, inventory, (entry, salt), proofs).await
        }
    }))
    .await;
    let (mut sights, lent): (Vec<Sight>, Vec<Option<TokenValue>>) = looks.into_iter().unzip();
    let proofs = proofs.into_inner().unwrap_or_else(PoisonError::into_inner);
    let proved = proofs.into_iter().max_by_key(|record| record.created);
    if !token.issuer.askable() {
        unasked::compare(&token.wanted.destinations, &mut sights, &lent);
    }
    let exposed = if token.spec.refreshes.is_some() {
        token.destinations.iter().filter_map(|to| to.exposure()).collect()
    } else {
        Vec::new()
    };
    Ok(Observation { seen: Seen { inventory, sights, proved }, lent, exposed })
}

/// A token that rotates itself logs in with its own value: the one at hand, or the one that its destination holds
/// when the job was started before the last turn.
async fn find_own(token: &Turning, entry: Option<&Entry>, salt: &Salt) -> Result<(), String> {
    let Some(own) = &token.own else { return Ok(()) };
    if !token.issuer.askable() {
        return unasked::find_own(token, entry, salt).await;
    }
    let mut why = own.value.as_ref().err().cloned().unwrap_or_default();
    if let Ok(value) = &own.value {
        match token.ground.identify(value).await {
            Ok(_) => {
                token.ground.slot().switch(value.clone());
                return Ok(());
            }
            Err(LoginError::Unreachable(error)) => return Err(error),
            Err(LoginError::Dead(error)) => why = error,
        }
    }
    for to in &token.destinations {
        let Some(value) = to.lends().await else { continue };
        if is_of(token.issuer.as_ref(), &value).await {
            token.ground.slot().switch(value);
            return Ok(());
        }
    }
    let source = &own.source;
    Err(format!("it rotates itself, and what {source} holds is dead ({why}): make a new one by hand and put it there"))
}

/// Looks at one destination. A value that it lends is compared first, and sent to the issuer only when it is of the
/// issuer's make.
async fn sight(
    issuer: &dyn Issuer,
    to: &Place,
    inventory: &Inventory,
    (entry, salt): (Option<&Entry>, &Salt),
    proofs: &Mutex<Vec<TokenRecord>>,
) -> (Sight, Option<TokenValue>) {
    let last = entry.and_then(|entry| entry.delivered.get(to.address().as_str())).map(|delivered| &delivered.receipt);
    let value = match to.look(last).await {
        Err(error) => return (Sight::Unseen(format!("{error:#}")), None),
        Ok(Held::Known(Holding::Nothing)) => return (Sight::Empty, None),
        Ok(Held::Known(Holding::Unknowable(why))) => return (Sight::Unknowable(why), None),
        Ok(Held::Known(Holding::Stamp { same })) => return (Sight::Stamped { same }, None),
        Ok(Held::Known(Holding::Lent(value))) => value,
        // Where it was delivered in that form nobody can use another one.
        Ok(Held::Misshapen) if last.is_some() => {
            return (Sight::Wrong("what it holds has not the form that `as:` asks for".to_owned()), None);
        }
        Ok(Held::Misshapen) => {
            return (Sight::Unknowable("what it holds has not the form that `as:` asks for".to_owned()), None);
        }
    };
    let live = |record: Option<String>| Sight::Live { record, lent: true };
    // The ledger knows the one that was confirmed last by its fingerprint.
    let current = entry.and_then(|entry| entry.current.as_ref());
    let is_current =
        current.and_then(|current| current.fingerprint.as_ref()).map(|known| *known == value.fingerprint(salt));
    if let Inventory::Listed(records) = inventory {
        let shown = records.iter().find(|record| record.shown.as_ref().is_some_and(|shown| shown.same_as(&value)));
        if let Some(record) = shown {
            return (live(Some(record.id.clone())), Some(value));
        }
        // While the very same record is listed there is no need to ask the issuer.
        let listed = |current: &&Current| {
            current.created.is_some() && records.iter().any(|record| record.created.is_some() && current.is(record))
        };
        // Beside another one of its name, what is held may be that one: made by hand, and put there.
        let only = records.len() == 1;
        match (current.filter(listed), is_current) {
            (Some(current), Some(true)) => return (live(Some(current.id.clone())), Some(value)),
            (Some(_), Some(false)) if only && issuer.succession() == Succession::Replaces => {
                return (Sight::Wrong("it holds another value than the live token's".to_owned()), None);
            }
            _ => {}
        }
    }
    if !issuer.askable() {
        return unasked::sight(value, current, is_current, entry);
    }
    if !issuer.recognises(&value) {
        return (Sight::Unknowable("what it holds is not of this issuer's make".to_owned()), None);
    }
    match (issuer.verify(&value).await, is_current) {
        (Proof::Identity(record) | Proof::Matched(record), _) => {
            proofs.lock().unwrap_or_else(PoisonError::into_inner).push((*record).clone());
            (live(Some(record.id)), Some(value))
        }
        (Proof::Alive, Some(true)) => (live(current.map(|current| current.id.clone())), Some(value)),
        // Alive, and not what was confirmed: ours only if a run of ours was cut off, or if nothing was known before.
        (Proof::Alive, Some(false)) if entry.is_none_or(|entry| entry.intents.is_empty()) => {
            (Sight::Unknowable("what it holds is alive, and is not what was delivered there".to_owned()), None)
        }
        (Proof::Alive, _) => (live(None), Some(value)),
        (Proof::Rejected(why), _) => (Sight::Wrong(why), None),
        (Proof::Inconclusive(why), _) => (Sight::Unknowable(why), None),
    }
}
