//! Every destination, in every form of it.

use tokenwheel::destination::{Ask, Assurance, Depth, Holding, Receipt};
use tokenwheel::services::DESTINATIONS;

use super::bench::value;
use super::places::{BEFORE, all};

const NEW: &str = "glpat-a-new-value_1.2";

#[test]
fn every_kind_has_a_fixture() {
    let places = all();
    for kind in DESTINATIONS {
        assert!(places.iter().any(|place| place.kind == kind.kind), "{} has none", kind.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_leaves_value_and_attributes_as_they_were_and_writes_no_value() {
    for place in all() {
        let (before, shape) = (place.attributes(), value(NEW).shape());
        for depth in [Depth::Look, Depth::Try] {
            let ask = Ask { shape: Some(&shape), depth, last: None };
            let to = place.destination().await;
            to.rehearse(&ask).await.unwrap_or_else(|why| panic!("{}: {why:#}", place.name()));
            assert_eq!(place.value().as_deref(), Some(BEFORE), "{} {depth:?}", place.name());
            assert_eq!(place.attributes(), before, "{} {depth:?}", place.name());
            for request in place.ground.requests() {
                let body = String::from_utf8_lossy(&request.request_body).into_owned();
                let written =
                    body.contains(BEFORE) || (place.kind.starts_with("gitlab/") && body.contains("\"value\""));
                assert!(!written, "{} {depth:?}", place.name());
                let by_post = place.also.reads_by_post.iter().any(|path| request.target.contains(path));
                let reads = by_post || request.method == http::Method::GET;
                assert!(depth == Depth::Try || reads, "{}: a look only reads", place.name());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_is_there_and_is_confirmed_and_all_else_is_kept() {
    for place in all() {
        let before = place.attributes();
        let to = place.destination().await;
        let receipt = to.deliver(&value(NEW), None).await.unwrap();
        assert_eq!(place.value().as_deref(), Some(NEW), "{}", place.name());
        assert_eq!(place.attributes(), before, "{}", place.name());
        match to.confirm(&value(NEW), &receipt).await.unwrap() {
            Assurance::ReadBack | Assurance::Stamped => assert!(!place.hidden, "{}", place.name()),
            Assurance::Unseen(_) => assert!(place.hidden, "{} can be seen", place.name()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn done_twice_is_done_once() {
    for place in all() {
        let before = place.attributes();
        let mut last: Option<Receipt> = None;
        for _ in 0..2 {
            let to = place.destination().await;
            let receipt = to.deliver(&value(NEW), last.as_ref()).await.unwrap();
            to.confirm(&value(NEW), &receipt).await.unwrap();
            last = Some(receipt);
            assert_eq!((place.value().as_deref(), place.attributes()), (Some(NEW), before.clone()), "{}", place.name());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_holds_is_what_was_delivered_or_cannot_be_known() {
    for place in all() {
        let receipt = place.destination().await.deliver(&value(NEW), None).await.unwrap();
        match place.destination().await.holds(Some(&receipt)).await.unwrap() {
            Holding::Lent(held) => assert!(held.same_as(&value(NEW)) && !place.hidden, "{}", place.name()),
            Holding::Stamp { same } => assert!(same, "{}", place.name()),
            Holding::Unknowable(_) => assert!(place.hidden, "{}", place.name()),
            Holding::Nothing => panic!("{} holds something", place.name()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changed_meanwhile_is_not_confirmed() {
    for place in all().into_iter().filter(|place| !place.hidden && !place.also.cannot_be_overwritten) {
        let to = place.destination().await;
        let receipt = to.deliver(&value(NEW), None).await.unwrap();
        place.overwrite("somebody-elses-value");
        assert!(to.confirm(&value(NEW), &receipt).await.is_err(), "{}", place.name());
        match place.destination().await.holds(Some(&receipt)).await.unwrap() {
            Holding::Lent(held) => assert!(held.same_as(&value("somebody-elses-value")), "{}", place.name()),
            Holding::Stamp { same } => assert!(!same, "{}", place.name()),
            Holding::Unknowable(_) | Holding::Nothing => panic!("{} was read before", place.name()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_places_have_two_addresses_and_one_has_one() {
    let mut seen = Vec::new();
    for place in all() {
        let address = place.destination().await.address().to_string();
        assert_eq!(address, place.destination().await.address().to_string());
        assert!(!address.contains(BEFORE));
        seen.push((address, place.name()));
    }
    let unscoped = |(address, _): &(String, String)| address.contains("acme/app") && address.contains("TOKEN");
    let mut addresses = std::collections::BTreeSet::new();
    for place in &seen {
        // The forms of an unscoped variable of `acme/app` are one place.
        assert!(addresses.insert(&place.0) || unscoped(place), "{place:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_cannot_be_reached_is_an_error_and_never_nothing() {
    use tokenwheel_sandbox::{At, Fault, What};
    for place in all().into_iter().filter(|place| place.kind.contains('/') && !place.hidden && !place.also.nowhere) {
        for status in [403, 500, 503] {
            let at = At::Matching { method: http::Method::GET, path: "/".to_owned(), times: 9 };
            let to = place.destination().await;
            place.ground.sandbox.inject(Fault { at, what: What::Refuse(status) });
            assert!(to.holds(None).await.is_err(), "{} {status}", place.name());
            place.ground.sandbox.clear_faults();
        }
    }
}
