//! One execution: observe, plan, apply, record.
//!
//! [`Run::observe`] logs in, reads the ledger and looks at every token; [`Run::plan`] decides without I/O;
//! [`Run::apply`] carries the plan out and writes the facts down.

mod apply;
mod check;
mod credentials;
mod hold;
mod login;
mod means;
mod observe;
mod order;
mod place;
mod record;
mod revoke;
mod safe;
mod setup;
mod supply;
mod unasked;
mod unseal;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;

use crate::config::Config;
pub use crate::connection::Random;
use crate::issuer::Succession;
use crate::ledger::{self, Lease, LeaseError, Ledger, LedgerError};
use crate::plan::{self, Asked, Moment, Plan};
use crate::report::{ConnectionReport, Outcome, RunReport, TokenReport};
use crate::rotation::Verb;
use crate::token::{Salt, TokenValue};
pub use check::{Difference, Finding, Grade, Side, differences, needs, offline};
pub use credentials::Credential;
pub use login::ConnectionState;
pub use observe::Observation;
pub use place::Place;
pub use setup::{Carrier, Environment, Linked, Setup, Turning, Wheel};
pub use supply::{Supply, Unfit};
pub use unseal::{Sealed, Unsealed};

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;
}

/// The clock of the machine.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Whoever is told of what happens as it happens.
pub trait Witness: Send + Sync {
    /// A verb was done, or stopped: the token, the verb, a detail.
    fn told(&self, token: &str, verb: Verb, detail: &str);

    /// A value exists that did not exist before. Whoever keeps a log hides it there from now on.
    fn minted(&self, _value: &TokenValue) {}

    /// A value was sealed: the token, the armoured block, which only its owners can open, and whether a file keeps it.
    fn sealed(&self, _token: &str, _block: &str, _kept: bool) {}
}

impl<T: Fn(&str, Verb, &str) + Send + Sync> Witness for T {
    fn told(&self, token: &str, verb: Verb, detail: &str) {
        self(token, verb, detail);
    }
}

/// All that is not pure and not the network.
#[derive(Clone)]
pub struct World {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub random: Random,
    /// Who this run is, for whoever finds its lease.
    pub holder: String,
    /// Whoever is told of what happens.
    pub witness: Arc<dyn Witness>,
    /// Set when the run is to end after what is in hand.
    pub stop: Arc<AtomicBool>,
}

/// What a person asked of a run.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Only these tokens.
    pub only: Vec<String>,
    /// Asked of each of them.
    pub asked: Asked,
    /// Another limit than the config's.
    pub max: Option<usize>,
}

impl Wish {
    fn includes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| Self::means(only, name))
    }

    /// Whether a name that a person gave means a token: `deploy` means each of `deploy[…]` too.
    pub fn means(given: &str, name: &str) -> bool {
        name.strip_prefix(given).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
    }
}

/// Why a run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    /// The ledger cannot be used.
    #[error("nothing was attempted: {0}")]
    Ledger(#[from] LedgerError),
    /// Another run is under way, or the lease cannot be taken.
    #[error("nothing was attempted: {0}")]
    Lease(#[from] LeaseError),
    /// The config means one thing twice.
    #[error("nothing was attempted: {0}")]
    Config(String),
}

/// A run that has looked at everything.
pub struct Run {
    wheel: Wheel,
    world: World,
    wish: Wish,
    moment: Moment,
    started: DateTime<Utc>,
    ledger: Ledger,
    lease: Option<Lease>,
    /// Until when the next run expects this one to mint.
    mint_until: Option<DateTime<Utc>>,
    connections: BTreeMap<String, ConnectionState>,
    observations: BTreeMap<String, Result<Observation, String>>,
    notes: Vec<String>,
    /// Something besides the tokens went wrong.
    troubled: bool,
}

/// How far a command goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It changes nothing, and needs no lease.
    Reads,
    /// It acts.
    Acts,
}

impl Run {
    /// Logs in, takes the lease if the run is to act, reads the ledger, and looks at every token.
    pub async fn observe(
        mut wheel: Wheel,
        world: World,
        config: &Config,
        wish: Wish,
        reach: Reach,
    ) -> Result<Self, NotBegun> {
        let started = world.clock.now();
        let mut connections = login::all(&mut wheel, &wish).await;
        for (name, state) in &connections {
            let doubles = if state.login.is_some() { state.aliases(&wheel, name).await } else { Vec::new() };
            if let Some(first) = doubles.first() {
                log_out(&wheel).await;
                return Err(NotBegun::Config(format!("connection `{name}`: {first}")));
            }
        }
        let shelf = wheel.shelf.clone();
        let reachable = wheel
            .shelf_connection
            .as_ref()
            .is_none_or(|name| connections.get(name).is_some_and(|state| state.login.is_some()));
        let mut notes = Vec::new();
        let (mut lease, mut memory) = (None, None);
        if let Some(shelf) = shelf.filter(|_| reachable) {
            if reach == Reach::Acts {
                match Lease::take(shelf.as_ref(), &world.holder, nonce(&world), started).await {
                    Ok(taken) => lease = Some(taken),
                    Err(error) => {
                        log_out(&wheel).await;
                        return Err(error.into());
                    }
                }
            }
            memory = match ledger::read(shelf.as_ref()).await {
                Ok(memory) => memory,
                Err(error) => {
                    release(lease, Some(shelf.as_ref())).await;
                    log_out(&wheel).await;
                    return Err(error.into());
                }
            };
        } else if !reachable {
            notes.push("the ledger was not read: its connection is not logged in".to_owned());
        }
        let every = config.every;
        let moment = Moment {
            now: started,
            next_run: started + every,
            slack: every / 2,
            remembered: memory.as_ref().map(|ledger| ledger.written),
        };
        let mut ledger = memory.unwrap_or_else(|| Ledger::empty(salt(&world), started));
        record::rename(&wheel, &mut ledger);
        for name in ledger.tokens.keys().filter(|name| !wheel.tokens.contains_key(*name)) {
            notes.push(format!("{name} is no longer in the config: it is forgotten, and not revoked"));
        }
        let observations = observe::all(&wheel, &mut connections, &ledger, &wish, started).await;
        let mint_until = lease.as_ref().map(Lease::until);
        Ok(Self {
            wheel,
            world,
            wish,
            moment,
            started,
            ledger,
            lease,
            mint_until,
            connections,
            observations,
            notes,
            troubled: false,
        })
    }

    /// Decides what is to be done with each token that could be looked at, the most urgent first; and says what a
    /// person should know before it is done.
    pub async fn plan(&self) -> Vec<Plan> {
        let mut plans = self.decide();
        order::guard_logins(&self.wheel, &self.connections, &mut plans);
        for plan in plans.iter_mut().filter(|plan| plan.rotates()) {
            let Some(token) = self.wheel.tokens.get(&plan.name) else { continue };
            let before = plan.live.as_ref().and_then(|live| live.acts_as.clone());
            let after = token.issuer.mints_as().await;
            if let (Some(before), Some(after)) = (before, after)
                && before != after
            {
                plan.notes.push(format!("it will act with the rights of {after}, no longer of {before}"));
            }
        }
        for plan in &mut plans {
            let Some(token) = self.wheel.tokens.get(&plan.name) else { continue };
            plan.notes.extend(token.issuer.advice(plan.live.as_ref(), self.started));
            let manual = token.wanted.succession == Succession::Manual && !token.wanted.watch;
            if manual && plan.due.is_some_and(|due| due <= self.started) {
                let how = format!("hand it over with `tokenwheel supply {}`", plan.name);
                plan.notes.push(format!("a person is due: make a new one by hand, and {how}"));
            }
        }
        plans
    }

    fn decide(&self) -> Vec<Plan> {
        let mut plans: Vec<Plan> = Vec::new();
        for (name, token) in &self.wheel.tokens {
            // What was only looked at because others are minted as it is not dealt with.
            let observation = self.observations.get(name).filter(|_| self.wish.includes(name));
            let Some(Ok(observation)) = observation else { continue };
            let entry = self.ledger.entry(name, &token.issuer.subject().to_string());
            plans.push(plan::plan(&token.wanted, entry, &observation.seen, &self.moment, Some(&self.wish.asked)));
        }
        let most = self.wish.max.unwrap_or(self.wheel.max_rotations);
        plan::limit(&mut plans, most, &self.wheel.refreshers());
        plans
    }

    /// The report of a run that only looked.
    pub fn planned(&self, plans: &[Plan], verb: &'static str) -> RunReport {
        let outcomes = plans.iter().map(|plan| (plan.name.clone(), Outcome::of_step(&plan.step))).collect();
        self.report(verb, plans, outcomes)
    }

    fn report(&self, verb: &'static str, plans: &[Plan], mut outcomes: BTreeMap<String, Outcome>) -> RunReport {
        let mut tokens = Vec::new();
        for plan in plans {
            let Some(token) = self.wheel.tokens.get(&plan.name) else { continue };
            let outcome = outcomes.remove(&plan.name).unwrap_or(Outcome::Kept);
            let observation = self.observations.get(&plan.name).and_then(|seen| seen.as_ref().ok());
            let entry = self.ledger.entry(&plan.name, &token.issuer.subject().to_string());
            let nothing_left = entry.is_none_or(|entry| entry.retire.is_empty());
            let ended = outcome.ended_the_old_one(nothing_left);
            let asked = verb == "revoke" || (verb == "rotate" && self.wish.asked.revoke_now);
            let revocation_open = asked && !ended;
            let report = TokenReport::new(token, plan, outcome, observation, &self.moment, self.wish.asked.force);
            let notes = report.notes.into_iter().chain(self.waiting(&plan.name)).collect();
            tokens.push(TokenReport { revocation_open, notes, ..report });
        }
        for (name, observation) in &self.observations {
            if let (Err(why), Some(token)) = (observation, self.wheel.tokens.get(name)) {
                let entry = self.ledger.entry(name, &token.issuer.subject().to_string());
                let dies = entry.and_then(|entry| entry.current.as_ref()).and_then(|current| current.expires);
                let report = TokenReport::not_seen(name, token, why, dies, &self.moment);
                let revocation_open = verb == "revoke" && self.wish.includes(name);
                tokens.push(TokenReport { revocation_open, notes: self.waiting(name), ..report });
            }
        }
        let connections = self
            .connections
            .iter()
            .map(|(name, state)| ConnectionReport::new(name, state, &self.wheel, &self.moment))
            .collect();
        RunReport {
            verb,
            started: self.started,
            next_run: self.moment.next_run,
            connections,
            tokens,
            notes: self.notes.clone(),
            troubled: self.troubled,
        }
    }

    /// Ends a run that did not act, giving back its lease.
    pub async fn end(self) {
        release(self.lease, self.wheel.shelf.as_deref()).await;
        log_out(&self.wheel).await;
    }

    fn stopping(&self) -> bool {
        self.world.stop.load(Ordering::Relaxed)
    }

    fn overlap(&self, name: &str) -> TimeDelta {
        self.wheel.tokens.get(name).map_or_else(TimeDelta::zero, |token| token.wanted.overlap)
    }
}

/// Ends the sessions that were opened in this run.
async fn log_out(wheel: &Wheel) {
    join_all(wheel.connections.values().map(|linked| linked.connection.log_out())).await;
}

async fn release(lease: Option<Lease>, shelf: Option<&dyn crate::shelf::Shelf>) {
    if let Some((lease, shelf)) = lease.zip(shelf)
        && let Err(error) = lease.release(shelf).await
    {
        log::warn!("the lease could not be given back and ends by itself: {error:#}");
    }
}

fn salt(world: &World) -> Salt {
    let mut bytes = [0; 16];
    (world.random)(&mut bytes);
    Salt::new(bytes)
}

fn nonce(world: &World) -> String {
    String::from(salt(world))
}
