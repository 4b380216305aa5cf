//! Law 9: each new value is sealed to its owners before it is delivered, and `unseal` brings it to its places.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use http::Method;
use tokenwheel_sandbox::{At, Exchange, Fault, What};

use crate::stage::{Ran, Stage, unsealed};

const FORCED: [&str; 6] = ["rotate", "--force", "--reason", "a test", "--only", "das-refresher"];

#[expect(clippy::disallowed_methods, reason = "the identity of a test")]
fn text(identity: &age::x25519::Identity) -> String {
    use age::secrecy::ExposeSecret as _;
    identity.to_string().expose_secret().to_owned()
}

/// The usual estate in a job of GitLab, sealed to an owner; and the owner's identity file.
fn sealed() -> (Stage, PathBuf) {
    let mut stage = Stage::set();
    let owner = age::x25519::Identity::generate();
    stage.write(&format!("{}rescue: {{ recipients: [{}] }}\n", unsealed(), owner.to_public()));
    let identity = stage.path("identity.txt");
    std::fs::write(&identity, format!("# the owner's\n{}\n", text(&owner))).unwrap();
    stage.environment.insert("GITLAB_CI".to_owned(), "true".to_owned());
    (stage, identity)
}

/// The sealed files that wait.
fn waiting(stage: &Stage) -> Vec<PathBuf> {
    let Ok(files) = std::fs::read_dir(stage.path("rescue")) else { return Vec::new() };
    files.map(|file| file.unwrap().path()).collect()
}

/// The number of the request by which the new refresher of DAS is put into its variable.
fn delivery() -> usize {
    let (stage, _) = sealed();
    stage.sandbox.forget_exchanges();
    stage.run(&FORCED);
    let gives = |one: &Exchange| {
        let body: serde_json::Value = serde_json::from_slice(&one.request_body).unwrap_or_default();
        one.method == Method::PUT && one.target.contains("/DAS_REFRESHER") && body.get("value").is_some()
    };
    stage.sandbox.exchanges().iter().position(gives).unwrap() + 1
}

/// A run that strikes `what` at the delivery of DAS's refresher.
fn struck(stage: &Stage, what: What) -> Ran {
    stage.sandbox.forget_exchanges();
    stage.sandbox.inject(Fault { at: At::Nth(delivery()), what });
    stage.run(&FORCED)
}

fn held(stage: &Stage) -> String {
    stage.held("projects/acme/tokenwheel", "DAS_REFRESHER", "*")
}

fn is_live(stage: &Stage, value: &str) -> bool {
    stage.sandbox.styra(|styra| styra.is_live(value))
}

fn unseal(stage: &Stage, file: &str) -> Ran {
    stage.run(&["unseal", file, "--identity", "identity.txt"])
}

fn read(stage: &Stage, log: &str, args: &[&str]) -> Ran {
    let mut command = stage.command(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(log.as_bytes()).unwrap();
    stage.read(&child.wait_with_output().unwrap())
}

#[test]
fn a_sealed_value_goes_when_it_is_confirmed_and_the_log_of_the_job_keeps_its_block() {
    let (stage, _) = sealed();
    let ran = stage.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(stage.path("rescue").is_dir() && waiting(&stage).is_empty());
    let blocks: Vec<&str> = ran.err.matches("-----BEGIN AGE ENCRYPTED FILE-----").collect();
    assert_eq!(blocks.len(), 2, "{ran}");
    for name in ["deploy", "opa-agent"] {
        let at = |what: &str| ran.err.find(&format!("{name}: {what}")).unwrap_or_else(|| panic!("{ran}"));
        assert!(at("mint: ") < at("sealed to its owners") && at("sealed to its owners") < at("verify: "), "{ran}");
    }
}

#[test]
fn at_a_terminal_the_file_is_enough() {
    let (mut stage, _) = sealed();
    stage.environment.remove("GITLAB_CI");
    let ran = stage.run(&["rotate"]);
    assert!(!ran.err.contains("BEGIN AGE"), "{ran}");
}

#[test]
fn a_single_refresher_that_could_not_be_delivered_is_unsealed_and_its_connection_logs_in_with_it() {
    let (mut stage, _) = sealed();
    let ran = struck(&stage, What::Refuse(403));
    assert_eq!(ran.code, Some(4), "{ran}");
    let files = waiting(&stage);
    assert_eq!(files.len(), 1, "{ran}");
    assert!(ran.out.contains("a new value of it is sealed in "), "{ran}");
    assert!(!is_live(&stage, &held(&stage)), "what is in the variable is dead");
    stage.start_job();
    let file = files[0].display().to_string();
    let ran = unseal(&stage, &file);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &held(&stage)), "{ran}");
    assert!(waiting(&stage).is_empty(), "{ran}");
    stage.start_job();
    let ran = stage.run(&["rotate", "--only", "das-refresher"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.out.contains(" kept "), "{ran}");
}

#[test]
fn the_block_of_a_log_is_enough_even_behind_the_times_of_its_lines() {
    let (mut stage, _) = sealed();
    let log = struck(&stage, What::Refuse(403)).err;
    for file in waiting(&stage) {
        std::fs::remove_file(file).unwrap();
    }
    let log: Vec<String> = log.lines().map(|line| format!("2026-11-22T10:00:00.000000Z 00O {line}\r\n")).collect();
    stage.start_job();
    let ran = read(&stage, &log.concat(), &["unseal", "-", "--identity", "identity.txt"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &held(&stage)), "{ran}");
}

#[test]
fn a_dead_one_is_refused() {
    let (mut stage, _) = sealed();
    struck(&stage, What::Refuse(403));
    stage.sandbox.styra(|styra| styra.revoke("refresher"));
    stage.start_job();
    let file = waiting(&stage)[0].display().to_string();
    let ran = stage.run_in_vain(&["unseal", &file, "--identity", "identity.txt"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.starts_with("fatal: nothing was attempted\n`das-refresher` could not be looked at: "), "{ran}");
}

#[test]
fn what_is_in_its_places_already_is_not_delivered_again() {
    let (mut stage, _) = sealed();
    let log = stage.run(&FORCED).err;
    stage.start_job();
    let ran = read(&stage, &log, &["unseal", "-", "--identity", "identity.txt"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("superseded: "), "{ran}");
    assert!(ran.err.contains("variable DAS_REFRESHER holds it already"), "{ran}");
}

#[test]
fn one_that_a_later_turn_ended_is_refused() {
    let (mut stage, _) = sealed();
    let log = stage.run(&["rotate", "--only", "deploy"]).err;
    stage.run(&["rotate", "--force", "--reason", "a test", "--only", "deploy"]);
    stage.start_job();
    let before = stage.estate();
    let ran = read(&stage, &log, &["unseal", "-", "--identity", "identity.txt"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("the sealed value of `deploy` is dead: "), "{ran}");
    assert_eq!(stage.estate(), before);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let (stage, identity) = sealed();
    let other = age::x25519::Identity::generate();
    let log = stage.run(&["rotate", "--only", "deploy"]).err;
    std::fs::write(stage.path("log"), &log).unwrap();
    let refused = |ran: Ran, why: &str| {
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.err.starts_with("fatal: nothing was attempted\n") && ran.err.contains(why), "{ran}");
    };
    refused(unseal(&stage, "nowhere.age"), "nowhere.age cannot be read: ");
    refused(unseal(&stage, "tokenwheel.yml"), "tokenwheel.yml: it is no sealed value");
    std::fs::write(&identity, text(&other)).unwrap();
    refused(
        read(&stage, &log, &["unseal", "-", "--identity", "identity.txt"]),
        "not sealed to any of these identities",
    );
    std::fs::write(&identity, "AGE-SECRET-KEY-NONE").unwrap();
    refused(read(&stage, &log, &["unseal", "-", "--identity", "identity.txt"]), "line 1");
}

#[test]
fn a_value_sealed_for_another_config_is_refused() {
    let (stage, _) = sealed();
    let log = struck(&stage, What::Refuse(403)).err;
    let rescued = std::fs::read_to_string(stage.path("tokenwheel.yml")).unwrap();
    for (from, to, why) in [
        ("  das-refresher:", "  das-login:", "the config has no token `das-refresher`, for which this was sealed"),
        ("id: refresher,", "id: other,", "`das-refresher` is another token now"),
    ] {
        assert!(rescued.contains(from));
        std::fs::write(stage.path("tokenwheel.yml"), rescued.replace(from, to)).unwrap();
        let ran = read(&stage, &log, &["unseal", "-", "--identity", "identity.txt"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.err.contains(why), "{ran}");
    }
}

#[test]
fn nothing_is_minted_while_the_rescue_cannot_be_written() {
    let (stage, _) = sealed();
    std::fs::write(stage.path("rescue"), "a file is in the way").unwrap();
    let ran = stage.run_in_vain(&["rotate", "--only", "deploy"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.out.contains("nothing was changed: the folder rescue for sealed values cannot be written: "), "{ran}");
}

#[test]
fn check_insists_on_it_where_a_single_refresher_replaces_itself() {
    let stage = Stage::set();
    stage.write(&unsealed());
    let ran = stage.run_in_vain(&["check", "--offline"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.out.contains("das-refresher: connection `das` has one refresher only, and a new one ends it"), "{ran}");
    let (stage, _) = sealed();
    assert_eq!(stage.run_in_vain(&["check", "--offline"]).code, Some(0));
}

#[test]
fn a_key_that_is_none_is_an_error_of_the_config() {
    let stage = Stage::set();
    for (key, why) in [("age1nothing", "one of these is none"), ("AGE-SECRET-KEY-1ABC", "")] {
        stage.write(&format!("{}rescue: {{ recipients: [{key}] }}\n", unsealed()));
        let ran = stage.run_in_vain(&["check", "--offline"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.err.contains(why) && !ran.err.contains("SECRET-KEY-1ABC"), "{ran}");
    }
}

#[test]
fn of_a_log_with_several_values_none_is_picked() {
    let (stage, _) = sealed();
    let log = stage.run(&["rotate"]).err;
    let ran = read(&stage, &log, &["unseal", "-", "--identity", "identity.txt"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("there are 2 sealed values on standard input: hand them over one by one"), "{ran}");
}

#[test]
fn one_that_was_sealed_under_an_older_name_is_told_of_and_goes_too() {
    let (mut stage, _) = sealed();
    struck(&stage, What::Refuse(403));
    let file = waiting(&stage)[0].display().to_string();
    let config = std::fs::read_to_string(stage.path("tokenwheel.yml")).unwrap();
    let config = config.replace("  das-refresher:\n", "  das-login:\n    was: das-refresher\n");
    std::fs::write(stage.path("tokenwheel.yml"), config).unwrap();
    stage.start_job();
    let ran = stage.run(&["status", "--only", "das-login"]);
    assert!(ran.out.contains("a new value of it is sealed in rescue/das-refresher."), "{ran}");
    let ran = unseal(&stage, &file);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &held(&stage)) && waiting(&stage).is_empty(), "{ran}");
}

#[test]
fn where_no_file_can_be_written_a_terminal_shows_the_block_too() {
    let (mut stage, _) = sealed();
    stage.environment.remove("GITLAB_CI");
    // The token dies before the run after the next, so that the folder holds nothing up.
    let config = std::fs::read_to_string(stage.path("tokenwheel.yml")).unwrap();
    std::fs::write(stage.path("tokenwheel.yml"), config.replace("every: 12h", "every: 24h")).unwrap();
    std::fs::write(stage.path("rescue"), "a file is in the way").unwrap();
    let ran = stage.run(&["rotate", "--only", "opa-agent"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.err.contains("opa-agent: mint: sealed, but not into a file: "), "{ran}");
    assert_eq!(ran.err.matches("-----END AGE ENCRYPTED FILE-----").count(), 1, "{ran}");
}

/// A token of a service account, of which a second one lives beside the first.
fn beside() -> (Stage, PathBuf) {
    let (stage, identity) = sealed();
    let (account, value) = stage.sandbox.gitlab(|gitlab| {
        let account = gitlab.add_service_account("acme", "robot");
        let dies = Some(stage.dies(5));
        (account, gitlab.add_service_account_token(account, "robot", &["api"], stage.ago(25), dies).value)
    });
    stage.keep("projects/acme/app", "ROBOT", &value);
    let robot = format!(
        "tokens:\n  robot:\n    rotate: {{ overlap: 24h }}\n    issuer: {{ kind: gitlab/service-account-token, group: acme, \
         account: {account}, name: robot, ttl: 30d }}\n    destinations:\n      - {{ kind: gitlab/ci-variable, project: \
         acme/app, key: ROBOT }}\n"
    );
    let config = std::fs::read_to_string(stage.path("tokenwheel.yml")).unwrap();
    std::fs::write(stage.path("tokenwheel.yml"), config.replacen("tokens:\n", &robot, 1)).unwrap();
    (stage, identity)
}

/// The number of the request by which the next run gives the robot's new token to its variable.
fn robots_delivery(stage: &Stage) -> usize {
    stage.sandbox.forget_exchanges();
    stage.run(&["rotate", "--only", "robot"]);
    let gives = |one: &Exchange| {
        let body: serde_json::Value = serde_json::from_slice(&one.request_body).unwrap_or_default();
        one.method == Method::PUT && one.target.contains("/ROBOT") && body.get("value").is_some()
    };
    stage.sandbox.exchanges().iter().position(gives).unwrap() + 1
}

/// A run that mints the robot's token and delivers it nowhere.
fn stuck(stage: &Stage, delivery: usize) {
    stage.sandbox.forget_exchanges();
    stage.sandbox.inject(Fault { at: At::Nth(delivery), what: What::Refuse(403) });
    let ran = stage.run(&["rotate", "--only", "robot"]);
    assert!(ran.out.contains("no destination took the new token; the old one lives on"), "{ran}");
}

#[test]
fn what_a_later_run_gave_up_and_was_unsealed_all_the_same_is_not_ended_as_a_predecessor() {
    let (other, _) = beside();
    let (stage, _) = beside();
    let first = robots_delivery(&other);
    let (other, _) = beside();
    stuck(&other, first);
    let second = robots_delivery(&other);
    stuck(&stage, first);
    let file = waiting(&stage)[0].display().to_string();
    stuck(&stage, second);
    let entry = |stage: &Stage| {
        let ledger = std::fs::read(stage.path("ledger.json")).unwrap();
        let ledger: serde_json::Value = serde_json::from_slice(&ledger).unwrap();
        ledger["tokens"]["robot"].clone()
    };
    assert_eq!(entry(&stage)["retire"].as_array().unwrap().len(), 1, "it was given up");
    let ran = unseal(&stage, &file);
    assert_eq!(ran.code, Some(0), "{ran}");
    let entry = entry(&stage);
    let ids: Vec<&str> = entry["retire"].as_array().unwrap().iter().filter_map(|old| old["id"].as_str()).collect();
    assert_eq!(ids.len(), 2, "what was in use, and what the later run made: {entry:#}");
    assert!(!ids.contains(&entry["current"]["id"].as_str().unwrap()), "{entry:#}");
}
