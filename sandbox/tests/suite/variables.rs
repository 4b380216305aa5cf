//! CI/CD variables: scopes, masking, hiding, and what a write leaves alone.

use crate::common::{Acme, noon};
use serde_json::{Value, json};
use tokenwheel_sandbox::gitlab::{Seeded, Variable};

const PROJECT: &str = "/projects/acme%2Fapp/variables";
const GROUP: &str = "/groups/acme/variables";
const INSTANCE: &str = "/admin/ci/variables";

fn keep(acme: &Acme, place: &str, key: &str, scope: &str) {
    let (key, scope) = (key.to_owned(), scope.to_owned());
    let variable =
        Variable { key, value: "before-the-change".to_owned(), environment_scope: scope, ..Variable::default() };
    acme.world.sandbox.gitlab(|gitlab| gitlab.add_variable(place, variable));
}

fn value(acme: &Acme, place: &str, key: &str, scope: &str) -> String {
    acme.world.sandbox.gitlab(|gitlab| gitlab.variable(place, key, scope)).map(|kept| kept.value).unwrap_or_default()
}

fn put(acme: &Acme, target: &str, body: &Value) -> tokenwheel_sandbox::Answer {
    acme.ask(&acme.owner, "PUT", target, body)
}

#[test]
fn a_variable_is_made_read_changed_and_deleted() {
    let acme = Acme::new();
    let made =
        acme.ask(&acme.owner, "POST", PROJECT, &json!({ "key": "TOKEN", "value": "glpat-0123456789", "masked": true }));
    assert_eq!(made.status, 201);
    let expected = json!({
        "variable_type": "env_var", "key": "TOKEN", "value": "glpat-0123456789", "hidden": false, "protected": false,
        "masked": true, "raw": false, "description": null, "environment_scope": "*",
    });
    assert_eq!(made.value(), expected);
    assert_eq!(acme.get(&acme.owner, &format!("{PROJECT}/TOKEN")).value(), expected);
    assert_eq!(put(&acme, &format!("{PROJECT}/TOKEN"), &json!({ "value": "glpat-9876543210" })).status, 200);
    assert_eq!(value(&acme, "projects/acme/app", "TOKEN", "*"), "glpat-9876543210");
    assert_eq!(acme.ask(&acme.owner, "DELETE", &format!("{PROJECT}/TOKEN"), &Value::Null).status, 204);
    assert_eq!(acme.get(&acme.owner, &format!("{PROJECT}/TOKEN")).value()["message"], "404 Variable Not Found");
}

#[test]
fn what_a_put_leaves_out_stays() {
    let acme = Acme::new();
    let before = Variable {
        key: "TOKEN".to_owned(),
        value: "before-the-change".to_owned(),
        environment_scope: "production".to_owned(),
        masked: true,
        protected: true,
        raw: true,
        variable_type: "file".to_owned(),
        description: Some("kept".to_owned()),
        hidden: false,
    };
    acme.world.sandbox.gitlab(|gitlab| gitlab.add_variable("projects/acme/app", before.clone()));
    assert_eq!(put(&acme, &format!("{PROJECT}/TOKEN"), &json!({ "value": "after-the-change" })).status, 200);
    let after =
        acme.world.sandbox.gitlab(|gitlab| gitlab.variable("projects/acme/app", "TOKEN", "production")).unwrap();
    assert_eq!(after, Variable { value: "after-the-change".to_owned(), ..before });
}

#[test]
fn several_of_one_name_are_ambiguous_without_a_filter() {
    let acme = Acme::new();
    keep(&acme, "projects/acme/app", "TOKEN", "*");
    keep(&acme, "projects/acme/app", "TOKEN", "production");
    let target = format!("{PROJECT}/TOKEN");
    let words = "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'";
    for (method, body) in [("GET", Value::Null), ("PUT", json!({ "value": "x" })), ("DELETE", Value::Null)] {
        let answer = acme.ask(&acme.owner, method, &target, &body);
        assert_eq!((answer.status, answer.value()), (409, json!({ "message": words })), "{method}");
    }
}

#[test]
fn a_filter_may_come_in_the_body_or_in_the_query_and_is_exact() {
    let acme = Acme::new();
    keep(&acme, "projects/acme/app", "TOKEN", "*");
    keep(&acme, "projects/acme/app", "TOKEN", "review/*");
    let target = format!("{PROJECT}/TOKEN");
    let body = json!({ "value": "by-the-body", "filter": { "environment_scope": "review/*" } });
    assert_eq!(put(&acme, &target, &body).status, 200);
    let query = "?filter%5Benvironment_scope%5D=*";
    assert_eq!(put(&acme, &format!("{target}{query}"), &json!({ "value": "by-the-query" })).status, 200);
    assert_eq!(value(&acme, "projects/acme/app", "TOKEN", "review/*"), "by-the-body");
    assert_eq!(value(&acme, "projects/acme/app", "TOKEN", "*"), "by-the-query");
    let missed = acme.get(&acme.owner, &format!("{target}?filter[environment_scope]=review/1"));
    assert_eq!(missed.status, 404);
}

#[test]
fn a_group_put_without_a_filter_hits_any_one_of_several() {
    let acme = Acme::new();
    keep(&acme, "groups/acme", "TOKEN", "production");
    keep(&acme, "groups/acme", "TOKEN", "*");
    let target = format!("{GROUP}/TOKEN");
    assert_eq!(put(&acme, &target, &json!({ "value": "somewhere" })).status, 200);
    assert_eq!(value(&acme, "groups/acme", "TOKEN", "production"), "somewhere");
    assert_eq!(value(&acme, "groups/acme", "TOKEN", "*"), "before-the-change");
    assert_eq!(acme.get(&acme.owner, &target).status, 409);
    acme.world.sandbox.gitlab(|gitlab| gitlab.group_put_is_sloppy = false);
    assert_eq!(put(&acme, &target, &json!({ "value": "somewhere" })).status, 409);
}

#[test]
fn a_scope_that_is_sent_moves_the_variable() {
    let acme = Acme::new();
    keep(&acme, "projects/acme/app", "TOKEN", "*");
    assert_eq!(put(&acme, &format!("{PROJECT}/TOKEN"), &json!({ "environment_scope": "production" })).status, 200);
    assert_eq!(value(&acme, "projects/acme/app", "TOKEN", "production"), "before-the-change");
    keep(&acme, "projects/acme/app", "TOKEN", "*");
    let onto = json!({ "environment_scope": "production", "filter": { "environment_scope": "*" } });
    let taken = put(&acme, &format!("{PROJECT}/TOKEN"), &onto);
    assert_eq!(
        (taken.status, taken.value()),
        (400, json!({ "message": { "key": ["(TOKEN) has already been taken"] } }))
    );
}

#[test]
fn one_name_can_be_taken_once_a_scope() {
    let acme = Acme::new();
    let make = |scope: &str| {
        let body = json!({ "key": "TOKEN", "value": "x", "environment_scope": scope });
        acme.ask(&acme.owner, "POST", PROJECT, &body).status
    };
    assert_eq!([make("*"), make("production"), make("*")], [201, 201, 400]);
}

#[test]
fn a_masked_value_must_be_one_that_a_log_can_mask() {
    let acme = Acme::new();
    let status = |value: &str, raw: bool| {
        let body = json!({ "key": "K", "value": value, "masked": true, "raw": raw });
        let answer = acme.ask(&acme.owner, "POST", PROJECT, &body);
        acme.ask(&acme.owner, "DELETE", &format!("{PROJECT}/K"), &Value::Null);
        if answer.status == 400 {
            assert_eq!(answer.value(), json!({ "message": { "value": ["is invalid"] } }));
        }
        answer.status
    };
    for good in ["glpat-abc_DEF-12", "aB3_+=/@:.~-", "12345678"] {
        assert_eq!(status(good, false), 201, "{good}");
    }
    for bad in ["1234567", "with space", "two\nlines", "dollar$sign", "a*b#c%d!", ""] {
        assert_eq!(status(bad, false), 400, "{bad}");
    }
    assert_eq!(status("dollar$sign*", true), 201);
    for bad in ["1234567", "with space", "line\nbreak"] {
        assert_eq!(status(bad, true), 400, "raw {bad}");
    }
}

#[test]
fn the_mask_is_checked_again_at_every_change() {
    let acme = Acme::new();
    acme.ask(&acme.owner, "POST", PROJECT, &json!({ "key": "K", "value": "dollar$sign", "masked": true, "raw": true }));
    let target = format!("{PROJECT}/K");
    assert_eq!(put(&acme, &target, &json!({ "raw": false })).status, 400);
    assert_eq!(put(&acme, &target, &json!({ "value": "short" })).status, 400);
    assert_eq!(put(&acme, &target, &json!({ "value": "short", "masked": false })).status, 200);
    assert_eq!(put(&acme, &target, &json!({ "masked": true })).status, 400);
}

#[test]
fn a_hidden_value_never_comes_back_and_can_be_replaced() {
    let acme = Acme::new();
    let body = json!({ "key": "K", "value": "hidden-value-1", "masked_and_hidden": true });
    let made = acme.ask(&acme.owner, "POST", PROJECT, &body).value();
    assert_eq!((&made["hidden"], &made["masked"], &made["value"]), (&json!(true), &json!(true), &Value::Null));
    let target = format!("{PROJECT}/K");
    assert_eq!(acme.get(&acme.owner, &target).value()["value"], Value::Null);
    assert_eq!(acme.get(&acme.owner, PROJECT).value()[0]["value"], Value::Null);
    assert_eq!(put(&acme, &target, &json!({ "value": "hidden-value-2" })).value()["value"], Value::Null);
    assert_eq!(value(&acme, "projects/acme/app", "K", "*"), "hidden-value-2");
    let shown = put(&acme, &target, &json!({ "masked": false }));
    assert_eq!(shown.status, 400);
    assert!(shown.value()["message"]["base"][0].as_str().unwrap().starts_with("The visibility setting"));
    assert_eq!(put(&acme, &target, &json!({ "value": "has a space" })).status, 400, "hidden is masked");
}

#[test]
fn an_update_cannot_hide_and_ignores_what_it_does_not_declare() {
    let mut acme = Acme::new();
    acme.world.lawless = true;
    keep(&acme, "projects/acme/app", "TOKEN", "*");
    let body = json!({ "masked_and_hidden": true, "hidden": true, "nonsense": 1 });
    let answer = put(&acme, &format!("{PROJECT}/TOKEN"), &body);
    assert_eq!((answer.status, &answer.value()["hidden"]), (200, &json!(false)));
}

#[test]
fn names_and_lengths_have_limits() {
    let acme = Acme::new();
    let make =
        |key: &str, value: &str| acme.ask(&acme.owner, "POST", PROJECT, &json!({ "key": key, "value": value })).status;
    assert_eq!(make("A-B", "x"), 400);
    assert_eq!(make("", "x"), 400);
    assert_eq!(make(&"K".repeat(255), "x"), 201);
    assert_eq!(make(&"K".repeat(256), "x"), 400);
    assert_eq!(make("LONG", &"v".repeat(10_000)), 201);
    assert_eq!(make("LONGER", &"v".repeat(10_001)), 400);
}

#[test]
fn a_variable_needs_a_key_and_a_value() {
    let mut acme = Acme::new();
    acme.world.lawless = true;
    let answer = acme.ask(&acme.owner, "POST", PROJECT, &json!({}));
    assert_eq!((answer.status, answer.value()), (400, json!({ "error": "key is missing, value is missing" })));
}

#[test]
fn each_place_has_its_keepers() {
    let acme = Acme::new();
    let status = |who: &Seeded, target: &str| acme.get(who, target).status;
    assert_eq!(status(&acme.developer, PROJECT), 403);
    assert_eq!(status(&acme.maintainer, PROJECT), 200);
    assert_eq!(status(&acme.stranger, PROJECT), 404);
    assert_eq!(status(&acme.owner, GROUP), 200);
    acme.world.sandbox.gitlab(|gitlab| {
        let user = gitlab.token(acme.developer.id).unwrap().user_id;
        gitlab.add_member("acme", user, 40);
    });
    assert_eq!(status(&acme.developer, GROUP), 403, "a maintainer of the group is not enough");
    assert_eq!(status(&acme.owner, INSTANCE), 403);
    assert_eq!(status(&acme.admin, INSTANCE), 200);
}

#[test]
fn an_instance_variable_has_no_scope() {
    let acme = Acme::new();
    let body = json!({ "key": "TOKEN", "value": "glpat-0123456789", "masked": true });
    let made = acme.ask(&acme.admin, "POST", INSTANCE, &body);
    assert_eq!(made.status, 201);
    assert!(made.value().get("environment_scope").is_none());
    assert_eq!(acme.ask(&acme.admin, "PUT", &format!("{INSTANCE}/TOKEN"), &json!({ "value": "1" })).status, 400);
    assert_eq!(acme.ask(&acme.admin, "DELETE", &format!("{INSTANCE}/TOKEN"), &Value::Null).status, 204);
    assert_eq!(
        acme.get(&acme.admin, &format!("{INSTANCE}/TOKEN")).value()["message"],
        "404 InstanceVariable Not Found"
    );
}

#[test]
fn a_form_says_the_same_as_json() {
    let acme = Acme::new();
    keep(&acme, "projects/acme/app", "TOKEN", "*");
    keep(&acme, "projects/acme/app", "TOKEN", "production");
    let target = format!("/api/v4{PROJECT}/TOKEN");
    let mut request = crate::common::request("gitlab", &acme.owner.value, http::Method::PUT, &target, &Value::Null);
    request.headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    request.body = "value=by+form%21+%2B&masked=false&filter%5Benvironment_scope%5D=production".into();
    assert_eq!(acme.world.send(request).unwrap().status, 200);
    assert_eq!(value(&acme, "projects/acme/app", "TOKEN", "production"), "by form! +");
}

#[test]
fn a_body_that_does_not_say_what_it_is_is_not_read() {
    let acme = Acme::new();
    keep(&acme, "projects/acme/app", "TOKEN", "*");
    let target = format!("/api/v4{PROJECT}/TOKEN");
    let mut request =
        crate::common::request("gitlab", &acme.owner.value, http::Method::PUT, &target, &json!({ "value": "x" }));
    request.headers.remove("content-type");
    assert_eq!(acme.world.send(request).unwrap().status, 415);
    assert_eq!(value(&acme, "projects/acme/app", "TOKEN", "*"), "before-the-change");
}

#[test]
fn what_is_masked_counts_as_a_secret() {
    let acme = Acme::new();
    let body = json!({ "key": "K", "value": "foreign-secret-1", "masked": true });
    acme.ask(&acme.owner, "POST", PROJECT, &body);
    acme.ask(&acme.owner, "POST", PROJECT, &json!({ "key": "PLAIN", "value": "eu-west-1" }));
    let values = acme.world.sandbox.values();
    assert!(values.contains(&"foreign-secret-1".to_owned()));
    assert!(!values.contains(&"eu-west-1".to_owned()));
    assert!(values.contains(&acme.owner.value));
    assert_eq!(acme.world.sandbox.now(), noon());
}
