//! `http/regenerate` and `http/request`: any API that makes a secret, and any that takes one.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::http_api::{Family, Key, Sink};

use crate::stage::{held, inject, put, requests, rotate, says, stage, write};
use crate::wheel::{Ran, Stage};

const API: &str = "  api: { service: http, url: \"{http}\", token: env:API_ADMIN }";
const GRAFANA: &str = r#"  ci:
    issuer:
      kind: http/regenerate
      id: ci
      succession: overlaps
      ttl: 30d
      request: { method: POST, path: /api/serviceaccounts/7/tokens, json: { name: "ci-{stamp}", secondsToLive: "{seconds}" } }
      value: /key
      id_at: /id
      prefix: glsa_
      verify: { request: { method: GET, path: /api/org } }
      revoke: { method: DELETE, path: "/api/serviceaccounts/7/tokens/{id}" }
    destinations:
      - { kind: file, path: ci }"#;
const CLOUDFLARE: &str = r#"  dns:
    issuer:
      kind: http/regenerate
      id: "{key}"
      succession: replaces
      request: { method: PUT, path: "/client/v4/user/tokens/{id}/value", json: {}, success: { where: { /success: true } } }
      value: /result
      error: /errors/0/code
      verify:
        request: { method: GET, path: /client/v4/user/tokens/verify }
        id: /result/id
        expires: /result/expires_on
        identity: { /result/status: active }
    destinations:
      - { kind: file, path: ci }"#;
const SLACK: &str = r#"  bot:
    issuer:
      kind: http/regenerate
      id: bot
      succession: overlaps
      ttl: 30d
      grace: 1h
      request:
        method: POST
        path: /api/keys.rotate
        json: { user: bot, ttl_seconds: "{seconds}", grace_seconds: "{grace}" }
        success: { where: { /ok: true } }
      value: /key/secret
      id_at: /key/id
      expires: /key/exp
      error: /error
      prefix: xoxe-
      verify:
        request: { method: POST, path: /api/auth.test, success: { where: { /ok: true } } }
        id: /key_id
        identity: { /user: bot }
        error: /error
    destinations:
      - { kind: file, path: ci }"#;

/// An administrator's key in the environment, and one of this owner in the file `ci`.
fn staged(family: Family, owner: &str) -> (Stage, Key) {
    let mut stage = stage(&[]);
    let (made, dies) = (stage.ago(25), stage.sandbox.now() + TimeDelta::days(5));
    let (admin, key) = stage.sandbox.http_api(|api| {
        let admin = api.add_key(family, ("admins", "wheel"), true, made, None);
        (admin, api.add_key(family, (owner, "ci"), false, made, Some(dies)))
    });
    stage.environment.insert("API_ADMIN".to_owned(), admin.value);
    put(&stage, "ci", &key.value);
    (stage, key)
}

fn grafana() -> (Stage, Key) {
    let (stage, key) = staged(Family::Grafana, "7");
    write(&stage, API, GRAFANA);
    (stage, key)
}

fn forced(stage: &Stage) -> Ran {
    stage.run(&["rotate", "--all", "--force", "--reason", "a test"])
}

fn is_live(stage: &Stage, value: &str) -> bool {
    stage.sandbox.http_api(|api| api.is_live(value))
}

fn minted(stage: &Stage) -> usize {
    stage.sandbox.http_api(|api| api.minted())
}

#[test]
fn a_token_that_is_found_alive_is_kept_then_turned_and_the_one_before_is_ended() {
    let (stage, seeded) = grafana();
    let ran = rotate(&stage);
    assert_eq!((minted(&stage), held(&stage, "ci")), (0, seeded.value.clone()), "{ran}");
    let ran = forced(&stage);
    says(&ran, &["its id is not known: once it is turned, end it by hand"]);
    let first = held(&stage, "ci");
    assert!(is_live(&stage, &first) && is_live(&stage, &seeded.value), "whose id nobody knows is left alone: {ran}");
    assert_eq!(requests(&stage, "/tokens/"), 0, "a path without its id would mean something else");
    // The names of two must differ, and they are made of the time.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let ran = forced(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!is_live(&stage, &first) && is_live(&stage, &held(&stage, "ci")), "{ran}");
}

#[test]
fn a_refusal_by_the_api_changes_nothing() {
    let (mut stage, key) = grafana();
    stage.environment.insert("API_ADMIN".to_owned(), key.value.clone());
    let ran = forced(&stage);
    says(&ran, &["HTTP 403: the credential may not do this"]);
    assert_eq!((ran.code, held(&stage, "ci")), (Some(3), key.value), "{ran}");
}

#[test]
fn a_lost_answer_leaves_the_old_one_at_work_and_costs_one_token_that_dies_by_itself() {
    let (stage, key) = grafana();
    inject(&stage, Method::POST, "/tokens", What::DropAfter);
    let ran = forced(&stage);
    says(&ran, &["no answer"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert_eq!((held(&stage, "ci"), minted(&stage)), (key.value.clone(), 1), "{ran}");
    // What overlaps is still good: nothing is to be mended. Asked again, it is turned.
    let ran = rotate(&stage);
    assert_eq!((ran.code, held(&stage, "ci"), minted(&stage)), (Some(0), key.value.clone(), 1), "{ran}");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let ran = forced(&stage);
    assert_eq!((ran.code, minted(&stage)), (Some(0), 2), "{ran}");
    assert!(is_live(&stage, &held(&stage, "ci")) && held(&stage, "ci") != key.value);
}

#[test]
fn a_lost_answer_of_what_replaces_is_made_up_for_at_once() {
    let (stage, key) = staged(Family::Cloudflare, "me");
    write(&stage, API, &CLOUDFLARE.replace("{key}", &key.id));
    inject(&stage, Method::PUT, "/value", What::DropAfter);
    let ran = forced(&stage);
    // The one in use is asked, and is dead: what the lost answer held is replaced by another.
    assert_eq!((ran.code, minted(&stage)), (Some(0), 2), "{ran}");
    assert!(!is_live(&stage, &key.value) && is_live(&stage, &held(&stage, "ci")), "{ran}");
}

#[test]
fn a_200_without_a_new_secret_is_no_success() {
    let (stage, key) = grafana();
    stage.sandbox.http_api(|api| api.regenerates = false);
    let ran = forced(&stage);
    says(&ran, &["`value` points to no new secret"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert_eq!(held(&stage, "ci"), key.value);
}

#[test]
fn a_token_that_is_rolled_in_place_is_proven_by_its_id_and_brings_its_own_expiry() {
    let (stage, key) = staged(Family::Cloudflare, "me");
    write(&stage, API, &CLOUDFLARE.replace("{key}", &key.id));
    let ran = forced(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    says(&ran, &["verify: identity"]);
    assert!(!is_live(&stage, &key.value) && is_live(&stage, &held(&stage, "ci")));
    let ledger = held(&stage, "ledger.json");
    let dies = stage.sandbox.now() + TimeDelta::days(5);
    assert!(ledger.contains(&dies.format("%Y-%m-%dT%H:%M").to_string()), "rolling moves no expiry");
}

#[test]
fn an_answer_that_garbage_gets_too_proves_nothing() {
    let (stage, key) = staged(Family::Cloudflare, "me");
    let blind = CLOUDFLARE.replace("{key}", &key.id).replace(
        "request: { method: GET, path: /client/v4/user/tokens/verify }\n        id: /result/id\n        expires: \
         /result/expires_on\n        identity: { /result/status: active }",
        "request: { method: GET, path: /client/v4/user/tokens/verify, with: login }",
    );
    write(&stage, API, &blind);
    let ran = forced(&stage);
    says(&ran, &["a value that nobody has gets the same answer, so it proves nothing"]);
    assert!(is_live(&stage, &held(&stage, "ci")), "it is the only live one, and is delivered: {ran}");
}

#[test]
fn a_refusal_with_200_is_a_refusal() {
    let (mut stage, key) = staged(Family::Slack, "bot");
    write(&stage, API, SLACK);
    let stranger = stage.sandbox.http_api(|api| {
        let made = key.created;
        api.add_key(Family::Slack, ("other", "ci"), false, made, None)
    });
    stage.environment.insert("API_ADMIN".to_owned(), stranger.value);
    let ran = forced(&stage);
    says(&ran, &["HTTP 200: it answers that it was not done (`not_allowed`)"]);
    assert_eq!((ran.code, held(&stage, "ci")), (Some(3), key.value.clone()), "{ran}");
    stage.environment.insert("API_ADMIN".to_owned(), "nobody-knows-this".to_owned());
    says(&forced(&stage), &["(`invalid_auth`)"]);
    assert!(is_live(&stage, &key.value));
}

#[test]
fn with_grace_the_old_one_ends_by_itself() {
    let (stage, _) = staged(Family::Slack, "bot");
    write(&stage, API, SLACK);
    forced(&stage);
    let first = held(&stage, "ci");
    let ran = forced(&stage);
    says(&ran, &["verify: identity", "at the latest"]);
    assert!(is_live(&stage, &first) && is_live(&stage, &held(&stage, "ci")));
    assert_eq!(requests(&stage, "keys.revoke"), 0);
    stage.sandbox.advance(TimeDelta::hours(1));
    assert!(!is_live(&stage, &first));
}

#[test]
fn with_grace_a_leaked_one_is_not_said_to_have_ended_while_it_works_on() {
    let (stage, _) = staged(Family::Slack, "bot");
    write(&stage, API, SLACK);
    forced(&stage);
    let ran = stage.run(&["revoke", "bot", "--reason", "it was in a screenshot"]);
    assert!(is_live(&stage, &held(&stage, "ci")));
    says(&ran, &["not ended", "`rotate --only NAME --force --reason TEXT` makes that now, and the config has no"]);
    assert_ne!(ran.code, Some(0), "{ran}");
}

/// The token of Grafana, delivered to a place of the same API as well.
fn sink(stage: &Stage, look: &str) {
    let write_it =
        "write: { method: PATCH, path: /sinks/ci, json: { value: \"{value}\" }, success: { where: { /ok: true } } }";
    let place = format!("{GRAFANA}\n      - {{ kind: http/request, {write_it}, error: /error{look} }}");
    write(stage, API, &place);
    stage.sandbox.http_api(|api| api.add_sink("ci", Sink { note: "ours".to_owned(), ..Sink::default() }));
}

const READ_BACK: &str = ", look: { request: { method: GET, path: /sinks/ci }, value: /value, stamp: /version }";

#[test]
fn a_place_is_given_the_value_read_back_and_otherwise_left_as_it_is() {
    let (stage, _) = grafana();
    sink(&stage, READ_BACK);
    let ran = forced(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    let there = stage.sandbox.http_api(|api| api.sink("ci")).unwrap();
    assert_eq!((there.value, there.note.as_str(), there.version), (held(&stage, "ci"), "ours", 1));
}

#[test]
fn a_refused_write_leaves_the_old_token_alive_and_the_place_owed() {
    let (stage, key) = grafana();
    sink(&stage, READ_BACK);
    stage.sandbox.http_api(|api| api.sinks_refuse_softly = true);
    let ran = forced(&stage);
    says(&ran, &["refused the value", "(`not_allowed`)"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(is_live(&stage, &key.value));
    // The next run gives it the live one, from the file.
    stage.sandbox.http_api(|api| api.sinks_refuse_softly = false);
    let before = minted(&stage);
    let ran = rotate(&stage);
    let there = stage.sandbox.http_api(|api| api.sink("ci")).unwrap();
    assert_eq!((ran.code, there.value, minted(&stage)), (Some(0), held(&stage, "ci"), before), "{ran}");
}

#[test]
fn a_false_200_of_a_place_is_found_out() {
    for look in [READ_BACK, ", look: { request: { method: GET, path: /sinks/ci }, stamp: /version }"] {
        let (stage, _) = grafana();
        sink(&stage, look);
        stage.sandbox.http_api(|api| api.sinks_keep = false);
        let ran = forced(&stage);
        assert_ne!(ran.code, Some(0), "{ran}");
        assert!(
            ran.to_string().contains("nothing changed there") || ran.to_string().contains("holds another value"),
            "{ran}"
        );
    }
}

#[test]
fn a_place_that_nothing_looks_at_is_said_to_be_unseen() {
    let (stage, _) = grafana();
    sink(&stage, "");
    let ran = forced(&stage);
    assert_eq!(ran.code, Some(0), "{ran}");
    says(&ran, &["the config has no request that looks at it"]);
}

#[test]
fn a_secret_in_a_path_is_told_as_its_hole() {
    let (stage, _) = grafana();
    let by_value = "revoke: { method: DELETE, path: \"/gone/{value}?again={value}\" }\n      gone: { status: [410] }";
    write(
        &stage,
        API,
        &GRAFANA.replace("revoke: { method: DELETE, path: \"/api/serviceaccounts/7/tokens/{id}\" }", by_value),
    );
    forced(&stage);
    let value = held(&stage, "ci");
    let ran = stage.run(&["-v", "revoke", "ci", "--reason", "leaked"]);
    says(&ran, &["/gone/{value}: HTTP 404"]);
    let sent = stage.sandbox.exchanges().pop().unwrap().target;
    assert_eq!(sent, format!("/gone/{value}?again={value}"));
    inject(&stage, Method::DELETE, "/gone", What::Redirect(format!("https://elsewhere.example/gone/{value}")));
    says(
        &stage.run(&["-v", "revoke", "ci", "--reason", "leaked"]),
        &["the server redirects to https://elsewhere.example,"],
    );
}
