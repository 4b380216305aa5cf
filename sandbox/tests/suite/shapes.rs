//! The answers have the fields that recorded calls of GitLab 18.11 and 19.1 have, no more and no fewer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::{Acme, day, noon};

const TOKEN: &[&str] = &[
    "id",
    "name",
    "revoked",
    "created_at",
    "description",
    "scopes",
    "user_id",
    "last_used_at",
    "active",
    "granular",
    "expires_at",
];
const OF_A_PLACE: &[&str] = &["access_level", "resource_type", "resource_id"];
const NEW: &[&str] = &["token"];

fn assert_fields(value: &Value, parts: &[&[&str]]) {
    let expected: BTreeSet<&str> = parts.iter().flat_map(|part| part.iter().copied()).collect();
    let found: BTreeSet<&str> = value.as_object().into_iter().flatten().map(|(field, _)| field.as_str()).collect();
    assert_eq!(found, expected);
}

#[test]
fn personal_tokens_as_recorded() {
    let acme = Acme::new();
    assert_fields(&acme.get(&acme.owner, "/personal_access_tokens/self").value(), &[TOKEN]);
    let user = acme.get(&acme.owner, "/user").value()["id"].clone();
    let order = json!({ "name": "n", "scopes": ["api", "self_rotate"], "expires_at": day(2) });
    let made = acme.ask(&acme.admin, "POST", &format!("/users/{user}/personal_access_tokens"), &order).value();
    assert_fields(&made, &[TOKEN, NEW]);
    assert_eq!(made["created_at"], "2026-05-04T12:00:00.000Z");
    assert_eq!(made["expires_at"], "2026-05-06");
    assert_eq!((&made["last_used_at"], &made["description"]), (&Value::Null, &Value::Null));
    assert_eq!((&made["active"], &made["revoked"]), (&json!(true), &json!(false)));
    let rotate = format!("/personal_access_tokens/{}/rotate", made["id"]);
    let turned = acme.ask(&acme.admin, "POST", &rotate, &json!({ "expires_at": day(2) }));
    assert_eq!(turned.status, 200, "not 201");
    assert_fields(&turned.value(), &[TOKEN, NEW]);
}

#[test]
fn resource_tokens_as_recorded() {
    let acme = Acme::new();
    for place in ["projects/acme%2Fapp", "groups/acme"] {
        let order = json!({ "name": "n", "scopes": ["api"], "access_level": 10, "expires_at": day(2) });
        let made = acme.ask(&acme.owner, "POST", &format!("/{place}/access_tokens"), &order);
        assert_eq!(made.status, 201);
        assert_fields(&made.value(), &[TOKEN, OF_A_PLACE, NEW]);
        let one = format!("/{place}/access_tokens/{}", made.value()["id"]);
        assert_fields(&acme.get(&acme.owner, &one).value(), &[TOKEN, OF_A_PLACE]);
        let deleted = acme.ask(&acme.owner, "DELETE", &one, &Value::Null);
        assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    }
}

#[test]
fn service_account_tokens_as_recorded() {
    let acme = Acme::new();
    let account = acme.world.sandbox.gitlab(|gitlab| gitlab.add_service_account("acme", "Wheel"));
    let order = json!({ "name": "n", "scopes": ["api", "read_api"], "expires_at": day(2) });
    let path = format!("/groups/acme/service_accounts/{account}/personal_access_tokens");
    assert_fields(&acme.ask(&acme.owner, "POST", &path, &order).value(), &[TOKEN, NEW]);
}

#[test]
fn triggers_as_recorded() {
    let acme = Acme::new();
    let body = json!({ "description": "pipeline" });
    let made = acme.ask(&acme.maintainer, "POST", "/projects/acme%2Fapp/triggers", &body).value();
    let fields = &["id", "token", "description", "created_at", "updated_at", "last_used", "expires_at", "owner"];
    assert_fields(&made, &[fields]);
    let owner = &["id", "username", "name", "state", "locked", "avatar_url", "web_url"];
    assert_fields(&made["owner"], &[owner]);
}

#[test]
fn refusals_as_recorded() {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| gitlab.revoke(acme.developer.id));
    let revoked = acme.get(&acme.developer, "/personal_access_tokens/self");
    let description = "Token was revoked. You have to re-authorize from the user.";
    assert_eq!(revoked.value(), json!({ "error": "invalid_token", "error_description": description }));
    let challenge =
        format!(r#"Bearer realm="Protected by OAuth 2.0", error="invalid_token", error_description="{description}""#);
    assert_eq!(revoked.headers["www-authenticate"], challenge);
    let missed = acme.ask(&acme.admin, "DELETE", "/personal_access_tokens/999", &Value::Null);
    assert_eq!((missed.status, missed.value()), (404, json!({ "message": "404 Not found" })));
    assert!(revoked.headers.contains_key("x-request-id") && missed.headers.contains_key("x-request-id"));
    assert_eq!(acme.world.sandbox.now(), noon());
}
