//! Webhooks: their secrets go in and never come out, a new address takes most of them away, and a masked part of the
//! address that is in use cannot be changed in place.

use crate::common::Acme;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokenwheel_sandbox::Answer;
use tokenwheel_sandbox::gitlab::{GitLab, Hook, Hooks};

const HOOKS: &str = "/projects/acme%2Fapp/hooks";
const PLAIN: &str = "https://hooks.example.com/in?team=blue";
const MASKED: &str = "https://hooks.example.com/in?token={tok}";
const SIGNING: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// A webhook with every secret there is, at that address.
fn full(url: &str) -> Hook {
    let map = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into_iter().collect();
    Hook {
        token: Some("old-token".to_owned()),
        signing_token: Some(SIGNING.to_owned()),
        url_variables: map("tok", "old-part"),
        custom_headers: map("X-Team", "old-header"),
        ..GitLab::plain_hook(url)
    }
}

struct World {
    acme: Acme,
    id: u64,
}

impl World {
    fn new(hook: &Hook) -> Self {
        let acme = Acme::new();
        let id = acme.world.sandbox.gitlab(|gitlab| gitlab.add_hook("projects/acme/app", hook));
        Self { acme, id }
    }

    fn set(&self, change: impl FnOnce(&mut Hooks)) {
        self.acme.world.sandbox.gitlab(|gitlab| change(&mut gitlab.hooks));
    }

    fn ask(&self, method: &str, rest: &str, body: &Value) -> Answer {
        self.acme.ask(&self.acme.maintainer, method, &format!("{HOOKS}/{}{rest}", self.id), body)
    }

    fn put(&self, body: &Value) -> Answer {
        self.ask("PUT", "", body)
    }

    fn held(&self) -> Hook {
        let mut all = self.acme.world.sandbox.gitlab(|gitlab| gitlab.hooks_of("projects/acme/app"));
        all.retain(|hook| hook.id == self.id);
        all.remove(0)
    }
}

#[test]
fn secrets_are_written_and_only_their_presence_is_shown() {
    let world = World::new(&full(MASKED));
    let answer = world.ask("GET", "", &Value::Null);
    let shown = answer.value();
    assert_eq!((&shown["token_present"], &shown["signing_token_present"]), (&json!(true), &json!(true)));
    assert_eq!(
        (&shown["url_variables"], &shown["custom_headers"]),
        (&json!([{"key": "tok"}]), &json!([{"key": "X-Team"}]))
    );
    assert_eq!(shown["url"], MASKED);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    for secret in ["old-token", "old-part", "old-header", SIGNING] {
        assert!(!text.contains(secret));
        assert!(world.acme.world.sandbox.values().contains(&secret.to_owned()), "the leak test must know it");
    }
}

#[test]
fn an_older_gitlab_tells_less_and_ignores_what_it_does_not_know() {
    let world = World::new(&GitLab::plain_hook(PLAIN));
    world.set(|hooks| (hooks.tells_of_tokens, hooks.signs) = (false, false));
    let shown = world.put(&json!({ "signing_token": SIGNING, "token": "new-token" })).value();
    assert!(shown.get("token_present").is_none() && shown.get("signing_token_present").is_none());
    assert_eq!((world.held().signing_token, world.held().token), (None, Some("new-token".to_owned())));
    assert_eq!(world.put(&json!({ "signing_token": SIGNING })).status, 200);
    world.set(|hooks| hooks.what_is_ignored_counts = false);
    assert_eq!(world.put(&json!({ "signing_token": SIGNING })).status, 400);
    world.set(|hooks| hooks.described = false);
    let made = world.acme.ask(&world.acme.maintainer, "POST", HOOKS, &json!({ "url": PLAIN, "name": "n" })).value();
    assert!(made.get("name").is_none() && made.get("custom_headers").is_none());
}

#[test]
fn a_flag_that_is_off_ignores_a_signing_token_without_a_word() {
    let world = World::new(&GitLab::plain_hook(PLAIN));
    world.set(|hooks| hooks.signs = false);
    let answer = world.put(&json!({ "signing_token": SIGNING, "push_events": true }));
    assert_eq!((answer.status, &answer.value()["signing_token_present"]), (200, &json!(false)));
}

#[test]
fn a_signing_token_is_32_bytes_in_base64() {
    let world = World::new(&GitLab::plain_hook(PLAIN));
    for wrong in ["whsec_short", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "whsec_"] {
        assert_eq!(world.put(&json!({ "signing_token": wrong })).status, 422, "{wrong}");
    }
    assert_eq!(world.put(&json!({ "signing_token": SIGNING })).value()["signing_token_present"], true);
}

#[test]
fn a_token_alone_is_changed_in_one_call_and_nothing_else_is_touched() {
    let world = World::new(&full(MASKED));
    let before = world.held();
    assert_eq!(world.put(&json!({ "token": "new-token" })).status, 200);
    assert_eq!(world.held(), Hook { token: Some("new-token".to_owned()), ..before });
}

#[test]
fn a_custom_header_and_an_unused_variable_are_changed_in_place() {
    let world = World::new(&full(PLAIN));
    let before = world.held();
    assert_eq!(world.ask("PUT", "/custom_headers/X-Team", &json!({ "value": "new" })).status, 204);
    assert_eq!(world.ask("PUT", "/url_variables/tok", &json!({ "value": "newer" })).status, 204);
    let after = world.held();
    assert_eq!((after.custom_headers["X-Team"].as_str(), after.url_variables["tok"].as_str()), ("new", "newer"));
    assert_eq!((after.token, after.url), (before.token, before.url));
    assert_eq!(world.ask("PUT", "/custom_headers/1-bad", &json!({ "value": "new" })).status, 422);
    assert_eq!(world.ask("DELETE", "/custom_headers/X-Team", &Value::Null).status, 204);
    assert_eq!(
        world.ask("DELETE", "/custom_headers/X-Team", &Value::Null).value()["message"],
        "404 Custom header Not Found"
    );
}

#[test]
fn a_variable_that_the_address_uses_cannot_be_changed_in_place() {
    let world = World::new(&full(MASKED));
    let before = world.held();
    let answer = world.ask("PUT", "/url_variables/tok", &json!({ "value": "new" }));
    assert_eq!((answer.status, &answer.value()["error"]), (422, &json!("Illegal key or value")));
    let list = json!({ "url_variables": [{ "key": "tok", "value": "new" }] });
    assert_eq!(world.put(&list).value()["error"], "Invalid url given");
    // Another name for it does not help either.
    let renamed = json!({ "url": MASKED.replace("tok}", "new}"), "url_variables": [{ "key": "new", "value": "new" }] });
    assert_eq!(world.put(&renamed).status, 422);
    assert_eq!(world.held(), before);
    // The same value is no change.
    assert_eq!(world.ask("PUT", "/url_variables/tok", &json!({ "value": "old-part" })).status, 204);
}

#[test]
fn a_new_address_takes_token_headers_and_variables_away() {
    for clears in [true, false] {
        let world = World::new(&full(PLAIN));
        world.set(|hooks| hooks.address_clears_signing_token = clears);
        let headers = json!([{ "key": "X-Team", "value": "old-header" }]);
        assert_eq!(world.put(&json!({ "url": format!("{PLAIN}&a=b"), "custom_headers": headers })).status, 200);
        let after = world.held();
        assert_eq!((after.token, after.signing_token.is_none()), (None, clears));
        assert!(after.custom_headers.is_empty(), "also when they are sent along");
        assert!(after.url_variables.is_empty());
    }
    let world = World::new(&full(PLAIN));
    assert_eq!(world.put(&json!({ "url": format!("{PLAIN}&a=b"), "token": "old-token" })).status, 200);
    assert_eq!(world.held().token.as_deref(), Some("old-token"), "unless it is sent along");
    assert_eq!(world.put(&json!({ "url": format!("{PLAIN}&a=b") })).status, 200);
    assert_eq!(world.held().token.as_deref(), Some("old-token"), "the same address is no change");
}

#[test]
fn a_masked_part_can_be_unmasked_and_masked_again_and_is_readable_meanwhile() {
    let world = World::new(&full(MASKED));
    assert_eq!(world.put(&json!({ "url": MASKED.replace("{tok}", "new"), "token": "t" })).status, 200);
    assert!(world.ask("GET", "", &Value::Null).value()["url"].as_str().unwrap().ends_with("token=new"));
    assert_eq!(world.ask("PUT", "/url_variables/tok", &json!({ "value": "new" })).status, 204);
    assert_eq!(world.put(&json!({ "url": MASKED, "token": "t" })).status, 200);
    let after = world.held();
    assert_eq!((after.filled_in(), after.custom_headers.len()), (Some(MASKED.replace("{tok}", "new")), 0));
}

#[test]
fn a_webhook_is_made_whole_in_one_call() {
    let world = World::new(&full(MASKED));
    let body = json!({
        "url": MASKED, "token": "t", "signing_token": SIGNING, "url_variables": [{ "key": "tok", "value": "new" }],
        "custom_headers": [{ "key": "X-Team", "value": "h" }], "push_events": false, "issues_events": true,
        "branch_filter_strategy": "regex", "push_events_branch_filter": "^main$", "name": "n", "description": "d",
    });
    let answer = world.acme.ask(&world.acme.maintainer, "POST", HOOKS, &body);
    assert_eq!((answer.status, &answer.value()["push_events"]), (201, &json!(false)));
    let made = world.acme.world.sandbox.gitlab(|gitlab| gitlab.hooks_of("projects/acme/app")).pop().unwrap();
    assert_eq!(made.filled_in(), Some(MASKED.replace("{tok}", "new")));
    assert_eq!((made.token.as_deref(), made.custom_headers["X-Team"].as_str()), (Some("t"), "h"));
    world.set(|hooks| hooks.most = 2);
    assert_eq!(world.acme.ask(&world.acme.maintainer, "POST", HOOKS, &json!({ "url": PLAIN })).status, 422);
}

#[test]
fn what_is_no_address_or_lacks_a_variable_is_refused() {
    let world = World::new(&full(PLAIN));
    for url in ["not an address", "ftp://hooks.example.com", "https://hooks.example.com/{missing}"] {
        let answer = world.acme.ask(&world.acme.maintainer, "POST", HOOKS, &json!({ "url": url }));
        assert_eq!((answer.status, &answer.value()["error"]), (422, &json!("Invalid url given")), "{url}");
    }
    assert_eq!(world.put(&json!({})).value()["error"], "No parameters provided");
}

#[test]
fn an_older_gitlab_wants_the_address_with_every_change() {
    let world = World::new(&full(PLAIN));
    world.set(|hooks| hooks.wants_the_address = true);
    assert_eq!(world.put(&json!({ "token": "new" })).value()["error"], "url is missing");
    assert_eq!(world.put(&json!({ "token": "new", "url": PLAIN })).status, 200);
    assert_eq!((world.held().token.as_deref(), world.held().custom_headers.len()), (Some("new"), 1));
}

#[test]
fn a_short_limit_of_variables_is_kept() {
    let world = World::new(&full(PLAIN));
    world.set(|hooks| hooks.longest_variable = 100);
    assert_eq!(world.ask("PUT", "/url_variables/tok", &json!({ "value": "x".repeat(101) })).status, 422);
    world.set(|hooks| hooks.longest_variable = 2048);
    assert_eq!(world.ask("PUT", "/url_variables/tok", &json!({ "value": "x".repeat(101) })).status, 204);
}

#[test]
fn hooks_are_for_maintainers_of_the_project_and_owners_of_the_group() {
    let world = World::new(&full(MASKED));
    let acme = &world.acme;
    let status = |who, target| acme.get(who, target).status;
    assert_eq!(
        (status(&acme.maintainer, HOOKS), status(&acme.developer, HOOKS), status(&acme.stranger, HOOKS)),
        (200, 403, 404)
    );
    acme.world.sandbox.gitlab(|gitlab| gitlab.add_hook("groups/acme", &full(MASKED)));
    assert_eq!((status(&acme.owner, "/groups/acme/hooks"), status(&acme.maintainer, "/groups/acme/hooks")), (200, 404));
    let shown = acme.get(&acme.owner, "/groups/acme/hooks").value();
    assert_eq!((&shown[0]["subgroup_events"], shown[0].get("vulnerability_events")), (&json!(false), None));
}

#[test]
fn a_test_delivery_reaches_the_receiver_and_says_whether_it_was_taken() {
    let world = World::new(&full(MASKED));
    assert_eq!(world.ask("POST", "/test/push_events", &Value::Null).status, 201);
    world.set(|hooks| hooks.receivers_want = vec!["another".to_owned()]);
    assert_eq!(world.ask("POST", "/test/push_events", &Value::Null).status, 422);
    let log = world.ask("GET", "/events?per_page=20", &Value::Null).value();
    assert_eq!((&log[0]["response_status"], &log[1]["response_status"]), (&json!("401"), &json!("200")));
    assert_eq!((&log[0]["url"], &log[0]["request_headers"]["X-Gitlab-Token"]), (&json!(MASKED), &json!("[REDACTED]")));
    let resent = world.ask("POST", &format!("/events/{}/resend", log[0]["id"]), &Value::Null).value();
    assert_eq!(resent["response_status"], 401);
    assert_eq!(world.acme.world.sandbox.gitlab(|gitlab| gitlab.deliveries().len()), 3);
}

#[test]
fn a_project_with_nothing_in_it_has_nothing_to_play() {
    let world = World::new(&full(MASKED));
    world.set(|hooks| hooks.nothing_to_play = true);
    let answer = world.ask("POST", "/test/push_events", &Value::Null);
    assert!(answer.status == 422 && answer.value()["message"].as_str().unwrap().starts_with("Ensure"));
    assert!(world.acme.world.sandbox.gitlab(|gitlab| gitlab.deliveries().is_empty()));
}

#[test]
fn a_page_of_deliveries_has_twenty_at_most() {
    let mut world = World::new(&full(MASKED));
    world.acme.world.lawless = true;
    assert_eq!(world.ask("GET", "/events?per_page=21", &Value::Null).status, 400);
}

#[test]
fn the_sixth_test_delivery_of_a_minute_is_refused_for_the_whole_place() {
    let world = World::new(&full(MASKED));
    for _ in 0..5 {
        assert_eq!(world.ask("POST", "/test/push_events", &Value::Null).status, 201);
    }
    assert_eq!(world.ask("POST", "/test/push_events", &Value::Null).status, 429);
    world.acme.world.sandbox.advance(TimeDelta::minutes(1));
    assert_eq!(world.ask("POST", "/test/push_events", &Value::Null).status, 201);
    world.set(|hooks| hooks.tests_a_minute = None);
    for _ in 0..9 {
        assert_eq!(world.ask("POST", "/test/push_events", &Value::Null).status, 201);
    }
}

#[test]
fn what_happens_is_delivered_to_the_project_and_the_groups_around_it_until_it_fails_too_often() {
    let world = World::new(&full(MASKED));
    let sandbox = &world.acme.world.sandbox;
    sandbox.gitlab(|gitlab| gitlab.add_hook("groups/acme", &GitLab::plain_hook(PLAIN)));
    let delivered = sandbox.gitlab(|gitlab| gitlab.happens("acme/app", "push_events"));
    let urls: Vec<&str> = delivered.iter().map(|delivery| delivery.url.as_str()).collect();
    assert_eq!(urls, ["https://hooks.example.com/in?token=old-part", PLAIN]);
    assert!(sandbox.gitlab(|gitlab| gitlab.happens("acme/app", "issues_events")).is_empty());
    world.set(|hooks| hooks.receivers_answer = 500);
    for _ in 0..4 {
        assert_eq!(sandbox.gitlab(|gitlab| gitlab.happens("acme/app", "push_events")).len(), 2);
    }
    assert_eq!(world.ask("GET", "", &Value::Null).value()["alert_status"], "temporarily_disabled");
    assert!(sandbox.gitlab(|gitlab| gitlab.happens("acme/app", "push_events")).is_empty());
}

#[test]
fn a_deleted_webhook_is_gone() {
    let world = World::new(&full(MASKED));
    assert_eq!(world.ask("DELETE", "", &Value::Null).status, 204);
    assert_eq!(world.ask("GET", "", &Value::Null).status, 404);
}
