//! Where a history is played: the services, the one true clock, what is in force, and the book of what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokenwheel::config::Config;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::estate::{Estate, LEDGER, WHEEL};
use crate::fault::{Counts, Fault};
use crate::laws::Watch;
use crate::needles::Needles;

/// A place that refuses what is written there, or a service that is down.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Until then.
    pub until: DateTime<Utc>,
    /// The service.
    pub host: String,
    /// A piece of the path; nothing for the whole service.
    pub path: String,
    /// Whether only writes are refused.
    pub writes: bool,
    /// The answer.
    pub status: u16,
}

/// What goes wrong in one run.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// This, at that request.
    pub strike: Option<(usize, Fault)>,
    /// How many in a thousand requests are struck by anything at all.
    pub storm: u64,
    /// How often the run is polled before it dies.
    pub polls: Option<usize>,
    /// The request at which it is asked to stop.
    pub stop: Option<usize>,
    /// Whether the disk of the ledger is full.
    pub disk_full: bool,
}

impl Weather {
    /// Whether nothing was planned to go wrong.
    pub fn is_fair(&self) -> bool {
        self.strike.is_none() && self.storm == 0 && self.polls.is_none() && self.stop.is_none() && !self.disk_full
    }
}

/// One run, as those see it who carry its requests.
pub struct Running {
    /// Its number in the history.
    pub number: usize,
    /// What goes wrong in it.
    pub weather: Weather,
    /// Nothing that it sends goes out any more.
    pub dead: AtomicBool,
    /// Set when it is to end after what is in hand.
    pub stop: Arc<AtomicBool>,
    /// Its requests so far.
    pub requests: AtomicUsize,
    /// How many of them were struck, or refused by what is in force.
    pub struck: AtomicUsize,
    /// What it narrated.
    pub told: Mutex<Vec<String>>,
}

impl Running {
    /// Whether it has died.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }
}

/// The one true clock: tokio's, which stands still while anybody has something to do.
#[derive(Clone, Copy)]
pub struct Time {
    start: Instant,
    began: DateTime<Utc>,
}

impl Time {
    /// It begins.
    pub fn begin(at: DateTime<Utc>) -> Self {
        Self { start: Instant::now(), began: at }
    }

    /// What it shows.
    pub fn now(&self) -> DateTime<Utc> {
        let gone = i64::try_from(self.start.elapsed().as_millis()).unwrap_or_default();
        self.began + TimeDelta::milliseconds(gone)
    }
}

/// What is remembered between runs, on a disk that never fails by itself.
#[derive(Default)]
pub struct Kept {
    /// The texts of the shelf, by part.
    pub texts: BTreeMap<String, String>,
    /// Every ledger that was ever written.
    pub past: Vec<String>,
}

/// What happened, and what was wrong with it.
#[derive(Default)]
pub struct Book {
    /// How often what was tried.
    pub faults: Counts,
    /// What else was counted.
    pub facts: Counts,
    /// The longest times without a live token, in seconds.
    pub outages: BTreeMap<&'static str, i64>,
    /// Laws that were broken.
    pub broken: Vec<String>,
    /// Each step, when somebody wants to read it.
    pub story: Option<String>,
    /// Tokens, by their places, that can only be lost, and why.
    pub lost: BTreeMap<(String, String), &'static str>,
    /// Tokens that were ever lost with their own turn, so that a live one of them may be in nobody's hands or books.
    pub gone: BTreeSet<String>,
    /// Tokens that a person made anew.
    pub by_hand: BTreeSet<String>,
    /// The runs that were struck.
    pub struck: BTreeSet<usize>,
    /// How often the memory was lost, or replaced by an old one.
    pub forgot: usize,
}

/// The whole stage.
pub struct Stage {
    /// The services and what is wanted of them.
    pub estate: Estate,
    /// The config, read.
    pub config: Config,
    /// The clock.
    pub time: Time,
    /// All chance.
    pub dice: Mutex<Dice>,
    /// What is in force.
    pub refusals: Mutex<Vec<Refusal>>,
    /// The disks of the wheels: the second one belongs to another scheduler.
    pub disks: [Mutex<Kept>; 2],
    /// What happened.
    pub book: Mutex<Book>,
    /// What every destination holds.
    pub watch: Mutex<Watch>,
    /// Every value in every form.
    pub needles: Mutex<Needles>,
    /// The check that is switched off, to see that it is missed.
    pub without: Option<crate::faulty::Check>,
}

/// A lock that a panic elsewhere does not close.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    /// The true time, which the services are told.
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.time.now();
        self.estate.sandbox.set_now(now);
        now
    }

    /// Throws the dice.
    pub fn dice<R>(&self, throw: impl FnOnce(&mut Dice) -> R) -> R {
        throw(&mut lock(&self.dice))
    }

    /// Writes a line of the story, if anybody reads it.
    pub fn tell(&self, line: impl FnOnce() -> String) {
        let now = self.time.now();
        if let Some(story) = &mut lock(&self.book).story {
            let _ = writeln!(story, "{} {}", now.format("%m-%d %H:%M:%S%.3f"), line());
        }
    }

    /// Takes down that a law was broken.
    pub fn broken(&self, what: String) {
        self.tell(|| format!("LAW BROKEN: {what}"));
        lock(&self.book).broken.push(what);
    }

    /// Counts something that was tried.
    pub fn tried(&self, what: &'static str) {
        lock(&self.book).faults.add(what);
    }

    /// Counts something else.
    pub fn fact(&self, what: &'static str) {
        lock(&self.book).facts.add(what);
    }

    /// What refuses a request, if anything does.
    pub fn refusal(&self, host: &str, target: &str, reads: bool) -> Option<Refusal> {
        let now = self.time.now();
        let mut refusals = lock(&self.refusals);
        refusals.retain(|refusal| refusal.until > now);
        let hits = |refusal: &&Refusal| {
            refusal.host == host && target.contains(refusal.path.as_str()) && !(refusal.writes && reads)
        };
        refusals.iter().find(hits).cloned()
    }

    /// Whether anything is in force.
    pub fn is_fair(&self) -> bool {
        let now = self.time.now();
        lock(&self.refusals).iter().all(|refusal| refusal.until <= now)
    }

    /// The ledger as it stands, if it is one.
    pub fn ledger(&self) -> Option<serde_json::Value> {
        let text = if self.estate.ledger_in_variable {
            self.estate.sandbox.gitlab(|gitlab| gitlab.variable(WHEEL, LEDGER, "*")).map(|held| held.value)
        } else {
            self.disks.first().and_then(|disk| lock(disk).texts.get("").cloned())
        };
        serde_json::from_str(&text?).ok()
    }

    /// Whether a text shows a value.
    pub fn leaks(&self, text: &str) -> bool {
        lock(&self.needles).any_in(text)
    }
}
