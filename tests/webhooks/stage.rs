//! An estate with a pair of refreshers, a token that is due, and the webhook that it goes to.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value, json};
use tokenwheel::report::RunReport;
use tokenwheel_sandbox::gitlab::{GitLab, Hook};
use tokenwheel_sandbox::{At, Exchange, Fault, What, violations};
use tokio::sync::Notify;

use crate::common::{Bench, PAIR, pair, rotated, text};

pub(crate) const APP: &str = "projects/acme/app";
pub(crate) const URL: &str = "https://hooks.example.com/in";
/// The secrets of [`full`] beside the one in its address, as the config names them.
pub(crate) const OTHERS: &str = "secrets: { token: env:HOOK_TOKEN, signing_token: env:HOOK_SIGNING, \
                                 custom_headers: { X-Team: env:HOOK_HEADER } }";
pub(crate) const SIGNING: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

pub(crate) fn with(name: &str, value: &str) -> BTreeMap<String, String> {
    [(name.to_owned(), value.to_owned())].into_iter().collect()
}

/// A webhook with its settings off their defaults, at an address with this query.
pub(crate) fn plain(query: &str) -> Hook {
    let settings = json!({
        "name": "Desk", "description": "for the desk", "push_events": false, "issues_events": true,
        "note_events": true, "branch_filter_strategy": "regex", "push_events_branch_filter": "^main$",
        "enable_ssl_verification": false, "custom_webhook_template": "{\"event\":\"{{object_kind}}\"}",
    });
    let settings: Map<String, Value> = serde_json::from_value(settings).unwrap();
    Hook { settings, ..GitLab::plain_hook(&format!("{URL}{query}")) }
}

/// The same with every secret there is; `{tok}` in the query is the masked one.
pub(crate) fn full(query: &str) -> Hook {
    Hook {
        token: Some("the-old-token".to_owned()),
        signing_token: Some(SIGNING.to_owned()),
        custom_headers: with("X-Team", "the-old-header"),
        url_variables: if query.contains("{tok}") { with("tok", "the-old-part") } else { BTreeMap::new() },
        ..plain(query)
    }
}

/// A bench whose token `deploy` is due and goes to that webhook of `acme/app`, by these keys of the config.
pub(crate) fn bench(hook: &Hook, keys: &str) -> Bench {
    let mut bench = pair();
    bench.sandbox.gitlab(|gitlab| gitlab.add_hook(APP, hook));
    let variable = "{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }";
    assert!(PAIR.contains(variable));
    let place = if keys.contains("group:") { "" } else { "project: acme/app, " };
    let named = if keys.contains("id:") { String::new() } else { format!("url: \"{URL}\", ") };
    let destination = format!("{{ kind: gitlab/webhook, {place}{named}{keys} }}");
    bench.write_config(&PAIR.replace(variable, &destination));
    for (name, value) in [("HOOK_TOKEN", "the-old-token"), ("HOOK_SIGNING", SIGNING), ("HOOK_HEADER", "the-old-header")]
    {
        bench.environment.insert(name.to_owned(), value.to_owned());
    }
    bench
}

/// `tokenwheel rotate`. Nothing that it says holds a value, and nothing that it sends is unknown to GitLab.
pub(crate) async fn rotate(bench: &Bench) -> RunReport {
    let report = bench.rotate().await;
    keeps_quiet(bench, &report);
    report
}

pub(crate) fn keeps_quiet(bench: &Bench, report: &RunReport) {
    let said = format!("{}{}", text(report), bench.told.lock().unwrap().join("\n"));
    for value in bench.sandbox.values() {
        assert!(!said.contains(&value), "a value was told: {}", said.replace(&value, "[HERE]"));
    }
    assert_eq!(violations(&bench.sandbox.exchanges()), Vec::<String>::new());
}

/// The run rotated `deploy` and said that all is well.
pub(crate) async fn rotates(bench: &Bench) -> RunReport {
    let report = rotate(bench).await;
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    assert_eq!(report.level().code(), 0, "{}", text(&report));
    report
}

/// The run stopped, minted nothing, changed no webhook, and said why.
pub(crate) async fn refuses(bench: &Bench, why: &str) {
    let (before, values) = (hooks(bench), bench.sandbox.values());
    let report = rotate(bench).await;
    assert!(text(&report).contains(why), "{}", text(&report));
    assert_eq!(bench.sandbox.values(), values, "something was minted");
    assert_eq!(hooks(bench), before, "a webhook was changed");
    assert_eq!(report.level().code(), 3, "{}", text(&report));
}

pub(crate) fn hooks(bench: &Bench) -> Vec<Hook> {
    bench.sandbox.gitlab(|gitlab| gitlab.hooks_of(APP))
}

/// The only webhook there is.
#[track_caller]
pub(crate) fn only(bench: &Bench) -> Hook {
    let mut all = hooks(bench);
    assert_eq!(all.len(), 1, "there are others beside it");
    all.remove(0)
}

/// The same webhook, numbers and dates aside.
#[track_caller]
pub(crate) fn same(one: &Hook, other: &Hook) {
    let bare = |hook: &Hook| {
        let mut hook = Hook { id: 0, created_at: one.created_at, ..hook.clone() };
        hook.settings.retain(|_, value| !matches!(value, Value::Null | Value::Bool(false)) && *value != json!(""));
        hook
    };
    assert_eq!(bare(one), bare(other));
}

/// What was written to webhooks, in order: method and path, without numbers.
pub(crate) fn writes(bench: &Bench) -> Vec<String> {
    let is_write = |exchange: &&Exchange| exchange.method != Method::GET && exchange.target.contains("/hooks");
    let all = bench.sandbox.exchanges();
    let line = |exchange: &Exchange| {
        let rest = exchange.target.split_once("/hooks").map(|(_, rest)| rest).unwrap_or_default();
        let rest: String = rest
            .split('/')
            .map(|part| if part.parse::<u64>().is_ok() { "N" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        format!("{} hooks{rest}", exchange.method)
    };
    all.iter().filter(is_write).map(line).collect()
}

pub(crate) fn inject(bench: &Bench, method: Method, path: &str, times: usize, what: What) {
    let at = At::Matching { method, path: path.to_owned(), times };
    bench.sandbox.inject(Fault { at, what });
}

/// A run that dies at that request, and the twelve hours after it.
pub(crate) async fn dies(bench: &Bench, method: Method, path: &str, what: What) {
    inject(bench, method, path, 1, what);
    dies_there(bench).await;
}

/// A run that dies at a fault that waits for it, and the twelve hours after it.
pub(crate) async fn dies_there(bench: &Bench) {
    let killed = Arc::new(Notify::new());
    let bell = Arc::clone(&killed);
    bench.sandbox.on_kill(Box::new(move || bell.notify_one()));
    tokio::select! {
        report = bench.rotate() => panic!("it lived: {}", text(&report)),
        () = killed.notified() => {}
    }
    bench.sandbox.clear_faults();
    bench.sandbox.advance(chrono::TimeDelta::hours(12));
}
