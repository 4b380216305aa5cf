//! `atlassian/oauth-token` and `atlassian/oauth-refresh-token`.

use http::Method;
use tokenwheel_sandbox::{At, Fault, What};

use super::estate::Estate;

const CONFIG: &str = r#"version: 1
every: 30m
connections:
  gitlab: { service: gitlab, url: "https://gitlab.example.com", token: env:GITLAB_REFRESHER, spare: env:GITLAB_SPARE }
  robot: { service: atlassian, url: "https://auth.atlassian.com", api: "https://api.atlassian.com", client_id: robot-client, token: env:CLIENT_SECRET }
  app: { service: atlassian, url: "https://auth.atlassian.com", client_id: desk-app, token: env:APP_SECRET }
tokens:
  site-access:
    issuer:
      kind: atlassian/oauth-token
      connection: robot
      name: ci
      scopes: ["read:jira-user"]
      of: { account: "712020:robot", cloud: 1a1a1a1a-5555-4666-8777-888888888888 }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: JIRA_ACCESS_TOKEN }]
  desk:
    issuer: { kind: atlassian/oauth-refresh-token, connection: app, name: desk, self: env:DESK }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/tokenwheel, key: DESK }
      - { kind: gitlab/ci-variable, project: acme/app, key: DESK_ACCESS, part: access }
ledger: { kind: file, path: ledger.json }
"#;

const WHEEL: &str = "projects/acme/tokenwheel";
const APP: &str = "projects/acme/app";
const FORCE: [&str; 6] = ["rotate", "--force", "--only", "desk", "--reason", "a test"];

fn estate() -> Estate {
    let mut estate = Estate::with(CONFIG);
    estate.stage.keep(WHEEL, "DESK", &estate.first);
    estate.stage.keep(APP, "DESK_ACCESS", "none-was-made-yet");
    estate.stage.environment.insert("CLIENT_SECRET".to_owned(), estate.client.secret.clone());
    estate.stage.environment.insert("APP_SECRET".to_owned(), estate.app.secret.clone());
    estate.stage.environment.insert("DESK".to_owned(), estate.first.clone());
    estate
}

fn inject(estate: &Estate, what: What) {
    let at = At::Matching { method: Method::POST, path: "/oauth/token".to_owned(), times: 1 };
    estate.stage.sandbox.inject(Fault { at, what });
}

fn refresh_tokens(estate: &Estate) -> Vec<String> {
    estate.atlassian(|atlassian| atlassian.live_refresh_tokens())
}

#[test]
fn a_service_account_has_a_new_token_after_each_run() {
    let estate = estate();
    let mut before = String::new();
    for _ in 0..2 {
        let ran = estate.run(&["rotate", "--only", "site-access"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let held = estate.stage.held(APP, "JIRA_ACCESS_TOKEN", "*");
        assert!(estate.is_live(&held) && held != before, "{ran}");
        before = held;
    }
}

#[test]
fn a_scope_that_was_left_out_without_a_word_is_told_and_nothing_is_delivered() {
    let estate = estate();
    estate.write(&CONFIG.replace(r#"["read:jira-user"]"#, r#"["read:jira-user", "manage:jira-project"]"#));
    let ran = estate.run(&["rotate", "--only", "site-access"]);
    assert!(ran.to_string().contains("granted without the scope manage:jira-project"), "{ran}");
    assert_ne!(ran.code, Some(0), "{ran}");
    assert_eq!(estate.stage.held(APP, "JIRA_ACCESS_TOKEN", "*"), "none-was-made-yet");
}

#[test]
fn a_token_of_another_account_than_it_should_be_is_not_delivered() {
    let estate = estate();
    estate.write(&CONFIG.replace("account: \"712020:robot\"", "account: \"712020:somebody-else\""));
    let ran = estate.run(&["rotate", "--only", "site-access"]);
    assert!(ran.to_string().contains("it is a token of account 712020:"), "{ran}");
    assert_eq!(estate.stage.held(APP, "JIRA_ACCESS_TOKEN", "*"), "none-was-made-yet");
}

#[test]
fn a_client_whose_secret_is_wrong_is_told_so() {
    let estate = estate();
    estate.atlassian(|atlassian| atlassian.change_secret(&estate.client.id));
    let ran = estate.run(&["rotate", "--only", "site-access"]);
    assert!(ran.to_string().contains("does not know this client, or its secret"), "{ran}");
    assert_ne!(ran.code, Some(0), "{ran}");
}

#[test]
fn a_chain_of_refresh_tokens_is_never_broken() {
    let mut estate = estate();
    for round in 0..4 {
        let ran = estate.run(&FORCE);
        let held = estate.stage.held(WHEEL, "DESK", "*");
        assert_eq!(refresh_tokens(&estate), std::slice::from_ref(&held), "round {round}: {ran}");
        assert!(estate.is_live(&estate.stage.held(APP, "DESK_ACCESS", "*")), "{ran}");
        // Every other job was started before the last turn, and has what was used up.
        if round % 2 == 0 {
            estate.stage.environment.insert("DESK".to_owned(), held);
        }
    }
    assert_eq!(estate.atlassian(|atlassian| atlassian.reuse_detections), 0);
}

#[test]
fn the_new_one_is_saved_before_anything_is_done_with_what_came_back() {
    let estate = estate();
    let ran = estate.run(&FORCE);
    let lines: Vec<String> = estate.stage.sandbox.exchanges().iter().map(crate::stage::line).collect();
    let exchange = lines.iter().position(|line| line == "atlassian POST /oauth/token").unwrap();
    let after: Vec<&String> = lines[exchange + 1..].iter().filter(|line| line.starts_with("atlassian")).collect();
    assert!(after.is_empty(), "{after:?}\n{ran}");
    assert!(lines[exchange + 1..].iter().any(|line| line.starts_with("gitlab PUT")), "{lines:?}");
}

#[test]
fn a_lost_answer_is_not_asked_for_again_with_the_one_that_was_used_up() {
    let estate = estate();
    inject(&estate, What::DropAfter);
    let ran = estate.run(&FORCE);
    assert_ne!(ran.code, Some(0), "{ran}");
    let asked = |estate: &Estate| {
        let all = estate.stage.sandbox.exchanges();
        all.iter().filter(|one| one.target == "/oauth/token").count()
    };
    assert_eq!(asked(&estate), 1, "sent once, whatever befalls it: {ran}");
    assert!(ran.to_string().contains("desk"), "{ran}");
}

#[test]
fn a_refusal_leaves_the_old_one_and_says_what_a_person_has_to_do() {
    let estate = estate();
    estate.atlassian(|atlassian| atlassian.end_grants(&estate.robot));
    let ran = estate.run(&FORCE);
    assert!(ran.to_string().contains("a person has to allow the app again"), "{ran}");
    assert_ne!(ran.code, Some(0), "{ran}");
    assert_eq!(estate.stage.held(WHEEL, "DESK", "*"), estate.first);
}
