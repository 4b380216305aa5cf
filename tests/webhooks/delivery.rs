//! Test deliveries: only with `confirm: delivery`, for they set off real things at the receiver.

use http::Method;
use tokenwheel_sandbox::What;

use crate::common::{Bench, of, rotated, text};
use crate::stage::{OTHERS, bench, full, hooks, inject, only, plain, refuses, rotate, rotates, writes};

fn tested(keys: &str) -> Bench {
    bench(&full("?token={tok}"), &format!("part: {{ url_variable: tok }}, {OTHERS}, confirm: delivery{keys}"))
}

fn played(bench: &Bench) -> Vec<String> {
    let deliveries = bench.sandbox.gitlab(|gitlab| gitlab.deliveries().to_vec());
    deliveries.into_iter().map(|delivery| delivery.event).collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_the_receiver_unless_the_config_says_so() {
    for keys in ["part: token", "part: { custom_header: X-Team }"] {
        let bench = bench(&full(""), keys);
        let report = rotates(&bench).await;
        assert!(played(&bench).is_empty());
        assert!(!writes(&bench).iter().any(|write| write.contains("test")), "{}", text(&report));
    }
}

#[tokio::test(start_paused = true)]
async fn the_receiver_s_answer_confirms_the_new_one_before_the_old_one_goes() {
    let bench = tested("");
    rotates(&bench).await;
    assert_eq!(
        writes(&bench),
        ["PUT hooks/N", "POST hooks", "POST hooks/N/test/issues_events", "DELETE hooks/N", "PUT hooks/N"]
    );
    let delivered = bench.sandbox.gitlab(|gitlab| gitlab.deliveries().to_vec());
    assert!(delivered.len() == 1 && delivered[0].test && delivered[0].hook == only(&bench).id);
    assert!(delivered[0].url.ends_with(&only(&bench).url_variables["tok"]));
    assert_eq!(delivered[0].custom_headers, only(&bench).custom_headers, "the other secrets went along");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_does_not_know_the_new_value_keeps_the_old_webhook_alive() {
    let bench = tested("");
    bench.sandbox.gitlab(|gitlab| gitlab.hooks.receivers_want = vec!["the-old-part".to_owned()]);
    let report = rotate(&bench).await;
    let said = "the receiver did not take a test delivery (its last answer was 401); the old one stands beside it";
    assert!(text(&report).contains(said), "{}", text(&report));
    assert!(!rotated(&report, "deploy"));
    assert!(hooks(&bench).iter().any(|hook| hook.id == 6001 && hook.url_variables["tok"] == "the-old-part"));
    bench.sandbox.gitlab(|gitlab| gitlab.hooks.receivers_want.clear());
    rotates(&bench).await;
    assert!(bench.is_live(&only(&bench).url_variables["tok"]));
}

#[tokio::test(start_paused = true)]
async fn a_change_in_place_is_tested_too() {
    let bench = bench(&full(""), "part: token, confirm: delivery, event: note_events");
    rotates(&bench).await;
    assert_eq!(played(&bench), ["note_events"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_there_is_not_or_nothing_to_listen_to_is_refused() {
    refuses(&tested(", event: moon_events"), "knows no event `moon_events`").await;
    let mut deaf = plain("");
    deaf.settings.retain(|name, _| !name.ends_with("_events"));
    deaf.settings.insert("push_events".to_owned(), false.into());
    refuses(&bench(&deaf, "part: token, confirm: delivery"), "listens to nothing that a test could play").await;
}

#[tokio::test(start_paused = true)]
async fn too_many_tests_in_a_minute_are_waited_for_once() {
    let bench = tested("");
    inject(&bench, Method::POST, "/test/", 1, What::RateLimited { retry_after: 30 });
    rotates(&bench).await;
    assert_eq!(played(&bench).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn tests_that_go_on_being_refused_leave_it_accepted_and_unseen() {
    let bench = tested("");
    bench.sandbox.gitlab(|gitlab| gitlab.hooks.tests_a_minute = Some(0));
    let report = rotate(&bench).await;
    assert!(rotated(&report, "deploy") && text(&report).contains("no test delivery"), "{}", text(&report));
    assert!(played(&bench).is_empty());
    assert!(bench.is_live(&only(&bench).url_variables["tok"]));
}

#[tokio::test(start_paused = true)]
async fn a_project_with_nothing_in_it_cannot_be_tested_and_says_so() {
    let bench = tested("");
    bench.sandbox.gitlab(|gitlab| gitlab.hooks.nothing_to_play = true);
    let report = rotate(&bench).await;
    assert!(text(&report).contains("GitLab has nothing to play issues_events with"), "{}", text(&report));
    assert!(bench.is_live(&only(&bench).url_variables["tok"]));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_test_is_not_asked_for_twice() {
    let bench = tested("");
    inject(&bench, Method::POST, "/test/", 1, What::DropAfter);
    let report = rotate(&bench).await;
    assert_eq!(played(&bench).len(), 1, "{}", text(&report));
    assert!(rotated(&report, "deploy"));
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_gitlab_switched_off_is_named_as_such() {
    let bench = bench(&full(""), "part: token");
    rotates(&bench).await;
    bench.sandbox.gitlab(|gitlab| {
        gitlab.hooks.receivers_answer = 500;
        for _ in 0..4 {
            gitlab.happens("acme/app", "issues_events");
        }
    });
    let report = rotate(&bench).await;
    assert_eq!(of(&report, "deploy").outcome.word(), "kept", "{}", text(&report));
    let said = "GitLab takes it and never shows it; GitLab has switched it off, for its deliveries failed";
    assert!(text(&report).contains(said), "{}", text(&report));
}
