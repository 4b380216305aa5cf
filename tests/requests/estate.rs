//! An estate to count the requests of, and the tables in which they are counted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::Exchange;
use tokenwheel_sandbox::styra::Role;

use crate::common::{Acme, Bench, force, monday, text};

/// The head of every config here: a pair of refreshers that are not due, and the ledger in a file, which costs nothing.
const HEAD: &str = r#"
version: 1
every: 12h
connections:
  gitlab: { service: gitlab, url: "https://gitlab.sandbox", token: env:REFRESHER, spare: env:SPARE }
  das: { service: styra, url: "https://styra.sandbox", token: env:DAS }
ledger: { kind: file, path: ledger.json }
"#;

/// An estate with a pair of refreshers, and a config of that head and these tokens.
pub(crate) fn estate(tokens: &str) -> (Bench, Acme) {
    let mut bench = Bench::new(1);
    let acme = Acme::found(&bench);
    acme.refresher(&mut bench, "wheel", "REFRESHER", 10, 50);
    acme.refresher(&mut bench, "wheel-spare", "SPARE", 10, 50);
    let ago = |days| monday() - TimeDelta::days(days);
    let das = bench.sandbox.styra(|styra| {
        styra.refresher_may_read = true;
        let paths = &["^/v1/tokens.*"];
        styra.add_token("refresher", Role::WorkspaceTokenRefresher, TimeDelta::days(300), paths, ago(10))
    });
    bench.environment.insert("DAS".to_owned(), das);
    // A connection that nothing needs is not to cost anything either.
    let head = if tokens.contains("styra/") { HEAD.to_owned() } else { without_das() };
    bench.write_config(&format!("{head}tokens:\n{tokens}"));
    (bench, acme)
}

fn without_das() -> String {
    HEAD.lines().filter(|line| !line.contains("das:")).fold(String::new(), |head, line| head + line + "\n")
}

/// A request as the tables below write it: numbers of tokens are `N`, and what was asked for is named by its query.
fn name(exchange: &Exchange) -> String {
    let (path, query) = exchange.target.split_once('?').unwrap_or((&exchange.target, ""));
    let path = path.trim_start_matches("/api/v4").replace("%2F", "/");
    let number =
        |part: &str| if part.len() > 3 && part.bytes().all(|b| b.is_ascii_digit()) { "N" } else { part }.to_owned();
    let path = path.split('/').map(number).collect::<Vec<_>>().join("/");
    let page = query.split('&').find(|pair| pair.starts_with("page=")).map(|page| format!(" {page}"));
    let body: serde_json::Value = serde_json::from_slice(&exchange.request_body).unwrap_or_default();
    let what = ["value", "description"].iter().find(|key| body.get(**key).is_some());
    let what = what.filter(|_| exchange.method == Method::PUT && path.contains("/variables/"));
    let what = what.map(|what| format!(" ({what})"));
    format!("{} {path}{}{}", exchange.method, page.unwrap_or_default(), what.unwrap_or_default())
}

/// How often each request was made, by its name.
pub(crate) fn counts(exchanges: &[Exchange]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for exchange in exchanges {
        *counts.entry(name(exchange)).or_default() += 1;
    }
    counts
}

/// No request is made twice: the same one with the same credential, with nothing written to that place in between.
pub(crate) fn assert_none_twice(exchanges: &[Exchange]) {
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for exchange in exchanges {
        let headers = &exchange.request_headers;
        let credential = headers.get("private-token").or_else(|| headers.get("authorization")).unwrap();
        if exchange.method == Method::GET {
            let fresh = asked.insert(format!("{} {}", exchange.target, credential.to_str().unwrap()));
            assert!(fresh, "asked twice: {}\n{:#?}", name(exchange), counts(exchanges));
        } else {
            let place = exchange.target.split('?').next().unwrap_or_default();
            asked.retain(|other| !other.starts_with(place));
        }
    }
}

/// Turns these tokens, due or not, and holds what was asked against a table: a count and a request a line, and after
/// `#` what it is for. The lines of one request add up.
pub(crate) async fn costs(bench: &Bench, only: &[&str], expected: &str) {
    bench.sandbox.forget_exchanges();
    let report = bench.rotate_with(bench.job(), force(only)).await.unwrap();
    assert_eq!(report.level().code(), 0, "{}", text(&report));
    let exchanges = bench.sandbox.exchanges();
    assert_none_twice(&exchanges);
    assert_eq!(counts(&exchanges), parsed(expected));
}

/// The same of a run that is asked for nothing.
pub(crate) async fn costs_unasked(bench: &Bench, expected: &str) {
    bench.sandbox.forget_exchanges();
    let report = bench.rotate().await;
    assert_eq!(report.level().code(), 0, "{}", text(&report));
    let exchanges = bench.sandbox.exchanges();
    assert_none_twice(&exchanges);
    assert_eq!(counts(&exchanges), parsed(expected));
}

fn parsed(table: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in
        table.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty())
    {
        let (count, name) = line.split_once(' ').unwrap();
        *counts.entry(name.trim().to_owned()).or_default() += count.parse::<usize>().unwrap();
    }
    counts
}
