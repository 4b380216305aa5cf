//! `examples/styra-das.yml`, run as it stands but for its addresses.

use chrono::TimeDelta;
use tokenwheel_sandbox::gitlab::Variable;
use tokenwheel_sandbox::styra::Role;

use crate::stage::{Ran, Stage};

/// The usual estate, whose application token lives for a day and has six hours left.
fn stage() -> Stage {
    let stage = Stage::set();
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/styra-das.yml")).unwrap();
    let (gitlab, das) = ("url: https://gitlab.example.com", "url: https://acme.styra.com");
    assert!(text.contains(gitlab) && text.contains(das));
    stage.write(&text.replace(gitlab, "url: \"{gitlab}\"").replace(das, "url: \"{styra}\""));
    age(&stage, 18);
    stage
}

/// An application token that was made so many hours ago, in the variable that the application reads.
fn age(stage: &Stage, hours: i64) {
    let made = stage.sandbox.now() - TimeDelta::hours(hours);
    let value = stage
        .sandbox
        .styra(|styra| styra.add_token("application-token", Role::None, TimeDelta::days(1), &["^/v1/data/.*"], made));
    let (key, environment_scope) = ("DAS_TOKEN".to_owned(), "production".to_owned());
    let variable = Variable { key, value, environment_scope, masked: true, protected: true, ..Variable::default() };
    stage.sandbox.gitlab(|gitlab| gitlab.add_variable("projects/acme/app", variable));
}

fn application(stage: &Stage) -> String {
    stage.held("projects/acme/app", "DAS_TOKEN", "production")
}

fn is_live(stage: &Stage, value: &str) -> bool {
    stage.sandbox.styra(|styra| styra.is_live(value))
}

fn rotate(stage: &mut Stage) -> Ran {
    stage.start_job();
    stage.run(&["rotate"])
}

#[test]
fn the_config_is_sound_and_its_rights_suffice() {
    let stage = stage();
    for args in [&["check", "--offline"][..], &["check"]] {
        let ran = stage.run(args);
        assert_eq!(ran.code, Some(0), "{ran}");
    }
}

#[test]
fn the_application_token_is_regenerated_before_anybody_is_answered_401() {
    let mut stage = stage();
    let old = application(&stage);
    let ran = rotate(&mut stage);
    let new = application(&stage);
    assert!(ran.code == Some(0) && new != old && is_live(&stage, &new) && !is_live(&stage, &old), "{ran}");
    let token = stage.sandbox.styra(|styra| styra.token("application-token")).unwrap();
    assert_eq!(token.allow_path_patterns, ["^/v1/data/.*"], "{ran}");
    let again = rotate(&mut stage);
    assert!(again.code == Some(0) && application(&stage) == new, "{again}");
}

#[test]
fn a_token_that_had_expired_is_made_anew() {
    let mut stage = stage();
    age(&stage, 30);
    assert!(!is_live(&stage, &application(&stage)));
    let ran = rotate(&mut stage);
    // A refresher may update and not create, so a person may have to: whatever it is, it is said.
    let told = ran.code == Some(0) || ran.out.contains("application-token");
    assert!(told && (ran.code != Some(0) || is_live(&stage, &application(&stage))), "{ran}");
}

#[test]
fn the_refresh_token_turns_itself_and_its_new_self_is_kept() {
    let mut stage = stage();
    stage.start_job();
    let old = stage.environment["DAS_REFRESHER"].clone();
    let ran = stage.run(&["rotate", "--only", "das-refresher", "--force", "--reason", "its month is over"]);
    let new = stage.held("projects/acme/tokenwheel", "DAS_REFRESHER", "*");
    assert!(ran.code == Some(0) && new != old && is_live(&stage, &new) && !is_live(&stage, &old), "{ran}");
    // The next job logs in with it.
    let ran = rotate(&mut stage);
    assert!(ran.code == Some(0) && is_live(&stage, &application(&stage)), "{ran}");
}
