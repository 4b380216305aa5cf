//! Holding the wheel while the run lasts: the lease is renewed, and the ledger is written only by whoever holds it.

use std::convert::Infallible;
use std::pin::pin;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};

use super::Run;
use crate::ledger::{self, Lease, LeaseError, TERM};
use crate::shelf::Shelf;

/// What is minted this long before the lease ends could still be under way when another run takes the wheel over.
const RESERVE: TimeDelta = TimeDelta::minutes(5);

impl Run {
    fn held(&self) -> Option<(&Lease, &dyn Shelf)> {
        self.lease.as_ref().zip(self.wheel.shelf.as_deref())
    }

    /// Renews the lease if it is not young. That it could not be renewed this time is not the end of it.
    async fn keep_lease(&self) -> Result<(), LeaseError> {
        let Some((lease, shelf)) = self.held() else { return Ok(()) };
        match lease.keep(shelf, self.world.clock.now()).await {
            Err(error @ LeaseError::Lost { .. }) => Err(error),
            Err(error) => {
                log::warn!("{error}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Does something that may last, such as waiting for a rollout, and holds the lease meanwhile.
    pub(super) async fn holding<T>(&self, work: impl Future<Output = T>) -> T {
        let third = (TERM / 3).to_std().unwrap_or_default();
        let renew = async {
            loop {
                tokio::time::sleep(third).await;
                if let Err(error) = self.keep_lease().await {
                    log::warn!("{error}");
                    break std::future::pending::<Infallible>().await;
                }
            }
        };
        match select(pin!(work), pin!(renew)).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    }

    /// Lets what is still to be minted be minted for as long as the lease lasts by now. The next run must know of that
    /// from the ledger: what was made later than it says there is a stranger's.
    pub(super) async fn prolong(&mut self) {
        if self.keep_lease().await.is_err() {
            return;
        }
        let until = self.lease.as_ref().map(Lease::until);
        if self.mint_until >= until {
            return;
        }
        let entries = self.ledger.tokens.values_mut();
        let ours = entries.flat_map(|entry| &mut entry.intents).filter(|intent| intent.since == self.started);
        let mut any = false;
        for intent in ours {
            intent.until = until;
            any = true;
        }
        if !any || self.write_ledger().await.is_ok() {
            self.mint_until = until;
        }
    }

    /// Writes the ledger, unless the wheel is another's by now: then it is left to that run.
    pub(super) async fn write_ledger(&mut self) -> Result<(), String> {
        self.keep_lease().await.map_err(|error| error.to_string())?;
        self.ledger.written = self.world.clock.now();
        let Some(shelf) = &self.wheel.shelf else { return Ok(()) };
        ledger::write(shelf.as_ref(), &self.ledger).await.map_err(|error| error.to_string())
    }

    /// Why nothing more is to be minted in this run. A rotation that outlived its lease could meet another run.
    pub(super) fn halted(&self) -> Option<&'static str> {
        let soon: DateTime<Utc> = self.world.clock.now() + RESERVE;
        if self.stopping() {
            Some("the run was asked to stop")
        } else if self.lease.as_ref().is_some_and(|lease| lease.lost_to().is_some()) {
            Some("another run has taken the wheel over")
        } else if self.mint_until.is_some_and(|until| soon >= until) {
            Some("the lease of this run is about to end")
        } else {
            None
        }
    }
}
