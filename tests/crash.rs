//! The process dies, or an answer is lost, at every request of a run; the runs after it put everything right.
//!
//! Each scenario is played to its end once for every request × fault × memory × job, and each such history is judged by
//! the laws. `cargo test --test crash -- --nocapture` prints what was played; `docs/reliability.md` says how to replay
//! one history by its name.

mod common;
#[path = "crash/estate.rs"]
mod estate;
#[path = "crash/estates.rs"]
mod estates;
#[path = "crash/history.rs"]
mod history;
#[path = "crash/laws.rs"]
mod laws;
#[path = "crash/tally.rs"]
mod tally;

use estate::Scenario;

/// Plays every history of a scenario, and fails with those that break a law.
fn play(scenario: &Scenario) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(tally::play(scenario));
}

#[test]
fn a_project_token_turned_by_a_pair() {
    play(&estates::PAIR);
}
