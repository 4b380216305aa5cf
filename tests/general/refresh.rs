//! `oauth/refresh-token`: a chain of which each link is used once, by one wheel.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::http_api::{Family, Sink};
use tokenwheel_sandbox::oauth::ClientAuth;

use crate::stage::{held, inject, put, rotate, says, stage, write};
use crate::wheel::{Ran, Stage};

const AUTH: &str =
    "  auth: { service: oauth, url: \"{oauth}\", client_id: wheel, auth: post, token: env:CLIENT_SECRET }
  api: { service: http, url: \"{http}\", token: env:API_KEY }";
const ADA: &str = "  ada:
    issuer: { kind: oauth/refresh-token, name: ada, self: env:REFRESH }
    rotate: { after: 1h }
    destinations:
      - { kind: file, path: refresh, first: true }
      - { kind: file, path: access, part: access }";

fn staged() -> Stage {
    let mut stage = stage(&[]);
    let (secret, refresh) = stage.sandbox.oauth(|oauth| {
        let secret = oauth.add_client("wheel", ClientAuth::Post, &["api"], TimeDelta::hours(1));
        (secret, oauth.add_grant("wheel", "ada", "api"))
    });
    let now = stage.sandbox.now();
    let key = stage.sandbox.http_api(|api| api.add_key(Family::Slack, ("us", "wheel"), true, now, None)).value;
    put(&stage, "refresh", &refresh);
    put(&stage, "access", "");
    for (name, value) in [("CLIENT_SECRET", secret), ("REFRESH", refresh), ("API_KEY", key)] {
        stage.environment.insert(name.to_owned(), value);
    }
    write(&stage, AUTH, ADA);
    stage
}

fn forced(stage: &Stage) -> Ran {
    stage.run(&["rotate", "--only", "ada", "--force", "--reason", "a test"])
}

fn is_live(stage: &Stage, value: &str) -> bool {
    stage.sandbox.oauth(|oauth| oauth.is_live(value))
}

fn reuse(stage: &Stage) -> usize {
    stage.sandbox.oauth(|oauth| oauth.reuse_detected())
}

/// The refresh token goes where nobody can read it, so that only the next job's environment has it.
fn unreadable(stage: &Stage) {
    stage.sandbox.http_api(|api| {
        api.sinks_readable = false;
        api.add_sink("refresh", Sink::default());
    });
    let sink = "{ kind: http/request, write: { method: PATCH, path: /sinks/refresh, json: { value: \"{value}\" } }, \
                look: { request: { method: GET, path: /sinks/refresh }, stamp: /version } }";
    write(stage, AUTH, &ADA.replace("{ kind: file, path: refresh, first: true }", sink));
}

#[test]
fn both_halves_go_to_their_places_and_the_old_one_is_spent() {
    let stage = staged();
    let old = held(&stage, "refresh");
    let ran = forced(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    says(&ran, &["identity"]);
    let (refresh, access) = (held(&stage, "refresh"), held(&stage, "access"));
    assert!(refresh != old && refresh != access);
    assert!(is_live(&stage, &refresh) && is_live(&stage, &access) && !is_live(&stage, &old));
}

#[test]
fn a_job_that_was_started_before_the_last_turn_uses_what_stands_in_the_destination() {
    let stage = staged();
    for _ in 0..3 {
        // The environment goes on holding the first one.
        let ran = forced(&stage);
        assert_eq!((ran.code, reuse(&stage)), (Some(0), 0), "{ran}");
    }
    assert!(is_live(&stage, &held(&stage, "refresh")));
}

#[test]
fn a_spent_one_is_never_shown_to_the_server_again() {
    let stage = staged();
    unreadable(&stage);
    let ran = forced(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    let fresh = stage.sandbox.http_api(|api| api.sink("refresh")).unwrap().value;
    let ran = forced(&stage);
    says(&ran, &["was exchanged by an earlier run, and must not be tried again"]);
    assert_eq!(reuse(&stage), 0, "{ran}");
    assert!(is_live(&stage, &fresh), "the grant lives on: {ran}");
}

#[test]
fn a_server_that_keeps_refresh_tokens_has_them_kept() {
    let stage = staged();
    stage.sandbox.oauth(|oauth| oauth.rotates = false);
    let old = held(&stage, "refresh");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let ran = forced(&stage);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert_eq!(held(&stage, "refresh"), old);
        seen.push(held(&stage, "access"));
    }
    assert!(seen[0] != seen[1] && is_live(&stage, &seen[1]));
}

#[test]
fn what_was_kept_is_not_taken_for_spent_where_only_the_environment_has_it() {
    let stage = staged();
    stage.sandbox.oauth(|oauth| oauth.rotates = false);
    unreadable(&stage);
    for _ in 0..2 {
        let ran = forced(&stage);
        assert_eq!(ran.code, Some(0), "{ran}");
    }
}

#[test]
fn what_was_ended_elsewhere_is_said_and_a_person_is_asked_for() {
    for status in [400, 403] {
        let stage = staged();
        stage.sandbox.oauth(|oauth| {
            oauth.invalid_grant_status = status;
            oauth.end(&held(&stage, "refresh"));
        });
        let ran = forced(&stage);
        says(&ran, &["the refresh token of ada was not exchanged", "a person has to allow it again"]);
        assert_ne!(ran.code, Some(0), "{ran}");
    }
}

#[test]
fn a_lost_answer_is_tried_once_more_and_then_a_person_is_asked_for() {
    let stage = staged();
    inject(&stage, Method::POST, "/oauth/token", What::DropAfter);
    let ran = forced(&stage);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert_eq!(reuse(&stage), 0, "not in the same run: {ran}");
    let ran = rotate(&stage);
    says(&ran, &["a person has to allow it again"]);
    // Where the server never got it, the next run has it at once.
    let stage = staged();
    inject(&stage, Method::POST, "/oauth/token", What::DropBefore);
    forced(&stage);
    let ran = rotate(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &held(&stage, "refresh")));
}

#[test]
fn a_server_that_tells_nothing_of_refresh_tokens_rejects_none() {
    let stage = staged();
    stage.sandbox.oauth(|oauth| oauth.introspects = false);
    let ran = forced(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    says(&ran, &["not proven"]);
    assert!(is_live(&stage, &held(&stage, "refresh")));
}

#[test]
fn a_server_that_calls_every_refresh_token_inactive_is_believed_for_its_access_token() {
    let stage = staged();
    stage.sandbox.oauth(|oauth| oauth.introspects_refresh = false);
    let ran = forced(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    says(&ran, &["verify: alive"]);
    assert!(is_live(&stage, &held(&stage, "refresh")));
}

#[test]
fn a_pair_of_which_nobody_keeps_what_the_next_turn_takes_is_refused_before_it_is_used_up() {
    let stage = staged();
    let old = held(&stage, "refresh");
    write(&stage, AUTH, &ADA.replace("      - { kind: file, path: refresh, first: true }\n", ""));
    let ran = forced(&stage);
    assert!(is_live(&stage, &old), "{ran}");
    assert_eq!(ran.code, Some(2), "{ran}");
    says(&ran, &["no destination keeps the value"]);
}

/// The refresh token goes where it can be read, and is sealed to an owner, whose identity is in the folder.
#[expect(clippy::disallowed_methods, reason = "the identity of a test")]
fn sealed(stage: &Stage) {
    use age::secrecy::ExposeSecret as _;
    let owner = age::x25519::Identity::generate();
    put(stage, "identity.txt", owner.to_string().expose_secret());
    let sink = "{ kind: http/request, first: true, write: { method: PATCH, path: /sinks/refresh, json: { value: \"{value}\" } \
                }, look: { request: { method: GET, path: /sinks/refresh }, value: /value, stamp: /version } }";
    let ada = ADA.replace("{ kind: file, path: refresh, first: true }", sink);
    write(stage, AUTH, &format!("{ada}\nrescue: {{ recipients: [{}] }}", owner.to_public()));
    let value = held(stage, "refresh");
    stage.sandbox.http_api(|api| api.add_sink("refresh", Sink { value, ..Sink::default() }));
}

fn sink(stage: &Stage) -> Sink {
    stage.sandbox.http_api(|api| api.sink("refresh")).unwrap()
}

fn waiting(stage: &Stage) -> Vec<String> {
    let files = std::fs::read_dir(stage.path("rescue")).unwrap();
    files.map(|file| file.unwrap().path().display().to_string()).collect()
}

/// A run that uses up the old one and delivers the new one nowhere; and the file in which that is sealed.
fn lost(stage: &Stage) -> String {
    inject(stage, Method::PATCH, "/sinks/refresh", What::Refuse(403));
    let ran = forced(stage);
    assert_eq!(ran.code, Some(4), "{ran}");
    let files = waiting(stage);
    assert_eq!(files.len(), 1, "{ran}");
    files.concat()
}

fn unseal(stage: &Stage, file: &str) -> Ran {
    stage.run(&["unseal", file, "--identity", "identity.txt"])
}

#[test]
fn what_was_sealed_is_kept_while_nobody_knows_whether_what_stands_there_is_spent() {
    let stage = staged();
    sealed(&stage);
    let ran = forced(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    let old = std::fs::read(stage.path("ledger.json")).unwrap();
    let file = lost(&stage);
    // The ledger is one from before that run, and then there is none.
    std::fs::write(stage.path("ledger.json"), old).unwrap();
    for _ in 0..2 {
        let ran = rotate(&stage);
        assert_eq!(waiting(&stage), std::slice::from_ref(&file), "{ran}");
        std::fs::remove_file(stage.path("ledger.json")).unwrap();
    }
    let ran = unseal(&stage, &file);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &sink(&stage).value) && is_live(&stage, &held(&stage, "access")), "{ran}");
    assert!(waiting(&stage).is_empty(), "{ran}");
    assert_eq!((forced(&stage).code, reuse(&stage)), (Some(0), 0));
}

#[test]
fn a_sealed_one_comes_with_its_access_token_while_the_ledger_remembers_the_intent() {
    let stage = staged();
    sealed(&stage);
    let file = lost(&stage);
    let ran = unseal(&stage, &file);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &sink(&stage).value) && is_live(&stage, &held(&stage, "access")), "{ran}");
    assert_eq!((forced(&stage).code, reuse(&stage)), (Some(0), 0));
}
