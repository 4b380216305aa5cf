//! The small APIs: four ways of making a new secret, and places that take one.

use chrono::TimeDelta;
use http::Method;
use serde_json::{Value, json};
use tokenwheel_sandbox::Answer;
use tokenwheel_sandbox::http_api::{Family, Key, Sink};

use crate::common::{World, noon};

fn world(family: Family, owner: &str) -> (World, Key, Key) {
    let world = World::new();
    let (admin, key) = world.sandbox.http_api(|api| {
        let admin = api.add_key(family, ("admins", "wheel"), true, noon(), None);
        let dies = Some(noon() + TimeDelta::days(30));
        (admin, api.add_key(family, (owner, "ci"), false, noon(), dies))
    });
    (world, admin, key)
}

fn ask(world: &World, key: &Key, method: Method, target: &str, body: &Value) -> Answer {
    world.ask("http", &key.value, method, target, body)
}

fn is_live(world: &World, value: &str) -> bool {
    world.sandbox.http_api(|api| api.is_live(value))
}

#[test]
fn grafana_makes_a_second_token_of_another_name_and_deletes_the_first() {
    let (world, admin, key) = world(Family::Grafana, "7");
    let tokens = "/api/serviceaccounts/7/tokens";
    let taken = json!({ "name": "ci", "secondsToLive": 3600 });
    assert_eq!(ask(&world, &admin, Method::POST, tokens, &taken).status, 409);
    let order = json!({ "name": "ci-2", "secondsToLive": 3600 });
    assert_eq!(ask(&world, &key, Method::POST, tokens, &order).status, 403);
    let made = ask(&world, &admin, Method::POST, tokens, &order).value();
    let value = made["key"].as_str().unwrap();
    assert!(is_live(&world, value) && is_live(&world, &key.value));
    assert_eq!(ask(&world, &admin, Method::GET, tokens, &Value::Null).value().as_array().unwrap().len(), 2);
    let old = format!("{tokens}/{}", key.id);
    assert_eq!(ask(&world, &admin, Method::DELETE, &old, &Value::Null).status, 200);
    assert_eq!(ask(&world, &admin, Method::DELETE, &old, &Value::Null).status, 404);
    assert!(!is_live(&world, &key.value) && world.sandbox.values().contains(&value.to_owned()));
    world.sandbox.advance(TimeDelta::hours(1));
    assert!(!is_live(&world, value));
}

#[test]
fn cloudflare_rolls_in_place_and_the_expiry_stays() {
    let (world, admin, key) = world(Family::Cloudflare, "me");
    let verify = "/client/v4/user/tokens/verify";
    let before = ask(&world, &key, Method::GET, verify, &Value::Null).value();
    let roll = format!("/client/v4/user/tokens/{}/value", key.id);
    assert_eq!(ask(&world, &key, Method::PUT, &roll, &json!({})).status, 403);
    let answer = ask(&world, &admin, Method::PUT, &roll, &json!({})).value();
    let mut fresh = key.clone();
    answer["result"].as_str().unwrap().clone_into(&mut fresh.value);
    assert!(!is_live(&world, &key.value));
    assert_eq!(ask(&world, &key, Method::GET, verify, &Value::Null).status, 401);
    assert_eq!(ask(&world, &fresh, Method::GET, verify, &Value::Null).value(), before);
    world.sandbox.http_api(|api| api.regenerates = false);
    assert_eq!(ask(&world, &admin, Method::PUT, &roll, &json!({})).value()["result"], Value::Null);
    assert!(is_live(&world, &fresh.value));
}

#[test]
fn terraform_overrides_the_one_token_of_a_team() {
    let (world, admin, key) = world(Family::Terraform, "team-1");
    let target = "/api/v2/teams/team-1/authentication-token";
    let order =
        json!({ "data": { "type": "authentication-token", "attributes": { "expired-at": "2026-06-01T00:00:00Z" } } });
    assert_eq!(ask(&world, &key, Method::POST, target, &order).status, 404, "who may not is told of nothing");
    let made = ask(&world, &admin, Method::POST, target, &order);
    assert_eq!(made.status, 201);
    let value = made.value()["data"]["attributes"]["token"].as_str().unwrap().to_owned();
    assert!(is_live(&world, &value) && !is_live(&world, &key.value));
    assert_eq!(
        ask(&world, &admin, Method::GET, target, &Value::Null).value()["data"]["attributes"]["token"],
        Value::Null
    );
    let fresh = Key { value, ..key };
    let who = ask(&world, &fresh, Method::GET, "/api/v2/account/details", &Value::Null).value();
    assert_eq!(who["data"]["attributes"]["username"], "api-team-1");
}

#[test]
fn a_refusal_can_come_with_200_and_the_old_key_has_its_grace() {
    let (world, admin, key) = world(Family::Slack, "ci");
    let unknown = world.ask("http", "nobody-knows-this", Method::POST, "/api/auth.test", &Value::Null);
    assert_eq!((unknown.status, unknown.value()), (200, json!({ "ok": false, "error": "invalid_auth" })));
    let order = json!({ "user": "ci", "grace_seconds": 60, "ttl_seconds": 3600 });
    let made = ask(&world, &admin, Method::POST, "/api/keys.rotate", &order).value();
    let value = made["key"]["secret"].as_str().unwrap();
    assert!(is_live(&world, &key.value) && is_live(&world, value));
    world.sandbox.advance(TimeDelta::minutes(1));
    assert!(!is_live(&world, &key.value) && is_live(&world, value));
    let revoke = json!({ "key_id": made["key"]["id"] });
    assert_eq!(ask(&world, &admin, Method::POST, "/api/keys.revoke", &revoke).value()["ok"], true);
    assert!(!is_live(&world, value));
}

#[test]
fn a_place_takes_a_value_and_keeps_the_rest() {
    let (world, admin, key) = world(Family::Grafana, "7");
    world.sandbox.http_api(|api| {
        let note = "ours".to_owned();
        api.add_sink("one", Sink { note, longest: Some(20), guarded: true, ..Sink::default() });
    });
    let patch = |key: &Key, value: &str| ask(&world, key, Method::PATCH, "/sinks/one", &json!({ "value": value }));
    assert_eq!(patch(&key, "abc").status, 403);
    assert_eq!(patch(&admin, "much longer than twenty").status, 422);
    assert_eq!(patch(&admin, "abc").value(), json!({ "ok": true, "version": 1 }));
    let sink = world.sandbox.http_api(|api| api.sink("one")).unwrap();
    assert_eq!((sink.value.as_str(), sink.note.as_str()), ("abc", "ours"));
    let shown = ask(&world, &key, Method::GET, "/sinks/one", &Value::Null).value();
    assert_eq!(shown["value"], "abc");
    world.sandbox.http_api(|api| (api.sinks_readable, api.sinks_keep) = (false, false));
    assert_eq!(patch(&admin, "def").status, 200, "a false 200");
    assert_eq!(world.sandbox.http_api(|api| api.sink("one")).unwrap().value, "abc");
    assert_eq!(ask(&world, &key, Method::GET, "/sinks/one", &Value::Null).value().get("value"), None);
    world.sandbox.http_api(|api| api.sinks_refuse_softly = true);
    assert_eq!((patch(&admin, "def").status, &patch(&admin, "def").value()["ok"]), (200, &json!(false)));
}
