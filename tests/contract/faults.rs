//! A mint, and everything that can happen to it on its way: it is sent once, and says `refused` only when nothing was
//! done.

use http::Method;
use tokenwheel::issuer::MintError;
use tokenwheel_sandbox::{At, Fault, What};

use super::fixtures::Fixture;
use super::issuers::{follows, minted, order};

/// Those whose mint is one request, and which do not log in on their way; the others' own suites try their faults.
fn sent() -> impl Iterator<Item = Fixture> {
    minted().filter(|fixture| fixture.also.sends.unwrap_or(1) == 1)
}

/// What befalls the request, and whether the service acts.
fn faults() -> Vec<(What, bool)> {
    vec![
        (What::FailAfter(500), true),
        (What::FailAfter(502), true),
        (What::FailAfter(504), true),
        (What::DropAfter, true),
        (What::Truncate, true),
        (What::Malformed, true),
        (What::DropBefore, false),
        (What::RateLimited { retry_after: 1 }, false),
        (What::Refuse(400), false),
        (What::Refuse(403), false),
        (What::Refuse(404), false),
        (What::Refuse(503), false),
        (What::Redirect("https://elsewhere.sandbox/".to_owned()), false),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_mint_is_sent_once_whatever_befalls_it_and_refused_means_that_nothing_was_done() {
    for (what, acts) in faults() {
        for fixture in sent() {
            let told = format!("{} under {what:?}", fixture.name());
            let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
            for method in [Method::POST, Method::PUT] {
                let at = At::Matching { method, path: "/".to_owned(), times: 9 };
                fixture.ground.sandbox.inject(Fault { at, what: what.clone() });
            }
            let before = fixture.working();
            let minted = issuer.mint(&order(&fixture, &follows)).await;
            let sent = fixture.ground.requests().into_iter().filter(|request| !fixture.reads(request)).count();
            assert_eq!(sent, 1, "{told}");
            let changed = fixture.working() != before;
            assert_eq!(changed, acts, "{told}: the sandbox");
            match minted {
                Ok(_) => panic!("{told}: nobody has the answer"),
                Err(MintError::Refused(_)) => assert!(!changed, "{told}: said to be refused"),
                Err(MintError::InDoubt(_)) => {}
            }
            assert_eq!(fixture.ground.sandbox.gitlab(|gitlab| gitlab.reuse_detections), 0, "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_surely_did_nothing_leaves_no_doubt() {
    for what in [What::RateLimited { retry_after: 1 }, What::Refuse(400), What::Refuse(403), What::Refuse(404)] {
        for fixture in sent() {
            let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
            for method in [Method::POST, Method::PUT] {
                let at = At::Matching { method, path: "/".to_owned(), times: 1 };
                fixture.ground.sandbox.inject(Fault { at, what: what.clone() });
            }
            let minted = issuer.mint(&order(&fixture, &follows)).await;
            assert!(matches!(minted, Err(MintError::Refused(_))), "{} under {what:?}", fixture.name());
        }
    }
}

/// Looking again is how doubt is resolved: a fresh look sees what the lost mint made.
#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_a_fresh_look_sees_what_was_made() {
    use tokenwheel::issuer::Inventory;
    for fixture in sent().filter(|fixture| fixture.lists && fixture.way != "by itself") {
        let (issuer, follows) = (fixture.issuer().await, follows(&fixture));
        let Inventory::Listed(before) = issuer.inventory().await.unwrap() else { continue };
        fixture.ground.sandbox.advance(chrono::TimeDelta::minutes(1));
        for method in [Method::POST, Method::PUT] {
            let at = At::Matching { method, path: "/".to_owned(), times: 1 };
            fixture.ground.sandbox.inject(Fault { at, what: What::DropAfter });
        }
        assert!(matches!(issuer.mint(&order(&fixture, &follows)).await, Err(MintError::InDoubt(_))));
        let Inventory::Listed(after) = fixture.issuer().await.inventory().await.unwrap() else { continue };
        let newest = |records: &[tokenwheel::token::TokenRecord]| {
            records.first().map(|record| (record.id.clone(), record.created))
        };
        assert_ne!(newest(&before), newest(&after), "{}", fixture.name());
    }
}
