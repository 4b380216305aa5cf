//! Configs that are wrong: one clear message, exit code 2, and not a single request.

use crate::stage::{CONFIG, Stage};

/// Runs `rotate` and holds that nothing at all was asked of anybody.
#[track_caller]
fn refused(stage: &Stage, name: &str) {
    let ran = stage.run_in_vain(&["rotate"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(stage.sandbox.exchanges().is_empty(), "{ran}");
    ran.is(name, stage.folder.path());
}

#[test]
fn without_a_config_it_says_where_it_looked() {
    let stage = Stage::set();
    std::fs::remove_file(stage.path("tokenwheel.yml")).unwrap();
    refused(&stage, "no_config");
}

#[test]
fn an_empty_config_is_told_how_it_begins() {
    let stage = Stage::set();
    stage.write("");
    refused(&stage, "empty_config");
    stage.write("# all of it is commented out\n");
    refused(&stage, "empty_config");
}

#[test]
fn an_unknown_key_is_told_with_its_line_and_the_nearest_right_one() {
    let stage = Stage::set();
    stage.amend("every: 12h", "evry: 12h");
    refused(&stage, "unknown_key");
}

#[test]
fn an_unknown_kind_is_told_with_the_nearest_right_one() {
    let stage = Stage::set();
    stage.amend("kind: gitlab/project-access-token", "kind: gitlab/project-token");
    refused(&stage, "unknown_kind");
}

#[test]
fn two_tokens_of_one_name_are_refused() {
    let stage = Stage::set();
    stage.amend("  opa-agent:", "  deploy:");
    refused(&stage, "two_of_one_name");
}

#[test]
fn two_tokens_that_are_one_at_the_issuer_are_refused() {
    let stage = Stage::set();
    let double = "  opa-agent:\n    issuer: { kind: gitlab/project-access-token, project: ACME/app/, name: deploy-bot, \
                  ttl: 30d }\n    destinations: [{ kind: file, path: copy }]\n\n  agent:";
    stage.amend("  opa-agent:", double);
    refused(&stage, "two_of_one_subject");
}

#[test]
fn a_literal_secret_is_refused_and_not_repeated() {
    let stage = Stage::set();
    for (secret, name) in
        [(stage.refresher.value.as_str(), "literal_secret"), ("s3cr3t-without-prefix", "literal_text")]
    {
        stage.amend("token: env:GITLAB_REFRESHER", &format!("token: {secret}"));
        let ran = stage.run(&["rotate"]);
        assert!(!ran.to_string().contains(secret), "the secret was repeated");
        refused(&stage, name);
    }
}

#[test]
fn several_problems_are_told_at_once() {
    let stage = Stage::set();
    let worse = CONFIG.replace("every: 12h", "every: often").replace("owner:", "ownr:").replace("ttl: 3d", "ttl: soon");
    stage.write(&worse);
    refused(&stage, "several_problems");
}

#[test]
fn a_variable_that_is_missing_is_named() {
    let mut stage = Stage::set();
    stage.environment.remove("DAS_REFRESHER");
    refused(&stage, "missing_variable");
    // Set to nothing is not set.
    stage.environment.insert("DAS_REFRESHER".to_owned(), " ".to_owned());
    refused(&stage, "missing_variable");
}
