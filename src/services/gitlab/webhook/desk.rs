//! What was written to webhooks in this run.
//!
//! Several secrets of one webhook may turn in one run, each for itself. Whoever makes it anew carries over what the
//! others wrote, whoever comes later writes to the new one, and they do so one after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::token::TokenValue;

/// Where in a webhook a secret stands: a field, or a list and the name in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(pub(super) &'static str, pub(super) String);

impl Slot {
    /// The field by which GitLab shows that there is something.
    fn shown_by(&self) -> &'static str {
        match self.0 {
            "token" => "token_present",
            "signing_token" => "signing_token_present",
            other => other,
        }
    }
}

/// One for each connection.
#[derive(Default)]
pub(in super::super) struct Desk(Mutex<Log>);

/// A webhook is known by the number that it had when the run began.
#[derive(Default)]
struct Log {
    began_as: BTreeMap<u64, u64>,
    is_now: BTreeMap<u64, u64>,
    given: BTreeMap<(u64, Slot), TokenValue>,
    turns: BTreeMap<u64, Arc<tokio::sync::Mutex<()>>>,
}

impl Log {
    fn first(&self, id: u64) -> u64 {
        self.began_as.get(&id).copied().unwrap_or(id)
    }
}

impl Desk {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else writes to this webhook.
    pub(super) async fn turn(&self, id: u64) -> OwnedMutexGuard<()> {
        let turn = {
            let mut log = self.log();
            let first = log.first(id);
            Arc::clone(log.turns.entry(first).or_default())
        };
        turn.lock_owned().await
    }

    /// The number that it has now.
    pub(super) fn now(&self, id: u64) -> u64 {
        let log = self.log();
        log.is_now.get(&log.first(id)).copied().unwrap_or(id)
    }

    /// It was made anew.
    pub(super) fn moved(&self, from: u64, to: u64) {
        let mut log = self.log();
        let first = log.first(from);
        log.began_as.insert(to, first);
        log.is_now.insert(first, to);
    }

    /// It was given a secret.
    pub(super) fn gave(&self, id: u64, slot: Slot, value: TokenValue) {
        let mut log = self.log();
        let first = log.first(id);
        log.given.insert((first, slot), value);
    }

    /// The secret that it was given there.
    pub(super) fn given(&self, id: u64, slot: &Slot) -> Option<TokenValue> {
        let log = self.log();
        log.given.get(&(log.first(id), slot.clone())).cloned()
    }

    /// The fields that show what it was given.
    pub(super) fn changed(&self, id: u64) -> Vec<&'static str> {
        let log = self.log();
        let first = log.first(id);
        log.given.keys().filter(|(of, _)| *of == first).map(|(_, slot)| slot.shown_by()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_webhook_stays_the_same_one_through_all_its_numbers() {
        let desk = Desk::default();
        let token = || Slot("token", String::new());
        desk.gave(41, token(), TokenValue::new("a").unwrap());
        desk.moved(41, 42);
        desk.moved(42, 43);
        assert_eq!((desk.now(41), desk.now(42), desk.now(43), desk.now(7)), (43, 43, 43, 7));
        assert_eq!(desk.given(43, &token()).unwrap().expose(), "a");
        assert_eq!((desk.changed(42), desk.changed(7)), (vec!["token_present"], vec![]));
        let turn = desk.turn(43).await;
        assert!(tokio::time::timeout(std::time::Duration::from_millis(5), desk.turn(41)).await.is_err());
        drop(turn);
        drop(desk.turn(41).await);
    }
}
