//! In which order things are done, and which must not be done at all.

use std::collections::BTreeMap;

use super::login::ConnectionState;
use super::setup::Wheel;
use crate::plan::{Plan, Step};
use crate::text;

/// A token that is some connection's login is refused unless it says `refreshes:`, and the other way round: turning it
/// unawares would lock everybody out.
pub(super) fn guard_logins(wheel: &Wheel, connections: &BTreeMap<String, ConnectionState>, plans: &mut [Plan]) {
    for plan in plans.iter_mut().filter(|plan| plan.rotates()) {
        let Some(token) = wheel.tokens.get(&plan.name) else { continue };
        let Some(live) = &plan.live else { continue };
        let Some(state) = connections.get(&token.connection) else { continue };
        let is_login = state.alive.iter().find(|(_, alive)| {
            alive.login.record.as_ref().is_some_and(|record| record.id == live.id && !record.id.is_empty())
        });
        match (&token.spec.refreshes, is_login) {
            (None, Some((seat, _))) => {
                let what = format!("it is what connection `{}` logs in with", token.connection);
                let seat = if seat.word() == "spare" { ".spare" } else { "" };
                let next = format!("say `refreshes: {}{seat}`, so that it is turned with care", token.connection);
                plan.step = Step::Refuse { why: format!("{what}: {next}") };
            }
            (Some((connection, seat)), _) if connection == &token.connection => {
                let login = state.alive.get(seat).and_then(|alive| alive.login.record.as_ref());
                if let Some(login) = login.filter(|login| login.id != live.id) {
                    let why = format!(
                        "it says `refreshes: {connection}`, but the {} of that connection is token {}, not {}",
                        seat.word(),
                        text::plain(&login.id),
                        text::plain(&live.id)
                    );
                    plan.step = Step::Refuse { why };
                }
            }
            _ => {}
        }
    }
}

/// The refreshers, those first whose destinations need the connections of others: a connection that others deliver
/// over turns after them.
pub(super) fn refreshers(wheel: &Wheel) -> Vec<String> {
    let mut left: Vec<&String> = wheel.tokens.keys().filter(|name| wheel.refreshers().contains(*name)).collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let needed_by_others = |name: &&String| {
            let of = wheel.tokens.get(*name).and_then(|token| token.spec.refreshes.as_ref()).map(|(of, _)| of);
            left.iter().any(|other| {
                let token = wheel.tokens.get(*other);
                let same = token.and_then(|token| token.spec.refreshes.as_ref()).map(|(of, _)| of) == of;
                !same && token.is_some_and(|token| of.is_some_and(|of| token.needs.contains(of)))
            })
        };
        // In a circle the first by name goes first: each step confirms before the next, so any order is safe.
        let next = left.iter().position(|name| !needed_by_others(name)).unwrap_or(0);
        ordered.push(left.remove(next).clone());
    }
    ordered
}
