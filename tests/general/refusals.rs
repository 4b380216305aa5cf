//! What a config of requests may not say: each is refused before anything is sent.

use tokenwheel_sandbox::http_api::Family;

use crate::stage::{put, says, stage, write};

const API: &str = "  api: { service: http, url: \"{http}\", token: env:API_ADMIN{more} }";
const TOKEN: &str = r#"  ci:
    issuer:
      kind: http/regenerate
      id: ci
      succession: {succession}
      request: { method: {method}, path: "{path}", json: { name: "{name}" }{request} }
      value: {value}{issuer}
    destinations:
      - { kind: file, path: ci }"#;

/// The same config with these words changed.
fn refused(changes: &[(&str, &str)]) -> String {
    let mut stage = stage(&[]);
    let made = stage.ago(1);
    let admin = stage.sandbox.http_api(|api| api.add_key(Family::Grafana, ("us", "wheel"), true, made, None));
    stage.environment.insert("API_ADMIN".to_owned(), admin.value);
    put(&stage, "ci", "");
    let usual = [
        ("{more}", ""),
        ("{succession}", "overlaps"),
        ("{method}", "POST"),
        ("{path}", "/a"),
        ("{name}", "x"),
        ("{request}", ""),
        ("{value}", "/key"),
        ("{issuer}", ""),
    ];
    let [mut api, mut token] = [API.to_owned(), TOKEN.to_owned()];
    for (from, to) in changes.iter().chain(&usual) {
        api = api.replacen(from, to, 1);
        token = token.replacen(from, to, 1);
    }
    write(&stage, &api, &token);
    let ran = stage.run(&["check"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    says(&ran, &["tokenwheel.yml"]);
    assert!(stage.sandbox.exchanges().is_empty(), "{ran}");
    ran.to_string()
}

#[track_caller]
fn assert_refused(changes: &[(&str, &str)], why: &str) {
    let said = refused(changes);
    assert!(said.contains(why), "`{why}` is missing:\n{said}");
}

#[test]
fn a_path_never_leads_to_another_host_or_up() {
    let elsewhere = "begins with one `/`: it starts at the `url`, and never leads to another host";
    assert_refused(&[("{path}", "//elsewhere.example/a")], elsewhere);
    assert_refused(&[("{path}", "https://elsewhere.example/a")], elsewhere);
    assert_refused(&[("{path}", "a")], elsewhere);
    assert_refused(&[("{path}", "/a/../b")], "leads up with `..`");
    assert_refused(&[("{path}", "/a/%2E%2e/b")], "leads up with `..`");
    assert_refused(&[("{path}", "/a#b")], "has a character that no path has");
}

#[test]
fn a_hole_that_nothing_fills_is_named_with_those_there_are() {
    let said = refused(&[("{name}", "{vlaue}")]);
    assert!(said.contains("`request` has a hole `{vlaue}` that nothing fills; there are: `{id}`"), "{said}");
}

#[test]
fn a_credential_is_never_written_into_a_header() {
    let header = ", headers: { X-Api-Key: abcdefgh }";
    assert_refused(
        &[("{request}", header)],
        "a credential is never written in a config: `request` has one in `X-Api-Key`",
    );
}

#[test]
fn what_cannot_work_together_is_said() {
    assert_refused(&[("{method}", "GET")], "a GET may be repeated by anyone in between");
    assert_refused(&[("{request}", ", form: { a: b }")], "has both `json` and `form`");
    assert_refused(&[("{value}", "key")], "`value` is a JSON pointer");
    assert_refused(&[("{succession}", "replaces"), ("{issuer}", "\n      grace: 1h")], "say `succession: overlaps`");
    let revoke = "\n      revoke: { method: DELETE, path: \"/a/{id}\" }";
    assert_refused(&[("{issuer}", revoke)], "nothing says which id the new one has: say `id_at`");
    assert_refused(&[("{more}", ", scheme: \"a b\"")], "`scheme` is one word");
}
