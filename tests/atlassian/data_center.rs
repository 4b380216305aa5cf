//! `atlassian/data-center-token` and `vault/kv`.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::{At, Fault, What};

use super::estate::Estate;

const CONFIG: &str = r#"version: 1
every: 12h
connections:
  vault: { service: vault, url: "https://vault.example.com", token: env:VAULT_ID_TOKEN, login: { jwt: { role: tokenwheel } } }
  jira: { service: atlassian, url: "https://jira.example.com", product: jira, token: "vault:ci/wheel#JIRA_REFRESHER" }
tokens:
  jira-ci:
    issuer: { kind: atlassian/data-center-token, name: ci, ttl: 30d }
    destinations: [{ kind: vault/kv, path: ci/app, key: JIRA_TOKEN }]
ledger: { kind: file, path: ledger.json }
"#;

fn inject(estate: &Estate, method: Method, path: &str, times: usize, what: What) {
    estate.stage.sandbox.inject(Fault { at: At::Matching { method, path: path.to_owned(), times }, what });
}

fn live(estate: &Estate) -> Vec<String> {
    estate.atlassian(|atlassian| atlassian.live_pats("ci")).into_iter().map(|pat| pat.value).collect()
}

#[test]
fn what_is_due_is_turned_and_the_old_one_ends() {
    // What a Data Center answers when it made one is 201 or 200, by who you ask.
    for status in [201, 200] {
        let estate = Estate::with(CONFIG);
        estate.atlassian(|atlassian| atlassian.created_status = status);
        let ran = estate.run(&["rotate"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert_eq!(live(&estate), [estate.held("ci/app", "JIRA_TOKEN")], "{ran}");
        assert!(!estate.is_live(&estate.pat.value), "{ran}");
        assert_eq!(estate.held("ci/app", "OWNER"), "app");
        let again = estate.run(&["rotate"]);
        assert_eq!((again.code, live(&estate).len()), (Some(0), 1), "{again}");
    }
}

#[test]
fn a_policy_that_does_not_allow_the_write_is_found_out_before_anything_is_made() {
    let estate = Estate::with(CONFIG);
    estate.vault(|vault| {
        let policy: &[(&str, &[&str])] = &[("secret/data/ci/*", &["read"])];
        let subject = "project_path:acme/tokenwheel:ref_type:branch:ref:main";
        vault.add_jwt_role("jwt", "tokenwheel", subject, policy, TimeDelta::minutes(20));
    });
    let ran = estate.run(&["rotate"]);
    assert!(ran.to_string().contains("cannot be written: the policy lacks `update`"), "{ran}");
    assert_eq!((ran.code, live(&estate)), (Some(3), vec![estate.pat.value.clone()]), "{ran}");
    assert_eq!(estate.vault(|vault| vault.versions("secret", "ci/app")), 1);
}

#[test]
fn a_lost_answer_is_healed_and_neither_the_old_one_nor_the_lost_one_lives_on() {
    let estate = Estate::with(CONFIG);
    inject(&estate, Method::POST, "/rest/pat/latest/tokens", 1, What::DropAfter);
    let ran = estate.run(&["rotate"]);
    assert!(ran.to_string().contains("no answer"), "{ran}");
    assert_eq!((ran.code, live(&estate)), (Some(0), vec![estate.held("ci/app", "JIRA_TOKEN")]), "{ran}");
    assert!(!estate.is_live(&estate.pat.value), "{ran}");
}

#[test]
fn a_write_whose_answer_is_lost_was_done_and_is_not_done_again() {
    let estate = Estate::with(CONFIG);
    inject(&estate, Method::POST, "/v1/secret/data/ci/app", 1, What::DropAfter);
    let ran = estate.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(estate.vault(|vault| vault.versions("secret", "ci/app")), 2, "{ran}");
    assert_eq!(live(&estate), [estate.held("ci/app", "JIRA_TOKEN")]);
}

#[test]
fn a_write_that_is_refused_leaves_the_old_one_alive() {
    let estate = Estate::with(CONFIG);
    inject(&estate, Method::POST, "/v1/secret/data/ci/app", 9, What::Refuse(403));
    let ran = estate.run(&["rotate"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(estate.is_live(&estate.held("ci/app", "JIRA_TOKEN")), "{ran}");
    estate.stage.sandbox.clear_faults();
    let ran = estate.run(&["rotate"]);
    assert_eq!((ran.code, live(&estate)), (Some(0), vec![estate.held("ci/app", "JIRA_TOKEN")]), "{ran}");
}

#[test]
fn a_false_200_is_no_login() {
    // The credential is dead, and "who am I" says 200: once with a header that denies it, once as to nobody.
    for (product, anonymous) in [("jira", false), ("confluence", false), ("confluence", true)] {
        let estate = Estate::with(&CONFIG.replace("product: jira", &format!("product: {product}")));
        estate.atlassian(|atlassian| {
            (atlassian.false_200, atlassian.anonymous_confluence) = (true, anonymous);
            let dead = atlassian.live_pats("tokenwheel").pop().unwrap();
            atlassian.revoke(&dead.value);
        });
        let ran = estate.run(&["check"]);
        assert_ne!(ran.code, Some(0), "{ran}");
        let why = if anonymous {
            "answers as to somebody anonymous"
        } else {
            "X-Seraph-Loginreason says that the login failed"
        };
        assert!(ran.to_string().contains(why), "{ran}");
    }
}

#[test]
fn a_false_200_is_no_proof_of_what_a_destination_holds() {
    let estate = Estate::with(CONFIG);
    estate.atlassian(|atlassian| {
        atlassian.false_200 = true;
        atlassian.revoke(&estate.pat.value);
    });
    let ran = estate.run(&["plan"]);
    assert!(
        ran.to_string().contains("X-Seraph-Loginreason") || ran.to_string().contains("holds a dead token"),
        "{ran}"
    );
}

#[test]
fn a_user_with_too_many_tokens_is_told_so_and_keeps_those_that_live() {
    let estate = Estate::with(CONFIG);
    estate.atlassian(|atlassian| atlassian.pat_limit = 2);
    let ran = estate.run(&["rotate"]);
    assert!(ran.to_string().contains("may have reached the limit of tokens"), "{ran}");
    assert_eq!((ran.code, live(&estate)), (Some(3), vec![estate.pat.value.clone()]), "{ran}");
}

#[test]
fn a_token_that_rotates_itself_needs_no_other() {
    let own = CONFIG.replace("name: ci, ttl: 30d", "name: ci, ttl: 30d, self: \"vault:ci/app#JIRA_TOKEN\"");
    let estate = Estate::with(&own);
    let ran = estate.run(&["rotate"]);
    assert_eq!(live(&estate), [estate.held("ci/app", "JIRA_TOKEN")], "{ran}");
    let again = estate.run(&["rotate"]);
    assert_eq!((again.code, live(&estate).len()), (Some(0), 1), "{again}");
}
