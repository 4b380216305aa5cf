//! Healing and truth: what a run finds wrong it puts right, and what it cannot know it leaves alone.

#[cfg(test)]
mod common;

use common::{Acme, Bench, PAIR, of, pair, rotated, text};
use http::Method;
use tokenwheel::run::{Reach, Wish};
use tokenwheel_sandbox::{At, Fault, Request, What};

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

const ROBOT: &str = r#"
version: 1
every: 12h
connections:
  gitlab: { service: gitlab, url: "https://gitlab.sandbox", token: env:REFRESHER }
tokens:
  robot:
    issuer: { kind: gitlab/service-account-token, group: acme, account: ACCOUNT, name: robot, ttl: 30d }
    rotate: { overlap: 1h }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: ONE }
      - { kind: gitlab/ci-variable, project: acme/app, key: TWO }
      - { kind: gitlab/ci-variable, project: acme/api, key: THREE }
ledger: { kind: file, path: ledger.json }
"#;

/// Somebody writes another value into a variable.
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]
fn overwrite(bench: &Bench, target: &str, value: &str) {
    let mut headers = http::HeaderMap::new();
    headers.insert("private-token", bench.held("acme/tokenwheel", "REFRESHER").parse().unwrap());
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    let body = format!("{{\"value\": \"{value}\"}}").into();
    let (host, target) = ("gitlab".to_owned(), target.to_owned());
    let answer = bench.sandbox.handle(&Request { method: Method::PUT, host, target, headers, body });
    assert_eq!(answer.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_predecessor_outlives_its_overlap_while_one_place_was_not_looked_at() {
    let mut bench = Bench::new(1);
    let acme = Acme::found(&bench);
    acme.refresher(&mut bench, "wheel", "REFRESHER", 10, 50);
    let (made, dies) = (bench.days_ago(25), bench.in_days(5));
    let (account, old) = bench.sandbox.gitlab(|gitlab| {
        let account = gitlab.add_service_account("acme", "robot");
        (account, gitlab.add_service_account_token(account, "robot", &["api"], made, Some(dies)).value)
    });
    for (project, key) in [("acme/app", "ONE"), ("acme/app", "TWO"), ("acme/api", "THREE")] {
        bench.keep(project, key, &old);
    }
    bench.write_config(&ROBOT.replace("ACCOUNT", &account.to_string()));
    assert!(rotated(&bench.rotate().await, "robot"));

    // The overlap is over; one place holds a dead token, and another cannot be asked.
    bench.sandbox.advance(chrono::TimeDelta::hours(2));
    let dead = bench.sandbox.gitlab(|gitlab| {
        let dead = gitlab.add_personal_token(acme.bot, "gone", &["api"], made, Some(dies));
        gitlab.revoke(dead.id);
        dead.value
    });
    overwrite(&bench, "/api/v4/projects/acme%2Fapp/variables/TWO", &dead);
    let at = At::Matching { method: Method::GET, path: "/variables/THREE".to_owned(), times: 1 };
    bench.sandbox.inject(Fault { at, what: What::Refuse(403) });
    let report = bench.rotate().await;
    assert_eq!(of(&report, "robot").outcome.word(), "redelivered", "{}", text(&report));
    assert!(bench.is_live(&old), "{}", text(&report));

    // Once all three were seen to hold the live one, it ends.
    let report = bench.rotate().await;
    assert!(!bench.is_live(&old), "{}", text(&report));
}
