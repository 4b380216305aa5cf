//! `oauth/client-credentials`: made at every run, proven by introspection, ended by its value.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::oauth::ClientAuth;

use crate::stage::{held, inject, put, requests, rotate, says, stage, write};
use crate::wheel::Stage;

const AUTH: &str = "  auth: { service: oauth, url: \"{oauth}\", client_id: wheel, token: env:CLIENT_SECRET }";
const APP: &str = "  app:
    issuer: { kind: oauth/client-credentials, scopes: [api] }
    destinations: [{ kind: file, path: app }]";

fn staged() -> Stage {
    let mut stage = stage(&[]);
    let secret =
        stage.sandbox.oauth(|oauth| oauth.add_client("wheel", ClientAuth::Basic, &["api"], TimeDelta::hours(24)));
    stage.environment.insert("CLIENT_SECRET".to_owned(), secret);
    put(&stage, "app", "");
    write(&stage, AUTH, APP);
    stage
}

fn is_live(stage: &Stage, value: &str) -> bool {
    stage.sandbox.oauth(|oauth| oauth.is_live(value))
}

fn minted(stage: &Stage) -> usize {
    stage.sandbox.oauth(|oauth| oauth.minted())
}

#[test]
fn a_token_is_made_at_every_run_and_the_one_before_dies_by_itself() {
    let stage = staged();
    let ran = rotate(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    let first = held(&stage, "app");
    assert!(is_live(&stage, &first), "{ran}");
    let ran = rotate(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_ne!(held(&stage, "app"), first);
    assert!(is_live(&stage, &first) && is_live(&stage, &held(&stage, "app")));
    assert_eq!((minted(&stage), requests(&stage, "/oauth/revoke")), (2, 0));
}

#[test]
fn to_look_makes_nothing() {
    let stage = staged();
    rotate(&stage);
    let value = held(&stage, "app");
    for command in ["plan", "check", "status"] {
        let ran = stage.run(&[command]);
        assert_eq!(ran.code, Some(0), "{ran}");
    }
    assert_eq!((minted(&stage), held(&stage, "app")), (1, value));
}

#[test]
fn a_client_that_the_server_does_not_know_is_told_before_anything_is_done() {
    let mut stage = staged();
    stage.environment.insert("CLIENT_SECRET".to_owned(), "wrong".to_owned());
    let ran = rotate(&stage);
    assert_eq!(ran.code, Some(2), "{ran}");
    says(&ran, &["the server does not know this client, or its secret"]);
    assert_eq!(requests(&stage, "/oauth/token"), 0, "introspection says it already");
    // A server without introspection says it at the token endpoint, and nothing is made there either.
    stage.sandbox.oauth(|oauth| oauth.introspects = false);
    let ran = rotate(&stage);
    assert_eq!((ran.code, minted(&stage)), (Some(2), 0), "{ran}");
}

#[test]
fn without_introspection_a_token_is_delivered_and_said_to_be_unproven() {
    let stage = staged();
    stage.sandbox.oauth(|oauth| oauth.introspects = false);
    let ran = rotate(&stage);
    says(&ran, &["not proven: the server has no introspection endpoint"]);
    assert!(is_live(&stage, &held(&stage, "app")), "{ran}");
    assert_eq!(stage.sandbox.oauth(|oauth| oauth.reuse_detected()), 0);
}

#[test]
fn a_scope_that_is_refused_changes_nothing() {
    let stage = staged();
    write(&stage, AUTH, &APP.replace("[api]", "[api, root]"));
    let ran = rotate(&stage);
    says(&ran, &["it grants no such scope"]);
    assert_eq!(ran.code, Some(4), "the place has nothing of use: {ran}");
    assert_eq!((minted(&stage), held(&stage, "app").as_str()), (0, ""));
}

#[test]
fn a_lost_answer_costs_one_token_that_dies_by_itself() {
    let stage = staged();
    inject(&stage, Method::POST, "/oauth/token", What::DropAfter);
    let ran = rotate(&stage);
    assert_eq!((held(&stage, "app").as_str(), minted(&stage)), ("", 1), "{ran}");
    let ran = rotate(&stage);
    assert_eq!((ran.code, minted(&stage)), (Some(0), 2), "{ran}");
    assert!(is_live(&stage, &held(&stage, "app")));
}

#[test]
fn a_false_200_to_a_revocation_is_found_out_by_introspection() {
    let stage = staged();
    rotate(&stage);
    let value = held(&stage, "app");
    stage.sandbox.oauth(|oauth| oauth.revoking_works = false);
    let ran = stage.run(&["revoke", "app", "--reason", "leaked"]);
    says(&ran, &["introspection says that it lives on"]);
    assert_eq!(ran.code, Some(4), "{ran}");
    stage.sandbox.oauth(|oauth| oauth.revoking_works = true);
    let ran = stage.run(&["revoke", "app", "--reason", "leaked"]);
    assert!(!is_live(&stage, &value), "{ran}");
}
