//! Signing tokens: made here, given to the receiver first, and ignored without a word by a GitLab that does not sign.

use tokenwheel::report::RunReport;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::gitlab::Hook;

use crate::common::{Bench, PAIR, force, pair, rotated, text};
use crate::stage::{APP, SIGNING, URL, full, inject, keeps_quiet, only, plain, refuses, writes};

const KEY: &str = r#"
  hook-key:
    issuer: { kind: random/secret, name: hook-key, form: whsec, ttl: 30d, create: true }
    destinations:
      - { kind: gitlab/webhook, project: acme/app, url: "https://hooks.example.com/in", part: signing_token }
      - { kind: gitlab/ci-variable, project: acme/api, key: HOOK_KEY, first: true }
ledger:"#;

/// A key of the sender, the webhook, and of its receiver, a job that reads a variable.
fn bench(hook: &Hook) -> Bench {
    let bench = pair();
    bench.sandbox.gitlab(|gitlab| gitlab.add_hook(APP, hook));
    bench.keep("acme/api", "HOOK_KEY", SIGNING);
    assert!(KEY.contains(URL));
    bench.write_config(&PAIR.replace("ledger:", &KEY[1..]));
    bench
}

async fn turned(bench: &Bench) -> RunReport {
    let report = bench.rotate_with(bench.job(), force(&["hook-key"])).await.unwrap();
    keeps_quiet(bench, &report);
    report
}

#[tokio::test(start_paused = true)]
async fn a_key_is_given_to_the_receiver_first_and_then_to_the_webhook() {
    let bench = bench(&full("?team=blue"));
    let report = turned(&bench).await;
    assert!(rotated(&report, "hook-key"), "{}", text(&report));
    let after = only(&bench);
    let key = after.signing_token.unwrap();
    assert!(key != SIGNING && bench.held("acme/api", "HOOK_KEY") == key);
    assert_eq!((after.token.as_deref(), after.custom_headers.len()), (Some("the-old-token"), 1));
    let order: Vec<bool> = bench
        .sandbox
        .exchanges()
        .iter()
        .filter(|exchange| String::from_utf8_lossy(&exchange.request_body).contains(&key))
        .map(|exchange| exchange.target.contains("/variables/"))
        .collect();
    assert_eq!(order, [true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_gitlab_with_the_feature_off_takes_it_with_200_and_is_not_believed() {
    for counts in [true, false] {
        let bench = bench(&plain(""));
        bench.sandbox.gitlab(|gitlab| (gitlab.hooks.signs, gitlab.hooks.what_is_ignored_counts) = (false, counts));
        let report = turned(&bench).await;
        assert!(text(&report).contains("the feature `webhook_signing_token` off"), "{}", text(&report));
        assert!(report.level().code() != 0 && only(&bench).signing_token.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_gitlab_before_19_0_is_refused_before_anything_is_made() {
    let bench = bench(&plain(""));
    bench.sandbox.gitlab(|gitlab| (gitlab.hooks.tells_of_tokens, gitlab.hooks.signs) = (false, false));
    let report = turned(&bench).await;
    assert!(text(&report).contains("is older than 19.0, and would ignore a signing token"), "{}", text(&report));
    assert_eq!(bench.held("acme/api", "HOOK_KEY"), SIGNING);
    assert!(writes(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_would_not_take_it_keeps_the_old_key_in_the_webhook() {
    let bench = bench(&full(""));
    inject(&bench, http::Method::PUT, "HOOK_KEY", 9, What::Refuse(403));
    let report = turned(&bench).await;
    assert!(!rotated(&report, "hook-key"), "{}", text(&report));
    assert_eq!(only(&bench).signing_token.as_deref(), Some(SIGNING));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_no_key_is_refused_as_one() {
    let bench = crate::stage::bench(&full(""), "part: signing_token");
    refuses(&bench, "a signing token is `whsec_` and 32 bytes in base64, as `random/secret` makes them").await;
}
