//! Project, group and service-account tokens: bots, roles, and who may turn what.

use crate::common::{Acme, day, made, noon};
use serde_json::{Value, json};
use tokenwheel_sandbox::gitlab::{Kind, Place, Seeded};

const PROJECT: &str = "/projects/acme%2Fapp/access_tokens";
const GROUP: &str = "/groups/acme/access_tokens";

fn order(level: u8) -> Value {
    json!({ "name": "deploy", "scopes": ["api"], "access_level": level, "expires_at": day(30) })
}

fn project_token(acme: &Acme, level: u8) -> Seeded {
    let answer = acme.ask(&acme.owner, "POST", PROJECT, &order(level));
    assert_eq!(answer.status, 201);
    made(&answer)
}

#[test]
fn a_project_token_is_a_bot_with_the_role_of_the_token() {
    let acme = Acme::new();
    let answer = acme.ask(&acme.maintainer, "POST", PROJECT, &order(40)).value();
    let project = acme.get(&acme.owner, "/projects/acme%2Fapp").value()["id"].clone();
    assert_eq!((&answer["resource_type"], &answer["resource_id"]), (&json!("project"), &project));
    let bot = acme.world.sandbox.gitlab(|gitlab| gitlab.user(answer["user_id"].as_u64().unwrap())).unwrap();
    assert_eq!(bot.kind, Kind::Bot(Place::Project(project.as_u64().unwrap())));
    assert!(bot.username.starts_with(&format!("project_{project}_bot_")));
    let token = Seeded { id: 0, value: answer["token"].as_str().unwrap().to_owned() };
    assert_eq!(acme.get(&token, "/user").value()["bot"], json!(true));
    assert_eq!(acme.get(&token, "/projects/acme%2Fapp/variables").status, 200);
}

#[test]
fn every_token_has_a_bot_of_its_own_and_a_rotation_keeps_it() {
    let acme = Acme::new();
    let (one, two) = (project_token(&acme, 30), project_token(&acme, 30));
    let bot = |id: u64| acme.get(&acme.owner, &format!("{PROJECT}/{id}")).value()["user_id"].clone();
    assert_ne!(bot(one.id), bot(two.id));
    let target = format!("{PROJECT}/{}/rotate", one.id);
    let heir = acme.ask(&acme.maintainer, "POST", &target, &json!({ "expires_at": day(5) })).value();
    assert_eq!(heir["user_id"], bot(one.id));
    assert_eq!(heir["access_level"], json!(30));
}

#[test]
fn making_one_takes_a_maintainer_of_the_project_or_an_owner_of_the_group() {
    let acme = Acme::new();
    assert_eq!(acme.ask(&acme.developer, "POST", PROJECT, &order(10)).status, 400);
    assert_eq!(acme.ask(&acme.stranger, "POST", PROJECT, &order(10)).status, 404);
    assert_eq!(acme.ask(&acme.maintainer, "POST", PROJECT, &order(50)).status, 400);
    assert_eq!(acme.ask(&acme.maintainer, "POST", GROUP, &order(10)).status, 404);
    assert_eq!(acme.ask(&acme.owner, "POST", GROUP, &order(50)).status, 201);
    assert_eq!(acme.ask(&acme.admin, "POST", GROUP, &order(50)).status, 201);
}

#[test]
fn a_project_token_can_make_and_turn_no_other_even_as_owner() {
    let acme = Acme::new();
    let (bot, other) = (project_token(&acme, 50), project_token(&acme, 10));
    assert_eq!(acme.ask(&bot, "POST", PROJECT, &order(10)).status, 400);
    let target = format!("{PROJECT}/{}/rotate", other.id);
    assert_eq!(acme.ask(&bot, "POST", &target, &Value::Null).status, 401);
    assert!(acme.is_live(&other.value));
}

#[test]
fn nobody_turns_a_token_that_can_do_more_than_they_can() {
    let acme = Acme::new();
    let mighty = project_token(&acme, 50);
    let target = format!("{PROJECT}/{}/rotate", mighty.id);
    let answer = acme.ask(&acme.maintainer, "POST", &target, &Value::Null);
    assert_eq!(answer.status, 400);
    let why = answer.value()["message"].as_str().unwrap().to_owned();
    assert!(why.contains("Not eligible to rotate tokens with permissions not held by the user"));
    assert!(acme.is_live(&mighty.value));
    assert_eq!(acme.ask(&acme.owner, "POST", &target, &Value::Null).status, 200);
}

#[test]
fn who_may_not_manage_tokens_learns_nothing_of_them() {
    let acme = Acme::new();
    let token = project_token(&acme, 30);
    let target = format!("{PROJECT}/{}", token.id);
    assert_eq!(acme.get(&acme.developer, PROJECT).status, 401);
    assert_eq!(acme.get(&acme.developer, &target).status, 401);
    assert_eq!(acme.ask(&acme.developer, "POST", &format!("{target}/rotate"), &Value::Null).status, 401);
    assert_eq!(acme.ask(&acme.owner, "POST", &format!("{PROJECT}/77/rotate"), &Value::Null).status, 401);
    assert_eq!(acme.ask(&acme.admin, "POST", &format!("{PROJECT}/77/rotate"), &Value::Null).status, 404);
    assert!(acme.is_live(&token.value));
}

#[test]
fn a_missing_token_is_missed_in_the_words_of_its_place() {
    let acme = Acme::new();
    let missed = |target: &str| acme.get(&acme.owner, target).value()["message"].clone();
    assert_eq!(missed(&format!("{PROJECT}/77")), "404 project Access Token Not Found");
    assert_eq!(missed(&format!("{GROUP}/77")), "404 group Access Token Not Found");
    assert_eq!(missed("/projects/acme%2Fnone/access_tokens"), "404 Project Not Found");
    assert_eq!(missed("/groups/none/access_tokens"), "404 Group Not Found");
}

#[test]
fn a_token_turns_itself_at_its_own_place_only() {
    let acme = Acme::new();
    let token = project_token(&acme, 30);
    let turn = |target: &str, who: &Seeded| acme.ask(who, "POST", target, &json!({ "expires_at": day(9) }));
    assert_eq!(turn("/personal_access_tokens/self/rotate", &token).status, 405);
    assert_eq!(turn("/projects/acme%2Fapp/access_tokens/self/rotate", &acme.owner).status, 405);
    acme.world.sandbox.gitlab(|gitlab| {
        let bot = gitlab.token(token.id).unwrap().user_id;
        gitlab.add_member("acme/other", bot, 30);
    });
    assert_eq!(turn("/projects/acme%2Fother/access_tokens/self/rotate", &token).status, 401);
    let heir = made(&turn("/projects/acme%2Fapp/access_tokens/self/rotate", &token));
    assert!(acme.is_live(&heir.value) && !acme.is_live(&token.value));
    acme.world.sandbox.gitlab(|gitlab| gitlab.personal_rotate_takes_bots = true);
    assert_eq!(turn("/personal_access_tokens/self/rotate", &heir).status, 200);
}

#[test]
fn a_group_token_lists_turns_and_ends_like_a_project_token() {
    let acme = Acme::new();
    let token = made(&acme.ask(&acme.owner, "POST", GROUP, &order(40)));
    assert_eq!(acme.get(&acme.owner, GROUP).value()[0]["resource_type"], "group");
    let heir = made(&acme.ask(&token, "POST", &format!("{GROUP}/self/rotate"), &Value::Null));
    let target = format!("{GROUP}/{}", heir.id);
    assert_eq!(acme.ask(&acme.owner, "DELETE", &target, &Value::Null).status, 204);
    assert!(!acme.is_live(&heir.value));
}

#[test]
fn a_project_that_moved_is_read_at_its_number_and_not_written() {
    let acme = Acme::new();
    let id = acme.get(&acme.owner, "/projects/acme%2Fapp").value()["id"].clone();
    acme.world.sandbox.gitlab(|gitlab| gitlab.move_project("acme/app", "acme/moved"));
    let answer = acme.get(&acme.owner, "/projects/acme%2Fapp/access_tokens?per_page=5");
    assert_eq!(answer.status, 301);
    let to = answer.headers["location"].to_str().unwrap();
    assert!(to.ends_with(&format!("/api/v4/projects/{id}/access_tokens?per_page=5")), "{to}");
    let lower_case = acme.get(&acme.owner, "/projects/acme%2fapp");
    assert!(lower_case.headers["location"].to_str().unwrap().ends_with(&format!("/api/v4/projects/{id}")));
    assert_eq!(acme.get(&acme.owner, "/groups/acme%2Fapp").status, 404);
    assert_eq!(acme.ask(&acme.owner, "POST", PROJECT, &order(10)).status, 405);
    assert_eq!(acme.get(&acme.owner, "/projects/acme%2Fmoved/access_tokens").status, 200);
    assert_eq!(acme.get(&acme.stranger, PROJECT).status, 404);
}

/// A service account of `acme`, the path of its tokens, and one of them.
fn account(acme: &Acme) -> (String, Seeded) {
    let (id, token) = acme.world.sandbox.gitlab(|gitlab| {
        let account = gitlab.add_service_account("acme", "Wheel");
        (account, gitlab.add_service_account_token(account, "wheel", &["api"], noon(), Some(day(9))))
    });
    (format!("/groups/acme/service_accounts/{id}/personal_access_tokens"), token)
}

#[test]
fn an_owner_lists_makes_turns_and_ends_the_tokens_of_a_service_account() {
    let acme = Acme::new();
    let (path, seeded) = account(&acme);
    assert_eq!(acme.get(&acme.owner, &path).value()[0]["id"], json!(seeded.id));
    let order = json!({ "name": "second", "scopes": ["api"], "expires_at": day(9) });
    let second = made(&acme.ask(&acme.owner, "POST", &path, &order));
    let turned = made(&acme.ask(&acme.owner, "POST", &format!("{path}/{}/rotate", second.id), &Value::Null));
    assert!(acme.is_live(&turned.value) && !acme.is_live(&second.value));
    assert_eq!(acme.ask(&acme.owner, "DELETE", &format!("{path}/{}", turned.id), &Value::Null).status, 204);
    assert!(!acme.is_live(&turned.value));
    let itself = acme.ask(&seeded, "POST", "/personal_access_tokens/self/rotate", &Value::Null);
    assert_eq!(itself.status, 200);
}

#[test]
fn service_accounts_are_for_owners_and_their_own_tokens_only() {
    let acme = Acme::new();
    let (path, _) = account(&acme);
    assert_eq!(acme.get(&acme.stranger, &path).status, 404);
    let user = acme.get(&acme.developer, "/user").value()["id"].clone();
    let nobody = acme.get(&acme.owner, &format!("/groups/acme/service_accounts/{user}/personal_access_tokens"));
    assert_eq!(nobody.value()["message"], "404 User Not Found");
    let rotate = format!("{path}/{}/rotate", acme.owner.id);
    assert_eq!(acme.ask(&acme.owner, "POST", &rotate, &Value::Null).status, 404);
    acme.world.sandbox.gitlab(|gitlab| gitlab.add_group("acme/sub"));
    assert_eq!(acme.get(&acme.owner, &path.replace("acme", "acme%2Fsub")).status, 403);
}
