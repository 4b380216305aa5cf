//! Law 10: no first run rotates what it cannot prove dead, unless it is due or asked.

use chrono::TimeDelta;
use tokenwheel_sandbox::styra::Role;

use super::stage::{HEAD, das, estate, mints, outcomes, writes};
use crate::common::{Bench, text};

const EVERYTHING: &str = r#"
  agent:
    issuer: { kind: styra/token, id: application-token, ttl: 30d, paths: ["^/v1/data/.*"] }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: AGENT }]
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
  group:
    issuer: { kind: gitlab/group-access-token, group: acme, name: group-bot, ttl: 30d }
    destinations: [{ kind: file, path: group.token }]
  nightly:
    issuer: { kind: gitlab/pipeline-trigger-token, project: acme/app, description: nightly }
    destinations: [{ kind: gitlab/ci-variable, project: acme/api, key: NIGHTLY }]
  robot:
    issuer: { kind: gitlab/service-account-token, group: acme, account: ACCOUNT, name: robot, ttl: 30d }
    destinations: [{ kind: file, path: robot.token }]
"#;

/// One token of every kind, `age` days old, of a life of 30 days.
fn everything(age: i64) -> Bench {
    let (mut bench, acme) = estate(10, 10, "");
    das(&mut bench, age);
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", age, 30 - age);
    let (created, dies) = (bench.days_ago(age), bench.in_days(30 - age));
    let (account, values) = bench.sandbox.gitlab(|gitlab| {
        let group = gitlab.add_group_token("acme", "group-bot", &["api"], 40, created, Some(dies));
        let account = gitlab.add_service_account("acme", "robot");
        let robot = gitlab.add_service_account_token(account, "robot", &["read_api"], created, Some(dies));
        let nightly = gitlab.add_trigger("acme/app", acme.bot, "nightly");
        (account, [group.value, robot.value, nightly.value])
    });
    let [group, robot, nightly] = values;
    std::fs::write(bench.folder.path().join("group.token"), group).unwrap();
    std::fs::write(bench.folder.path().join("robot.token"), robot).unwrap();
    bench.keep("acme/api", "NIGHTLY", &nightly);
    let paths = &["^/v1/data/.*"];
    let life = TimeDelta::days(30);
    let agent = bench.sandbox.styra(|styra| styra.add_token("application-token", Role::None, life, paths, created));
    bench.keep("acme/app", "AGENT", &agent);
    let tokens = EVERYTHING.replace("ACCOUNT", &account.to_string());
    let head = HEAD
        .replace("tokens:\n", "  das: { service: styra, url: \"https://styra.sandbox\", token: env:DAS }\ntokens:\n");
    bench.write_config(&format!("{head}{tokens}"));
    bench
}

#[tokio::test(start_paused = true)]
async fn over_an_estate_that_lives_it_changes_nothing() {
    for may_read in [true, false] {
        let bench = everything(5);
        bench.sandbox.styra(|styra| styra.refresher_may_read = may_read);
        let before = bench.job();
        let report = bench.rotate().await;
        insta::allow_duplicates! { insta::assert_snapshot!(outcomes(&report), @"
        agent: kept
        deploy: kept
        group: kept
        nightly: kept
        refresher: kept
        robot: kept
        spare: kept
        ") };
        assert!(writes(&bench).is_empty(), "{}", text(&report));
        assert_eq!(report.level().code(), 0, "{}", text(&report));
        assert_eq!(bench.job(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_due_is_rotated_where_the_date_is_known() {
    let bench = everything(25);
    bench.sandbox.styra(|styra| styra.refresher_may_read = true);
    insta::assert_snapshot!(outcomes(&bench.rotate().await), @"
    agent: rotated
    deploy: rotated
    group: rotated
    nightly: kept
    refresher: kept
    robot: rotated
    spare: kept
    ");
}

#[tokio::test(start_paused = true)]
async fn what_a_blind_issuer_does_not_date_is_taken_over_and_named() {
    let bench = everything(25);
    let report = bench.rotate().await;
    let agent = crate::common::of(&report, "agent");
    assert_eq!(agent.outcome.word(), "kept", "{}", text(&report));
    insta::assert_snapshot!(agent.notes.join("\n"), @"when it dies is not known (the refresher's role may not read tokens); to be sure, take it over once with `rotate --only NAME --force --reason TEXT`");
    // Once that was done the date is known, and nothing else is said beside it.
    let report = bench.rotate_with(bench.job(), crate::common::force(&["agent"])).await.unwrap();
    let agent = crate::common::of(&report, "agent");
    assert!(agent.dies.is_some() && agent.notes.is_empty(), "{}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn after_it_a_second_run_and_one_without_the_ledger_change_nothing_either() {
    let bench = everything(5);
    bench.sandbox.styra(|styra| styra.refresher_may_read = true);
    bench.rotate().await;
    for lost in [false, true] {
        if lost {
            std::fs::remove_file(bench.folder.path().join("ledger.json")).unwrap();
        }
        bench.sandbox.advance(TimeDelta::hours(12));
        bench.sandbox.forget_exchanges();
        let report = bench.rotate().await;
        assert!(mints(&bench).is_empty(), "{}", text(&report));
        assert_eq!(report.level().code(), 0, "{}", text(&report));
    }
}
