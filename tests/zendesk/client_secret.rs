//! `zendesk/oauth-client-secret`: what its connection logs in with.

use http::Method;
use tokenwheel_sandbox::What;

use crate::stage::{Desk, WHEEL};

const GENERATE: &str = "/generate_secret";

fn secret(desk: &Desk, client: &str) -> String {
    desk.zendesk(|zendesk| zendesk.client(client)).unwrap().secret
}

fn held(desk: &Desk, key: &str) -> String {
    desk.stage.held(WHEEL, key, "*")
}

/// Without the second client.
fn alone() -> Desk {
    let mut desk = Desk::set("");
    desk.amend("    spare_client_id: wheel-spare\n    spare: env:ZENDESK_SPARE\n", "");
    let config = std::fs::read_to_string(desk.stage.path("tokenwheel.yml")).unwrap();
    let (before, rest) = config.split_once("  zendesk-spare:\n").unwrap();
    let (_, after) = rest.split_once("\nledger").unwrap();
    desk.write(&format!("{before}\nledger{after}"));
    desk.amend("refreshes: zendesk\n", "refreshes: zendesk\n    accept_risk: this is what is tried here\n");
    desk.stage.environment.remove("ZENDESK_SPARE");
    desk.app = 0;
    desk
}

#[test]
fn it_is_turned_by_the_other_delivered_and_the_old_one_is_dead() {
    let mut desk = Desk::set("");
    let old = held(&desk, "ZENDESK_SECRET");
    let ran = desk.force("zendesk-secret");
    assert_eq!(ran.code, Some(0), "{ran}");
    let new = held(&desk, "ZENDESK_SECRET");
    assert!(new == secret(&desk, "wheel") && new != old && !desk.is_live(&old), "{ran}");
    assert!(ran.to_string().contains("identity"), "{ran}");
    let ran = desk.run(&["rotate"]);
    assert_eq!((ran.code, desk.zendesk(|zendesk| zendesk.secrets_generated)), (Some(0), 1), "{ran}");
    assert!(desk.zendesk(|zendesk| zendesk.live_tokens()).is_empty(), "every session is ended");
}

#[test]
fn each_saves_the_other() {
    let mut desk = Desk::set("");
    for (name, client, key) in
        [("zendesk-spare", "wheel-spare", "ZENDESK_SPARE"), ("zendesk-secret", "wheel", "ZENDESK_SECRET")]
    {
        let ran = desk.force(name);
        assert_eq!((ran.code, held(&desk, key)), (Some(0), secret(&desk, client)), "{ran}");
    }
}

#[test]
fn the_wide_scopes_are_asked_for_only_where_a_secret_turns() {
    let mut desk = Desk::set("");
    desk.run(&["rotate"]);
    assert!(desk.scopes().iter().all(|scope| scope == "users:read"), "{:?}", desk.scopes());
    desk.stage.sandbox.forget_exchanges();
    desk.force("zendesk-secret");
    assert_eq!(desk.scopes().iter().filter(|scope| *scope == "read write").count(), 1, "{:?}", desk.scopes());
}

#[test]
fn it_turns_when_it_is_old_enough() {
    let mut desk = Desk::set("");
    let ran = desk.force("zendesk-secret");
    assert_eq!(ran.code, Some(0), "{ran}");
    desk.amend(
        "rotate: { after: 60d }\n    issuer: { kind: zendesk/oauth-client-secret, client_id: wheel }",
        "rotate: { after: 1s }\n    issuer: { kind: zendesk/oauth-client-secret, client_id: wheel }",
    );
    let old = held(&desk, "ZENDESK_SECRET");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let ran = desk.run(&["rotate", "--only", "zendesk-secret"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(held(&desk, "ZENDESK_SECRET") != old && !desk.is_live(&old), "{ran}");
}

#[test]
fn a_refused_write_changes_nothing() {
    let mut desk = Desk::set("");
    let old = held(&desk, "ZENDESK_SECRET");
    desk.inject(Method::PUT, GENERATE, 1, What::Refuse(403));
    let ran = desk.force("zendesk-secret");
    assert_eq!((ran.code, held(&desk, "ZENDESK_SECRET")), (Some(3), old.clone()), "{ran}");
    assert!(desk.is_live(&old), "{ran}");
}

#[test]
fn a_refused_destination_stops_it_before_anything_is_generated() {
    let mut desk = Desk::set("");
    desk.inject(Method::PUT, "/variables/ZENDESK_SECRET", 1, What::Refuse(403));
    let ran = desk.force("zendesk-secret");
    assert_eq!((ran.code, desk.zendesk(|zendesk| zendesk.secrets_generated)), (Some(3), 0), "{ran}");
}

#[test]
fn a_lost_answer_is_healed_by_the_other_client() {
    for what in [What::DropAfter, What::Truncate, What::FailAfter(502), What::Malformed] {
        let mut desk = Desk::set("");
        desk.inject(Method::PUT, GENERATE, 1, what);
        let ran = desk.force("zendesk-secret");
        assert_eq!((ran.code, held(&desk, "ZENDESK_SECRET")), (Some(0), secret(&desk, "wheel")), "{ran}");
        assert_eq!(desk.zendesk(|zendesk| zendesk.secrets_generated), 2, "{ran}");
    }
}

/// The secret is dead, but not what was granted for it: the session of this run generates another.
#[test]
fn a_lost_answer_of_the_only_client_is_healed_by_the_session_that_is_open() {
    let desk = alone();
    desk.inject(Method::PUT, GENERATE, 1, What::DropAfter);
    let ran = desk.run_again(&["rotate", "--only", "zendesk-secret", "--force", "--reason", "a test"]);
    assert_eq!((ran.code, held(&desk, "ZENDESK_SECRET")), (Some(0), secret(&desk, "wheel")), "{ran}");
}

/// Whether the old one goes on working is not known: either way the new one is what is delivered.
#[test]
fn an_old_secret_that_goes_on_working_changes_nothing() {
    for what in [None, Some(What::DropAfter)] {
        let mut desk = Desk::set("");
        desk.zendesk(|zendesk| zendesk.former_secrets_work = true);
        if let Some(what) = what {
            desk.inject(Method::PUT, GENERATE, 1, what);
            let ran = desk.force("zendesk-secret");
            assert!(desk.is_live(&held(&desk, "ZENDESK_SECRET")), "{ran}");
        }
        let ran = desk.force("zendesk-secret");
        assert_eq!((ran.code, held(&desk, "ZENDESK_SECRET")), (Some(0), secret(&desk, "wheel")), "{ran}");
    }
}

#[test]
fn a_client_that_is_not_there_is_named_and_no_other_is_turned() {
    let mut desk = Desk::set("");
    desk.amend("client_id: wheel }", "client_id: weel }");
    let ran = desk.force("zendesk-secret");
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("has no OAuth client with the unique identifier weel"), "{ran}");
    assert_eq!(desk.zendesk(|zendesk| zendesk.secrets_generated), 0, "{ran}");
}

#[test]
fn a_false_200_generates_nothing_and_is_not_taken_for_a_secret() {
    let mut desk = Desk::set("");
    let old = held(&desk, "ZENDESK_SECRET");
    desk.zendesk(|zendesk| zendesk.generate_ignored = true);
    let ran = desk.force("zendesk-secret");
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("without a whole secret"), "{ran}");
    assert!(desk.is_live(&old) && held(&desk, "ZENDESK_SECRET") == old, "{ran}");
    desk.zendesk(|zendesk| zendesk.generate_ignored = false);
    let ran = desk.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&held(&desk, "ZENDESK_SECRET")), "{ran}");
}

#[test]
fn a_job_that_was_started_before_the_last_turn_finds_the_new_one() {
    let mut desk = Desk::set("");
    desk.force("zendesk-secret");
    // The environment still has the old one.
    let ran = desk.run_again(&["rotate"]);
    assert_eq!((ran.code, desk.zendesk(|zendesk| zendesk.secrets_generated)), (Some(0), 1), "{ran}");
}

#[test]
fn a_client_of_somebody_who_is_no_administrator_is_told_so() {
    let mut desk = Desk::set("");
    desk.zendesk(|zendesk| {
        let agent = zendesk.add_user("Ben", tokenwheel_sandbox::zendesk::Role::Agent);
        for client in ["wheel", "wheel-spare"] {
            zendesk.change_client(client, |client| client.user = agent);
        }
    });
    let ran = desk.force("zendesk-secret");
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.to_string().contains("is no administrator"), "{ran}");
}

#[test]
fn a_secret_that_no_client_has_is_dead_and_nothing_is_attempted() {
    let mut desk = alone();
    desk.stage.environment.insert("ZENDESK_SECRET".to_owned(), "0".repeat(64));
    desk.stage.sandbox.gitlab(|gitlab| gitlab.variable(WHEEL, "ZENDESK_SECRET", "*")).unwrap();
    desk.zendesk(|zendesk| zendesk.change_client("wheel", |client| client.secret = "1".repeat(64)));
    let ran = desk.run_again(&["check"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("Zendesk knows no confidential OAuth client wheel with this secret"), "{ran}");
}

#[test]
fn of_two_clients_the_secret_is_said_to_be_of_neither() {
    let desk = Desk::set("");
    for client in ["wheel", "wheel-spare"] {
        desk.zendesk(|zendesk| {
            zendesk.change_client(client, |client| client.secret = format!("other{}", client.secret));
        });
    }
    let ran = desk.run_again(&["check"]);
    assert!(ran.to_string().contains("OAuth client wheel with this secret, nor wheel-spare"), "{ran}");
}

#[test]
fn revoking_it_says_what_ends_a_leaked_one() {
    let mut desk = Desk::set("");
    let old = held(&desk, "ZENDESK_SECRET");
    let ran = desk.run(&["revoke", "zendesk-secret", "--reason", "it leaked"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&old), "{ran}");
}
