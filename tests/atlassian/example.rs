//! The example of the runbook does what it says.

use super::estate::Estate;

#[test]
fn the_example_turns_what_is_due_and_stands_the_check() {
    let estate = Estate::set();
    let ran = estate.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    // The Cloud's access token is in its variable and lives.
    let access = estate.stage.held("projects/acme/app", "JIRA_ACCESS_TOKEN", "*");
    assert!(estate.is_live(&access), "{ran}");
    // The Data Center's token was due; the old one has an hour more, and nobody else lost anything.
    let token = estate.held("ci/app", "JIRA_TOKEN");
    assert!(token != estate.pat.value && estate.is_live(&token) && estate.is_live(&estate.pat.value), "{ran}");
    assert_eq!(
        (estate.held("ci/app", "OWNER"), estate.held("ci/app", "JIRA_API_TOKEN")),
        ("app".to_owned(), estate.legacy.value.clone())
    );
    // What was not due stands.
    assert_eq!(estate.held("ci/wheel", "JIRA_REFRESHER"), estate.wheel.value);
    assert_eq!(estate.held("ci/wheel", "ATLASSIAN_ADMIN_KEY"), estate.key.value);
    assert!(estate.is_live(&estate.legacy.value) && estate.is_live(&estate.key.value));

    let ran = estate.run(&["check"]);
    assert_eq!(ran.code, Some(0), "{ran}");

    // A second run makes another access token, and nothing else.
    let (before, minted) = (token, estate.atlassian(|atlassian| atlassian.access_tokens_minted));
    let ran = estate.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(estate.held("ci/app", "JIRA_TOKEN"), before);
    assert_eq!(estate.atlassian(|atlassian| atlassian.access_tokens_minted), minted + 1, "{ran}");
    assert_ne!(estate.stage.held("projects/acme/app", "JIRA_ACCESS_TOKEN", "*"), access);
    assert_eq!(estate.atlassian(|atlassian| atlassian.reuse_detections), 0);
}

#[test]
fn an_identity_that_the_vault_does_not_know_opens_nothing() {
    let mut estate = Estate::set();
    estate.stage.environment.insert("VAULT_ID_TOKEN".to_owned(), "eyJhbGciOiJub25lIn0.e30.".to_owned());
    let ran = estate.run(&["rotate"]);
    assert!(ran.to_string().contains("does not let this identity log in as role tokenwheel"), "{ran}");
    assert_ne!(ran.code, Some(0), "{ran}");
    assert_eq!(estate.held("ci/app", "JIRA_TOKEN"), estate.pat.value);
}
