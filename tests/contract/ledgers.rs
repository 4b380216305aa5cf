//! The ledger on every shelf: larger than its room, and written by runs that die between any two of their steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokenwheel::ledger::{self, Entry, Ledger, LedgerError};
use tokenwheel::shelf::{Created, Shelf};
use tokenwheel::token::Salt;

use super::shelves::all;
use crate::common::monday;

/// A ledger of that many tokens.
fn ledger(tokens: usize, mark: &str) -> Ledger {
    let mut ledger = Ledger::empty(Salt::new([9; 16]), monday());
    for number in 0..tokens {
        let entry = Entry { subject: format!("{mark} {number} ü"), order: mark.to_owned(), ..Entry::default() };
        ledger.tokens.insert(format!("token {number}"), entry);
    }
    ledger
}

/// A shelf of little room, whose owner dies after some steps.
struct Dying {
    inner: Arc<dyn Shelf>,
    left: AtomicUsize,
    room: usize,
}

impl Dying {
    fn step(&self) -> anyhow::Result<()> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| anyhow::anyhow!("dead"))
    }
}

#[async_trait]
impl Shelf for Dying {
    fn address(&self) -> String {
        self.inner.address()
    }

    fn room(&self) -> Option<usize> {
        Some(self.room)
    }

    async fn get(&self, part: &str) -> anyhow::Result<Option<String>> {
        self.step()?;
        self.inner.get(part).await
    }

    async fn put(&self, part: &str, text: &str) -> anyhow::Result<()> {
        self.step()?;
        assert!(text.len() <= self.room, "a part has more than its room");
        self.inner.put(part, text).await
    }

    async fn create(&self, part: &str, text: &str) -> anyhow::Result<Created> {
        self.step()?;
        self.inner.create(part, text).await
    }

    async fn remove(&self, part: &str) -> anyhow::Result<()> {
        self.step()?;
        self.inner.remove(part).await
    }
}

fn dying(inner: Arc<dyn Shelf>, left: usize) -> Dying {
    Dying { inner, left: AtomicUsize::new(left), room: 300 }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_of_any_size_is_read_as_it_was_written() {
    for place in all() {
        assert!(ledger::read(place.shelf().as_ref()).await.unwrap().is_none(), "{}", place.kind);
        for tokens in [0, 3, 900, 5, 400, 401, 1] {
            let written = ledger(tokens, "any");
            ledger::write(place.shelf().as_ref(), &written).await.unwrap();
            assert_eq!(
                ledger::read(place.shelf().as_ref()).await.unwrap().unwrap(),
                written,
                "{} {tokens}",
                place.kind
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_dies_between_any_two_steps_leaves_the_old_ledger_or_the_new_one() {
    for place in all() {
        for (old, new) in [(1, 20), (20, 25), (25, 20), (20, 1), (1, 2)] {
            let (old, new) = (ledger(old, "old"), ledger(new, "new"));
            let (mut kept, mut written) = (0, 0);
            for steps in 0.. {
                ledger::write(&dying(place.shelf(), usize::MAX), &old).await.unwrap();
                let died = ledger::write(&dying(place.shelf(), steps), &new).await.is_err();
                let found = ledger::read(place.shelf().as_ref()).await.unwrap().unwrap();
                assert!(found == old || found == new, "{} after {steps} steps", place.kind);
                kept += usize::from(found == old);
                written += usize::from(found == new);
                if !died {
                    assert!(found == new, "{}", place.kind);
                    break;
                }
            }
            assert!(kept > 0 && written > 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_dies_twice_in_a_row_is_still_whole() {
    for place in all() {
        let (old, new) = (ledger(20, "old"), ledger(25, "new"));
        for first in 0..9 {
            for second in 0..9 {
                ledger::write(&dying(place.shelf(), usize::MAX), &old).await.unwrap();
                let _ = ledger::write(&dying(place.shelf(), first), &new).await;
                let _ = ledger::write(&dying(place.shelf(), second), &ledger(22, "newer")).await;
                let found = ledger::read(place.shelf().as_ref()).await.unwrap().unwrap();
                assert!(
                    found == old || found == new || found == ledger(22, "newer"),
                    "{} {first} {second}",
                    place.kind
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_ledger_is_refused_and_not_guessed_at() {
    let place = &all()[0];
    let mut told = Vec::new();
    let good = serde_json::to_string(&ledger(1, "a")).unwrap();
    for text in [
        "",
        "{}",
        "[]",
        "half of a led",
        &good[..good.len() / 2],
        &good.replace("\"version\":1", "\"version\":2"),
        &good.replace("\"version\":1", "\"version\":1,\"more\":true"),
        "{\"version\":1,\"set\":\"A\",\"parts\":3}",
    ] {
        place.shelf().put("", text).await.unwrap();
        let error = ledger::read(place.shelf().as_ref()).await.err().unwrap();
        assert!(!matches!(error, LedgerError::Place { .. }), "{text}");
        let said = error.to_string().replace(&place.folder.path().display().to_string(), "");
        told.push(said.split("; if it is").next().unwrap().to_owned());
    }
    insta::assert_snapshot!(told.join("\n"), @"
    the ledger at file /ledger.json is not a ledger
    the ledger at file /ledger.json is not a ledger
    the ledger at file /ledger.json is not a ledger
    the ledger at file /ledger.json is not a ledger
    the ledger at file /ledger.json is not a ledger
    the ledger at file /ledger.json was written by a later tokenwheel (form 2, not 1): use that one
    the ledger at file /ledger.json is no ledger of form 1 (line 1, column 19)
    the ledger at file /ledger.json lacks its part 1 of 3
    ");
}
