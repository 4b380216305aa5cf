//! Tokens that rotate themselves (`self:`), and tokens that are minted as another one (`login:`).

use chrono::TimeDelta;
use http::Method;
use tokenwheel::run::Wish;

use super::stage::{credential, estate, mints, sentence};
use crate::common::{Acme, Bench, force, of, rotated, text};

const OWN: &str = r"
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d, self: env:DEPLOY_TOKEN }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
";

fn own(age: i64) -> (Bench, Acme) {
    let (mut bench, acme) = estate(10, 10, OWN);
    let (created, dies) = (bench.days_ago(age), bench.in_days(30 - age));
    let token = bench
        .sandbox
        .gitlab(|gitlab| gitlab.add_project_token("acme/app", "deploy-bot", &["self_rotate"], 30, created, Some(dies)));
    bench.keep("acme/app", "DEPLOY_TOKEN", &token.value);
    bench.variables.push(("projects/acme/app".to_owned(), "DEPLOY_TOKEN".to_owned()));
    (bench, acme)
}

#[tokio::test(start_paused = true)]
async fn a_token_that_rotates_itself_is_asked_who_it_is_and_then_turns_with_its_own_value() {
    let (bench, _) = own(25);
    let old = bench.held("acme/app", "DEPLOY_TOKEN");
    let report = bench.rotate().await;
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    let [mint] = &mints(&bench)[..] else { panic!("one mint") };
    assert_eq!(
        (mint.target.as_str(), credential(mint)),
        ("/api/v4/projects/acme%2Fapp/access_tokens/self/rotate", old.clone())
    );
    let asked = bench.sandbox.exchanges().into_iter().take_while(|exchange| exchange.number < mint.number);
    let asked = asked
        .filter(|exchange| credential(exchange) == old && exchange.target.ends_with("/personal_access_tokens/self"));
    assert!(asked.count() > 0);
    assert!(bench.is_live(&bench.held("acme/app", "DEPLOY_TOKEN")));
    assert_eq!(bench.rotate().await.level().code(), 0);
}

#[tokio::test(start_paused = true)]
async fn started_before_its_last_turn_it_finds_itself_in_its_destination() {
    let (bench, _) = own(5);
    let stale = bench.job();
    assert!(rotated(&bench.rotate_with(bench.job(), force(&["deploy"])).await.unwrap(), "deploy"));
    bench.sandbox.forget_exchanges();
    let report = bench.rotate_with(stale, Wish::default()).await.unwrap();
    assert_eq!(of(&report, "deploy").outcome.word(), "kept", "{}", text(&report));
    assert_eq!(bench.sandbox.gitlab(|gitlab| gitlab.reuse_detections), 0);
}

#[tokio::test(start_paused = true)]
async fn dead_it_says_so_and_no_rotate_path_is_called_with_it() {
    let (bench, _) = own(5);
    let held = bench.held("acme/app", "DEPLOY_TOKEN");
    bench.sandbox.gitlab(|gitlab| {
        let id = gitlab.token_of_value(&held).unwrap().id;
        gitlab.revoke(id);
    });
    let report = bench.rotate_with(bench.job(), force(&["deploy"])).await.unwrap();
    insta::assert_snapshot!(sentence(&report, "deploy"), @"nothing was done: it rotates itself, and what env:DEPLOY_TOKEN holds is dead (GET gitlab.sandbox/api/v4/personal_access_tokens/self: HTTP 401: the token was revoked): make a new one by hand and put it there");
    assert!(mints(&bench).is_empty());
    assert_ne!(report.level().code(), 0, "{}", text(&report));
}

const TRIGGER: &str = r"
  bot:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
  nightly:
    issuer: { kind: gitlab/pipeline-trigger-token, project: acme/app, description: nightly, ttl: 60d, login: bot }
    rotate: { before: 14d, overlap: 24h }
    destinations: [{ kind: gitlab/ci-variable, project: acme/api, key: NIGHTLY }]
";

/// A trigger that a person made fifty days ago, and a bot of the project as which the next one is made.
fn trigger() -> (Bench, Acme) {
    let (bench, acme) = estate(10, 10, TRIGGER);
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 5, 25);
    let now = bench.sandbox.now();
    bench.sandbox.set_now(now - TimeDelta::days(50));
    let nightly = bench.sandbox.gitlab(|gitlab| {
        let person = gitlab.add_user("ada");
        gitlab.add_member("acme", person, 40);
        gitlab.add_trigger("acme/app", person, "nightly")
    });
    bench.sandbox.set_now(now);
    bench.keep("acme/api", "NIGHTLY", &nightly.value);
    (bench, acme)
}

fn owner(bench: &Bench) -> String {
    let held = bench.held("acme/api", "NIGHTLY");
    let owner = bench.sandbox.gitlab(|gitlab| gitlab.trigger_of_value(&held)).unwrap().owner;
    bench.sandbox.gitlab(|gitlab| gitlab.user(owner)).unwrap().username
}

#[tokio::test(start_paused = true)]
async fn whose_rights_a_trigger_runs_with_is_shown_before_it_changes() {
    let (bench, _) = trigger();
    let report = bench.plan().await;
    assert_eq!(of(&report, "nightly").outcome.word(), "rotate", "{}", text(&report));
    let notes = of(&report, "nightly").notes.join("\n");
    assert!(notes.contains("with the rights of @project_") && notes.contains("no longer of @ada"), "{notes}");
    assert_eq!(owner(&bench), "ada", "a plan changes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_trigger_is_minted_as_the_bot_and_its_predecessor_ends_after_the_overlap() {
    let (bench, _) = trigger();
    let report = bench.rotate().await;
    assert!(rotated(&report, "nightly"), "{}", text(&report));
    assert!(owner(&bench).starts_with("project_"), "{}", owner(&bench));
    let count = || bench.sandbox.gitlab(|gitlab| gitlab.triggers_of("acme/app").len());
    assert_eq!(count(), 2, "the old one works for another day");
    assert_eq!(bench.sandbox.gitlab(|gitlab| gitlab.pipelines_triggered), 0, "its use has effects");
    bench.sandbox.advance(TimeDelta::hours(23));
    bench.rotate().await;
    assert_eq!(count(), 2);
    bench.sandbox.advance(TimeDelta::hours(2));
    let report = bench.rotate().await;
    assert_eq!(count(), 1, "{}", text(&report));
    assert!(bench.is_live(&bench.held("acme/api", "NIGHTLY")));
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_turns_in_the_same_run_mints_with_its_new_self() {
    let (bench, _) = trigger();
    let old = bench.held("acme/app", "DEPLOY_TOKEN");
    let report = bench.rotate_with(bench.job(), force(&["bot", "nightly"])).await.unwrap();
    assert!(rotated(&report, "bot") && rotated(&report, "nightly"), "{}", text(&report));
    let made: Vec<_> = mints(&bench)
        .into_iter()
        .filter(|mint| mint.target.contains("/triggers") && mint.method == Method::POST)
        .collect();
    assert_eq!(made.len(), 1);
    assert_ne!(credential(&made[0]), old);
    assert_eq!(credential(&made[0]), bench.held("acme/app", "DEPLOY_TOKEN"));
}

#[tokio::test(start_paused = true)]
async fn a_trigger_whose_bot_can_be_read_nowhere_is_not_seen_and_says_why() {
    let (bench, _) = trigger();
    let held = bench.held("acme/app", "DEPLOY_TOKEN");
    bench.sandbox.gitlab(|gitlab| {
        let id = gitlab.token_of_value(&held).unwrap().id;
        gitlab.revoke(id);
    });
    let report = bench.rotate().await;
    insta::assert_snapshot!(sentence(&report, "nightly"), @"nothing was done: the live value of `bot`, which it is minted as, can be read nowhere");
    assert!(bench.is_live(&bench.held("acme/api", "NIGHTLY")));
    assert_ne!(report.level().code(), 0);
}
