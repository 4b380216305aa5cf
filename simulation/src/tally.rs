//! Many seeds at once, counted, and the table of what they showed.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::fault::Counts;
use crate::history::{Choice, Played, play};
use crate::stage::lock;

/// What many histories showed.
#[derive(Default)]
pub struct Tally {
    /// How many were played.
    pub histories: u64,
    /// How often what was tried.
    pub faults: Counts,
    /// What else was counted.
    pub facts: Counts,
    /// The longest times without a live token, in seconds, by succession.
    pub outages: BTreeMap<&'static str, i64>,
    /// The seeds that broke a law, and what they broke.
    pub broken: BTreeMap<u64, Vec<String>>,
}

impl Tally {
    fn add(&mut self, seed: u64, played: Played) {
        self.histories += 1;
        self.faults.merge(&played.faults);
        self.facts.merge(&played.facts);
        for (succession, seconds) in played.outages {
            let longest = self.outages.entry(succession).or_default();
            *longest = (*longest).max(seconds);
        }
        if !played.broken.is_empty() {
            self.broken.insert(seed, played.broken);
        }
    }

    fn merge(&mut self, other: Self) {
        self.histories += other.histories;
        self.faults.merge(&other.faults);
        self.facts.merge(&other.facts);
        for (succession, seconds) in other.outages {
            let longest = self.outages.entry(succession).or_default();
            *longest = (*longest).max(seconds);
        }
        self.broken.extend(other.broken);
    }

    /// The table, in Markdown.
    pub fn table(&self) -> String {
        let mut rows = vec![
            ("histories".to_owned(), self.histories.to_string()),
            ("runs".to_owned(), self.facts.0.get("runs").copied().unwrap_or_default().to_string()),
            ("faults".to_owned(), self.faults.0.values().sum::<u64>().to_string()),
        ];
        rows.extend(self.faults.0.iter().map(|(what, count)| (format!("— {what}"), count.to_string())));
        rows.extend(self.outages.iter().map(|(succession, seconds)| {
            (format!("longest time without a live token, {succession}"), format!("{} min", seconds / 60))
        }));
        let others = self.facts.0.iter().filter(|(what, _)| **what != "runs");
        rows.extend(others.map(|(what, count)| ((*what).to_owned(), count.to_string())));
        rows.push(("histories that broke a law".to_owned(), self.broken.len().to_string()));
        let rows = rows.iter().map(|(what, count)| format!("| {what} | {count} |\n"));
        format!("| | |\n|---|---|\n{}", rows.collect::<String>())
    }
}

/// Plays `count` seeds from `first` on, over all cores.
pub fn play_all(first: u64, count: u64, choice: &Choice) -> Tally {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (next, total) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut mine = Tally::default();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    let seed = first + at;
                    let played = catch_unwind(AssertUnwindSafe(|| play(seed, choice)));
                    let panicked = |_| Played { broken: vec!["it panicked".to_owned()], ..Played::default() };
                    mine.add(seed, played.unwrap_or_else(panicked));
                }
                lock(&total).merge(mine);
            });
        }
    });
    std::mem::take(&mut *lock(&total))
}
