//! Faults, latency and the record of what came in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tokenwheel_sandbox::{At, Fault, Lost, Request, What};

use crate::common::{Acme, request};

const TURN: &str = "/api/v4/personal_access_tokens/self/rotate";

fn next(what: What) -> Fault {
    Fault { at: At::Nth(1), what }
}

fn rotation(acme: &Acme) -> Request {
    request("gitlab", &acme.owner.value, Method::POST, TURN, &json!({ "expires_at": "2026-06-01" }))
}

fn looking(acme: &Acme) -> Request {
    request("gitlab", &acme.owner.value, Method::GET, "/api/v4/personal_access_tokens/self", &Value::Null)
}

/// Whether the owner's token has been turned.
fn turned(acme: &Acme) -> bool {
    !acme.is_live(&acme.owner.value)
}

#[test]
fn what_strikes_before_leaves_everything_as_it_was() {
    for what in [
        What::DropBefore,
        What::Refuse(503),
        What::RateLimited { retry_after: 7 },
        What::Redirect("http://x/".to_owned()),
    ] {
        let acme = Acme::new();
        acme.world.sandbox.inject(next(what.clone()));
        let answer = acme.world.send(rotation(&acme));
        assert!(!turned(&acme), "{what:?}");
        let exchange = acme.world.sandbox.exchanges().remove(0);
        assert_eq!((exchange.status, exchange.acted.is_none()), (answer.ok().map(|answer| answer.status), true));
        assert_eq!(acme.world.send(rotation(&acme)).unwrap().status, 200, "a fault strikes once");
    }
}

#[test]
fn what_strikes_after_has_been_done_and_is_not_seen() {
    for what in [What::DropAfter, What::FailAfter(502), What::Truncate, What::Malformed] {
        let acme = Acme::new();
        acme.world.sandbox.inject(next(what.clone()));
        let answer = acme.world.send(rotation(&acme));
        assert!(turned(&acme), "{what:?}");
        let exchange = acme.world.sandbox.exchanges().remove(0);
        let (status, body) = exchange.acted.unwrap();
        assert_eq!(status, 200);
        let new: Value = serde_json::from_slice(&body).unwrap();
        assert!(acme.is_live(new["token"].as_str().unwrap()));
        assert_eq!(exchange.status, answer.as_ref().ok().map(|answer| answer.status));
        let seen = answer.map(|answer| answer.body).unwrap_or_default();
        assert_eq!(exchange.response_body, seen);
        assert!(serde_json::from_slice::<Value>(&seen).is_err(), "{what:?}");
    }
}

#[test]
fn a_truncated_answer_announces_more_than_it_holds() {
    let acme = Acme::new();
    acme.world.sandbox.inject(next(What::Truncate));
    let answer = acme.world.send(rotation(&acme)).unwrap();
    let whole = acme.world.sandbox.exchanges().remove(0).acted.unwrap().1.len();
    assert_eq!(answer.headers["content-length"], whole.to_string());
    assert_eq!(answer.body.len(), whole / 2);
}

#[test]
fn a_rate_limit_speaks_as_gitlab_does() {
    let acme = Acme::new();
    acme.world.sandbox.inject(next(What::RateLimited { retry_after: 7 }));
    let answer = acme.world.send(rotation(&acme)).unwrap();
    assert_eq!((answer.status, &answer.body[..]), (429, &b"Retry later\n"[..]));
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(answer.headers["ratelimit-resettime"], "Mon, 04 May 2026 12:00:07 GMT");
}

#[test]
fn a_redirect_names_the_place() {
    let acme = Acme::new();
    acme.world.sandbox.inject(next(What::Redirect("http://elsewhere.example/".to_owned())));
    let answer = acme.world.send(rotation(&acme)).unwrap();
    assert_eq!((answer.status, &answer.headers["location"]), (301, &"http://elsewhere.example/".parse().unwrap()));
}

#[test]
fn the_nth_request_counts_over_all_services_and_from_the_last_forgetting() {
    let acme = Acme::new();
    let styra = || request("styra", "nobody", Method::GET, "/v1/tokens", &Value::Null);
    acme.world.sandbox.inject(Fault { at: At::Nth(2), what: What::DropBefore });
    assert!(acme.world.send(styra()).is_ok());
    assert_eq!(acme.world.send(looking(&acme)).unwrap_err(), Lost);
    acme.world.sandbox.forget_exchanges();
    assert!(acme.world.sandbox.exchanges().is_empty());
    acme.world.sandbox.inject(Fault { at: At::Nth(1), what: What::DropBefore });
    assert_eq!(acme.world.send(looking(&acme)).unwrap_err(), Lost);
    assert_eq!(acme.world.sandbox.exchanges()[0].number, 1);
}

#[test]
fn a_matching_fault_strikes_so_many_times() {
    let acme = Acme::new();
    let at = At::Matching { method: Method::GET, path: "tokens/self".to_owned(), times: 2 };
    acme.world.sandbox.inject(Fault { at, what: What::Refuse(500) });
    assert_eq!(acme.get(&acme.owner, "/user").status, 200);
    let statuses = [0; 3].map(|_| acme.world.send(looking(&acme)).unwrap().status);
    assert_eq!(statuses, [500, 500, 200]);
}

#[test]
fn faults_that_have_not_struck_can_be_taken_back() {
    let acme = Acme::new();
    acme.world.sandbox.inject(Fault { at: At::Nth(1), what: What::DropBefore });
    acme.world.sandbox.clear_faults();
    assert!(acme.world.send(looking(&acme)).is_ok());
}

#[test]
fn a_fault_that_kills_calls_the_hook_and_never_returns() {
    for (what, acted) in [(What::KillBefore, false), (What::KillAfter, true)] {
        let acme = Acme::new();
        let killed = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&killed);
        acme.world.sandbox.on_kill(Box::new(move || {
            seen.fetch_add(1, Ordering::SeqCst);
        }));
        acme.world.sandbox.inject(next(what));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let call = acme.world.sandbox.call(rotation(&acme));
        let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_hours(1), call).await });
        assert!(ended.is_err());
        assert_eq!(killed.load(Ordering::SeqCst), 1);
        assert_eq!(turned(&acme), acted);
        assert_eq!(acme.world.sandbox.exchanges()[0].status, None);
    }
}

#[tokio::test(start_paused = true)]
async fn latency_passes_on_a_paused_clock_and_requests_pass_it_together() {
    let acme = Acme::new();
    acme.world.sandbox.set_latency(Duration::from_millis(50));
    let begun = tokio::time::Instant::now();
    let calls = [0; 5].map(|_| {
        let (sandbox, request) = (acme.world.sandbox.clone(), looking(&acme));
        tokio::spawn(async move { sandbox.call(request).await.map(|answer| answer.status) })
    });
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(200));
    }
    assert_eq!(begun.elapsed(), Duration::from_millis(50));
    assert_eq!(acme.world.sandbox.in_flight_peak(), 5);
    assert_eq!(acme.world.sandbox.exchanges().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_on_a_delayed_answer_has_been_served_all_the_same() {
    let acme = Acme::new();
    acme.world.sandbox.inject(next(What::Delay(Duration::from_secs(90))));
    let call = acme.world.sandbox.call(rotation(&acme));
    assert!(tokio::time::timeout(Duration::from_secs(30), call).await.is_err());
    assert!(turned(&acme));
    let exchange = acme.world.sandbox.exchanges().remove(0);
    assert_eq!((exchange.status, exchange.acted.map(|(status, _)| status)), (None, Some(200)));
}

#[tokio::test(start_paused = true)]
async fn a_delay_and_another_fault_can_strike_together() {
    let acme = Acme::new();
    acme.world.sandbox.inject(next(What::Delay(Duration::from_secs(3))));
    acme.world.sandbox.inject(next(What::DropAfter));
    let begun = tokio::time::Instant::now();
    assert_eq!(acme.world.sandbox.call(rotation(&acme)).await.unwrap_err(), Lost);
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    assert!(turned(&acme));
}

#[test]
fn the_record_holds_what_was_sent_and_handling_leaves_none() {
    let acme = Acme::new();
    acme.world.sandbox.handle(&looking(&acme));
    assert!(acme.world.sandbox.exchanges().is_empty());
    acme.world.send(rotation(&acme)).unwrap();
    let exchange = acme.world.sandbox.exchanges().remove(0);
    assert_eq!((exchange.method, exchange.target.as_str()), (Method::POST, TURN));
    assert_eq!(exchange.host, "gitlab.sandbox");
    assert_eq!(exchange.request_headers["authorization"], format!("Bearer {}", acme.owner.value));
    assert_eq!(&exchange.request_body[..], br#"{"expires_at":"2026-06-01"}"#);
}

#[test]
fn nobody_lives_at_an_unknown_host() {
    let mut acme = Acme::new();
    acme.world.lawless = true;
    let answer = acme.world.ask("nowhere", "x", Method::GET, "/", &Value::Null);
    assert_eq!(answer.status, 404);
    let bare = Request { host: "gitlab".to_owned(), headers: HeaderMap::new(), ..looking(&acme) };
    assert_eq!(acme.world.send(bare).unwrap().status, 401);
}
