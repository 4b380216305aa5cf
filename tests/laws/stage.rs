//! What the laws share besides the bench: estates, looks into the record of requests, and what others do meanwhile.

use std::fmt::Write as _;

use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, Method};
use tokenwheel::report::RunReport;
use tokenwheel_sandbox::styra::Role;
use tokenwheel_sandbox::{Exchange, Request};

use crate::common::{Acme, Bench, of};

/// The destination of the refreshers.
pub(crate) const WHEEL: &str = "acme/tokenwheel";

/// The connections and refreshers of a pair, without any other token.
pub(crate) const HEAD: &str = r#"
version: 1
every: 12h
ledger: { kind: file, path: ledger.json }
connections:
  gitlab: { service: gitlab, url: "https://gitlab.sandbox", token: env:REFRESHER, spare: env:SPARE }
tokens:
  refresher:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }]
  spare:
    refreshes: gitlab.spare
    issuer: { kind: gitlab/personal-access-token, name: wheel-spare, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: SPARE }]
"#;

/// A pair of refreshers, made that many days ago, each to live 60 days; and the tokens of `more`.
pub(crate) fn estate(primary: i64, spare: i64, more: &str) -> (Bench, Acme) {
    let mut bench = Bench::new(1);
    let acme = Acme::found(&bench);
    acme.refresher(&mut bench, "wheel", "REFRESHER", primary, 60 - primary);
    acme.refresher(&mut bench, "wheel-spare", "SPARE", spare, 60 - spare);
    bench.write_config(&format!("{HEAD}{more}"));
    (bench, acme)
}

/// A Styra tenant whose refresher, of that age, is kept at `acme/tokenwheel`; gives nothing away.
pub(crate) fn das(bench: &mut Bench, age: i64) {
    let (created, paths) = (bench.days_ago(age), &["^/v1/tokens/.*"]);
    let role = Role::WorkspaceTokenRefresher;
    let value = bench.sandbox.styra(|styra| styra.add_token("refresher", role, TimeDelta::days(30), paths, created));
    bench.keep(WHEEL, "DAS", &value);
    bench.variables.push((format!("projects/{WHEEL}"), "DAS".to_owned()));
}

/// Somebody sends a request with that credential and throws the answer away.
pub(crate) fn somebody(bench: &Bench, credential: &str, method: Method, path: &str) {
    let mut headers = HeaderMap::new();
    headers.insert("private-token", HeaderValue::from_str(credential).unwrap());
    let target = format!("/api/v4/{path}");
    let request = Request { method, host: "gitlab".to_owned(), target, headers, body: bytes::Bytes::new() };
    let answer = bench.sandbox.handle(&request);
    assert!(answer.status < 300, "{path}: {}", answer.status);
}

/// The requests that may change something, in order.
pub(crate) fn writes(bench: &Bench) -> Vec<Exchange> {
    bench.sandbox.exchanges().into_iter().filter(|exchange| exchange.method != Method::GET).collect()
}

/// The requests that make a token or kill one.
pub(crate) fn mints(bench: &Bench) -> Vec<Exchange> {
    let mint = |exchange: &Exchange| {
        let (target, method) = (exchange.target.as_str(), &exchange.method);
        target.contains("access_tokens")
            || target.contains("/triggers")
            || (method == Method::PUT && target.contains("/v1/tokens"))
    };
    writes(bench).into_iter().filter(mint).collect()
}

/// The credential that a request was sent with.
pub(crate) fn credential(exchange: &Exchange) -> String {
    let header = exchange.request_headers.get("private-token").or(exchange.request_headers.get("authorization"));
    header.and_then(|value| value.to_str().ok()).unwrap_or_default().trim_start_matches("Bearer ").to_owned()
}

/// `name: outcome` of every token, by name.
pub(crate) fn outcomes(report: &RunReport) -> String {
    let mut names: Vec<&str> = report.tokens.iter().map(|token| token.name.as_str()).collect();
    names.sort_unstable();
    let mut out = String::new();
    for name in names {
        writeln!(out, "{name}: {}", of(report, name).outcome.word()).unwrap();
    }
    out
}

/// The sentence that people read of a token.
pub(crate) fn sentence(report: &RunReport, name: &str) -> String {
    of(report, name).outcome.sentence(report.started)
}

/// What a connection has to complain of.
pub(crate) fn troubles(report: &RunReport) -> String {
    report.connections.iter().flat_map(|connection| connection.troubles.clone()).collect::<Vec<_>>().join("\n")
}
