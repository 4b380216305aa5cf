//! Healing and truth: what a run finds wrong it puts right, and what it cannot know it leaves alone.

#[cfg(test)]
mod common;

use common::{of, pair, rotated, text};
use http::Method;
use tokenwheel_sandbox::{At, Fault, What};

#[tokio::test(start_paused = true)]
async fn a_due_token_is_rotated_and_its_old_value_dies() {
    let bench = pair();
    let old = bench.held("acme/app", "DEPLOY_TOKEN");
    let report = bench.rotate().await;
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    assert!(!bench.is_live(&old));
    assert!(bench.is_live(&bench.held("acme/app", "DEPLOY_TOKEN")));
    assert_eq!(report.level().code(), 0, "{}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn a_second_run_has_nothing_to_do() {
    let bench = pair();
    bench.rotate().await;
    bench.sandbox.forget_exchanges();
    let report = bench.rotate().await;
    assert!(report.tokens.iter().all(|token| token.outcome.word() == "kept"), "{}", text(&report));
    let writes = bench.sandbox.exchanges().into_iter().filter(|exchange| exchange.method != Method::GET).count();
    assert_eq!(writes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_mint_is_healed_in_the_same_run() {
    let bench = pair();
    let at = At::Matching { method: Method::POST, path: "/rotate".to_owned(), times: 1 };
    bench.sandbox.inject(Fault { at, what: What::DropAfter });
    let report = bench.rotate().await;
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    assert!(bench.is_live(&bench.held("acme/app", "DEPLOY_TOKEN")));
    assert_eq!(of(&report, "deploy").level().code(), 0);
}
