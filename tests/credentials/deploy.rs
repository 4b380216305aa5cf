//! `gitlab/deploy-token`: its user name is kept, and is the other half of what is delivered.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::gitlab::{DeployToken, Seeded};

use crate::stage::{force, held, inject, is_live, open, order, rotate, rotate_now, said, staged};
use crate::wheel::Stage;

const PULL: &str = r#"    issuer: { kind: gitlab/deploy-token, project: acme/app, name: pull, ttl: 30d }
    rotate: { before: 10d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: PULL_TOKEN }
      - { kind: gitlab/ci-variable, project: acme/app, key: PULL_USER, part: username }
      - { kind: file, path: login, as: "https://{username}:{value}@registry.example.com" }
"#;

/// An estate in which a deploy token of user `puller` dies in five days, with these scopes.
fn pull(scopes: &[&str]) -> (Stage, Seeded) {
    let stage = staged(PULL);
    let dies = Some(stage.sandbox.now() + TimeDelta::days(5));
    let old =
        stage.sandbox.gitlab(|gitlab| gitlab.add_deploy_token("projects/acme/app", "pull", "puller", scopes, dies));
    stage.keep("projects/acme/app", "PULL_TOKEN", &old.value);
    open(&stage, "PULL_USER", "puller");
    (stage, old)
}

fn live(stage: &Stage) -> Vec<DeployToken> {
    stage.sandbox.gitlab(|gitlab| gitlab.live_deploy_tokens("pull"))
}

#[test]
fn due_then_rotated_then_confirmed_and_the_old_one_dead() {
    let (stage, old) = pull(&["read_registry", "read_repository"]);
    let ran = rotate_now(&stage);
    said(&ran, 0, &["identity"]);
    let [new] = live(&stage).try_into().unwrap();
    assert_eq!((held(&stage, "PULL_TOKEN"), held(&stage, "PULL_USER")), (new.value.clone(), "puller".to_owned()));
    let login = std::fs::read_to_string(stage.path("login")).unwrap();
    assert_eq!(login, format!("https://puller:{}@registry.example.com", new.value));
    assert_eq!((new.username.as_str(), new.scopes), ("puller", vec!["read_registry".into(), "read_repository".into()]));
    assert!(!is_live(&stage, &old.value));
    let life = new.expires_at.unwrap() - stage.sandbox.now();
    assert!(life > TimeDelta::days(29) && life <= TimeDelta::days(30), "{life}");

    stage.sandbox.forget_exchanges();
    let again = rotate(&stage);
    said(&again, 0, &[]);
    assert_eq!(live(&stage).len(), 1, "{again}");
    assert!(stage.sandbox.exchanges().iter().all(|request| request.method == Method::GET), "{again}");
}

#[test]
fn the_usual_user_name_is_kept_too() {
    let stage = staged(PULL);
    let dies = Some(stage.sandbox.now() + TimeDelta::days(5));
    let old = stage
        .sandbox
        .gitlab(|gitlab| gitlab.add_deploy_token("projects/acme/app", "pull", "", &["read_registry"], dies));
    let usual = format!("gitlab+deploy-token-{}", old.id);
    stage.keep("projects/acme/app", "PULL_TOKEN", &old.value);
    open(&stage, "PULL_USER", &usual);
    said(&rotate_now(&stage), 0, &[]);
    let [new] = live(&stage).try_into().unwrap();
    assert!(new.id != old.id && new.username == usual);
}

#[test]
fn another_user_name_in_the_config_is_refused_before_anything_is_made() {
    let (stage, old) = pull(&["read_registry"]);
    order(&stage, &PULL.replace("name: pull,", "name: pull, username: pusher,"));
    let ran = rotate(&stage);
    said(&ran, 3, &["holds a live token", "has user name puller, and the config says pusher", "nothing was changed"]);
    assert!(live(&stage).len() == 1 && is_live(&stage, &old.value));
}

#[test]
fn a_refused_write_changes_nothing() {
    let (stage, old) = pull(&["read_registry"]);
    inject(&stage, Method::PUT, "/variables/PULL_TOKEN", 1, What::Refuse(403));
    said(&rotate(&stage), 3, &["nothing was changed"]);
    assert!(live(&stage).len() == 1 && held(&stage, "PULL_TOKEN") == old.value);
}

#[test]
fn a_lost_answer_is_healed() {
    let (stage, _) = pull(&["read_registry"]);
    said(&rotate_now(&stage), 0, &[]);
    let old = held(&stage, "PULL_TOKEN");
    inject(&stage, Method::POST, "/deploy_tokens", 1, What::DropAfter);
    let ran = stage.run(&["rotate", "--only", "turned", "--force", "--revoke-now", "--reason", "a test asks for it"]);
    said(&ran, 0, &[]);
    let value = held(&stage, "PULL_TOKEN");
    assert!(value != old && is_live(&stage, &value) && !is_live(&stage, &old), "{ran}");
    // By the time in its name it is told from somebody else's, and ended.
    let live: Vec<String> = live(&stage).into_iter().map(|token| token.value).collect();
    assert_eq!(live, [value], "{ran}");
}

#[test]
fn one_of_the_same_name_that_somebody_made_by_hand_is_left_alone() {
    let (stage, _) = pull(&["read_registry"]);
    said(&rotate_now(&stage), 0, &[]);
    let theirs = stage
        .sandbox
        .gitlab(|gitlab| gitlab.add_deploy_token("projects/acme/app", "pull", "puller", &["read_registry"], None));
    inject(&stage, Method::POST, "/deploy_tokens", 1, What::DropAfter);
    let ran = stage.run(&["rotate", "--only", "turned", "--force", "--revoke-now", "--reason", "a test asks for it"]);
    said(&ran, 0, &[&format!("token {} of the same name lives too and is unknown to the ledger", theirs.id)]);
    assert!(is_live(&stage, &theirs.value) && live(&stage).len() == 2, "{ran}");
}

#[test]
fn where_nothing_is_known_the_door_tells_which_of_two_is_held() {
    let (stage, old) = pull(&["read_registry"]);
    inject(&stage, Method::POST, "/deploy_tokens", 1, What::DropAfter);
    let ran = rotate_now(&stage);
    said(&ran, 0, &[]);
    let value = held(&stage, "PULL_TOKEN");
    assert!(is_live(&stage, &value) && !is_live(&stage, &old.value) && live(&stage).len() == 1, "{ran}");
}

#[test]
fn a_value_of_another_place_is_told_from_ours_though_the_user_name_is_the_same() {
    let (stage, _) = pull(&["read_registry"]);
    said(&rotate_now(&stage), 0, &[]);
    let theirs = stage
        .sandbox
        .gitlab(|gitlab| gitlab.add_deploy_token("groups/acme", "pull", "puller", &["read_registry"], None));
    let variable = tokenwheel_sandbox::gitlab::Variable {
        key: "OTHER_TOKEN".to_owned(),
        value: theirs.value.clone(),
        masked: true,
        ..Default::default()
    };
    stage.sandbox.gitlab(|gitlab| gitlab.add_variable("projects/acme/app", variable));
    order(
        &stage,
        &PULL.replace(
            "key: PULL_TOKEN }",
            "key: PULL_TOKEN }\n      - { kind: gitlab/ci-variable, project: acme/app, key: OTHER_TOKEN }",
        ),
    );
    let ran = rotate(&stage);
    said(&ran, 0, &[]);
    assert_eq!(held(&stage, "OTHER_TOKEN"), held(&stage, "PULL_TOKEN"), "{ran}");
    assert!(is_live(&stage, &theirs.value), "{ran}");
}

#[test]
fn a_door_that_does_not_say_whose_it_was_given_for_proves_life() {
    let (stage, old) = pull(&["read_registry"]);
    stage.sandbox.gitlab(|gitlab| gitlab.door_names_the_token = false);
    said(&rotate_now(&stage), 0, &["alive"]);
    assert!(is_live(&stage, &held(&stage, "PULL_TOKEN")) && !is_live(&stage, &old.value));
}

#[test]
fn where_the_door_proves_life_alone_the_first_lost_answer_is_healed_too() {
    let (stage, old) = pull(&["read_repository"]);
    inject(&stage, Method::POST, "/deploy_tokens", 1, What::DropAfter);
    let ran = rotate_now(&stage);
    said(&ran, 0, &["alive"]);
    let value = held(&stage, "PULL_TOKEN");
    assert!(is_live(&stage, &value) && !is_live(&stage, &old.value) && live(&stage).len() == 1, "{ran}");
}

#[test]
fn two_of_which_nothing_is_known_are_not_guessed_at_where_the_door_proves_life_alone() {
    let (stage, old) = pull(&["read_repository"]);
    let dies = Some(stage.sandbox.now() + TimeDelta::days(50));
    let scopes = &["read_repository"];
    let theirs =
        stage.sandbox.gitlab(|gitlab| gitlab.add_deploy_token("projects/acme/app", "pull", "puller", scopes, dies));
    let ran = rotate(&stage);
    said(&ran, ran.code.unwrap(), &["2 live tokens have this name and nothing says which is ours"]);
    assert!(held(&stage, "PULL_TOKEN") == old.value && is_live(&stage, &theirs.value), "{ran}");
    stage.sandbox.gitlab(|gitlab| gitlab.revoke_deploy_token(theirs.id));
    said(&rotate_now(&stage), 0, &[]);
    assert!(!is_live(&stage, &old.value) && is_live(&stage, &held(&stage, "PULL_TOKEN")));
}

#[test]
fn a_door_that_refuses_everybody_proves_nothing() {
    let (stage, _) = pull(&["read_registry"]);
    stage.sandbox.gitlab(|gitlab| gitlab.address_is_banned = true);
    let ran = rotate_now(&stage);
    said(&ran, 0, &["GitLab answers this to garbage too"]);
    assert!(is_live(&stage, &held(&stage, "PULL_TOKEN")), "{ran}");
}

#[test]
fn a_door_that_says_200_in_html_proves_nothing() {
    let (stage, _) = pull(&["read_registry"]);
    inject(&stage, Method::GET, "/jwt/auth", 9, What::Malformed);
    said(&rotate_now(&stage), 0, &["GitLab answers this to garbage too"]);
    assert!(is_live(&stage, &held(&stage, "PULL_TOKEN")));
}

#[test]
fn without_rights_to_a_registry_and_without_a_registry_it_is_alive_all_the_same() {
    for registry_is_on in [true, false] {
        let (stage, old) = pull(&["read_repository"]);
        stage.sandbox.gitlab(|gitlab| gitlab.registry_is_on = registry_is_on);
        said(&rotate_now(&stage), 0, &["alive"]);
        assert!(is_live(&stage, &held(&stage, "PULL_TOKEN")) && !is_live(&stage, &old.value));
    }
}

#[test]
fn one_that_the_door_does_not_know_is_not_delivered() {
    let (stage, old) = pull(&["read_registry"]);
    inject(&stage, Method::GET, "/jwt/auth", 99, What::Refuse(401));
    let ran = rotate_now(&stage);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(held(&stage, "PULL_TOKEN") == old.value && is_live(&stage, &old.value), "{ran}");
}

#[test]
fn where_only_the_date_of_its_end_is_kept_it_lives_for_its_days_all_the_same() {
    let (stage, _) = pull(&["read_registry"]);
    order(&stage, &PULL.replace("ttl: 30d", "ttl: 2d").replace("before: 10d", "before: 12h"));
    stage.sandbox.gitlab(|gitlab| gitlab.deploy_tokens_die_at_midnight = true);
    let ran = force(&stage);
    said(&ran, 0, &[]);
    let [new] = live(&stage).try_into().unwrap();
    assert!(new.expires_at.unwrap() - stage.sandbox.now() > TimeDelta::days(1), "{ran}");
}

#[test]
fn the_first_one_is_made_where_the_config_says_so() {
    let stage =
        staged(&PULL.replace("name: pull,", "name: pull, username: puller, create: { scopes: [read_registry] },"));
    stage.keep("projects/acme/app", "PULL_TOKEN", "nothing-yet");
    open(&stage, "PULL_USER", "nobody");
    let ran = rotate_now(&stage);
    said(&ran, 0, &[]);
    let [new] = live(&stage).try_into().unwrap();
    assert_eq!((held(&stage, "PULL_TOKEN"), held(&stage, "PULL_USER")), (new.value, "puller".to_owned()));
}

#[test]
fn a_groups_own_is_made_by_its_owner() {
    let stage = staged(&PULL.replace("project: acme/app, name", "group: acme, name"));
    let dies = Some(stage.sandbox.now() + TimeDelta::days(5));
    let old = stage
        .sandbox
        .gitlab(|gitlab| gitlab.add_deploy_token("groups/acme", "pull", "puller", &["read_registry"], dies));
    stage.keep("projects/acme/app", "PULL_TOKEN", &old.value);
    open(&stage, "PULL_USER", "puller");
    stage.sandbox.gitlab(|gitlab| gitlab.add_member("acme", stage.bot, 40));
    said(&rotate(&stage), 3, &["only an Owner may make one"]);
    stage.sandbox.gitlab(|gitlab| gitlab.add_member("acme", stage.bot, 50));
    said(&rotate_now(&stage), 0, &[]);
    assert!(!is_live(&stage, &old.value) && is_live(&stage, &held(&stage, "PULL_TOKEN")));
}
