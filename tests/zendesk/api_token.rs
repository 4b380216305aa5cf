//! `zendesk/api-token`: watched, and never touched.

use chrono::TimeDelta;
use http::Method;

use crate::stage::{APP, Desk};

/// An API token of that description, used so many days ago, in a variable.
fn set(used: i64) -> (Desk, String) {
    let issuer = "{ kind: zendesk/api-token, description: support-bot, email: ada@example.com }";
    let place = "{ kind: gitlab/ci-variable, project: acme/app, key: API_TOKEN }";
    let desk = Desk::set(&format!("  old-kind:\n    issuer: {issuer}\n    destinations: [{place}]"));
    let used = desk.stage.sandbox.now() - TimeDelta::days(used);
    let admin = desk.admin;
    let token = desk.zendesk(|zendesk| zendesk.add_api_token("support-bot", admin, Some(used)));
    desk.stage.keep(APP, "API_TOKEN", &token.value);
    (desk, token.value)
}

fn untouched(desk: &Desk) {
    let changes = desk.sent().into_iter().filter(|one| one.target.contains("/api_tokens") && one.method != Method::GET);
    assert_eq!((changes.count(), desk.zendesk(|zendesk| zendesk.api_tokens_deleted)), (0, 0));
}

#[test]
fn the_end_of_them_all_and_the_way_out_are_told_and_nothing_is_deleted() {
    let (mut desk, value) = set(1);
    for command in
        [vec!["plan"], vec!["rotate"], vec!["status"], vec!["rotate", "--only", "old-kind", "--force", "--reason", "x"]]
    {
        let ran = desk.run(&command);
        assert!(ran.code.is_some_and(|code| code != 1), "{command:?}: {ran}");
        if command[0] != "status" {
            assert!(ran.to_string().contains("all API tokens end on 30 April 2027"), "{command:?}: {ran}");
            assert!(ran.to_string().contains("confidential OAuth client"), "{command:?}: {ran}");
        }
        untouched(&desk);
    }
    assert!(desk.is_live(&value));
}

#[test]
fn one_that_idles_is_told_of_before_it_is_switched_off() {
    // To plan is to ask whether it works, which counts as use: what is told is what was so before.
    let (mut desk, _) = set(26);
    let ran = desk.run(&["plan"]);
    assert!(ran.to_string().contains("it was not used for 25 days"), "{ran}");
    let (mut desk, _) = set(5);
    let ran = desk.run(&["plan"]);
    assert!(!ran.to_string().contains("it was not used"), "{ran}");
}

#[test]
fn a_false_200_is_no_life() {
    let (mut desk, _) = set(1);
    desk.stage.sandbox.gitlab(|gitlab| gitlab.variable(APP, "API_TOKEN", "*")).unwrap();
    desk.zendesk(|zendesk| zendesk.set_api_token("support-bot", &"x".repeat(40)));
    let ran = desk.run(&["plan"]);
    assert!(ran.to_string().contains("Zendesk knows nobody by it"), "{ran}");
}

#[test]
fn switched_off_in_the_account_is_none() {
    let (mut desk, _) = set(1);
    desk.zendesk(|zendesk| zendesk.api_tokens_off = true);
    let ran = desk.run(&["plan"]);
    assert!(ran.to_string().contains("no API token with this description works any more"), "{ran}");
}

#[test]
fn a_leaked_one_is_not_deleted_but_by_hand() {
    let (mut desk, value) = set(1);
    let ran = desk.run(&["revoke", "old-kind", "--reason", "it leaked"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("none can be made again"), "{ran}");
    assert!(desk.is_live(&value));
    untouched(&desk);
}

#[test]
fn the_session_that_lists_them_can_only_read() {
    let (mut desk, _) = set(1);
    desk.run(&["plan"]);
    assert!(desk.scopes().iter().all(|scope| !scope.contains("write")), "{:?}", desk.scopes());
}
