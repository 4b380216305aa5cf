//! Personal access tokens: who gets in, what a rotation does, and how reuse detection kills a family.

use crate::common::{Acme, day, made, noon};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokenwheel_sandbox::gitlab::Seeded;

const SELF: &str = "/personal_access_tokens/self";
const TURN: &str = "/personal_access_tokens/self/rotate";

fn turn(acme: &Acme, who: &Seeded) -> Seeded {
    let answer = acme.ask(who, "POST", TURN, &json!({ "expires_at": day(10) }));
    assert_eq!(answer.status, 200);
    made(&answer)
}

#[test]
fn an_unknown_token_and_no_token_get_the_same_401() {
    let acme = Acme::new();
    for value in ["glpat-nobody-knows-this", ""] {
        let answer = acme.get(&Seeded { id: 0, value: value.to_owned() }, SELF);
        assert_eq!(answer.status, 401);
        assert_eq!(answer.value(), json!({ "message": "401 Unauthorized" }));
    }
}

#[test]
fn only_the_description_tells_a_revoked_token_from_an_expired_one() {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| gitlab.revoke(acme.developer.id));
    let revoked = acme.get(&acme.developer, SELF);
    acme.world.sandbox.set_now(noon() + TimeDelta::days(30));
    let expired = acme.get(&acme.owner, SELF);

    for answer in [&revoked, &expired] {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.value()["error"], "invalid_token");
        assert!(answer.headers["www-authenticate"].to_str().unwrap().contains(r#"error="invalid_token""#));
    }
    assert!(revoked.value()["error_description"].as_str().unwrap().starts_with("Token was revoked."));
    assert!(expired.value()["error_description"].as_str().unwrap().starts_with("Token is expired."));
}

#[test]
fn a_token_dies_at_the_first_moment_of_its_day() {
    let acme = Acme::new();
    let midnight = day(30).and_hms_opt(0, 0, 0).unwrap().and_utc();
    acme.world.sandbox.set_now(midnight - TimeDelta::milliseconds(1));
    assert_eq!(acme.get(&acme.owner, SELF).status, 200);
    acme.world.sandbox.advance(TimeDelta::milliseconds(1));
    assert_eq!(acme.get(&acme.owner, SELF).status, 401);
}

#[test]
fn a_date_that_has_come_makes_a_token_that_is_dead_on_arrival() {
    let acme = Acme::new();
    let answer = acme.ask(&acme.owner, "POST", TURN, &json!({ "expires_at": day(0) }));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.value()["active"], json!(false));
    assert!(!acme.is_live(&made(&answer).value) && !acme.is_live(&acme.owner.value));
}

#[test]
fn a_date_too_far_away_is_refused_and_nothing_is_done() {
    let acme = Acme::new();
    let answer = acme.ask(&acme.owner, "POST", TURN, &json!({ "expires_at": day(366) }));
    assert_eq!(answer.status, 400);
    assert!(answer.value()["message"].as_str().unwrap().contains("must be before 2027-05-04"));
    assert!(acme.is_live(&acme.owner.value));
    assert_eq!(acme.ask(&acme.owner, "POST", TURN, &json!({ "expires_at": day(365) })).status, 200);
}

#[test]
fn without_a_date_a_rotation_grants_a_week_or_for_ever() {
    let acme = Acme::new();
    let week = acme.ask(&acme.owner, "POST", TURN, &Value::Null);
    assert_eq!(week.value()["expires_at"], json!(day(7)));
    acme.world.sandbox.gitlab(|gitlab| gitlab.require_expiry = false);
    let for_ever = acme.ask(&acme.maintainer, "POST", TURN, &Value::Null);
    assert_eq!(for_ever.value()["expires_at"], Value::Null);
}

#[test]
fn a_rotation_keeps_everything_but_number_value_and_dates() {
    let acme = Acme::new();
    let old = acme.get(&acme.owner, SELF).value();
    let new = acme.ask(&acme.owner, "POST", TURN, &json!({ "expires_at": day(10) })).value();
    for kept in ["name", "description", "scopes", "user_id", "granular"] {
        assert_eq!(old[kept], new[kept], "{kept}");
    }
    assert_ne!(old["id"], new["id"]);
    assert_eq!(new["last_used_at"], Value::Null);
    let token = acme.world.sandbox.gitlab(|gitlab| gitlab.token(new["id"].as_u64().unwrap())).unwrap();
    assert_eq!(token.previous, Some(acme.owner.id));
    assert!(token.value.starts_with("glpat-") && token.value.len() == 26);
}

#[test]
fn repeating_a_rotation_with_the_old_token_kills_what_the_first_one_made() {
    let acme = Acme::new();
    let first = turn(&acme, &acme.owner);
    let second = turn(&acme, &first);
    let bystander = acme.is_live(&acme.maintainer.value);

    let answer = acme.ask(&acme.owner, "POST", TURN, &json!({ "expires_at": day(10) }));
    assert_eq!(answer.status, 401);
    assert!(answer.value()["error_description"].as_str().unwrap().starts_with("Token was revoked."));
    assert!(!acme.is_live(&second.value), "the whole line dies, however long it is");
    assert!(bystander && acme.is_live(&acme.maintainer.value));
    assert_eq!(acme.world.sandbox.gitlab(|gitlab| gitlab.reuse_detections), 1);
}

#[test]
fn reuse_kills_downwards_only() {
    let acme = Acme::new();
    let first = turn(&acme, &acme.owner);
    acme.world.sandbox.gitlab(|gitlab| gitlab.revoke(first.id));
    let other = turn(&acme, &acme.maintainer);
    acme.ask(&first, "POST", TURN, &Value::Null);
    assert!(acme.is_live(&other.value));
    assert_eq!(acme.world.sandbox.gitlab(|gitlab| gitlab.reuse_detections), 1);
}

#[test]
fn every_rotate_path_detects_reuse_even_of_somebody_elses_token() {
    for path in [
        "/personal_access_tokens/1/rotate",
        "/projects/1/access_tokens/self/rotate",
        "/groups/9/access_tokens/2/rotate",
    ] {
        let acme = Acme::new();
        let heir = turn(&acme, &acme.owner);
        assert_eq!(acme.ask(&acme.owner, "POST", path, &Value::Null).status, 401);
        assert!(!acme.is_live(&heir.value), "{path}");
    }
}

#[test]
fn looking_with_a_revoked_token_kills_nobody() {
    let acme = Acme::new();
    let heir = turn(&acme, &acme.owner);
    assert_eq!(acme.get(&acme.owner, SELF).status, 401);
    assert_eq!(acme.get(&acme.owner, "/personal_access_tokens").status, 401);
    assert!(acme.is_live(&heir.value));
    assert_eq!(acme.world.sandbox.gitlab(|gitlab| gitlab.reuse_detections), 0);
}

#[test]
fn an_expired_token_costs_its_family_nothing_even_when_it_is_revoked_too() {
    let acme = Acme::new();
    let heir = turn(&acme, &acme.owner);
    acme.world.sandbox.set_now(noon() + TimeDelta::days(5));
    let heir = {
        let answer = acme.ask(&heir, "POST", TURN, &json!({ "expires_at": day(60) }));
        made(&answer)
    };
    acme.world.sandbox.set_now(noon() + TimeDelta::days(31));
    let answer = acme.ask(&acme.owner, "POST", TURN, &Value::Null);
    assert!(answer.value()["error_description"].as_str().unwrap().starts_with("Token is expired."));
    assert!(acme.is_live(&heir.value));
}

#[test]
fn a_revoked_number_rotated_by_a_valid_credential_is_a_plain_400() {
    let acme = Acme::new();
    let heir = turn(&acme, &acme.owner);
    let answer = acme.ask(&heir, "POST", &format!("/personal_access_tokens/{}/rotate", acme.owner.id), &Value::Null);
    assert_eq!(answer.status, 400);
    assert!(answer.value()["message"].as_str().unwrap().contains("Token already revoked"));
    assert!(acme.is_live(&heir.value));
}

#[test]
fn a_self_rotating_token_can_look_at_itself_turn_itself_end_itself_and_nothing_else() {
    let acme = Acme::new();
    let user = acme.get(&acme.owner, "/user").value()["id"].clone();
    let body = json!({ "name": "narrow", "scopes": ["self_rotate"], "expires_at": day(10) });
    let narrow = made(&acme.ask(&acme.owner, "POST", "/user/personal_access_tokens", &body));
    let project = "/projects/acme%2Fapp";
    for (method, target) in [
        ("GET", "/user".to_owned()),
        ("GET", "/personal_access_tokens".to_owned()),
        ("POST", format!("/personal_access_tokens/{}/rotate", narrow.id)),
        ("GET", format!("{project}/variables")),
        ("DELETE", format!("{project}/variables/KEY")),
    ] {
        let answer = acme.ask(&narrow, method, &target, &Value::Null);
        assert_eq!(answer.status, 403, "{method} {target}");
        assert_eq!(answer.value()["error"], "insufficient_scope");
    }
    assert_eq!(acme.get(&narrow, SELF).value()["user_id"], user);
    let heir = turn(&acme, &narrow);
    assert_eq!(acme.ask(&heir, "DELETE", SELF, &Value::Null).status, 204);
    assert!(!acme.is_live(&heir.value));
}

#[test]
fn a_reading_token_reads_and_does_not_write() {
    let acme = Acme::new();
    let reader = acme.world.sandbox.gitlab(|gitlab| {
        let user = gitlab.token(acme.owner.id).unwrap().user_id;
        gitlab.add_personal_token(user, "reader", &["read_api"], noon(), Some(day(9)))
    });
    assert_eq!(acme.get(&reader, "/projects/acme%2Fapp/variables").status, 200);
    let answer = acme.ask(&reader, "POST", TURN, &Value::Null);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.value()["scope"], "api self_rotate");
}

#[test]
fn nobody_learns_of_other_peoples_tokens_but_an_administrator() {
    let acme = Acme::new();
    let (theirs, nobodys) = (acme.maintainer.id, 9_999_999);
    for id in [theirs, nobodys] {
        assert_eq!(acme.get(&acme.owner, &format!("/personal_access_tokens/{id}")).status, 401);
        let target = format!("/personal_access_tokens/{id}/rotate");
        assert_eq!(acme.ask(&acme.owner, "POST", &target, &Value::Null).status, 401);
    }
    assert_eq!(acme.get(&acme.admin, &format!("/personal_access_tokens/{theirs}")).status, 200);
    assert_eq!(acme.get(&acme.admin, &format!("/personal_access_tokens/{nobodys}")).status, 404);
    assert_eq!(acme.ask(&acme.owner, "DELETE", &format!("/personal_access_tokens/{theirs}"), &Value::Null).status, 400);
    assert!(acme.is_live(&acme.maintainer.value));
    assert_eq!(acme.ask(&acme.admin, "DELETE", &format!("/personal_access_tokens/{theirs}"), &Value::Null).status, 204);
    assert!(!acme.is_live(&acme.maintainer.value));
}

#[test]
fn an_administrator_rotates_the_token_of_somebody_else() {
    let acme = Acme::new();
    let target = format!("/personal_access_tokens/{}/rotate", acme.maintainer.id);
    let heir = made(&acme.ask(&acme.admin, "POST", &target, &json!({ "expires_at": day(9) })));
    assert_eq!(acme.get(&heir, "/user").value()["username"], "mia");
}

#[test]
fn only_an_administrator_makes_tokens_for_others() {
    let acme = Acme::new();
    let user = acme.get(&acme.developer, "/user").value()["id"].clone();
    let target = format!("/users/{user}/personal_access_tokens");
    let body = json!({ "name": "gift", "scopes": ["api", "read_user"], "expires_at": day(9) });
    let refused = acme.ask(&acme.owner, "POST", &target, &body);
    assert_eq!((refused.status, refused.value()), (403, json!({ "message": "403 Forbidden" })));
    let made = acme.ask(&acme.admin, "POST", &target, &body);
    assert_eq!(made.status, 201);
    assert_eq!(made.value()["user_id"], user);
}

#[test]
fn a_token_of_ones_own_can_be_made_with_narrow_scopes_only() {
    let acme = Acme::new();
    let wide = json!({ "name": "wide", "scopes": ["read_user"], "expires_at": day(9) });
    let target = format!("/users/{}/personal_access_tokens", acme.get(&acme.owner, "/user").value()["id"]);
    assert_eq!(acme.ask(&acme.admin, "POST", &target, &wide).status, 201);
    let mut acme = acme;
    acme.world.lawless = true; // the description lists the scopes, so a client would not send this
    let answer = acme.ask(&acme.owner, "POST", "/user/personal_access_tokens", &wide);
    assert_eq!((answer.status, answer.value()), (400, json!({ "error": "scopes does not have a valid value" })));
}

#[test]
fn a_token_without_a_date_is_refused_or_granted_the_longest_life() {
    let acme = Acme::new();
    let body = json!({ "name": "undated", "scopes": ["self_rotate"] });
    assert_eq!(acme.ask(&acme.owner, "POST", "/user/personal_access_tokens", &body).status, 400);
    acme.world.sandbox.gitlab(|gitlab| gitlab.omitted_expiry_is_refused = false);
    let answer = acme.ask(&acme.owner, "POST", "/user/personal_access_tokens", &body);
    assert_eq!(answer.value()["expires_at"], json!(day(365)));
}

#[test]
fn where_only_fine_grained_tokens_are_allowed_a_persons_token_cannot_be_turned() {
    let acme = Acme::new();
    let account = acme.world.sandbox.gitlab(|gitlab| {
        gitlab.granular_enforced = true;
        let account = gitlab.add_service_account("acme", "Wheel");
        gitlab.add_service_account_token(account, "wheel", &["api"], noon(), Some(day(9)))
    });
    let answer = acme.ask(&acme.owner, "POST", TURN, &Value::Null);
    assert_eq!(answer.status, 400);
    assert!(acme.is_live(&acme.owner.value));
    turn(&acme, &account);
}

#[test]
fn a_token_can_be_shown_in_either_header_and_its_use_is_remembered() {
    let acme = Acme::new();
    let mut request =
        crate::common::request("gitlab", "", http::Method::GET, "/api/v4/personal_access_tokens/self", &Value::Null);
    request.headers.insert("private-token", acme.owner.value.parse().unwrap());
    acme.world.sandbox.advance(TimeDelta::hours(1));
    assert_eq!(acme.world.send(request).unwrap().value()["last_used_at"], "2026-05-04T13:00:00.000Z");
}
