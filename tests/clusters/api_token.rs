//! `signon/api-token` and `signon/synced-secret`: made in the cluster, written by Signon, ended at Signon.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::kubernetes::Kind;

use crate::stage::{APP, House, READER, USER};

const TRY: &str =
    ", try_at: { url: \"{publishing-api}/lookup-by-base-path\", method: POST, body: { base_paths: [/] } }";

#[test]
fn what_is_due_is_minted_synced_proved_read_by_the_pods_and_the_old_one_ended() {
    let mut house = House::publishing(TRY);
    let ran = house.rotate("publisher");
    assert_eq!(ran.code, Some(0), "{ran}");
    let new = house.synced();
    assert!(new != house.old && house.is_live(&new) && !house.is_live(&house.old), "{ran}");
    assert_eq!((house.pods(), house.restarts("apps", Kind::Deployment, READER)), (new, 1), "{ran}");
    // No run of ours ever writes a Secret of Signon's.
    let writes = |path: &str| {
        house.sent("kubernetes").iter().any(|one| one.method == Method::PATCH && one.target.contains(path))
    };
    assert!(!writes("/secrets/") && writes("/deployments/"), "{ran}");
    // It was tried at the application, beside garbage.
    assert_eq!(house.sent("publishing-api").len(), 2, "{ran}");
    assert_eq!(house.ever(), 2, "{ran}");
}

#[test]
fn the_next_run_finds_that_the_application_has_forgotten_the_old_one() {
    let mut house = House::publishing("");
    let ran = house.rotate("publisher");
    assert!(ran.to_string().contains("works until"), "{ran}");
    let ledger = |house: &House| std::fs::read_to_string(house.stage.path("ledger.json")).unwrap();
    let iat = house.signon(|signon| signon.tokens_of(USER, APP))[0].created_at.timestamp().to_string();
    assert!(ledger(&house).contains(&iat), "{ran}");
    // Its five minutes are over by the clock of the machine too.
    let soon = ledger(&house);
    let entry: serde_json::Value = serde_json::from_str(&soon).unwrap();
    let after = entry["tokens"]["publisher"]["retire"][0]["after"].as_str().unwrap().to_owned();
    std::fs::write(house.stage.path("ledger.json"), soon.replace(&after, "2026-01-01T00:00:00Z")).unwrap();
    house.pass(TimeDelta::minutes(6));
    let ran = house.rotate("publisher");
    assert!(ran.code == Some(0) && !ledger(&house).contains(&iat), "{ran}");
    assert_eq!(house.ever(), 2, "{ran}");
}

#[test]
fn an_overlap_is_kept_and_the_old_one_ends_afterwards_without_its_value() {
    let mut house = House::publishing("");
    house.amend("  publisher:\n", "  publisher:\n    rotate: { before: 45d, overlap: 24h }\n");
    let ran = house.rotate("publisher");
    assert!(ran.code == Some(0) && house.is_live(&house.old), "{ran}");
    let ran = house.run(&["rotate", "--only", "publisher", "--revoke-now", "--reason", "a test asks for it"]);
    assert!(!house.is_live(&house.old) && house.is_live(&house.synced()), "{ran}");
}

#[test]
fn a_lost_answer_makes_no_second_token() {
    let mut house = House::publishing("");
    house.inject(Method::POST, "/jobs", 1, What::DropAfter);
    let ran = house.rotate("publisher");
    assert_ne!(ran.code, Some(0), "{ran}");
    house.pass(TimeDelta::minutes(5));
    let ran = house.rotate("publisher");
    assert_eq!((ran.code, house.ever()), (Some(0), 2), "{ran}");
    assert!(house.synced() != house.old && house.pods() == house.synced(), "{ran}");
}

#[test]
fn a_request_that_never_arrived_is_made_by_the_next_run() {
    let mut house = House::publishing("");
    house.inject(Method::POST, "/jobs", 1, What::DropBefore);
    house.rotate("publisher");
    assert_eq!(house.ever(), 1);
    house.pass(TimeDelta::minutes(5));
    let ran = house.rotate("publisher");
    assert_eq!((ran.code, house.ever()), (Some(0), 2), "{ran}");
}

#[test]
fn a_refused_job_leaves_everything_as_it_was() {
    let mut house = House::publishing("");
    house.inject(Method::POST, "/jobs", 9, What::Refuse(403));
    let ran = house.rotate("publisher");
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("the Role of this account does not allow it"), "{ran}");
    assert!(house.ever() == 1 && house.is_live(&house.old) && house.synced() == house.old, "{ran}");
}

#[test]
fn a_job_that_fails_says_where_its_log_is_and_nobody_loses_anything() {
    let mut house = House::publishing("");
    house.cluster(|cluster| cluster.broken_commands.insert("rails".to_owned()));
    let ran = house.rotate("publisher");
    assert!(ran.to_string().contains("kubectl -n apps logs job/tokenwheel-mint-"), "{ran}");
    assert!(house.ever() == 1 && house.is_live(&house.old), "{ran}");
    // It ran once: a pod that is tried again would mint again.
    let pods: Vec<u64> = house.cluster(|cluster| cluster.jobs_of("apps")).iter().map(|(_, job)| job.pods).collect();
    assert_eq!(pods, [1], "{ran}");
    house.cluster(|cluster| cluster.broken_commands.clear());
    house.pass(TimeDelta::minutes(5));
    let ran = house.rotate("publisher");
    assert_eq!((ran.code, house.ever()), (Some(0), 2), "{ran}");
}

#[test]
fn a_sync_that_fails_leaves_a_token_that_the_next_run_brings_home() {
    let mut house = House::publishing("");
    house.cluster(|cluster| cluster.broken_commands.insert("sync_token_secrets".to_owned()));
    let ran = house.rotate("publisher");
    assert!(ran.to_string().contains("a token was made, and is not in its Secret yet"), "{ran}");
    assert!(house.ever() == 2 && house.is_live(&house.old), "{ran}");
    house.cluster(|cluster| cluster.broken_commands.clear());
    house.pass(TimeDelta::minutes(5));
    let ran = house.rotate("publisher");
    assert_eq!((ran.code, house.ever()), (Some(0), 2), "{ran}");
    assert!(house.pods() == house.synced() && !house.is_live(&house.old), "{ran}");
}

#[test]
fn a_revocation_that_is_answered_with_200_is_not_believed() {
    let mut house = House::publishing("");
    house.signon(|signon| signon.revokes_nothing = true);
    let ran = house.rotate("publisher");
    assert!(ran.to_string().contains("Signon said that it ended the token, and the token lives"), "{ran}");
    assert!(ran.code != Some(0) && house.is_live(&house.old), "{ran}");
    // It is tried again, though its value is nowhere any more: the cluster ends it by its date.
    house.signon(|signon| signon.revokes_nothing = false);
    let ran = house.rotate("publisher");
    assert!(!house.is_live(&house.old) && house.is_live(&house.synced()), "{ran}");
}

#[test]
fn a_token_that_the_application_refuses_is_not_taken_into_use_for_the_old_one() {
    let mut house = House::publishing(TRY);
    house.signon(|signon| signon.target = "Router API".to_owned());
    let ran = house.rotate("publisher");
    assert!(ran.to_string().contains("Signon knows it, and the application refuses it"), "{ran}");
    assert!(ran.code != Some(0) && house.is_live(&house.old), "{ran}");
}

#[test]
fn an_application_that_takes_garbage_proves_nothing() {
    let mut house = House::publishing(TRY);
    house.signon(|signon| signon.target_is_open = true);
    let ran = house.rotate("publisher");
    assert!(ran.to_string().contains("the application takes garbage too"), "{ran}");
}

#[test]
fn a_user_that_may_not_sign_in_is_let_in_by_the_next_token() {
    let mut house = House::publishing("");
    house.signon(|signon| signon.deny(USER, APP));
    let ran = house.rotate("publisher");
    assert!(house.synced() != house.old && house.is_live(&house.synced()), "{ran}");
    assert!(house.signon(|signon| signon.api_user(USER)).unwrap().signs_in.contains(APP), "{ran}");
}

#[test]
fn a_shorter_life_than_the_old_one_has_is_refused_by_the_job() {
    let mut house = House::publishing(", ttl: 2d");
    let ran = house.force("publisher");
    assert!(ran.to_string().contains("does no live token outlive the ttl"), "{ran}");
    assert!(house.ever() == 1 && house.is_live(&house.old), "{ran}");
}

#[test]
fn without_a_ledger_a_token_that_has_time_is_taken_over_with_its_dates() {
    let mut house = House::publishing("");
    house.amend("  publisher:\n", "  publisher:\n    rotate: { before: 14d }\n");
    let ran = house.rotate("publisher");
    assert_eq!((ran.code, house.ever()), (Some(0), 1), "{ran}");
    assert!(!ran.to_string().contains("is not known"), "{ran}");
}

#[test]
fn a_newer_token_that_signon_made_by_itself_is_found_and_kept() {
    let mut house = House::publishing("");
    house.amend("  publisher:\n", "  publisher:\n    rotate: { before: 14d }\n");
    house.rotate("publisher");
    house.cluster(|cluster| {
        cluster.run_in("apps", &["rake", "access_tokens:renew_expiring_internal_tokens"].map(str::to_owned));
        cluster.nightly_sync("apps");
    });
    let newer = house.synced();
    assert_ne!(newer, house.old);
    let ran = house.rotate("publisher");
    assert_eq!((ran.code, house.ever(), house.synced()), (Some(0), 2, newer), "{ran}");
}

#[test]
fn a_dead_token_in_the_secret_is_replaced_though_it_is_not_due() {
    let mut house = House::publishing("");
    house.amend("  publisher:\n", "  publisher:\n    rotate: { before: 14d }\n");
    house.rotate("publisher");
    house.signon(|signon| signon.end_token(&signon.tokens_of(USER, APP)[0].value.clone()));
    let ran = house.rotate("publisher");
    assert!(house.is_live(&house.synced()) && house.pods() == house.synced(), "{ran}");
}

#[test]
fn staging_is_refused_by_its_address_and_by_its_name() {
    let mut house = House::publishing("");
    house.amend("service: signon,", "service: signon, environment: staging,");
    let ran = house.run(&["check", "--offline"]);
    assert!(ran.code == Some(2) && ran.to_string().contains("overwritten from production every night"), "{ran}");
    house.amend("environment: staging,", "");
    let url = format!("\"{}\"", house.stage.served.signon);
    house.amend(&url, "https://signon.staging.publishing.service.gov.uk");
    let ran = house.run(&["check", "--offline"]);
    assert!(ran.code == Some(2) && ran.to_string().contains("overwritten from production every night"), "{ran}");
}
