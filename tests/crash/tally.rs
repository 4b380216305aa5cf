//! Plays all histories of a scenario, counts them, and tells of those that went wrong.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use tokenwheel_sandbox::{Exchange, violations};

use crate::estate::Scenario;
use crate::history::{Job, Memory, Name, Past, Strike};

/// What was played.
#[derive(Clone, Debug, Default)]
struct Tally {
    histories: usize,
    by_strike: BTreeMap<Strike, usize>,
    lost: usize,
    violations: usize,
}

impl Tally {
    const fn new() -> Self {
        Self { histories: 0, by_strike: BTreeMap::new(), lost: 0, violations: 0 }
    }

    fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.lost += other.lost;
        self.violations += other.violations;
        for (strike, count) in &other.by_strike {
            *self.by_strike.entry(*strike).or_default() += count;
        }
    }

    fn line(&self, name: &str) -> String {
        let strikes: Vec<String> = self.by_strike.iter().map(|(strike, count)| format!("{strike:?} {count}")).collect();
        let Self { histories, lost, violations, .. } = self;
        let lost = if *lost > 0 { format!(", lost as it must be {lost}") } else { String::new() };
        format!("{name}: {histories} histories ({}), {violations} violations{lost}", strikes.join(", "))
    }
}

static TOTAL: Mutex<Tally> = Mutex::new(Tally::new());

/// Which histories are played.
#[derive(PartialEq)]
enum Choice {
    /// Each that differs from all others.
    Different,
    /// Each, twins too.
    Every,
    /// This one, told in full.
    Only(String),
}

impl Choice {
    #[expect(clippy::disallowed_methods, reason = "a person names the history to replay")]
    fn made() -> Self {
        match std::env::var("CRASH") {
            Err(_) => Self::Different,
            Ok(word) if word == "every" => Self::Every,
            Ok(name) => Self::Only(name),
        }
    }

    /// A read changes nothing: to be killed before it or after it is the same. A read without a good answer is asked
    /// again and the run goes on undisturbed, so it is tried with one memory only.
    fn plays(&self, name: &Name, read: bool) -> bool {
        match self {
            Self::Every => true,
            Self::Only(only) => *only == name.to_string(),
            Self::Different => match name.strike {
                Strike::KilledBefore => true,
                Strike::PlaceRefuses => name.memory == Memory::File,
                Strike::ServerError => !read || name.memory == Memory::File,
                _ => !read,
            },
        }
    }
}

/// Plays the histories of a scenario, prints a line, and fails with those that break a law.
pub(crate) fn play(scenario: &Scenario) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play_all(scenario));
}

#[expect(clippy::print_stdout, reason = "what was played is shown with --nocapture")]
async fn play_all(scenario: &Scenario) {
    let choice = Choice::made();
    let (mut tally, mut told, mut wire) = (Tally::default(), Vec::new(), Wire::default());
    for memory in Memory::ALL {
        let name = |at, strike, job| Name { scenario: scenario.name, at, strike, memory, job };
        let mut past = Past::of(scenario, memory).await;
        wire.take(past.exchanges());
        let undisturbed = past.play(name(0, Strike::KilledBefore, Job::Fresh)).await.unwrap();
        assert!(undisturbed.broken.is_empty(), "undisturbed: {:#?}{}", undisturbed.broken, undisturbed.story);
        // A lost ledger costs nothing at all when nothing else happened; neither does a job that was queued too early.
        if memory != Memory::Old {
            let story = &undisturbed.story;
            assert_eq!(undisturbed.minted, past.deferred(), "minted without need with {memory:?}: {story}");
        }
        if let Some(queued) = past.play(name(0, Strike::KilledBefore, Job::Stale)).await {
            assert!(queued.broken.is_empty(), "queued: {:#?}{}", queued.broken, queued.story);
            assert_eq!(queued.minted, undisturbed.minted, "minted for a stale job with {memory:?}: {}", queued.story);
        }
        let mut names = Vec::new();
        for (at, read) in undisturbed.reads.into_iter().enumerate() {
            let strikes = Strike::ALL.iter().flat_map(|strike| Job::ALL.map(|job| (*strike, job)));
            names.extend(strikes.map(|(strike, job)| (name(at + 1, strike, job), read)));
        }
        names.extend((1..=past.places()).map(|at| (name(at, Strike::PlaceRefuses, Job::Fresh), false)));
        for (name, read) in names {
            if !choice.plays(&name, read) {
                continue;
            }
            let Some(ended) = past.play(name).await else { continue };
            tally.histories += 1;
            *tally.by_strike.entry(name.strike).or_default() += 1;
            tally.lost += usize::from(ended.lonely_lost);
            tally.violations += ended.broken.len();
            wire.take(ended.exchanges);
            if !ended.broken.is_empty() || matches!(choice, Choice::Only(_)) {
                told.push((name, ended.broken, ended.story));
            }
        }
    }
    let described = violations(&wire.exchanges);
    let mut total = TOTAL.lock().unwrap_or_else(PoisonError::into_inner);
    total.add(&tally);
    println!("{}; {} exchanges, {} of them different", tally.line(scenario.name), wire.seen, wire.exchanges.len());
    println!("{}", total.line("so far"));
    drop(total);
    if matches!(choice, Choice::Only(_)) {
        for (name, broken, story) in &told {
            let broken = broken.join("; ");
            println!("{name}: {broken}{story}");
        }
    }
    assert!(described.is_empty(), "{described:#?}");
    let names: Vec<String> = told.iter().map(|(name, broken, _)| format!("{name}: {}", broken.join("; "))).collect();
    let wrong = told.iter().find(|(_, broken, _)| !broken.is_empty());
    if let Some((name, _, story)) = wrong {
        let scenario = scenario.name;
        panic!("{}\n\nthe first of them, again with CRASH={name} (scenario {scenario}):{story}", names.join("\n"));
    }
}

/// The request, its body, and what was done.
type Kind = (String, Vec<u8>, Option<(u16, Vec<u8>)>);

/// What went over the wire, each exchange once: most histories of a scenario send the same.
#[derive(Default)]
struct Wire {
    seen: usize,
    known: HashSet<Kind>,
    exchanges: Vec<Exchange>,
}

impl Wire {
    fn take(&mut self, exchanges: Vec<Exchange>) {
        for exchange in exchanges {
            self.seen += 1;
            let acted = exchange.acted.as_ref().map(|(status, body)| (*status, body.to_vec()));
            let key = (format!("{} {}", exchange.method, exchange.target), exchange.request_body.to_vec(), acted);
            if self.known.insert(key) {
                self.exchanges.push(exchange);
            }
        }
    }
}
