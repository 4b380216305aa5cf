//! Logging in: which credentials of each connection are alive, and which one the run uses.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::setup::{Linked, Wheel};
use super::{Wish, credentials};
use crate::config::Source;
use crate::connection::{Login, LoginError};
use crate::plan::{Pair, Seat};
use crate::token::TokenValue;

/// A credential that answered.
pub struct Alive {
    /// The value, which the slot is given when this seat logs in.
    pub value: TokenValue,
    /// Who it is.
    pub login: Login,
    /// Where it was found when the environment held an older one.
    pub found_at: Option<String>,
}

/// How the credentials of a connection stand.
#[derive(Default)]
pub struct ConnectionState {
    /// Those that answered.
    pub alive: BTreeMap<Seat, Alive>,
    /// Those that did not, and why.
    pub dead: BTreeMap<Seat, String>,
    /// Who it is, where it logged in without a credential of the config.
    pub arrived: Option<Login>,
    /// The seat that is logged in.
    pub login: Option<Seat>,
    /// Whether all that failed is that the service could not be asked.
    pub unreachable: bool,
}

impl ConnectionState {
    /// Logs in with the first credential that is alive.
    pub(super) fn log_in(&mut self, linked: &Linked) {
        self.login = self.alive.keys().next().copied();
        if let Some(seat) = self.login {
            self.switch(linked, seat);
        }
    }

    /// Logs in with that seat.
    pub(super) fn switch(&mut self, linked: &Linked, seat: Seat) {
        if let Some(alive) = self.alive.get(&seat) {
            linked.connection.slot().switch(alive.value.clone());
            self.login = Some(seat);
        }
    }

    /// The pair of a connection, with those that are alive.
    pub(super) fn pair(&self, wheel: &Wheel, name: &str) -> Pair {
        Pair { alive: self.alive.keys().copied().collect(), ..wheel.pair(name) }
    }

    /// What the config names twice at this connection.
    pub(super) async fn aliases(&self, wheel: &Wheel, name: &str) -> Vec<String> {
        let Some(linked) = wheel.connections.get(name) else { return Vec::new() };
        linked.connection.aliases().await.unwrap_or_else(|error| {
            log::warn!("connection {name}: {error:#}");
            Vec::new()
        })
    }

    /// Why nothing can be done over this connection.
    pub fn trouble(&self) -> Option<String> {
        if self.login.is_some() {
            return None;
        }
        let reasons: Vec<String> = self.dead.iter().map(|(seat, why)| format!("{}: {why}", seat.word())).collect();
        Some(reasons.join("; "))
    }
}

/// Asks every service, at the same time, who our credentials are. Those whose credential is kept in a vault are asked
/// once the vault is open.
pub(super) async fn all(wheel: &mut Wheel, wish: &Wish) -> BTreeMap<String, ConnectionState> {
    credentials::fetch(wheel, false).await;
    let needed: BTreeSet<String> = needed(wheel, wish).into_iter().map(str::to_owned).collect();
    let waits = |linked: &Linked| linked.credentials.values().any(|it| matches!(it.source, Source::Vault { .. }));
    let (second, first): (Vec<String>, Vec<String>) =
        needed.into_iter().partition(|name| wheel.connections.get(name).is_some_and(waits));
    let mut states = some(wheel, &first).await;
    credentials::fetch(wheel, true).await;
    states.extend(some(wheel, &second).await);
    states
}

async fn some(wheel: &Wheel, names: &[String]) -> BTreeMap<String, ConnectionState> {
    let connections = names.iter().filter_map(|name| Some((name, wheel.connections.get(name)?)));
    let states = join_all(connections.map(|(name, linked)| async move { (name.clone(), one(linked).await) })).await;
    states.into_iter().collect()
}

async fn one(linked: &Linked) -> ConnectionState {
    let mut state = ConnectionState::default();
    if linked.credentials.is_empty() {
        match linked.connection.arrive().await {
            Ok(login) => state.arrived = Some(login),
            Err(error) => {
                state.unreachable = matches!(error, LoginError::Unreachable(_));
                state.dead.insert(Seat::Primary, error.to_string());
            }
        }
        state.login = state.arrived.is_some().then_some(Seat::Primary);
        return state;
    }
    let answers = join_all(linked.credentials.iter().map(|(seat, credential)| async move {
        let answer = match &credential.value {
            Err(why) => Err(LoginError::Dead(why.clone())),
            Ok(value) => linked.connection.identify(value).await.map(|login| (value.clone(), login)),
        };
        (*seat, answer, credential)
    }))
    .await;
    let mut silent = 0;
    for (seat, answer, credential) in answers {
        match answer {
            Ok((value, login)) => {
                state.alive.insert(seat, Alive { value, login, found_at: None });
            }
            Err(error) => {
                silent += usize::from(matches!(error, LoginError::Unreachable(_)));
                state.dead.insert(seat, format!("{}: {error}", credential.source));
            }
        }
    }
    drop_twin(&mut state);
    state.unreachable = silent > 0 && state.alive.is_empty();
    state.log_in(linked);
    state
}

/// The connections that a run over these tokens needs: theirs, those of their destinations, and the ledger's.
fn needed<'a>(wheel: &'a Wheel, wish: &Wish) -> BTreeSet<&'a str> {
    if wish.only.is_empty() {
        return wheel.connections.keys().map(String::as_str).collect();
    }
    let tokens = wheel.tokens.iter().filter(|(name, _)| wish.includes(name)).map(|(_, token)| token);
    let lenders = tokens.clone().filter_map(|token| wheel.tokens.get(token.spec.login.as_ref()?));
    let all = tokens.chain(lenders);
    let names = all.flat_map(|token| token.needs.iter().chain(Some(&token.connection)));
    // What is kept in a vault takes the vault.
    let vaults = wheel.connections.iter().filter(|(_, linked)| linked.service == "vault").map(|(name, _)| name);
    names.chain(&wheel.shelf_connection).chain(vaults).map(String::as_str).collect()
}

/// A spare that is the refresher itself is none: turning it would turn the login.
fn drop_twin(state: &mut ConnectionState) {
    let twins = match (state.alive.get(&Seat::Primary), state.alive.get(&Seat::Spare)) {
        (Some(one), Some(two)) => {
            let id = |alive: &Alive| alive.login.record.as_ref().map(|record| record.id.clone());
            one.value.same_as(&two.value) || (id(one).is_some() && id(one) == id(two))
        }
        _ => false,
    };
    if twins {
        state.alive.remove(&Seat::Spare);
        state.dead.insert(Seat::Spare, "it is the refresher itself, and could not save it".to_owned());
    }
}
