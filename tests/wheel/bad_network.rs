//! Servers that are not there, or do not answer as the service would.

use http::Method;
use tokenwheel_sandbox::{At, Fault, What};

use crate::stage::{CONFIG, Stage};

#[track_caller]
fn in_vain(stage: &Stage, args: &[&str], code: i32, name: &str) {
    let ran = stage.run_in_vain(args);
    assert_eq!(ran.code, Some(code), "{ran}");
    ran.is(name, stage.folder.path());
}

/// From now on every such request meets this.
fn always(stage: &Stage, method: &Method, path: &str, what: What) {
    let at = At::Matching { method: method.clone(), path: path.to_owned(), times: usize::MAX };
    stage.sandbox.inject(Fault { at, what });
}

/// An address of this machine where nobody listens. A port that was free a moment ago may be another test's by now;
/// the lowest one is nobody's.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn a_host_that_cannot_be_reached_is_named() {
    let stage = Stage::set();
    stage.write(&CONFIG.replace("{styra}", NOBODY));
    in_vain(&stage, &["rotate", "--only", "opa-agent"], 3, "unreachable");
}

#[test]
fn a_port_that_does_not_speak_tls_is_told_as_that() {
    let stage = Stage::set();
    stage.write(&CONFIG.replace("{styra}", &stage.served.styra.replace("http://", "https://")));
    let ran = stage.run_in_vain(&["check"]);
    assert!(ran.to_string().contains("what answers there does not speak TLS"), "{ran}");
}

#[test]
fn the_host_of_the_ledger_that_cannot_be_reached_is_named() {
    let stage = Stage::set();
    let ledger = "ledger: { kind: gitlab/ci-variable, project: acme/tokenwheel, key: TOKENWHEEL_LEDGER }";
    let config = CONFIG.replace("{gitlab}", NOBODY).replace("ledger: { kind: file, path: ledger.json }", ledger);
    stage.write(&config);
    in_vain(&stage, &["rotate"], 3, "unreachable_ledger");
}

#[test]
fn html_in_place_of_json_is_told_as_what_it_is() {
    let stage = Stage::set();
    always(&stage, &Method::GET, "/api/v4/", What::Malformed);
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "html");
}

#[test]
fn html_from_one_place_is_told_for_that_place() {
    let stage = Stage::set();
    always(&stage, &Method::GET, "/variables/DEPLOY_TOKEN", What::Malformed);
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "html_from_a_destination");
}

#[test]
fn a_redirect_is_not_followed_and_its_target_is_told() {
    let stage = Stage::set();
    always(&stage, &Method::GET, "", What::Redirect("https://elsewhere.example/api/v4/user?private=1".to_owned()));
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "redirect");
}

#[test]
fn a_server_that_refuses_too_many_requests_for_ever_is_given_up_on() {
    let stage = Stage::set();
    always(&stage, &Method::GET, "", What::RateLimited { retry_after: 0 });
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "too_many_requests");
}

#[test]
fn too_many_requests_at_a_mint_are_a_refusal_and_not_a_doubt() {
    let stage = Stage::set();
    always(&stage, &Method::POST, "/rotate", What::RateLimited { retry_after: 0 });
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "too_many_requests_at_a_mint");
}

#[test]
fn a_server_that_fails_is_not_taken_for_a_dead_token() {
    let stage = Stage::set();
    always(&stage, &Method::GET, "/personal_access_tokens/self", What::Refuse(503));
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "server_fails");
}
