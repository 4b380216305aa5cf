//! Credentials besides access tokens: deploy tokens, the two slots of an agent, runners, and variables of schedules.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use http::HeaderValue;
use serde_json::{Value, json};
use tokenwheel_sandbox::gitlab::{ScheduleVariable, Seeded};

use crate::common::{Acme, made, noon, request};

const DEPLOY: &str = "/projects/acme%2Fapp/deploy_tokens";
const OF_GROUP: &str = "/groups/acme/deploy_tokens";

/// The status that the door to the registry gives to this login.
fn door(acme: &Acme, login: &str, password: &str) -> u16 {
    let target = "/jwt/auth?service=container_registry";
    let mut request = request("gitlab", "", http::Method::GET, target, &Value::Null);
    let basic = format!("Basic {}", STANDARD.encode(format!("{login}:{password}")));
    if let Ok(basic) = HeaderValue::from_str(&basic) {
        request.headers.insert("authorization", basic);
    }
    acme.world.send(request).map_or(0, |answer| answer.status)
}

fn ordered(scopes: &[&str]) -> Value {
    json!({ "name": "pull", "username": "puller", "scopes": scopes, "expires_at": "2026-06-01T10:30:00Z" })
}

#[test]
fn a_deploy_token_is_shown_once_and_its_user_name_may_be_chosen_again() {
    let acme = Acme::new();
    let first = acme.ask(&acme.maintainer, "POST", DEPLOY, &ordered(&["read_registry"]));
    assert_eq!((first.status, &first.value()["username"]), (201, &json!("puller")));
    assert_eq!(first.value()["expires_at"], "2026-06-01T10:30:00.000Z");
    let second = acme.ask(&acme.maintainer, "POST", DEPLOY, &ordered(&["read_registry"]));
    let (first, second) = (made(&first), made(&second));
    assert!(first.id != second.id && acme.is_live(&first.value) && acme.is_live(&second.value));
    let listed = acme.get(&acme.maintainer, DEPLOY);
    assert!(!String::from_utf8_lossy(&listed.body).contains(&first.value));
    assert!(listed.value()[0].get("created_at").is_none(), "nobody can ask when it was made");
    let usual = acme.ask(&acme.maintainer, "POST", DEPLOY, &json!({ "name": "x", "scopes": ["read_repository"] }));
    assert_eq!(usual.value()["username"], json!(format!("gitlab+deploy-token-{}", made(&usual).id)));
}

#[test]
fn the_active_ones_are_neither_revoked_nor_expired_and_a_deleted_one_is_gone() {
    let acme = Acme::new();
    let all: Vec<Seeded> =
        (0..3).map(|_| made(&acme.ask(&acme.maintainer, "POST", DEPLOY, &ordered(&["read_registry"])))).collect();
    acme.world.sandbox.gitlab(|gitlab| gitlab.revoke_deploy_token(all[0].id));
    assert_eq!(acme.ask(&acme.maintainer, "DELETE", &format!("{DEPLOY}/{}", all[1].id), &Value::Null).status, 204);
    assert_eq!(acme.ask(&acme.maintainer, "DELETE", &format!("{DEPLOY}/{}", all[1].id), &Value::Null).status, 404);
    let count = |query: &str| acme.get(&acme.maintainer, &format!("{DEPLOY}{query}")).value().as_array().unwrap().len();
    assert_eq!((count(""), count("?active=true")), (2, 1));
    acme.world.sandbox.set_now("2026-06-01T10:30:01Z".parse().unwrap());
    let admin = acme.world.sandbox.gitlab(|gitlab| {
        let root = gitlab.add_admin("Later");
        gitlab.add_personal_token(root, "later", &["api"], noon(), None)
    });
    let listed = acme.get(&admin, &format!("{DEPLOY}?active=true")).value();
    assert_eq!(listed, json!([]));
    assert!(!acme.is_live(&all[2].value));
}

#[test]
fn a_date_may_be_all_that_is_kept_of_the_end() {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| gitlab.deploy_tokens_die_at_midnight = true);
    let answer = acme.ask(&acme.maintainer, "POST", DEPLOY, &ordered(&["read_registry"]));
    assert_eq!(answer.value()["expires_at"], "2026-06-01T00:00:00.000Z");
}

#[test]
fn a_groups_deploy_tokens_are_listed_by_maintainers_and_made_by_owners() {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| {
        for (who, level) in [(&acme.maintainer, 40), (&acme.developer, 30)] {
            let user = gitlab.token(who.id).unwrap().user_id;
            gitlab.add_member("acme", user, level);
        }
    });
    assert_eq!(acme.get(&acme.maintainer, OF_GROUP).status, 200);
    assert_eq!(acme.ask(&acme.maintainer, "POST", OF_GROUP, &ordered(&["read_registry"])).status, 403);
    assert_eq!(acme.ask(&acme.owner, "POST", OF_GROUP, &ordered(&["read_registry"])).status, 201);
    assert_eq!(acme.get(&acme.developer, OF_GROUP).status, 403);
}

#[test]
fn a_scope_or_a_user_name_that_is_none_is_refused() {
    let mut acme = Acme::new();
    acme.world.lawless = true;
    assert_eq!(acme.ask(&acme.maintainer, "POST", DEPLOY, &ordered(&["api"])).status, 400);
    let odd = json!({ "name": "pull", "username": "a b", "scopes": ["read_registry"] });
    assert_eq!(acme.ask(&acme.maintainer, "POST", DEPLOY, &odd).status, 400);
}

#[test]
fn the_door_to_the_registry_tells_a_wrong_credential_from_one_without_rights() {
    let acme = Acme::new();
    let pulls = made(&acme.ask(&acme.maintainer, "POST", DEPLOY, &ordered(&["read_registry"])));
    let clones = made(&acme.ask(&acme.maintainer, "POST", DEPLOY, &ordered(&["read_repository"])));
    assert_eq!(door(&acme, "puller", &pulls.value), 200);
    assert_eq!(door(&acme, "puller", &clones.value), 403);
    assert_eq!(door(&acme, "puller", "gldt-garbage"), 401);
    assert_eq!(door(&acme, "somebody", &pulls.value), 401, "the user name is half of it");
    acme.world.sandbox.gitlab(|gitlab| gitlab.registry_is_on = false);
    assert_eq!(door(&acme, "puller", &pulls.value), 404);
    assert_eq!(door(&acme, "puller", "gldt-garbage"), 401);
    acme.world.sandbox.gitlab(|gitlab| gitlab.address_is_banned = true);
    assert_eq!((door(&acme, "puller", &pulls.value), door(&acme, "puller", "gldt-garbage")), (403, 403));
    acme.world.sandbox.gitlab(|gitlab| gitlab.address_is_banned = false);
    acme.world.sandbox.gitlab(|gitlab| gitlab.revoke_deploy_token(pulls.id));
    assert_eq!(door(&acme, "puller", &pulls.value), 401);
}

/// What the door gives, taken apart: the claims of the token in the token.
fn named(acme: &Acme, login: &str, password: &str) -> Value {
    let target = "/jwt/auth?service=container_registry";
    let mut request = request("gitlab", "", http::Method::GET, target, &Value::Null);
    let basic = format!("Basic {}", STANDARD.encode(format!("{login}:{password}")));
    if let Ok(basic) = HeaderValue::from_str(&basic) {
        request.headers.insert("authorization", basic);
    }
    let given = acme.world.send(request).map(|answer| answer.value()).unwrap_or_default();
    let claims = |jwt: &Value| {
        let part = jwt.as_str().and_then(|jwt| jwt.split('.').nth(1)).unwrap_or_default();
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        serde_json::from_slice::<Value>(&text).unwrap_or_default()
    };
    claims(claims(given.get("token").unwrap_or(&Value::Null)).get("user").unwrap_or(&Value::Null))
}

#[test]
fn what_the_door_gives_says_which_deploy_token_it_was_given_for_unless_it_is_too_old_for_that() {
    let acme = Acme::new();
    let pulls = made(&acme.ask(&acme.maintainer, "POST", DEPLOY, &ordered(&["read_registry"])));
    let told = named(&acme, "puller", &pulls.value);
    assert_eq!(
        told["user_info"],
        json!({ "token_type": "deploy_token", "username": "puller", "deploy_token_id": pulls.id })
    );
    acme.world.sandbox.gitlab(|gitlab| gitlab.door_names_the_token = false);
    assert_eq!(named(&acme, "puller", &pulls.value), Value::Null);
}

#[test]
fn an_agent_has_two_slots_and_a_token_that_was_ended_frees_one() {
    let acme = Acme::new();
    let agent = acme.world.sandbox.gitlab(|gitlab| gitlab.add_agent("acme/app"));
    let tokens = format!("/projects/acme%2Fapp/cluster_agents/{agent}/tokens");
    let make = || acme.ask(&acme.maintainer, "POST", &tokens, &json!({ "name": "wheel" }));
    let (first, second) = (made(&make()), made(&make()));
    let third = make();
    let why = "400 Bad request - An agent can have only two active tokens at a time";
    assert_eq!((third.status, &third.value()["message"]), (400, &json!(why)));
    assert!(acme.world.sandbox.gitlab(|gitlab| gitlab.agent_connects(&first.value)));
    let listed = acme.get(&acme.developer, &tokens).value();
    assert_eq!((&listed[0]["id"], listed[0].get("last_used_at")), (&json!(first.id), None));
    let one = |token: &Seeded| format!("{tokens}/{}", token.id);
    assert!(acme.get(&acme.developer, &one(&first)).value()["last_used_at"].is_string());
    for _ in 0..2 {
        assert_eq!(acme.ask(&acme.maintainer, "DELETE", &one(&first), &Value::Null).status, 204);
    }
    assert_eq!(acme.get(&acme.developer, &one(&first)).status, 404);
    assert!(!acme.is_live(&first.value) && acme.is_live(&second.value));
    assert!(!acme.world.sandbox.gitlab(|gitlab| gitlab.agent_connects(&first.value)));
    assert_eq!(make().status, 201);
    assert_eq!(acme.ask(&acme.developer, "POST", &tokens, &json!({ "name": "wheel" })).status, 403);
}

#[test]
fn a_reset_ends_the_old_token_of_a_runner_at_once() {
    let acme = Acme::new();
    let runner = acme.world.sandbox.gitlab(|gitlab| gitlab.add_runner("projects/acme/app"));
    let nobody = Seeded { id: 0, value: String::new() };
    let verify = |value: &str| acme.ask(&nobody, "POST", "/runners/verify", &json!({ "token": value }));
    assert_eq!(verify(&runner.value).value()["id"], json!(runner.id));
    let reset = format!("/runners/{}/reset_authentication_token", runner.id);
    let answer = acme.ask(&acme.maintainer, "POST", &reset, &Value::Null);
    assert_eq!((answer.status, &answer.value()["token_expires_at"]), (201, &Value::Null));
    assert_eq!((verify(&runner.value).status, verify(&made(&answer).value).status), (403, 200));
    acme.world.sandbox.gitlab(|gitlab| gitlab.verify_names_the_runner = false);
    assert_eq!(verify(&made(&answer).value).value(), json!("200"));
    assert_eq!(acme.ask(&acme.developer, "POST", &reset, &Value::Null).status, 403);
    acme.world.sandbox.gitlab(|gitlab| gitlab.runner_token_days = Some(30));
    let by_itself = json!({ "token": made(&answer).value });
    let answer = acme.ask(&nobody, "POST", "/runners/reset_authentication_token", &by_itself);
    assert!(answer.value()["token_expires_at"].is_string());
    acme.world.sandbox.advance(TimeDelta::days(31));
    assert_eq!(verify(&made(&answer).value).status, 403);
}

#[test]
fn a_runner_of_the_instance_is_read_by_all_and_reset_by_administrators() {
    let acme = Acme::new();
    let runner = acme.world.sandbox.gitlab(|gitlab| gitlab.add_runner("admin"));
    let one = format!("/runners/{}", runner.id);
    assert_eq!(acme.get(&acme.stranger, &one).value()["runner_type"], "instance_type");
    let reset = format!("{one}/reset_authentication_token");
    assert_eq!(acme.ask(&acme.owner, "POST", &reset, &Value::Null).status, 403);
    assert_eq!(acme.ask(&acme.admin, "POST", &reset, &Value::Null).status, 201);
}

#[test]
fn variables_of_a_schedule_are_read_by_maintainers_and_written_by_its_owner() {
    let acme = Acme::new();
    let variable = ScheduleVariable {
        key: "TOKEN".to_owned(),
        value: "kept-from-all".to_owned(),
        variable_type: "file".to_owned(),
        raw: true,
    };
    let schedule = acme.world.sandbox.gitlab(|gitlab| {
        let user = gitlab.token(acme.maintainer.id).unwrap().user_id;
        gitlab.add_schedule("acme/app", user, &[variable])
    });
    let one = format!("/projects/acme%2Fapp/pipeline_schedules/{schedule}");
    assert_eq!(acme.get(&acme.owner, &one).value()["variables"][0]["value"], "kept-from-all");
    assert_eq!(acme.get(&acme.developer, &one).value().get("variables"), None);
    assert_eq!(acme.get(&acme.stranger, &one).status, 404);
    let token = format!("{one}/variables/TOKEN");
    assert_eq!(acme.ask(&acme.owner, "PUT", &token, &json!({ "value": "other" })).status, 403);
    let changed = acme.ask(&acme.maintainer, "PUT", &token, &json!({ "value": "other" })).value();
    assert_eq!(changed, json!({ "variable_type": "file", "key": "TOKEN", "value": "other", "raw": true }));
    let more = json!({ "key": "MORE", "value": "more" });
    assert_eq!(acme.ask(&acme.maintainer, "POST", &format!("{one}/variables"), &more).status, 201);
    assert_eq!(acme.ask(&acme.maintainer, "POST", &format!("{one}/variables"), &more).status, 400);
    acme.world.sandbox.gitlab(|gitlab| gitlab.nobody_sets_pipeline_variables = true);
    assert_eq!(acme.ask(&acme.maintainer, "PUT", &token, &json!({ "value": "third" })).status, 403);
    assert_eq!(acme.get(&acme.maintainer, &token).value()["value"], "other");
}

#[test]
fn schedules_are_listed_without_their_variables_and_a_blocked_owner_s_are_switched_off() {
    let acme = Acme::new();
    let list = "/projects/acme%2Fapp/pipeline_schedules";
    let (owner, id) = acme.world.sandbox.gitlab(|gitlab| {
        let owner = gitlab.add_user("jane");
        let variable = ScheduleVariable {
            key: "A".to_owned(),
            value: "a-value".to_owned(),
            variable_type: "env_var".to_owned(),
            raw: true,
        };
        (owner, gitlab.add_schedule("acme/app", owner, &[variable]))
    });
    acme.world.sandbox.gitlab(|gitlab| {
        gitlab.amend_schedule(id, |schedule| {
            schedule.cron = "0 */6 * * *".to_owned();
            schedule.timezone = "Europe/London".to_owned();
            schedule.reference = "dev".to_owned();
        });
    });
    let listed = acme.get(&acme.maintainer, list).value();
    let seen = |key: &str| listed[0][key].clone();
    let fields = (seen("cron"), seen("cron_timezone"), seen("ref"), seen("active"));
    assert_eq!(fields, (json!("0 */6 * * *"), json!("Europe/London"), json!("dev"), json!(true)));
    assert_eq!((&listed[0]["owner"]["state"], listed[0].get("variables")), (&json!("active"), None));
    acme.world.sandbox.gitlab(|gitlab| gitlab.block_user(owner));
    let listed = acme.get(&acme.developer, list).value();
    assert_eq!((&listed[0]["owner"]["state"], &listed[0]["active"]), (&json!("blocked"), &json!(false)));
    assert_eq!(acme.get(&acme.stranger, list).status, 404);
}

#[test]
fn a_branch_says_whether_it_is_protected() {
    let acme = Acme::new();
    acme.world.sandbox.gitlab(|gitlab| gitlab.add_branch("acme/app", "dev/a", false));
    let branch = |name: &str| acme.get(&acme.developer, &format!("/projects/acme%2Fapp/repository/branches/{name}"));
    assert_eq!(branch("main").value()["protected"], true);
    assert_eq!(branch("dev%2Fa").value()["protected"], false);
    assert_eq!(branch("gone").status, 404);
}
