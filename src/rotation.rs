//! The six verbs as types: rehearse → mint → verify → deliver → confirm → retire. Each consumes the one before, so
//! that "revoke the old one before the new one is confirmed" does not compile.

mod readers;
mod stopped;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::connection::Slot;
use crate::destination::{Ask, Assurance, Depth, Destination, Receipt};
use crate::issuer::{Issuer, Leave, MintError, Proof};
use crate::token::{Form, Minted, Order, Parts, TokenRecord, TokenValue};
pub use readers::Patience;
pub use stopped::{Stopped, Verb};

/// How long a rejection of a token that was just made is doubted.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Why a destination is not given it yet.
const WAITS: &str = "it waits for a destination that is to have it `first`";

/// One destination of a token, with what is remembered of it.
pub struct Stop {
    /// Where the value goes.
    pub destination: Arc<dyn Destination>,
    /// The form in which it gets it.
    pub form: Form,
    /// Whether the others wait until it took it.
    pub first: bool,
    /// The receipt of the last delivery.
    pub last: Option<Receipt>,
    /// Whether it holds nothing of use now: then its refusal holds nothing up.
    pub expendable: bool,
}

/// What is to be rotated.
pub struct Job<'a> {
    /// Who mints it.
    pub issuer: &'a dyn Issuer,
    /// Where it goes.
    pub stops: &'a [Stop],
    /// What is ordered.
    pub order: Order<'a>,
    /// The slot of the connection that logs in with this very token, when that is so.
    pub own_slot: Option<Slot>,
    /// Whether the token itself is dead, or dies before the next run: then one willing destination suffices, and the
    /// others are owed.
    pub pressing: bool,
    /// How long jobs that may be using the old token are waited for, where that is asked.
    pub patience: Option<Patience<'a>>,
    /// Asked before the mint, from where there is no way back: why the run is to go no further.
    pub halted: &'a (dyn Fn() -> Option<&'static str> + Sync),
    /// Told of each verb as it is done.
    pub told: &'a (dyn Fn(Verb, String) + Sync),
    /// Shown each value the moment it exists, before anything else is done.
    pub minted: &'a (dyn Fn(&TokenValue) + Sync),
    /// Where the new value outlives this machine until it is confirmed.
    pub rescue: Option<&'a dyn Safe>,
}

/// Keeps a new value, sealed, until it is confirmed.
pub trait Safe: Sync {
    /// Whether it would take a value of that length.
    fn rehearse(&self, length: usize) -> anyhow::Result<()>;

    /// Takes what was just minted. Where that fails, to go on is the best that can be done with the value.
    fn seal(&self, minted: &Minted);
}

/// A rotation that has come as far as `S`.
pub struct Rotation<'a, S> {
    job: Job<'a>,
    state: S,
}

/// It is due.
pub struct Due(());

/// The destinations in `willing` would take such a value; the others are owed.
pub struct Rehearsed {
    willing: Vec<usize>,
    owed: Vec<Missed>,
}

/// The new token exists, here and nowhere else.
pub struct Fresh {
    before: Rehearsed,
    minted: Minted,
}

/// A sealed copy of it outlives this machine, where the config says to whom it is sealed.
pub struct Sealed {
    before: Rehearsed,
    minted: Minted,
}

/// It is who it should be, or nobody could say.
pub struct Verified {
    before: Rehearsed,
    minted: Minted,
    proof: Proof,
}

/// The destinations in `given` took it.
pub struct Delivered {
    minted: Minted,
    proof: Proof,
    given: Vec<(usize, Receipt)>,
    owed: Vec<Missed>,
}

/// A destination that does not have the new value, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Its place in the config.
    pub index: usize,
    /// Why, in a sentence.
    pub why: String,
}

/// A destination that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its place in the config.
    pub index: usize,
    /// How sure that is.
    pub assurance: Assurance,
    /// For the ledger.
    pub receipt: Receipt,
}

/// The end of a rotation: the only thing from which a predecessor can be retired.
pub struct Confirmed {
    /// The new value, for its fingerprint.
    pub value: TokenValue,
    /// The new record.
    pub record: TokenRecord,
    /// What it turned out to be.
    pub proof: Proof,
    /// Where it is.
    pub held: Vec<Held>,
    /// Where it is not yet.
    pub owed: Vec<Missed>,
}

impl Confirmed {
    /// Whether every destination has it.
    pub fn everywhere(&self) -> bool {
        self.owed.is_empty()
    }
}

/// Rotates one token, from due to confirmed.
pub async fn rotate(due: Rotation<'_, Due>) -> Result<Confirmed, Stopped> {
    let rehearsed = due.rehearse().await?; // every destination would take such a value
    let undisturbed = rehearsed.wait().await?; // no job is using the old one, where that would die
    let fresh = undisturbed.mint().await?; // the new token exists, here and nowhere else
    let sealed = fresh.seal(); // and outlives this machine
    let verified = sealed.verify().await?; // it is who it should be
    let delivered = verified.deliver().await?; // the destinations were given it
    delivered.confirm().await // and have it
}

impl<'a> Rotation<'a, Due> {
    /// Begins.
    pub fn of(job: Job<'a>) -> Self {
        Self { job, state: Due(()) }
    }

    /// Asks the issuer and every destination, changing nothing.
    pub async fn rehearse(self) -> Result<Rotation<'a, Rehearsed>, Stopped> {
        let job = self.job;
        let leave = job.issuer.rehearse(&job.order).await.map_err(|why| Stopped::rehearsing_issuer(&why))?;
        let shape = job.issuer.shape();
        let answers = join_all(job.stops.iter().map(|stop| {
            let shape = shape.as_ref().and_then(|shape| stop.form.shape(shape));
            async move {
                let ask = Ask { shape: shape.as_ref(), depth: Depth::Try, last: stop.last.as_ref() };
                stop.destination.rehearse(&ask).await
            }
        }))
        .await;
        // Longer than any token is, where nobody knows how long.
        let length = shape.as_ref().map_or(8192, |shape| shape.longest);
        if let Some(Err(why)) = job.rescue.filter(|_| !job.pressing).map(|safe| safe.rehearse(length)) {
            return Err(Stopped::rehearsing_issuer(&why));
        }
        let (mut willing, mut owed) = (Vec::new(), Vec::new());
        for (index, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(()) => willing.push(index),
                Err(why) => owed.push(Missed { index, why: format!("{why:#}") }),
            }
        }
        // A token that lives and has time waits for every destination that has a use for it.
        let waits = |missed: &Missed| job.stops.get(missed.index).is_none_or(|stop| !stop.expendable);
        // While one that is to have it first refuses it, the others get nothing; and what the next turn is made with must
        // be kept by somebody, or the very value that is to be saved is lost.
        let stop = |index: &usize| job.stops.get(*index);
        let held_up = owed.iter().any(|missed| stop(&missed.index).is_some_and(|stop| stop.first));
        let reached: Vec<&Stop> = willing.iter().filter_map(stop).filter(|stop| stop.first || !held_up).collect();
        let keeps = |stop: &Stop| stop.form.has_value();
        let kept = reached.iter().any(|stop| keeps(stop)) || !job.stops.iter().any(keeps);
        if !owed.is_empty() && (reached.is_empty() || !kept || (!job.pressing && owed.iter().any(waits))) {
            return Err(Stopped::rehearsing(&owed, job.stops.len()));
        }
        let unsure = if let Leave::Unknown(why) = leave { format!("; {why}") } else { String::new() };
        (job.told)(Verb::Rehearse, format!("{} of {} willing{unsure}", willing.len(), job.stops.len()));
        Ok(Rotation { job, state: Rehearsed { willing, owed } })
    }
}

impl<'a> Rotation<'a, Rehearsed> {
    /// Mints, once.
    pub async fn mint(self) -> Result<Rotation<'a, Fresh>, Stopped> {
        let job = self.job;
        if let Some(why) = (job.halted)() {
            return Err(Stopped::halted(why));
        }
        let minted = job.issuer.mint(&job.order).await.map_err(|error| match error {
            MintError::Refused(why) => Stopped::refused(&why),
            MintError::InDoubt(why) => Stopped::in_doubt(&why, job.issuer.succession()),
        })?;
        [&minted.value].into_iter().chain(minted.parts.values()).for_each(job.minted);
        // From here on its own connection logs in with the new one: the old one may be dead.
        if let Some(slot) = &job.own_slot {
            slot.switch(minted.value.clone());
        }
        let until = minted.record.expires.map(|dies| format!(", dies {}", crate::text::when(dies, job.order.now)));
        (job.told)(Verb::Mint, format!("token {}{}", crate::text::plain(&minted.record.id), until.unwrap_or_default()));
        Ok(Rotation { job, state: Fresh { before: self.state, minted } })
    }
}

impl<'a> Rotation<'a, Fresh> {
    /// Seals it, before anything else is done with it.
    pub fn seal(self) -> Rotation<'a, Sealed> {
        let (job, Fresh { before, minted }) = (self.job, self.state);
        if let Some(safe) = job.rescue {
            safe.seal(&minted);
        }
        Rotation { job, state: Sealed { before, minted } }
    }
}

impl<'a> Rotation<'a, Sealed> {
    /// Asks the issuer who the new token is. Only a rejection stops the rotation.
    pub async fn verify(self) -> Result<Rotation<'a, Verified>, Stopped> {
        let (job, Sealed { before, minted }) = (self.job, self.state);
        let mut proof = job.issuer.verify(&minted.value).await;
        // A replica that lags behind the mint does not know the token yet; given up for dead it would be lost.
        for pause in PAUSES {
            if !matches!(proof, Proof::Rejected(_)) {
                break;
            }
            tokio::time::sleep(pause).await;
            proof = job.issuer.verify(&minted.value).await;
        }
        match &proof {
            Proof::Rejected(why) => return Err(Stopped::rejected(why, job.issuer.succession())),
            Proof::Inconclusive(why) => (job.told)(Verb::Verify, format!("not proven: {why}")),
            proof => (job.told)(Verb::Verify, proof.word().to_owned()),
        }
        Ok(Rotation { job, state: Verified { before, minted, proof } })
    }
}

impl<'a> Rotation<'a, Verified> {
    /// Delivers to all that are willing, even when one fails.
    pub async fn deliver(self) -> Result<Rotation<'a, Delivered>, Stopped> {
        let (job, Verified { before, minted, proof }) = (self.job, self.state);
        let Rehearsed { willing, mut owed } = before;
        let stops = willing.iter().filter_map(|index| job.stops.get(*index).map(|stop| (*index, stop)));
        let (first, later): (Vec<_>, Vec<_>) = stops.partition(|(_, stop)| stop.first);
        // What the next turn is made with is saved before the parts that calls are made with.
        let (keeping, parts): (Vec<_>, Vec<_>) = later.into_iter().partition(|(_, stop)| stop.form.has_value());
        let mut given = Vec::new();
        for stops in [first, keeping, parts] {
            // Who sends what a receiver does not know yet is turned away there.
            let waits = owed.iter().any(|missed| job.stops.get(missed.index).is_some_and(|stop| stop.first));
            let answers = join_all(stops.into_iter().map(|(index, stop)| {
                let minted = &minted;
                async move {
                    if waits {
                        return (index, Err(anyhow::anyhow!(WAITS)));
                    }
                    (index, stop.give(&minted.value, &minted.parts).await)
                }
            }))
            .await;
            for (index, answer) in answers {
                match answer {
                    Ok(receipt) => given.push((index, receipt)),
                    Err(why) => owed.push(Missed { index, why: format!("{why:#}") }),
                }
            }
        }
        if given.is_empty() && !job.stops.is_empty() {
            return Err(Stopped::delivering(&owed, job.issuer.succession()));
        }
        (job.told)(Verb::Deliver, format!("{} of {}", given.len(), job.stops.len()));
        Ok(Rotation { job, state: Delivered { minted, proof, given, owed } })
    }
}

impl Rotation<'_, Delivered> {
    /// Looks again at every destination that took it.
    pub async fn confirm(self) -> Result<Confirmed, Stopped> {
        let (job, Delivered { minted, proof, given, mut owed }) = (self.job, self.state);
        let stops = given.into_iter().filter_map(|(index, receipt)| Some((index, job.stops.get(index)?, receipt)));
        let answers = join_all(stops.map(|(index, stop, receipt)| {
            let minted = &minted;
            async move { (index, stop.seen(&minted.value, &minted.parts, &receipt).await, receipt) }
        }))
        .await;
        let mut held = Vec::new();
        for (index, answer, receipt) in answers {
            match answer {
                Ok(assurance) => held.push(Held { index, assurance, receipt }),
                Err(why) => owed.push(Missed { index, why: format!("{why:#}") }),
            }
        }
        if held.is_empty() && !job.stops.is_empty() {
            return Err(Stopped::confirming(&owed, job.issuer.succession()));
        }
        (job.told)(Verb::Confirm, format!("{} of {}", held.len(), job.stops.len()));
        let record = proof.record().cloned().unwrap_or(minted.record);
        Ok(Confirmed { value: minted.value, record, proof, held, owed })
    }
}

impl Stop {
    /// Gives it the value, in its form.
    async fn give(&self, value: &TokenValue, parts: &Parts) -> anyhow::Result<Receipt> {
        let shaped = self.form.put_on(value, parts)?;
        self.destination.deliver(&shaped, self.last.as_ref()).await
    }

    /// Looks whether it has it, and then removes what the delivery made superfluous.
    async fn seen(&self, value: &TokenValue, parts: &Parts, receipt: &Receipt) -> anyhow::Result<Assurance> {
        let assurance = self.destination.confirm(&self.form.put_on(value, parts)?, receipt).await?;
        self.destination.clear_up(receipt).await?;
        Ok(assurance)
    }
}

/// Gives a value that a sibling lends to destinations that lack it; `parts` are those that are known without a mint.
pub async fn redeliver(value: &TokenValue, parts: &Parts, stops: &[(usize, &Stop)]) -> (Vec<Held>, Vec<Missed>) {
    let (mut held, mut owed) = (Vec::new(), Vec::new());
    let (first, second): (Vec<_>, Vec<_>) = stops.iter().partition(|(_, stop)| stop.first);
    for stops in [first, second] {
        let waits = !owed.is_empty();
        let answers = join_all(stops.into_iter().map(|(index, stop)| async move {
            let outcome = async {
                anyhow::ensure!(!waits, WAITS);
                let shape = stop.form.put_on(value, parts)?.shape();
                let ask = Ask { shape: Some(&shape), depth: Depth::Look, last: stop.last.as_ref() };
                stop.destination.rehearse(&ask).await?;
                let receipt = stop.give(value, parts).await?;
                let assurance = stop.seen(value, parts, &receipt).await?;
                anyhow::Ok(Held { index, assurance, receipt })
            };
            outcome.await.map_err(|why| Missed { index, why: format!("{why:#}") })
        }))
        .await;
        for answer in answers {
            match answer {
                Ok(here) => held.push(here),
                Err(missed) => owed.push(missed),
            }
        }
    }
    (held, owed)
}
