//! `zendesk/oauth-token`

use tokenwheel_sandbox::zendesk::AccessToken;
use tokenwheel_sandbox::{At, Fault, What};

use crate::stage::{APP, Desk};
use crate::wheel::Ran;

const SCOPES: &str = "[tickets:read, users:read]";

fn set(scopes: &str, keys: &str) -> Desk {
    let issuer = format!("{{ kind: zendesk/oauth-token, scopes: {scopes}, ttl: 24h }}");
    let place = "{ kind: gitlab/ci-variable, project: acme/app, key: ZENDESK_TOKEN }";
    let desk = Desk::set(&format!("  support:\n    issuer: {issuer}\n{keys}    destinations: [{place}]"));
    desk.stage.keep(APP, "ZENDESK_TOKEN", "a-value-from-before");
    desk
}

fn held(desk: &Desk) -> String {
    desk.stage.held(APP, "ZENDESK_TOKEN", "*")
}

/// The live token of the value that is held.
fn live(desk: &Desk) -> Option<AccessToken> {
    let value = held(desk);
    desk.zendesk(|zendesk| zendesk.live_tokens()).into_iter().find(|token| token.value == value)
}

/// The number of the request that asks for a token of that scope, in an estate that is the same.
fn grant_of(scope: &str) -> usize {
    let mut desk = set(SCOPES, "");
    desk.stage.sandbox.forget_exchanges();
    desk.rotate("support");
    let asks = |body: &[u8]| String::from_utf8_lossy(body).contains(scope);
    let all = desk.stage.sandbox.exchanges();
    all.iter().find(|one| one.target == "/oauth/tokens" && asks(&one.request_body)).unwrap().number
}

fn struck(what: What) -> (Desk, Ran) {
    let number = grant_of("tickets:read");
    let mut desk = set(SCOPES, "");
    desk.stage.sandbox.forget_exchanges();
    desk.stage.sandbox.inject(Fault { at: At::Nth(number), what });
    let ran = desk.rotate("support");
    (desk, ran)
}

#[test]
fn each_run_mints_one_with_the_ordered_scopes_and_the_last_one_dies_by_itself() {
    let mut desk = set(SCOPES, "");
    let ran = desk.rotate("support");
    assert_eq!(ran.code, Some(0), "{ran}");
    let first = live(&desk).unwrap();
    assert_eq!(first.scopes, ["tickets:read", "users:read"]);
    assert_eq!(first.expires_at.unwrap() - first.created_at, chrono::TimeDelta::hours(24));
    assert!(ran.to_string().contains("identity"), "{ran}");
    let ran = desk.rotate("support");
    assert_eq!(ran.code, Some(0), "{ran}");
    let second = live(&desk).unwrap();
    assert!(second.value != first.value && desk.is_live(&first.value), "{ran}");
    desk.stage.sandbox.advance(chrono::TimeDelta::hours(25));
    assert!(!desk.is_live(&first.value));
}

#[test]
fn a_lifetime_that_zendesk_does_not_grant_becomes_the_longest() {
    let mut desk = set(SCOPES, "");
    desk.amend("ttl: 24h", "ttl: 9d");
    let ran = desk.rotate("support");
    assert_eq!(ran.code, Some(0), "{ran}");
    let token = live(&desk).unwrap();
    assert_eq!((token.expires_at.unwrap() - token.created_at).num_seconds(), 172_799, "{ran}");
}

#[test]
fn a_scope_that_means_nothing_is_granted_with_200_and_not_delivered() {
    for dropped in [false, true] {
        let mut desk = set("[tickets:read, ticket:read]", "");
        desk.zendesk(|zendesk| zendesk.unknown_scopes_are_dropped = dropped);
        let ran = desk.rotate("support");
        assert_ne!(ran.code, Some(0), "{ran}");
        assert_eq!(held(&desk), "a-value-from-before", "{ran}");
        let why = if dropped { "is one of them no scope?" } else { "one of its scopes means nothing there" };
        assert!(ran.to_string().contains(why), "{ran}");
        if dropped {
            assert!(desk.zendesk(|zendesk| zendesk.live_tokens()).is_empty(), "what is of no use is ended");
        }
    }
}

#[test]
fn a_text_that_is_no_scope_is_named_offline() {
    let mut desk = set("[\"tickets:read users:read\"]", "");
    let ran = desk.run(&["check", "--offline"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.to_string().contains("`tickets:read users:read` is no scope"), "{ran}");
}

#[test]
fn one_that_never_dies_is_not_delivered() {
    let mut desk = set(SCOPES, "");
    desk.zendesk(|zendesk| zendesk.lifetimes_ignored = true);
    let ran = desk.rotate("support");
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("Zendesk gave it no end"), "{ran}");
    assert_eq!(held(&desk), "a-value-from-before", "{ran}");
}

#[test]
fn one_that_may_not_say_who_it_is_is_delivered_and_named_as_not_proven() {
    let mut desk = set("[\"tickets:write\"]", "");
    desk.zendesk(|zendesk| zendesk.who_needs_read = true);
    let ran = desk.rotate("support");
    assert!(live(&desk).is_some(), "{ran}");
    assert!(ran.to_string().contains("not proven"), "{ran}");
}

#[test]
fn a_refused_grant_changes_nothing() {
    let (desk, ran) = struck(What::Refuse(400));
    assert_ne!(ran.code, Some(0), "{ran}");
    assert_eq!(held(&desk), "a-value-from-before", "{ran}");
}

#[test]
fn a_lost_answer_is_followed_by_another_token() {
    for what in [What::DropAfter, What::FailAfter(503)] {
        let (mut desk, ran) = struck(what);
        if live(&desk).is_none() {
            let ran = desk.rotate("support");
            assert_eq!(ran.code, Some(0), "{ran}");
        }
        assert!(live(&desk).is_some(), "{ran}");
    }
}

#[test]
fn a_page_of_html_with_200_is_no_token() {
    let (mut desk, ran) = struck(What::Malformed);
    assert!(live(&desk).is_some() || held(&desk) == "a-value-from-before", "{ran}");
    let ran = desk.rotate("support");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(live(&desk).is_some(), "{ran}");
}

#[test]
fn a_leaked_one_is_ended_at_once_by_itself() {
    let mut desk = set(SCOPES, "");
    desk.rotate("support");
    let leaked = live(&desk).unwrap();
    let ran = desk.run(&["revoke", "support", "--reason", "it leaked"]);
    assert!(!desk.is_live(&leaked.value), "{ran}");
    assert!(desk.scopes().iter().all(|scope| scope != "write"), "{:?}", desk.scopes());
}
