//! The lease on every shelf: of two runs one acts, and of two thieves one steals.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use tokenwheel::ledger::{Lease, LeaseError};
use tokenwheel::shelf::{Created, Shelf};

use super::shelves::{Place, all};
use crate::common::monday;

fn nonce(of: &str) -> String {
    format!("nonce of {of}")
}

async fn take(place: &Place, who: &str, after: TimeDelta) -> Result<Lease, LeaseError> {
    Lease::take(place.shelf().as_ref(), who, nonce(who), monday() + after).await
}

const EXPIRED: TimeDelta = TimeDelta::minutes(31);

#[tokio::test(start_paused = true)]
async fn of_two_runs_at_once_one_wins_and_the_other_is_told_who() {
    for place in all() {
        place.ground.sandbox.set_latency(Duration::from_millis(20));
        let (one, other) =
            tokio::join!(take(&place, "one", TimeDelta::zero()), take(&place, "other", TimeDelta::zero()));
        let winner = if one.is_ok() { "one" } else { "other" };
        let refused = if one.is_ok() { other.err() } else { one.err() };
        let Some(LeaseError::Held { holder, .. }) = refused else { panic!("{}: both, or neither", place.kind) };
        assert_eq!(holder, winner, "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_can_be_taken() {
    for place in all() {
        take(&place, "one", TimeDelta::zero()).await.unwrap().release(place.shelf().as_ref()).await.unwrap();
        assert!(take(&place, "other", TimeDelta::zero()).await.is_ok(), "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_not_expired_is_not_stolen() {
    for place in all() {
        let _held = take(&place, "one", TimeDelta::zero()).await.unwrap();
        assert!(take(&place, "other", TimeDelta::minutes(29)).await.is_err(), "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_stolen_by_exactly_one_of_two_thieves_however_they_interleave() {
    for place in 0..all().len() {
        for delay in 0..40 {
            let place = &all()[place];
            drop(take(place, "dead", TimeDelta::zero()).await.unwrap());
            place.ground.sandbox.set_latency(Duration::from_millis(20));
            let late = async {
                tokio::time::sleep(Duration::from_millis(delay * 5)).await;
                take(place, "other", EXPIRED).await
            };
            let (one, other) = tokio::join!(take(place, "one", EXPIRED), late);
            assert!(!(one.is_ok() && other.is_ok()), "{} after {delay}: both stole", place.kind);
            assert!(one.is_ok() || other.is_ok(), "{} after {delay}: neither stole", place.kind);
        }
    }
}

/// A shelf behind a slow network.
struct Slow(Arc<dyn Shelf>, Duration);

#[async_trait]
impl Shelf for Slow {
    fn address(&self) -> String {
        self.0.address()
    }

    fn room(&self) -> Option<usize> {
        self.0.room()
    }

    async fn get(&self, part: &str) -> anyhow::Result<Option<String>> {
        let found = self.0.get(part).await;
        tokio::time::sleep(self.1).await;
        found
    }

    async fn put(&self, part: &str, text: &str) -> anyhow::Result<()> {
        tokio::time::sleep(self.1).await;
        self.0.put(part, text).await
    }

    async fn create(&self, part: &str, text: &str) -> anyhow::Result<Created> {
        tokio::time::sleep(self.1).await;
        self.0.create(part, text).await
    }

    async fn remove(&self, part: &str) -> anyhow::Result<()> {
        tokio::time::sleep(self.1).await;
        self.0.remove(part).await
    }
}

/// The slow one looked before the fast one stole, and marks its theft after the fast one is done.
#[tokio::test(start_paused = true)]
async fn a_slow_thief_does_not_steal_from_a_fast_one() {
    for place in 0..all().len() {
        for delay in 0..40 {
            let place = &all()[place];
            drop(take(place, "dead", TimeDelta::zero()).await.unwrap());
            let slow = Slow(place.shelf(), Duration::from_millis(100));
            let fast = async {
                tokio::time::sleep(Duration::from_millis(delay * 20)).await;
                take(place, "fast", EXPIRED).await
            };
            let (slow, fast) = tokio::join!(Lease::take(&slow, "slow", nonce("slow"), monday() + EXPIRED), fast);
            assert!(slow.is_ok() != fast.is_ok(), "{} after {delay}: both stole, or neither", place.kind);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_lease_was_stolen_does_not_give_back_the_thiefs() {
    for place in all() {
        let slow = take(&place, "slow", TimeDelta::zero()).await.unwrap();
        let _thief = take(&place, "thief", EXPIRED).await.unwrap();
        slow.release(place.shelf().as_ref()).await.unwrap();
        assert!(take(&place, "third", EXPIRED).await.is_err(), "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_thief_that_died_in_the_act_does_not_lock_the_wheel_for_ever() {
    for place in all() {
        drop(take(&place, "dead", TimeDelta::zero()).await.unwrap());
        // It had made its mark, and nothing more.
        let claim = place.shelf().get("LEASE").await.unwrap().unwrap();
        place.shelf().create("STEAL", &claim.replace("dead", "thief")).await.unwrap();
        let later = [EXPIRED, EXPIRED * 2];
        let mut taken = Vec::new();
        for after in later {
            taken.push(take(&place, "next", after).await.is_ok());
        }
        assert_eq!(taken, [false, true], "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_claim_is_stolen_like_one_that_has_expired() {
    for place in all() {
        place.shelf().put("LEASE", "scribbled by a person").await.unwrap();
        assert!(take(&place, "one", TimeDelta::zero()).await.is_ok(), "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewed_lease_is_held_for_another_term_and_then_given_back() {
    for place in all() {
        let (lease, shelf) = (take(&place, "long", TimeDelta::zero()).await.unwrap(), place.shelf());
        for minutes in [10, 20, 30, 40] {
            lease.keep(shelf.as_ref(), monday() + TimeDelta::minutes(minutes)).await.unwrap();
        }
        assert_eq!(lease.until(), monday() + TimeDelta::minutes(70), "{}", place.kind);
        let Err(LeaseError::Held { holder, until }) = take(&place, "thief", TimeDelta::minutes(69)).await else {
            panic!("{}: stolen", place.kind);
        };
        assert_eq!((holder.as_str(), until.as_str()), ("long", "4 May 07:10 UTC"));
        lease.release(shelf.as_ref()).await.unwrap();
        assert!(take(&place, "next", TimeDelta::minutes(69)).await.is_ok(), "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_young_lease_costs_no_request() {
    for place in all() {
        let (lease, shelf) = (take(&place, "one", TimeDelta::zero()).await.unwrap(), place.shelf());
        place.ground.requests();
        lease.keep(shelf.as_ref(), monday() + TimeDelta::minutes(4)).await.unwrap();
        assert!(place.ground.requests().is_empty(), "{}", place.kind);
    }
}

/// By another clock it may have ended, and somebody may be between his last look at it and his write.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_about_to_end_is_not_renewed() {
    for place in all() {
        let (lease, shelf) = (take(&place, "slow", TimeDelta::zero()).await.unwrap(), place.shelf());
        for minutes in [26, 31] {
            lease.keep(shelf.as_ref(), monday() + TimeDelta::minutes(minutes)).await.unwrap();
            assert_eq!(lease.until(), monday() + TimeDelta::minutes(30), "{}", place.kind);
        }
        assert!(take(&place, "thief", EXPIRED).await.is_ok(), "{}", place.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_stolen_is_not_renewed_and_its_thief_is_named() {
    for place in all() {
        let (lease, shelf) = (take(&place, "slow", TimeDelta::zero()).await.unwrap(), place.shelf());
        let _thief = take(&place, "thief", EXPIRED).await.unwrap();
        for _ in 0..2 {
            let lost = lease.keep(shelf.as_ref(), monday() + EXPIRED).await.unwrap_err();
            assert_eq!(lost.to_string(), "this run lost the wheel to thief", "{}", place.kind);
        }
        assert_eq!(lease.lost_to().as_deref(), Some("thief"));
        assert!(take(&place, "third", EXPIRED).await.is_err(), "{}: the thief's is untouched", place.kind);
    }
}
