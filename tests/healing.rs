//! Healing and truth: what a run finds wrong it puts right, and what it cannot know it leaves alone.

#[cfg(test)]
mod common;

use common::{Bench, PAIR, of, pair, rotated, text};
use http::Method;
use tokenwheel::run::{Reach, Wish};
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

const TWO_PLACES: &str = r"
  fleet:
    issuer: { kind: gitlab/project-access-token, project: acme/api, name: fleet-bot, ttl: 30d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/api, key: FLEET }
      - { kind: gitlab/ci-variable, project: acme/tokenwheel, key: FLEET }
ledger:";

/// A pair, and a token that two places hold.
fn fleet(made: i64, dies: i64) -> Bench {
    let bench = pair();
    let (created, end) = (bench.days_ago(made), bench.in_days(dies));
    let token = bench
        .sandbox
        .gitlab(|gitlab| gitlab.add_project_token("acme/api", "fleet-bot", &["api"], 40, created, Some(end)));
    bench.keep("acme/api", "FLEET", &token.value);
    bench.keep("acme/tokenwheel", "FLEET", &token.value);
    bench.write_config(&PAIR.replace("ledger:", &TWO_PLACES[1..]));
    bench
}

/// One of the two places refuses every write.
fn closed(bench: &Bench) {
    let path = "/projects/acme%2Ftokenwheel/variables/FLEET".to_owned();
    let at = At::Matching { method: Method::PUT, path, times: 99 };
    bench.sandbox.inject(Fault { at, what: What::Refuse(403) });
}

fn both_live(bench: &Bench) {
    for project in ["acme/api", "acme/tokenwheel"] {
        assert!(bench.is_live(&bench.held(project, "FLEET")), "{project}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_time_waits_for_a_place_that_would_refuse_it() {
    let bench = fleet(25, 5);
    closed(&bench);
    let old = bench.held("acme/api", "FLEET");
    let report = bench.rotate().await;
    assert_eq!(of(&report, "fleet").outcome.word(), "stopped", "{}", text(&report));
    assert!(bench.is_live(&old), "nothing was minted");
    assert_eq!(bench.held("acme/api", "FLEET"), old);
    bench.sandbox.clear_faults();
    assert!(rotated(&bench.rotate().await, "fleet"));
    both_live(&bench);
}

#[tokio::test(start_paused = true)]
async fn what_dies_before_the_next_run_goes_where_it_is_taken_and_the_rest_is_given_it_later() {
    let bench = fleet(29, 1);
    closed(&bench);
    let report = bench.rotate().await;
    assert!(rotated(&report, "fleet"), "{}", text(&report));
    let live = bench.held("acme/api", "FLEET");
    assert!(bench.is_live(&live) && !bench.is_live(&bench.held("acme/tokenwheel", "FLEET")));
    assert_ne!(report.level().code(), 0, "one place holds a dead token: {}", text(&report));
    bench.sandbox.clear_faults();
    let report = bench.rotate().await;
    assert_eq!(of(&report, "fleet").outcome.word(), "redelivered", "{}", text(&report));
    assert_eq!(bench.held("acme/tokenwheel", "FLEET"), live);
    assert_eq!(report.level().code(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_fails_after_it_was_willing_is_given_the_token_by_the_next_run() {
    let bench = fleet(25, 5);
    bench.sandbox.set_latency(std::time::Duration::from_millis(20));
    let run = bench.observe(bench.job(), Wish::default(), Reach::Acts).await.unwrap();
    let plans = run.plan().await;
    let sandbox = bench.sandbox.clone();
    let (report, ()) = tokio::join!(run.apply(plans), async move {
        // As soon as the new one exists.
        while sandbox.exchanges().iter().all(|exchange| !exchange.target.ends_with("/rotate")) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let path = "/projects/acme%2Ftokenwheel/variables/FLEET".to_owned();
        let at = At::Matching { method: Method::PUT, path, times: 4 };
        sandbox.inject(Fault { at, what: What::Refuse(503) });
    });
    assert!(rotated(&report, "fleet"), "{}", text(&report));
    assert_ne!(report.level().code(), 0);
    let report = bench.rotate().await;
    assert_eq!(of(&report, "fleet").outcome.word(), "redelivered", "{}", text(&report));
    both_live(&bench);
}
