//! What each command prints when all is well, and what it refuses.

use serde_json::Value;

use crate::stage::{CONFIG, Ran, Stage};

#[track_caller]
fn prints(ran: &Ran, code: i32, stage: &Stage, name: &str) {
    assert_eq!(ran.code, Some(code), "{ran}");
    ran.is(name, stage.folder.path());
}

#[test]
fn plan_says_what_would_be_done_and_why_and_changes_nothing() {
    let stage = Stage::set();
    prints(&stage.run_in_vain(&["plan"]), 0, &stage, "plan");
    // A plan leaves nothing behind, not even a ledger.
    assert!(!stage.path("ledger.json").exists());
    assert_eq!(stage.run_in_vain(&["plan", "--detailed-exitcode"]).code, Some(10));
    assert_eq!(stage.run_in_vain(&["plan", "--detailed-exitcode", "--only", "gitlab-spare"]).code, Some(0));
    let dry = stage.run_in_vain(&["rotate", "--dry-run"]);
    assert_eq!(dry.out, stage.run_in_vain(&["plan"]).out);
}

#[test]
fn rotate_does_what_is_due_and_a_second_run_finds_nothing_to_do() {
    let mut stage = Stage::set();
    prints(&stage.run(&["rotate"]), 0, &stage, "rotate");
    assert!(!stage.sandbox.gitlab(|gitlab| gitlab.is_live(&stage.deploy.value)));
    let held = stage.held("projects/acme/app", "DEPLOY_TOKEN", "*");
    assert!(stage.sandbox.gitlab(|gitlab| gitlab.is_live(&held)));
    let held = stage.held("projects/acme/app", "DAS_TOKEN", "production");
    assert!(stage.sandbox.styra(|styra| styra.is_live(&held)));
    stage.start_job();
    prints(&stage.run_in_vain(&["rotate"]), 0, &stage, "rotate_again");
    prints(&stage.run_in_vain(&["plan", "--detailed-exitcode"]), 0, &stage, "plan_again");
    prints(&stage.run_in_vain(&["status"]), 0, &stage, "status");
}

#[test]
fn only_named_tokens_are_rotated() {
    let stage = Stage::set();
    let agent = stage.held("projects/acme/app", "DAS_TOKEN", "production");
    prints(&stage.run(&["rotate", "--only", "deploy"]), 0, &stage, "rotate_only");
    assert_eq!(stage.held("projects/acme/app", "DAS_TOKEN", "production"), agent);
}

#[test]
fn a_name_that_the_config_lacks_is_told_with_the_nearest_right_one() {
    let stage = Stage::set();
    prints(&stage.run_in_vain(&["rotate", "--only", "deplyo"]), 2, &stage, "only_unknown");
    assert!(stage.sandbox.exchanges().is_empty());
    prints(&stage.run_in_vain(&["revoke", "zzz", "--reason", "a test"]), 2, &stage, "revoke_unknown");
}

#[test]
fn force_wants_names_and_a_reason() {
    let stage = Stage::set();
    for (args, name) in [
        (&["rotate", "--force", "--reason", "a test"][..], "force_without_names"),
        (&["rotate", "--force", "--only", "deploy"][..], "force_without_reason"),
        (&["rotate", "--force", "--only", "deploy", "--reason", " "][..], "force_without_reason"),
        (&["rotate", "--all"][..], "all_without_force"),
        (&["rotate", "--all", "--only", "deploy", "--force", "--reason", "a test"][..], "all_and_only"),
        (&["revoke", "deploy"][..], "revoke_without_reason"),
        (&["rotate", "--max", "many"][..], "max_of_no_number"),
    ] {
        prints(&stage.run_in_vain(args), 2, &stage, name);
        assert!(stage.sandbox.exchanges().is_empty());
    }
}

#[test]
fn force_rotates_what_is_not_due_and_says_who_asked() {
    let mut stage = Stage::set();
    assert_eq!(stage.run(&["rotate"]).code, Some(0));
    stage.start_job();
    let before = stage.held("projects/acme/app", "DEPLOY_TOKEN", "*");
    let ran = stage.run(&["rotate", "--only", "deploy", "--force", "--reason", "a laptop was lost"]);
    prints(&ran, 0, &stage, "force");
    assert!(!stage.sandbox.gitlab(|gitlab| gitlab.is_live(&before)));
    stage.start_job();
    // One of a pair turns, and the other is left to log in with.
    let ran = stage.run(&["rotate", "--all", "--force", "--reason", "everything may have leaked"]);
    prints(&ran, 3, &stage, "force_all");
}

#[test]
fn a_limit_defers_what_is_beyond_it() {
    let stage = Stage::set();
    prints(&stage.run(&["rotate", "--max", "1"]), 3, &stage, "max");
}

#[test]
fn revoke_ends_what_lives_and_says_what_no_longer_works() {
    let stage = Stage::set();
    let ran = stage.run(&["revoke", "deploy", "--reason", "it was in a screenshot"]);
    prints(&ran, 0, &stage, "revoke");
    assert!(!stage.sandbox.gitlab(|gitlab| gitlab.is_live(&stage.deploy.value)));
    assert!(stage.sandbox.gitlab(|gitlab| gitlab.is_live(&stage.refresher.value)));
    let ran = stage.run(&["revoke", "deploy", "--reason", "to be sure"]);
    assert_eq!(ran.code, Some(4), "{ran}");
    ran.is("revoke_again", stage.folder.path());
}

const TRIGGER: &str = r#"version: 1
every: 12h
connections:
  gitlab: { service: gitlab, url: "{gitlab}", token: env:GITLAB_REFRESHER }
tokens:
  nightly:
    issuer: { kind: gitlab/pipeline-trigger-token, project: acme/app, description: nightly, ttl: 60d }
    rotate: { after: 30d, overlap: 24h }
    destinations: [{ kind: file, path: trigger }]
ledger: { kind: file, path: ledger.json }
"#;

/// A trigger that is due, beside which the new one is made.
fn with_trigger() -> (Stage, String) {
    let stage = Stage::set();
    let (now, made) = (stage.sandbox.now(), stage.ago(40));
    stage.sandbox.set_now(made);
    let old = stage.sandbox.gitlab(|gitlab| gitlab.add_trigger("acme/app", stage.bot, "nightly"));
    stage.sandbox.set_now(now);
    std::fs::write(stage.path("trigger"), &old.value).unwrap();
    stage.write(TRIGGER);
    (stage, old.value)
}

#[test]
fn the_old_one_lives_on_for_its_overlap() {
    let (stage, old) = with_trigger();
    prints(&stage.run(&["rotate"]), 0, &stage, "overlap");
    assert!(stage.sandbox.gitlab(|gitlab| gitlab.is_live(&old)));
}

#[test]
fn revoke_now_ends_the_old_one_in_the_same_run() {
    let (stage, old) = with_trigger();
    prints(&stage.run(&["rotate", "--revoke-now"]), 0, &stage, "revoke_now");
    assert!(!stage.sandbox.gitlab(|gitlab| gitlab.is_live(&old)));
    let new = std::fs::read_to_string(stage.path("trigger")).unwrap();
    assert!(stage.sandbox.gitlab(|gitlab| gitlab.is_live(&new)));
}

#[test]
fn check_rehearses_by_looking_only() {
    let stage = Stage::set();
    prints(&stage.run_in_vain(&["check"]), 0, &stage, "check");
    assert!(stage.sandbox.exchanges().iter().all(|one| one.method == http::Method::GET), "check only looks");
}

#[test]
fn check_offline_needs_no_credential_and_no_server() {
    let mut stage = Stage::set();
    stage.environment.clear();
    prints(&stage.run_in_vain(&["check", "--offline"]), 0, &stage, "check_offline");
    assert!(stage.sandbox.exchanges().is_empty());
    // What cannot be kept, and a single refresher without a word about it.
    let worse =
        CONFIG.replace("every: 12h", "every: 2d").replace("    accept_risk: DAS gives us one refresher only\n", "");
    stage.write(&worse);
    prints(&stage.run_in_vain(&["check", "--offline"]), 2, &stage, "check_offline_unsound");
}

#[test]
fn check_tells_which_rights_to_ask_for() {
    let mut stage = Stage::set();
    stage.environment.clear();
    prints(&stage.run_in_vain(&["check", "--needs"]), 0, &stage, "check_needs");
    stage.write(
        "version: 1
tokens:
  agent:
    issuer: { kind: styra/token, id: agent, ttl: 3d, paths: [a] }
    destinations: [{ kind: file, path: agent }]
",
    );
    let ran = stage.run_in_vain(&["check", "--needs"]);
    assert!(ran.out.contains("styra (no connection is of this service yet):\n  styra/token: "), "{ran}");
    assert!(stage.sandbox.exchanges().is_empty());
}

#[test]
fn every_report_is_also_there_for_machines() {
    let stage = Stage::set();
    for args in [&["plan"][..], &["status"], &["check"], &["rotate"], &["revoke", "deploy", "--reason", "a test"]] {
        let ran = stage.run(&[args, &["--format", "json"]].concat());
        let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran}"));
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(report["version"], 1);
        assert_eq!(report["command"], args[0]);
        assert_eq!(report["level"], ran.code.unwrap());
        assert_eq!(keys(&report), "command connections level next_run notes started tokens version");
        assert_eq!(keys(&report["connections"][0]), "dead dies host login name troubles unreachable");
        let token = report["tokens"].as_array().unwrap().iter().find(|token| token["name"] == "deploy").unwrap();
        let all =
            "at_risk created destinations dies due issuer level name notes outcome owner reason sentence succession";
        assert_eq!(keys(token), all);
        assert_eq!(keys(&token["destinations"][0]), "address state");
    }
}

#[test]
fn a_plan_names_its_reasons_by_stable_codes() {
    let stage = Stage::set();
    let report: Value = serde_json::from_str(&stage.run(&["plan", "--format", "json"]).out).unwrap();
    let reasons: Vec<(&str, &Value)> = report["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| (token["name"].as_str().unwrap(), &token["reason"]))
        .filter(|(_, reason)| !reason.is_null())
        .collect();
    let code = Value::from("past_its_share_of_life");
    assert_eq!(reasons, [("opa-agent", &code), ("deploy", &code)]);
}

#[test]
fn a_report_in_markdown_is_a_table() {
    let stage = Stage::set();
    prints(&stage.run_in_vain(&["plan", "--format", "markdown"]), 0, &stage, "plan_markdown");
}

#[test]
fn a_folder_for_reports_gets_both_forms() {
    let stage = Stage::set();
    let ran = stage.run(&["plan", "--report-dir", "reports"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let json = std::fs::read(stage.path("reports/report.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&json).unwrap()["command"], "plan");
    assert!(std::fs::read_to_string(stage.path("reports/report.md")).unwrap().contains("| deploy |"));
}

#[test]
fn a_folder_for_reports_that_cannot_be_made_is_told_and_the_report_is_printed_all_the_same() {
    let stage = Stage::set();
    std::fs::write(stage.path("reports"), "a file is in the way").unwrap();
    prints(&stage.run_in_vain(&["plan", "--only", "deploy", "--report-dir", "reports"]), 3, &stage, "report_dir");
}

#[test]
fn options_may_come_from_the_environment() {
    let mut stage = Stage::set();
    for (name, value) in [("ONLY", "deploy,gitlab-spare"), ("FORCE", "true"), ("REASON", "pressed by hand")] {
        stage.environment.insert(format!("TOKENWHEEL_{name}"), value.to_owned());
    }
    stage.environment.insert("TOKENWHEEL_FORMAT".to_owned(), "markdown".to_owned());
    prints(&stage.run_in_vain(&["plan"]), 0, &stage, "plan_by_environment");
}

#[test]
fn names_in_a_form_have_spaces_around_them_and_are_never_empty() {
    let mut stage = Stage::set();
    for (names, code) in [(" deploy ,  gitlab-spare", 0), ("deploy,", 2), ("deploy,,gitlab-spare", 2), (" , ", 2)] {
        stage.environment.insert("TOKENWHEEL_ONLY".to_owned(), names.to_owned());
        let ran = stage.run_in_vain(&["plan"]);
        assert_eq!(ran.code, Some(code), "{names}: {ran}");
    }
}

#[test]
fn an_empty_input_of_a_pipeline_is_none() {
    let mut stage = Stage::set();
    // A pipeline hands over every input, also those that nobody filled in.
    for name in ["ONLY", "FORCE", "ALL", "REASON", "REVOKE_NOW", "MAX"] {
        stage.environment.insert(format!("TOKENWHEEL_{name}"), String::new());
    }
    let ran = stage.run_in_vain(&["plan"]);
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn a_switch_that_a_pipeline_hands_over_as_false_is_off_and_excludes_nothing() {
    let mut stage = Stage::set();
    for (name, value) in [("ONLY", "deploy"), ("FORCE", "true"), ("REASON", "it leaked"), ("REVOKE_NOW", "False")] {
        stage.environment.insert(format!("TOKENWHEEL_{name}"), value.to_owned());
    }
    for off in ["false", "FALSE", "no", "0"] {
        stage.environment.insert("TOKENWHEEL_ALL".to_owned(), off.to_owned());
        let ran = stage.run_in_vain(&["plan"]);
        assert_eq!(ran.code, Some(0), "{off}: {ran}");
    }
    stage.environment.insert("TOKENWHEEL_ALL".to_owned(), "true".to_owned());
    let ran = stage.run_in_vain(&["plan"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("cannot be used with"), "{ran}");
}

#[test]
fn a_reason_that_a_credential_got_into_is_refused_and_not_repeated() {
    let mut stage = Stage::set();
    // As a pipeline does with `$GITLAB_SPARE` in one of its variables. That no value is printed is held against every run.
    let reason = format!("see {}", stage.spare.value);
    stage.environment.insert("TOKENWHEEL_REASON".to_owned(), reason);
    for args in [&["rotate", "--only", "deploy", "--force"][..], &["revoke", "deploy"]] {
        let ran = stage.run_in_vain(args);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.err.contains("the reason has a credential in it"), "{ran}");
    }
    assert!(stage.sandbox.exchanges().is_empty());
}

#[test]
fn help_and_version_go_to_stdout() {
    let stage = Stage::set();
    for (args, name) in
        [(&["--help"][..], "help"), (&["rotate", "--help"][..], "help_rotate"), (&["--version"][..], "version")]
    {
        prints(&stage.run_in_vain(args), 0, &stage, name);
    }
    prints(&stage.run_in_vain(&[]), 2, &stage, "no_command");
    prints(&stage.run_in_vain(&["rotat"]), 2, &stage, "unknown_command");
}

#[test]
fn the_schema_is_one_that_its_own_config_fits() {
    let stage = Stage::set();
    let ran = stage.run_in_vain(&["schema"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let schema: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    assert!(schema["properties"]["tokens"].is_object(), "{ran}");
}

#[test]
fn verbose_names_requests_and_no_value() {
    let stage = Stage::set();
    // That no value is printed is held against every run; this one prints the most.
    let ran = stage.run(&["-vv", "rotate", "--only", "deploy"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.err.contains("/access_tokens/"), "{ran}");
}

#[test]
fn a_run_beside_another_one_gives_way() {
    let stage = Stage::set();
    let until = stage.sandbox.now() + chrono::TimeDelta::minutes(20);
    let claim = serde_json::json!({ "holder": "https://ci.example.com/jobs/7", "nonce": "another", "until": until });
    std::fs::write(stage.path("ledger.json.lease"), claim.to_string()).unwrap();
    prints(&stage.run_in_vain(&["rotate"]), 3, &stage, "lease_held");
    assert!(stage.path("ledger.json.lease").exists(), "the lease of another run is left alone");
    // Who only looks needs none.
    assert_eq!(stage.run_in_vain(&["plan"]).code, Some(0));
}

#[test]
fn a_ledger_that_is_damaged_stops_the_run_with_the_way_out() {
    let stage = Stage::set();
    std::fs::write(stage.path("ledger.json"), "{ this was cut").unwrap();
    prints(&stage.run_in_vain(&["rotate"]), 2, &stage, "damaged_ledger");
    assert!(!stage.path("ledger.json.lease").exists(), "the lease is given back");
    std::fs::write(stage.path("ledger.json"), r#"{ "version": 99 }"#).unwrap();
    prints(&stage.run_in_vain(&["rotate"]), 2, &stage, "later_ledger");
}
