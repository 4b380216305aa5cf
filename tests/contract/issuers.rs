//! Every issuer, in every way in which it can be used.

use chrono::{DateTime, TimeDelta, Utc};
use tokenwheel::issuer::{Ended, Inventory, MintError, Succession};
use tokenwheel::services::ISSUERS;
use tokenwheel::token::{Order, TokenRecord, TokenValue};

use super::fixtures::{Fixture, all};

fn value(text: &str) -> TokenValue {
    TokenValue::handed(text).unwrap()
}

/// An order for a month, that follows the newest live one.
pub(crate) fn follows(fixture: &Fixture) -> TokenRecord {
    TokenRecord::named(fixture.live.first().map(|(id, _)| id.as_str()).unwrap_or_default())
}

pub(crate) fn order<'a>(fixture: &Fixture, follows: &'a TokenRecord) -> Order<'a> {
    let now = fixture.ground.sandbox.now();
    // What is given no end by order is not ordered one.
    let until = (!fixture.also.undated).then(|| now + TimeDelta::days(30));
    Order { now, until, follows: Some(follows) }
}

/// Those that an API mints.
pub(crate) fn minted() -> impl Iterator<Item = Fixture> {
    all().into_iter().filter(|fixture| !fixture.also.manual)
}

fn ids(inventory: &Inventory) -> Vec<String> {
    match inventory {
        Inventory::Listed(records) => records.iter().map(|record| record.id.clone()).collect(),
        Inventory::Blind { .. } => Vec::new(),
    }
}

#[test]
fn every_kind_has_a_fixture() {
    let fixtures = all();
    for kind in ISSUERS {
        assert!(fixtures.iter().any(|fixture| fixture.kind == kind.kind), "{} has none", kind.kind);
        let itself = fixtures.iter().any(|fixture| fixture.kind == kind.kind && fixture.way == "by itself");
        let only_itself = fixtures.iter().any(|fixture| fixture.kind == kind.kind && fixture.own);
        assert!(
            itself || only_itself || !kind.rotates_itself || kind.kind == "styra/token",
            "{} rotates itself too",
            kind.kind
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_and_an_inventory_change_nothing() {
    for fixture in all() {
        let before = fixture.working();
        let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
        issuer.rehearse(&order(&fixture, &follows)).await.unwrap();
        issuer.inventory().await.unwrap();
        assert!(fixture.ground.requests().iter().all(|request| fixture.reads(request)), "{}", fixture.name());
        assert_eq!(fixture.working(), before, "{}", fixture.name());
    }
}

#[tokio::test(start_paused = true)]
async fn an_inventory_lists_the_live_ones_of_its_subject_newest_first() {
    for fixture in all() {
        let expected: Vec<&str> = fixture.live.iter().map(|(id, _)| id.as_str()).collect();
        match fixture.issuer().await.inventory().await.unwrap() {
            Inventory::Blind { id, .. } => {
                assert!(!fixture.lists, "{} may list", fixture.name());
                assert!(id.is_none_or(|id| expected.first().is_none_or(|first| id == *first)), "{}", fixture.name());
            }
            listed @ Inventory::Listed(_) => {
                assert!(fixture.lists, "{} may not list", fixture.name());
                assert_eq!(ids(&listed), expected, "{}", fixture.name());
                let Inventory::Listed(records) = listed else { continue };
                let created: Vec<DateTime<Utc>> = records.iter().filter_map(|record| record.created).collect();
                // GitLab does not tell when a deploy token was made, nor GitHub when a person made a token.
                let untold = fixture.also.manual || fixture.kind == "gitlab/deploy-token";
                assert!(created.len() == records.len() || untold, "{}", fixture.name());
                assert!(created.is_sorted_by(|newer, older| newer >= older), "{}", fixture.name());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_minted_lives_is_of_the_subject_and_is_listed() {
    for fixture in minted() {
        let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
        let Ok(minted) = issuer.mint(&order(&fixture, &follows)).await else { panic!("{} mints", fixture.name()) };
        assert!(fixture.works(minted.value.expose()), "{}", fixture.name());
        assert_eq!(issuer.verify(&minted.value).await.word(), fixture.proof, "{}", fixture.name());
        assert!(issuer.recognises(&minted.value), "{}", fixture.name());
        let asked = fixture.ground.sandbox.now() + fixture.also.lives.unwrap_or(TimeDelta::days(30));
        match minted.record.expires {
            Some(dies) => assert!(dies <= asked && dies > asked - TimeDelta::days(1), "{}: {dies}", fixture.name()),
            None => assert!(fixture.also.undated, "{} says when it dies", fixture.name()),
        }

        if let Some((_, before)) = fixture.live.first() {
            let lives_on = fixture.works(before);
            assert_eq!(lives_on, issuer.succession() != Succession::Replaces, "{}", fixture.name());
        }
        if fixture.lists && fixture.way != "by itself" {
            let listed = fixture.issuer().await.inventory().await.unwrap();
            assert_eq!(ids(&listed).first(), Some(&minted.record.id), "{}", fixture.name());
        }
    }
}

/// GitLab gives dates, and a token dies at the first moment of its date.
#[tokio::test(start_paused = true)]
async fn what_is_minted_at_the_last_minute_of_a_day_outlives_the_night() {
    for fixture in minted().filter(|fixture| !fixture.also.undated) {
        fixture.ground.sandbox.set_now("2026-05-04T23:59:00Z".parse().unwrap());
        let now = fixture.ground.sandbox.now();
        let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
        let order = Order { now, until: Some(now + TimeDelta::hours(1)), follows: Some(&follows) };
        let Ok(minted) = issuer.mint(&order).await else { panic!("{} mints", fixture.name()) };
        assert!(minted.record.expires.unwrap() >= now + TimeDelta::hours(1), "{}", fixture.name());
        fixture.ground.sandbox.advance(TimeDelta::minutes(59));
        assert!(fixture.works(minted.value.expose()), "{}", fixture.name());
    }
}

#[tokio::test(start_paused = true)]
async fn the_shape_that_is_promised_is_that_of_what_is_minted() {
    for fixture in minted() {
        let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
        let Some(promised) = issuer.shape() else { continue };
        let Ok(minted) = issuer.mint(&order(&fixture, &follows)).await else { panic!("{} mints", fixture.name()) };
        let real = minted.value.shape();
        assert!(promised.shortest <= real.shortest && real.longest <= promised.longest, "{}", fixture.name());
        if fixture.kind != "styra/token" {
            assert!(real.marks.chars().all(|mark| promised.marks.contains(mark)), "{}", fixture.name());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_of_identity_and_not_of_status() {
    for fixture in all().into_iter().filter(|fixture| !fixture.also.unasked) {
        let proof = async |text: &str| fixture.issuer().await.verify(&value(text)).await;
        let rejected = fixture.also.garbage_proof.unwrap_or("rejected");
        for (id, live) in &fixture.live {
            let proved = proof(live).await;
            assert_eq!(proved.word(), fixture.proof, "{}", fixture.name());
            assert!(proved.record().is_none_or(|record| record.id == *id), "{}", fixture.name());
        }
        assert_eq!(proof(&fixture.dead).await.word(), rejected, "{}", fixture.name());
        let Some((_, live)) = fixture.live.first() else { continue };
        let turned = |line: &str| line.chars().rev().collect::<String>();
        let kept = |line: &str| if line.starts_with("-----") { line.to_owned() } else { turned(line) };
        let garbage = live.trim().lines().map(kept).collect::<Vec<_>>().join("\n");
        assert_eq!(proof(&garbage).await.word(), rejected, "{}", fixture.name());
        assert_eq!(proof(&fixture.stranger).await.word(), fixture.stranger_proof, "{}", fixture.name());
    }
}

#[tokio::test(start_paused = true)]
async fn a_proof_changes_nothing_and_sends_the_value_to_read_only_calls() {
    for fixture in all().into_iter().filter(|fixture| !fixture.live.is_empty()) {
        let before = fixture.working();
        fixture.issuer().await.verify(&value(&fixture.live[0].1)).await;
        assert!(fixture.ground.requests().iter().all(|request| fixture.reads(request)), "{}", fixture.name());
        assert_eq!(fixture.working(), before);
        assert_eq!(fixture.ground.sandbox.gitlab(|gitlab| gitlab.pipelines_triggered), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_a_person_mints_is_not_minted_and_nothing_is_sent() {
    for fixture in all().into_iter().filter(|fixture| fixture.also.manual) {
        let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
        assert_eq!(issuer.succession(), Succession::Manual, "{}", fixture.name());
        let minted = issuer.mint(&order(&fixture, &follows)).await;
        assert!(matches!(minted, Err(MintError::Refused(_))), "{}", fixture.name());
        assert!(fixture.ground.requests().is_empty(), "{}", fixture.name());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_revoked_has_ended_and_ending_it_twice_is_well() {
    for fixture in all().into_iter().filter(|fixture| fixture.revokes) {
        let record = follows(&fixture);
        let old = fixture.also.ended_by_value.then(|| value(&fixture.live[0].1));
        for round in ["once", "twice"] {
            let ended = fixture.issuer().await.revoke(&record, old.as_ref()).await;
            // What ends itself cannot be asked again.
            if round == "once" || fixture.way != "by itself" {
                match (ended.unwrap(), fixture.also.lag) {
                    (Ended::Ended, None) => {}
                    (Ended::NotYet { until }, Some(lag)) => {
                        assert!(until > fixture.ground.sandbox.now(), "{} {round}", fixture.name());
                        fixture.ground.sandbox.advance(lag);
                    }
                    // Once its lag is over it has ended.
                    (Ended::Ended, Some(_)) => assert_eq!(round, "twice", "{}", fixture.name()),
                    (Ended::NotYet { .. }, None) => panic!("{} {round}: it has no lag", fixture.name()),
                }
            }
            assert!(!fixture.works(&fixture.live[0].1), "{} {round}", fixture.name());
            assert_eq!(fixture.working().len(), fixture.live.len() - 1, "{} {round}", fixture.name());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_revoke_says_so_and_ends_nothing() {
    for fixture in all().into_iter().filter(|fixture| !fixture.revokes && fixture.way != "by itself") {
        if fixture.also.ended_by_value || fixture.live.is_empty() {
            continue;
        }
        let before = fixture.working();
        assert!(fixture.issuer().await.revoke(&follows(&fixture), None).await.is_err(), "{}", fixture.name());
        assert_eq!(fixture.working(), before, "{}", fixture.name());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotate_path_is_called_only_with_a_credential_that_has_answered_who_it_is() {
    for fixture in all().into_iter().filter(|fixture| fixture.kind.starts_with("gitlab/")) {
        let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
        assert!(issuer.mint(&order(&fixture, &follows)).await.is_ok() || fixture.also.manual, "{}", fixture.name());
        let requests = fixture.ground.requests();
        let Some(rotate) = requests.iter().position(|request| request.target.ends_with("/rotate")) else { continue };
        let asked = requests[..rotate].iter().any(|request| request.target.ends_with("/personal_access_tokens/self"));
        assert!(asked, "{}", fixture.name());
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_dead_credential_nothing_is_minted_and_no_family_dies() {
    for fixture in all().into_iter().filter(|fixture| !fixture.also.nowhere) {
        if let Some(end) = fixture.also.end_login {
            end(&fixture.ground);
        }
        fixture.ground.sandbox.gitlab(|gitlab| {
            if let Some(login) = gitlab.token_of_value(&fixture.login) {
                gitlab.revoke(login.id);
            }
        });
        fixture.ground.sandbox.styra(|styra| styra.revoke("refresher"));
        let before = fixture.working();
        let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
        let minted = issuer.mint(&order(&fixture, &follows)).await;
        assert!(matches!(minted, Err(MintError::Refused(_))), "{}", fixture.name());
        let rotates =
            fixture.ground.requests().into_iter().filter(|request| request.target.ends_with("/rotate")).count();
        assert_eq!(rotates, 0, "{}", fixture.name());
        assert_eq!(fixture.working(), before, "{}", fixture.name());
        assert_eq!(fixture.ground.sandbox.gitlab(|gitlab| gitlab.reuse_detections), 0, "{}", fixture.name());
    }
}
