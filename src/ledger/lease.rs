//! One run at a time: a lease beside the ledger.
//!
//! The lease is a text that [`crate::shelf::Shelf::create`] lets only one run make. It ends by itself, so a run that
//! died does not lock the wheel for ever. An expired lease is taken over under a second text, `STEAL`, again made by
//! only one: whoever holds that looks at the lease once more before writing it, so of two thieves one gives way.
//!
//! A run that lasts renews its lease long before it ends, so that nobody can be about to take it over meanwhile. One that
//! finds another's in its place has lost the wheel, and writes nothing more.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::shelf::{Created, Shelf};
use crate::text;

const LEASE: &str = "LEASE";
const STEAL: &str = "STEAL";

/// How long a lease lasts unless it is renewed; a run is given up on after that. Longer than any run of the sizes we
/// measure, and shorter than the shortest sensible schedule.
pub const TERM: TimeDelta = TimeDelta::minutes(30);

/// A younger lease is not renewed: that would be two requests for nothing.
const YOUNG: TimeDelta = TimeDelta::minutes(5);

/// A lease that ends sooner is not renewed: by another clock it may have ended.
const LATE: TimeDelta = TimeDelta::minutes(5);

/// Who holds the lease, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    holder: String,
    nonce: String,
    until: DateTime<Utc>,
}

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another run has it.
    #[error("another run is turning this wheel: {holder}, until {until} at the latest")]
    Held {
        /// Which run.
        holder: String,
        /// When its lease ends by itself.
        until: String,
    },
    /// It was this run's, and is another's now.
    #[error("this run lost the wheel to {holder}")]
    Lost {
        /// To whom.
        holder: String,
    },
    /// The place cannot be used.
    #[error("the lease at {address} cannot be {verb}: {cause:#}")]
    Place {
        /// The shelf.
        address: String,
        /// `taken` or `renewed`.
        verb: &'static str,
        /// Why.
        cause: anyhow::Error,
    },
}

/// The right to act, until it is released or ends.
pub struct Lease {
    state: Mutex<State>,
}

struct State {
    claim: Claim,
    /// Whose it was found to be.
    lost: Option<String>,
}

impl Lease {
    /// Takes the lease for `holder`, or says who has it.
    pub async fn take(shelf: &dyn Shelf, holder: &str, nonce: String, now: DateTime<Utc>) -> Result<Self, LeaseError> {
        let place = |cause| LeaseError::Place { address: shelf.address(), verb: "taken", cause };
        let claim = Claim { holder: holder.to_owned(), nonce, until: now + TERM };
        let text = serde_json::to_string(&claim).map_err(|error| place(error.into()))?;
        if shelf.create(LEASE, &text).await.map_err(place)? == Created::Won {
            return Ok(Self::of(claim));
        }
        let Some(held) = current(shelf).await.map_err(place)? else {
            // It was released between the two calls. The next run of the schedule is soon enough.
            return Err(LeaseError::Held { holder: "a run that just ended".to_owned(), until: text::when(now, now) });
        };
        // A create that was repeated after a lost answer finds its own lease.
        if held.nonce == claim.nonce {
            return Ok(Self::of(claim));
        }
        let refused =
            |held: &Claim| LeaseError::Held { holder: text::plain(&held.holder), until: text::when(held.until, now) };
        if held.until > now {
            return Err(refused(&held));
        }
        if shelf.create(STEAL, &text).await.map_err(place)? == Created::Taken {
            let mark = shelf.get(STEAL).await.map_err(place)?;
            // A create that was repeated after a lost answer finds its own mark.
            if mark.as_deref() != Some(text.as_str()) {
                clear_abandoned(shelf, mark.as_deref(), now).await.map_err(place)?;
                return Err(refused(&held));
            }
        }
        let still = current(shelf).await.map_err(place)?;
        let won = still.as_ref() == Some(&held);
        let taken = if won { shelf.put(LEASE, &text).await } else { Ok(()) };
        // Left behind, it would cost the next run too.
        shelf.remove(STEAL).await.map_err(place)?;
        taken.map_err(place)?;
        if won { Ok(Self::of(claim)) } else { Err(refused(still.as_ref().unwrap_or(&held))) }
    }

    fn of(claim: Claim) -> Self {
        Self { state: Mutex::new(State { claim, lost: None }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When it ends by itself.
    pub fn until(&self) -> DateTime<Utc> {
        self.state().claim.until
    }

    /// Whose it was found to be, if no longer ours.
    pub fn lost_to(&self) -> Option<String> {
        self.state().lost.clone()
    }

    /// Looks whether it is still ours, and renews it; of a young one neither.
    pub async fn keep(&self, shelf: &dyn Shelf, now: DateTime<Utc>) -> Result<(), LeaseError> {
        let place = |cause| LeaseError::Place { address: shelf.address(), verb: "renewed", cause };
        if let Some(holder) = self.lost_to() {
            return Err(LeaseError::Lost { holder });
        }
        let ours = self.state().claim.clone();
        if now < ours.until - TERM + YOUNG {
            return Ok(());
        }
        let held = current(shelf).await.map_err(place)?;
        if held.as_ref().is_none_or(|held| held.nonce != ours.nonce) {
            let holder = held.map_or_else(|| "somebody who removed its lease".to_owned(), |held| held.holder);
            let holder = text::plain(&holder);
            self.state().lost = Some(holder.clone());
            return Err(LeaseError::Lost { holder });
        }
        if now + LATE < ours.until {
            let claim = Claim { until: now + TERM, ..ours };
            let text = serde_json::to_string(&claim).map_err(|error| place(error.into()))?;
            shelf.put(LEASE, &text).await.map_err(place)?;
            self.state().claim = claim;
        }
        Ok(())
    }

    /// Gives it back, unless somebody has taken it over meanwhile.
    pub async fn release(self, shelf: &dyn Shelf) -> anyhow::Result<()> {
        let nonce = self.state().claim.nonce.clone();
        if current(shelf).await?.is_some_and(|held| held.nonce == nonce) {
            shelf.remove(LEASE).await?;
        }
        Ok(())
    }
}

async fn current(shelf: &dyn Shelf) -> anyhow::Result<Option<Claim>> {
    // What cannot be read as a claim was not written by us; it is treated as one that has ended.
    Ok(shelf.get(LEASE).await?.map(|text| {
        serde_json::from_str(&text).unwrap_or_else(|_| Claim {
            holder: "somebody who wrote no name".to_owned(),
            nonce: text,
            until: DateTime::UNIX_EPOCH,
        })
    }))
}

/// Removes the mark of a thief that died; the run after this one can then take the lease over.
async fn clear_abandoned(shelf: &dyn Shelf, mark: Option<&str>, now: DateTime<Utc>) -> anyhow::Result<()> {
    let mark = mark.and_then(|text| serde_json::from_str::<Claim>(text).ok());
    if mark.is_none_or(|mark| mark.until < now) {
        shelf.remove(STEAL).await?;
    }
    Ok(())
}
