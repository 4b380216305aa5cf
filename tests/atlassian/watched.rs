//! `atlassian/api-token` and `atlassian/admin-api-key`: what only a person can make.

use std::io::Write as _;
use std::process::Stdio;

use chrono::TimeDelta;

use super::estate::Estate;

const CONFIG: &str = r#"version: 1
every: 12h
connections:
  vault: { service: vault, url: "https://vault.example.com", token: env:VAULT_ID_TOKEN, login: { jwt: { role: tokenwheel } } }
  admin: { service: atlassian, url: "https://api.atlassian.com", org: 0f0f0f0f-1111-4222-8333-444444444444, token: "vault:ci/wheel#ATLASSIAN_ADMIN_KEY" }
tokens:
  legacy-script:
    issuer: { kind: atlassian/api-token, account: "712020:robot", email: robot@acme.example, label: legacy-script, site: "https://acme.atlassian.net" }
    rotate: { before: 30d }
    destinations: [{ kind: vault/kv, path: ci/app, key: JIRA_API_TOKEN }]
  admin-key:
    issuer: { kind: atlassian/admin-api-key, name: tokenwheel }
    rotate: { before: 30d }
    destinations: [{ kind: vault/kv, path: ci/wheel, key: ATLASSIAN_ADMIN_KEY }]
ledger: { kind: file, path: ledger.json }
"#;

#[test]
fn what_only_a_person_makes_is_watched_and_left_alone() {
    let estate = Estate::with(CONFIG);
    let ran = estate.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!ran.to_string().contains("id.atlassian.com"), "nobody is due: {ran}");
    assert_eq!(estate.held("ci/app", "JIRA_API_TOKEN"), estate.legacy.value);
    assert!(estate.is_live(&estate.legacy.value) && estate.is_live(&estate.key.value));
}

#[test]
fn a_person_is_told_in_time_and_where_to_click() {
    let estate = Estate::with(CONFIG);
    let now = estate.stage.sandbox.now();
    estate.atlassian(|atlassian| {
        atlassian.revoke(&estate.legacy.value);
        let (made, dies) = (now - TimeDelta::days(300), now + TimeDelta::days(20));
        let old = atlassian.add_api_token(&estate.robot, "legacy-script", made, dies);
        estate.stage.sandbox.vault(|vault| vault.put("secret", "ci/app", &[("JIRA_API_TOKEN", &old.value)]));
    });
    let ran = estate.run(&["status"]);
    assert!(ran.to_string().contains("https://id.atlassian.com/manage-profile/security/api-tokens"), "{ran}");
    assert!(ran.to_string().contains("tokenwheel supply legacy-script"), "{ran}");
}

#[test]
fn what_a_person_made_is_proved_delivered_and_its_predecessor_revoked_alone() {
    let estate = Estate::with(CONFIG);
    assert_eq!(estate.run(&["rotate"]).code, Some(0));
    let now = estate.stage.sandbox.now();
    let (new, other) = estate.atlassian(|atlassian| {
        let dies = now + TimeDelta::days(300);
        let other = atlassian.add_api_token(&estate.robot, "another", now - TimeDelta::days(9), dies);
        (atlassian.add_api_token(&estate.robot, "legacy-script", now, dies), other)
    });
    let supply = |value: &str| {
        let mut command = estate.stage.command(&["supply", "legacy-script"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{value}").unwrap();
        estate.stage.read(&child.wait_with_output().unwrap())
    };
    // A value of the right form that nobody has changes nothing.
    let ran = supply(&format!("{}x", new.value));
    assert!(ran.to_string().contains("the issuer rejects this value"), "{ran}");
    assert_eq!(estate.held("ci/app", "JIRA_API_TOKEN"), estate.legacy.value);

    let ran = supply(&new.value);
    assert_eq!(estate.held("ci/app", "JIRA_API_TOKEN"), new.value, "{ran}");
    let revoked = |id: &str| estate.atlassian(|atlassian| atlassian.api_token(id).unwrap().revoked.is_some());
    assert!(revoked(&estate.legacy.id) && !revoked(&new.id) && !revoked(&other.id), "{ran}");
    assert!(!estate.atlassian(|atlassian| atlassian.bulk_revoked));
    // It is remembered by the name that the issuer lists, or nobody would know it again.
    let ledger = std::fs::read_to_string(estate.stage.path("ledger.json")).unwrap();
    assert!(ledger.contains(&format!("\"{}\"", new.id)), "{ran}");
    // It works on, and that is said.
    assert!(estate.is_live(&estate.legacy.value) && ran.to_string().contains("works until"), "{ran}");
    let ran = estate.run(&["rotate"]);
    assert_eq!((ran.code, estate.held("ci/app", "JIRA_API_TOKEN")), (Some(0), new.value), "{ran}");
}

#[test]
fn a_leaked_one_is_revoked_and_said_to_work_on_until_its_lag_is_over() {
    let estate = Estate::with(CONFIG);
    let ran = estate.run(&["revoke", "legacy-script", "--reason", "it was in a screenshot"]);
    assert!(estate.atlassian(|atlassian| atlassian.api_token(&estate.legacy.id).unwrap().revoked.is_some()), "{ran}");
    assert!(estate.is_live(&estate.legacy.value), "it works on for ten minutes");
    assert!(ran.to_string().contains("was revoked, and may go on working until"), "{ran}");
    // Not proved dead yet: that is for somebody to see, and for a later run to look at again.
    let ledger = std::fs::read_to_string(estate.stage.path("ledger.json")).unwrap();
    assert!(ran.code == Some(4) && ledger.contains("\"ending\":true"), "{ran}");
    estate.run(&["rotate"]);
    assert!(std::fs::read_to_string(estate.stage.path("ledger.json")).unwrap().contains("\"ending\":true"));
    assert!(estate.is_live(&estate.key.value) && !estate.atlassian(|atlassian| atlassian.bulk_revoked), "{ran}");
}

#[test]
fn a_list_of_nothing_under_200_does_not_prove_that_a_token_lives() {
    let estate = Estate::with(CONFIG);
    estate.atlassian(|atlassian| {
        atlassian.false_200 = true;
        atlassian.revoke(&estate.legacy.value);
    });
    let ran = estate.run(&["status"]);
    assert!(ran.to_string().contains("X-Seraph-Loginreason") || ran.code == Some(4), "{ran}");
    assert!(!estate.stage.sandbox.exchanges().iter().any(|one| one.target.contains("/project")));
}

#[test]
fn the_only_one_that_is_listed_is_what_was_handed_over_and_is_not_ended_as_its_own_predecessor() {
    let estate = Estate::with(CONFIG);
    let now = estate.stage.sandbox.now();
    let new = estate.atlassian(|atlassian| {
        atlassian.revoke(&estate.legacy.value);
        atlassian.add_api_token(&estate.robot, "legacy-script", now, now + TimeDelta::days(300))
    });
    let mut command = estate.stage.command(&["supply", "legacy-script"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", new.value).unwrap();
    let ran = estate.stage.read(&child.wait_with_output().unwrap());
    assert_eq!(estate.held("ci/app", "JIRA_API_TOKEN"), new.value, "{ran}");
    let revoked = |id: &str| estate.atlassian(|atlassian| atlassian.api_token(id).unwrap().revoked.is_some());
    assert!(!revoked(&new.id), "{ran}");
    let ledger = std::fs::read_to_string(estate.stage.path("ledger.json")).unwrap();
    assert!(ledger.contains(&format!("\"{}\"", new.id)), "{ran}");
}
