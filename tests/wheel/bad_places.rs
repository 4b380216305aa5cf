//! Destinations that are not there, or would not take the value: found out before anything is minted.

use chrono::TimeDelta;
use tokenwheel_sandbox::gitlab::Variable;
use tokenwheel_sandbox::styra::Role;

use crate::stage::{Stage, unsealed};

#[track_caller]
fn in_vain(stage: &Stage, args: &[&str], code: i32, name: &str) {
    let ran = stage.run_in_vain(args);
    assert_eq!(ran.code, Some(code), "{ran}");
    ran.is(name, stage.folder.path());
}

#[test]
fn a_project_that_does_not_exist_is_named() {
    let stage = Stage::set();
    stage.amend("project: acme/app, name: deploy-bot", "project: acme/ap, name: deploy-bot");
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "no_such_project");
}

#[test]
fn a_variable_of_a_project_that_does_not_exist_is_named() {
    let stage = Stage::set();
    stage.amend("project: acme/app, key: DEPLOY_TOKEN", "project: acme/ap, key: DEPLOY_TOKEN");
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "no_such_project_of_a_variable");
}

#[test]
fn a_variable_that_does_not_exist_is_not_made_up() {
    let stage = Stage::set();
    stage.amend("key: DEPLOY_TOKEN", "key: DEPLOY_TOKN");
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "no_such_variable");
    in_vain(&stage, &["check"], 3, "no_such_variable_check");
}

#[test]
fn a_variable_of_several_scopes_is_refused_until_one_is_named() {
    let stage = Stage::set();
    let other = Variable {
        key: "DEPLOY_TOKEN".to_owned(),
        value: "another-value".to_owned(),
        environment_scope: "production".to_owned(),
        ..Variable::default()
    };
    stage.sandbox.gitlab(|gitlab| gitlab.add_variable("projects/acme/app", other));
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "several_scopes");
    // Named, it goes.
    stage.amend("key: DEPLOY_TOKEN }", "key: DEPLOY_TOKEN, environment_scope: \"*\" }");
    let ran = stage.run(&["rotate", "--only", "deploy"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(stage.held("projects/acme/app", "DEPLOY_TOKEN", "production"), "another-value");
}

#[test]
fn a_masked_variable_that_cannot_take_such_a_value_is_told_before_the_mint() {
    let mut stage = Stage::set();
    // This tenant's tokens have a mark in them that GitLab masks only where references are not expanded.
    let now = stage.sandbox.now();
    let das = stage.sandbox.styra(|styra| {
        styra.refresher_may_read = true;
        styra.marked_values = true;
        styra.add_token(
            "application-token",
            Role::None,
            TimeDelta::days(3),
            &["^/v1/data/.*"],
            now - TimeDelta::hours(50),
        );
        let (life, paths) = (TimeDelta::days(30), &["^/v1/tokens/.*"]);
        styra.add_token(
            "refresher",
            Role::WorkspaceTokenRefresher,
            life,
            paths,
            now - TimeDelta::days(12) - TimeDelta::hours(12),
        )
    });
    stage.environment.insert("DAS_REFRESHER".to_owned(), das);
    in_vain(&stage, &["rotate", "--only", "opa-agent", "--force", "--reason", "a test"], 3, "unmaskable");
    in_vain(&stage, &["check"], 3, "unmaskable_check");
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let stage = Stage::set();
    stage.amend(
        "{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }",
        "{ kind: file, path: not/there/token }",
    );
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "no_such_folder");
}

#[test]
fn a_full_disk_under_a_destination_is_found_before_the_mint() {
    let stage = Stage::set();
    stage.amend("{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }", "{ kind: file, path: token }");
    // The ledger is kept elsewhere, so that only the destination meets the full disk.
    let config = std::fs::read_to_string(stage.path("tokenwheel.yml")).unwrap().replace("rescue:", "# rescue:");
    let elsewhere = "ledger: { kind: gitlab/ci-variable, project: acme/tokenwheel, key: TOKENWHEEL_LEDGER }";
    stage.write(&config.replace("ledger: { kind: file, path: ledger.json }", elsewhere));
    std::fs::write(stage.path("token"), &stage.deploy.value).unwrap();
    let before = stage.estate();
    let ran = stage.run_on_a_full_disk(0, &["rotate", "--only", "deploy"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert_eq!(stage.estate(), before, "{ran}");
    assert_eq!(std::fs::read_to_string(stage.path("token")).unwrap(), stage.deploy.value, "{ran}");
    ran.is("full_disk_destination", stage.folder.path());
}

#[test]
fn a_full_disk_under_the_ledger_stops_the_run_before_it_begins() {
    let stage = Stage::set();
    let before = stage.estate();
    stage.sandbox.forget_exchanges();
    let ran = stage.run_on_a_full_disk(0, &["rotate"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    stage.assert_untouched(&before, &ran);
    let left: Vec<_> =
        std::fs::read_dir(stage.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["tokenwheel.yml"], "{ran}");
    ran.is("full_disk_ledger", stage.folder.path());
}

#[test]
fn a_disk_that_fills_before_the_intent_is_written_lets_nothing_be_minted() {
    let mut stage = Stage::set();
    assert_eq!(stage.run(&["rotate"]).code, Some(0));
    stage.start_job();
    let before = stage.estate();
    stage.sandbox.forget_exchanges();
    // The lease still fits, and the ledger does not.
    let ran = stage.run_on_a_full_disk(1, &["rotate", "--only", "deploy", "--force", "--reason", "a test"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    stage.assert_untouched(&before, &ran);
    ran.is("full_disk_intent", stage.folder.path());
}

#[test]
fn a_disk_that_fills_in_the_middle_is_told_and_costs_no_token() {
    let mut stage = Stage::set();
    stage.write(&unsealed());
    // The intent still fits, and what was confirmed does not.
    let ran = stage.run_on_a_full_disk(1, &["rotate"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    ran.is("full_disk_in_the_middle", stage.folder.path());
    let held = stage.held("projects/acme/app", "DEPLOY_TOKEN", "*");
    assert!(stage.sandbox.gitlab(|gitlab| gitlab.is_live(&held)), "{ran}");
    // The next run, with room again, finds all well.
    stage.start_job();
    let ran = stage.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(stage.held("projects/acme/app", "DEPLOY_TOKEN", "*"), held, "{ran}");
}
