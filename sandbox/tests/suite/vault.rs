//! Vault and OpenBao: policies, check-and-set, logins by JWT, and 403 where others say 401.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use chrono::TimeDelta;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use tokenwheel_sandbox::{Answer, Request};

use crate::common::World;

struct Server {
    world: World,
    root: String,
    writer: String,
}

const DATA: &str = "/v1/secret/data/ci/app";
const ALL: &[&str] = &["create", "read", "update", "patch"];

impl Server {
    fn new() -> Self {
        let world = World::new();
        let (root, writer) = world.sandbox.vault(|vault| {
            vault.add_mount("secret", 2);
            vault.put("secret", "ci/app", &[("token", "the-old-value-of-app"), ("user", "robot")]);
            (vault.add_root(), vault.add_token(&[("secret/data/ci/*", ALL), ("secret/subkeys/ci/*", &["read"])], None))
        });
        Self { world, root, writer }
    }

    fn ask(&self, token: &str, method: Method, target: &str, body: &Value) -> Answer {
        let media = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("x-vault-token"), HeaderValue::from_str(token).unwrap());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (host, target) = ("vault.sandbox".to_owned(), target.to_owned());
        self.world.send(Request { method, host, target, headers, body: body.into() }).unwrap()
    }

    fn get(&self, token: &str, target: &str) -> Answer {
        self.ask(token, Method::GET, target, &Value::Null)
    }

    fn write(&self, cas: u64, data: &Value) -> Answer {
        self.ask(&self.writer, Method::POST, DATA, &json!({ "options": { "cas": cas }, "data": data }))
    }
}

#[test]
fn a_bad_token_is_refused_with_403_and_never_with_401() {
    let server = Server::new();
    let answer = server.get("hvs.nobody", "/v1/auth/token/lookup-self");
    assert_eq!((answer.status, answer.value()), (403, json!({ "errors": ["permission denied"] })));
    assert_eq!(server.get(&server.writer, "/v1/auth/token/lookup-self").status, 200);
    assert_eq!(server.ask(&server.writer, Method::POST, "/v1/auth/token/revoke-self", &Value::Null).status, 204);
    assert_eq!(server.get(&server.writer, "/v1/auth/token/lookup-self").status, 403);
}

#[test]
fn a_token_dies_at_its_time() {
    let server = Server::new();
    let short = server.world.sandbox.vault(|vault| vault.add_token(&[], Some(TimeDelta::hours(1))));
    assert_eq!(server.get(&short, "/v1/auth/token/lookup-self").value()["data"]["ttl"], 3600);
    server.world.sandbox.advance(TimeDelta::hours(1));
    assert_eq!(server.get(&short, "/v1/auth/token/lookup-self").status, 403);
}

#[test]
fn check_and_set_refuses_a_stale_writer_and_a_write_replaces_the_whole() {
    let server = Server::new();
    let stale = server.write(0, &json!({ "token": "x" }));
    assert_eq!(stale.value()["errors"][0], "check-and-set parameter did not match the current version");
    assert_eq!(stale.status, 400);
    assert_eq!(server.write(1, &json!({ "token": "x" })).value()["data"]["version"], 2);
    assert_eq!(server.get(&server.writer, DATA).value()["data"]["data"], json!({ "token": "x" }), "the user is gone");
}

#[test]
fn where_check_and_set_is_demanded_a_write_without_it_is_refused() {
    let server = Server::new();
    server.world.sandbox.vault(|vault| vault.require_cas("secret"));
    let bare = server.ask(&server.writer, Method::POST, DATA, &json!({ "data": {} }));
    assert_eq!((bare.status, server.world.sandbox.vault(|vault| vault.versions("secret", "ci/app"))), (400, 1));
}

#[test]
fn a_patch_keeps_the_other_keys_and_makes_nothing() {
    let server = Server::new();
    let patch = json!({ "options": { "cas": 1 }, "data": { "token": "the-new-value-of-app" } });
    assert_eq!(server.ask(&server.writer, Method::PATCH, DATA, &patch).status, 200);
    let held = server.world.sandbox.vault(|vault| vault.secret("secret", "ci/app"));
    assert_eq!(held, json!({ "token": "the-new-value-of-app", "user": "robot" }));
    assert_eq!(server.ask(&server.writer, Method::PATCH, "/v1/secret/data/ci/none", &patch).status, 404);
}

#[test]
fn subkeys_show_the_keys_and_no_values() {
    let server = Server::new();
    let answer = server.get(&server.writer, "/v1/secret/subkeys/ci/app").value();
    assert_eq!(answer["data"]["subkeys"], json!({ "token": null, "user": null }));
    assert_eq!(answer["data"]["metadata"]["version"], 1);
}

#[test]
fn a_deleted_version_is_missing_and_tells_its_number() {
    let server = Server::new();
    server.world.sandbox.vault(|vault| vault.delete("secret", "ci/app"));
    let answer = server.get(&server.writer, DATA);
    assert_eq!((answer.status, &answer.value()["data"]["metadata"]["version"]), (404, &json!(1)));
    assert_eq!(server.get(&server.writer, "/v1/secret/data/ci/none").value(), json!({ "errors": [] }));
}

#[test]
fn a_token_learns_what_it_may_do() {
    let server = Server::new();
    let asked = json!({ "paths": ["secret/data/ci/app", "secret/data/other"] });
    let answer = server.ask(&server.writer, Method::POST, "/v1/sys/capabilities-self", &asked).value();
    assert_eq!(answer["secret/data/ci/app"], json!(ALL));
    assert_eq!(answer["data"]["secret/data/other"], json!(["deny"]));
    assert_eq!(server.get(&server.writer, "/v1/secret/data/other").status, 403);
    server.world.sandbox.vault(|vault| vault.default_policy = false);
    assert_eq!(server.ask(&server.writer, Method::POST, "/v1/sys/capabilities-self", &asked).status, 403);
    let of_root = server.ask(&server.root, Method::POST, "/v1/sys/capabilities-self", &asked).value();
    assert_eq!(of_root["capabilities"], json!(["root"]));
}

#[test]
fn version_1_takes_what_is_meant_for_version_2_and_says_204() {
    let mut server = Server::new();
    server.world.lawless = true;
    server.world.sandbox.vault(|vault| vault.add_mount("old", 1));
    let body = json!({ "data": { "token": "x" } });
    assert_eq!(server.ask(&server.root, Method::POST, "/v1/old/data/app", &body).status, 204);
    assert_eq!(server.world.sandbox.vault(|vault| vault.held("old", "app", "token")), None);
    let mount = server.get(&server.root, "/v1/sys/internal/ui/mounts/old/app").value();
    assert_eq!(mount["data"]["options"]["version"], "1");
    assert_eq!(server.get(&server.writer, "/v1/sys/internal/ui/mounts/old/app").status, 403);
}

#[test]
fn a_jwt_logs_in_to_the_role_of_its_subject_until_it_dies() {
    let server = Server::new();
    let jwt = server.world.sandbox.vault(|vault| {
        let policy: &[(&str, &[&str])] = &[("secret/data/ci/*", &["read"])];
        vault.add_jwt_role("jwt", "ci", "project_path:acme/app", policy, TimeDelta::minutes(20));
        vault.add_jwt_role("jwt", "other", "project_path:acme/api", policy, TimeDelta::minutes(20));
        vault.add_jwt("project_path:acme/app", TimeDelta::minutes(5))
    });
    let login = |mount: &str, role: &str, jwt: &str| {
        let target = format!("/v1/auth/{mount}/login");
        server.ask("", Method::POST, &target, &json!({ "role": role, "jwt": jwt }))
    };
    let answer = login("jwt", "ci", &jwt);
    let session = answer.value()["auth"]["client_token"].as_str().unwrap().to_owned();
    assert_eq!((answer.status, server.get(&session, DATA).status), (200, 200));
    for (mount, role, jwt, status) in [
        ("jwt", "ci", "garbage", 400),
        ("jwt", "none", &jwt, 400),
        ("jwt", "other", &jwt, 400),
        ("oidc", "ci", &jwt, 403),
    ] {
        assert_eq!(login(mount, role, jwt).status, status, "{mount} {role}");
    }
    server.world.sandbox.advance(TimeDelta::minutes(5));
    assert_eq!(login("jwt", "ci", &jwt).status, 400);
    assert_eq!(server.world.sandbox.vault(|vault| (vault.logins, vault.sessions())), (1, 1));
    server.world.sandbox.advance(TimeDelta::minutes(15));
    assert_eq!(server.world.sandbox.vault(|vault| vault.sessions()), 0);
}

#[test]
fn another_namespace_is_another_world() {
    let server = Server::new();
    server.world.sandbox.vault(|vault| vault.namespace = "team".to_owned());
    assert_eq!(server.get(&server.root, "/v1/auth/token/lookup-self").status, 403);
}
