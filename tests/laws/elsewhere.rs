//! Credentials that stand in no variable: in a vault, which is opened with the identity that the runner vouches for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use tokenwheel::demo::Mounted;
use tokenwheel::http::{Broken, Transport};
use tokenwheel::report::RunReport;
use tokenwheel::run::{Reach, Run, Setup, Wheel, Wish};

use crate::common::{Acme, Bench, rotated, text};

const CONFIG: &str = r#"
version: 1
every: 12h
ledger: { kind: file, path: ledger.json }
connections:
  vault: { service: vault, url: "https://vault.sandbox", token: "oidc:https://vault.example.com", login: { jwt: { role: wheel } } }
  gitlab: { service: gitlab, url: "https://gitlab.sandbox", token: "vault:ci/wheel#GITLAB" }
tokens:
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
"#;
const SUBJECT: &str = "repo:acme/app:ref:refs/heads/main";
const POLICY: &[(&str, &[&str])] = &[("secret/data/ci/wheel", &["read"])];

/// The sandbox, and beside it a runner that vouches for its job to whoever has the job's own token.
struct Runner {
    mounted: Mounted,
    jwt: String,
    asked: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Transport for Runner {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        if request.uri().host() != Some("runner.sandbox") {
            return self.mounted.send(request).await;
        }
        self.asked.lock().unwrap().push(request.uri().query().unwrap_or_default().to_owned());
        let known = request.headers().get("authorization").is_some_and(|value| value == "Bearer of-this-job");
        let body = if known { format!("{{\"value\": \"{}\", \"count\": 1}}", self.jwt) } else { String::new() };
        let status = if known { 200 } else { 401 };
        Ok(http::Response::builder().status(status).body(body.into()).unwrap())
    }
}

/// A refresher that stands in the vault alone; the deploy token is due.
fn estate() -> (Bench, String) {
    let mut bench = Bench::new(1);
    let acme = Acme::found(&bench);
    let refresher = acme.refresher(&mut bench, "wheel", "REFRESHER", 5, 55);
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 25, 5);
    let jwt = bench.sandbox.vault(|vault| {
        vault.add_mount("secret", 2);
        vault.put("secret", "ci/wheel", &[("GITLAB", &refresher.value)]);
        vault.add_jwt_role("jwt", "wheel", SUBJECT, POLICY, TimeDelta::minutes(20));
        vault.add_jwt(SUBJECT, TimeDelta::minutes(5))
    });
    bench.write_config(CONFIG);
    (bench, jwt)
}

/// What a GitHub job with `id-token: write` finds in its environment.
fn job() -> BTreeMap<String, String> {
    let url = "https://runner.sandbox/token?api-version=2.0".to_owned();
    [("ACTIONS_ID_TOKEN_REQUEST_URL", url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-this-job".to_owned())]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

async fn rotate(bench: &Bench, jwt: &str, job: BTreeMap<String, String>) -> (RunReport, Vec<String>) {
    let (report, asked) = begin(bench, jwt, job).await;
    (report.unwrap(), asked)
}

/// The same of a run that may not begin.
async fn begin(bench: &Bench, jwt: &str, job: BTreeMap<String, String>) -> (Result<RunReport, String>, Vec<String>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (sandbox, jwt, heard) = (bench.sandbox.clone(), jwt.to_owned(), Arc::clone(&asked));
    let carrier = move |_: Option<&str>| {
        let runner = Runner { mounted: Mounted(sandbox.clone()), jwt: jwt.clone(), asked: Arc::clone(&heard) };
        Ok(Arc::new(runner) as Arc<dyn Transport>)
    };
    let setup = Setup { carrier: Arc::new(carrier), ..bench.setup(job) };
    let config = bench.config();
    let wheel = Wheel::build(&config, &setup).unwrap();
    let report = match Run::observe(wheel, bench.world(), &config, Wish::default(), Reach::Acts).await {
        Ok(run) => {
            let plans = run.plan().await;
            Ok(run.apply(plans).await)
        }
        Err(why) => Err(why.to_string()),
    };
    let asked = asked.lock().unwrap().clone();
    (report, asked)
}

#[tokio::test(start_paused = true)]
async fn the_job_opens_the_vault_with_its_own_identity_and_takes_the_refresher_from_there() {
    let (bench, jwt) = estate();
    let (report, asked) = rotate(&bench, &jwt, job()).await;
    assert!(rotated(&report, "deploy") && report.level().code() == 0, "{}", text(&report));
    assert_eq!(asked, ["api-version=2.0&audience=https%3A%2F%2Fvault.example.com"]);
    assert_eq!(bench.sandbox.vault(|vault| vault.sessions()), 0, "the session ends with the run");
    assert!(!text(&report).contains(&jwt));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_begin_ends_its_session_too() {
    let (bench, jwt) = estate();
    std::fs::write(bench.config_path().with_file_name("ledger.json"), "no ledger").unwrap();
    let (report, asked) = begin(&bench, &jwt, job()).await;
    assert!(report.is_err_and(|why| why.contains("is not a ledger")) && asked.len() == 1);
    assert_eq!(bench.sandbox.vault(|vault| vault.sessions()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_nobody_vouches_for_is_told_what_it_lacks() {
    let (bench, jwt) = estate();
    let (report, asked) = rotate(&bench, &jwt, BTreeMap::new()).await;
    let told = text(&report);
    assert!(told.contains("`permissions: id-token: write`") && told.contains("vault:ci/wheel#GITLAB"), "{told}");
    assert!(asked.is_empty() && report.level().code() != 0 && !rotated_any(&report), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_does_not_vouch_is_told_and_nothing_is_tried() {
    let (bench, jwt) = estate();
    let mut job = job();
    job.insert("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), "of-another-job".to_owned());
    let (report, _) = rotate(&bench, &jwt, job).await;
    assert!(text(&report).contains("the runner does not vouch for this job"), "{}", text(&report));
    assert!(report.level().code() != 0 && !rotated_any(&report));
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_asked_for_over_https_alone() {
    let (bench, jwt) = estate();
    let mut job = job();
    job.insert("ACTIONS_ID_TOKEN_REQUEST_URL".to_owned(), "http://runner.sandbox/token".to_owned());
    let (report, asked) = rotate(&bench, &jwt, job).await;
    assert!(asked.is_empty() && text(&report).contains("plain http"), "{}", text(&report));
}

fn rotated_any(report: &RunReport) -> bool {
    report.tokens.iter().any(|token| rotated(report, &token.name))
}
