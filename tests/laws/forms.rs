//! What a destination gets is the value in the form that the config asks for, and what it lends is the value again.

use tokenwheel::report::Outcome;
use tokenwheel_sandbox::gitlab::Variable;
use tokenwheel_sandbox::{At, Fault, What};

use crate::common::{Acme, Bench, of, rotated, text};

const FORMS: &str = r#"
version: 1
every: 12h
ledger: { kind: file, path: ledger.json }
connections:
  gitlab: { service: gitlab, url: "https://gitlab.sandbox", token: env:REFRESHER }
tokens:
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations:
      - { kind: file, path: netrc, as: "machine gitlab.example.com\nlogin bot\npassword {value}" }
      - { kind: gitlab/ci-variable, project: acme/app, key: LOGIN, as: { dockerconfigjson: { registry: registry.example.com, username: bot } } }
      - { kind: gitlab/ci-variable, project: acme/api, key: DEPLOY_TOKEN }
"#;

/// One token in three forms; it is due, and stands in the plain one.
fn forms(age: i64) -> Bench {
    let mut bench = Bench::new(1);
    let acme = Acme::found(&bench);
    acme.refresher(&mut bench, "wheel", "REFRESHER", 5, 55);
    let (created, expires) = (bench.days_ago(age), bench.in_days(30 - age));
    let seeded = bench.sandbox.gitlab(|gitlab| {
        let json = Variable { key: "LOGIN".to_owned(), value: "{}".to_owned(), ..Variable::default() };
        gitlab.add_variable("projects/acme/app", json);
        gitlab.add_project_token("acme/app", "deploy-bot", &["api"], 40, created, Some(expires))
    });
    bench.keep("acme/api", "DEPLOY_TOKEN", &seeded.value);
    bench.write_config(FORMS);
    bench
}

/// Somebody writes into the plain one by hand.
fn overwrite(bench: &Bench, text: &str) {
    let mut headers = http::HeaderMap::new();
    let login = bench.held("acme/tokenwheel", "REFRESHER");
    headers.insert("private-token", http::HeaderValue::from_str(&login).unwrap());
    let target = format!("/api/v4/projects/acme%2Fapi/variables/DEPLOY_TOKEN?value={text}");
    let (host, body) = ("gitlab".to_owned(), bytes::Bytes::new());
    let request = tokenwheel_sandbox::Request { method: http::Method::PUT, host, target, headers, body };
    assert_eq!(bench.sandbox.handle(&request).status, 200);
}

fn netrc(bench: &Bench) -> String {
    std::fs::read_to_string(bench.config_path().with_file_name("netrc")).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn each_destination_gets_its_own_form_and_is_seen_to_hold_the_live_token() {
    let bench = forms(25);
    let report = bench.rotate().await;
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    let value = bench.held("acme/api", "DEPLOY_TOKEN");
    assert!(bench.is_live(&value));
    assert_eq!(netrc(&bench), format!("machine gitlab.example.com\nlogin bot\npassword {value}\n"));
    let login: serde_json::Value = serde_json::from_str(&bench.held("acme/app", "LOGIN")).unwrap();
    assert_eq!(login["auths"]["registry.example.com"]["password"], value);

    let again = bench.rotate().await;
    assert_eq!(again.level().code(), 0, "{}", text(&again));
    let states = &of(&again, "deploy").destinations;
    assert!(states.iter().all(|(_, state)| state.contains("holds a live token")), "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn a_form_that_somebody_spoilt_is_mended_from_a_sibling_without_a_mint() {
    let bench = forms(25);
    bench.rotate().await;
    let value = bench.held("acme/api", "DEPLOY_TOKEN");
    std::fs::write(bench.config_path().with_file_name("netrc"), &value).unwrap();
    let report = bench.rotate().await;
    assert!(matches!(of(&report, "deploy").outcome, Outcome::Redelivered { .. }), "{}", text(&report));
    assert!(netrc(&bench).ends_with(&format!("password {value}\n")));
    assert_eq!(bench.held("acme/api", "DEPLOY_TOKEN"), value);
}

#[tokio::test(start_paused = true)]
async fn a_first_run_leaves_alone_what_it_cannot_read_in_that_form() {
    let bench = forms(5);
    std::fs::write(bench.config_path().with_file_name("netrc"), "machine elsewhere").unwrap();
    let report = bench.rotate().await;
    assert!(!rotated(&report, "deploy"), "{}", text(&report));
    assert!(bench.is_live(&bench.held("acme/api", "DEPLOY_TOKEN")));
}

#[tokio::test(start_paused = true)]
async fn a_shaped_value_can_be_lent_to_a_sibling_too() {
    let bench = forms(25);
    bench.rotate().await;
    let value = bench.held("acme/api", "DEPLOY_TOKEN");
    overwrite(&bench, "glpat-somebody-wrote-this-here");
    let report = bench.rotate().await;
    assert!(matches!(of(&report, "deploy").outcome, Outcome::Redelivered { .. }), "{}", text(&report));
    assert_eq!(bench.held("acme/api", "DEPLOY_TOKEN"), value);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_first_is_waited_for_by_the_others() {
    let bench = forms(25);
    bench.rotate().await;
    let old = netrc(&bench);
    bench.write_config(&FORMS.replace("key: DEPLOY_TOKEN }", "key: DEPLOY_TOKEN, first: true }"));
    // Willing when asked, and then not: the write itself fails.
    let path = "/projects/acme%2Fapi/variables/DEPLOY_TOKEN".to_owned();
    let at = At::Matching { method: http::Method::PUT, path, times: 9 };
    bench.sandbox.inject(Fault { at, what: What::Refuse(403) });
    let report = bench.rotate_with(bench.job(), crate::common::force(&["deploy"])).await.unwrap();
    assert_eq!(netrc(&bench), old, "{}", text(&report));

    bench.sandbox.clear_faults();
    let report = bench.rotate_with(bench.job(), crate::common::force(&["deploy"])).await.unwrap();
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    assert_ne!(netrc(&bench), old);
    let order: Vec<String> =
        bench.sandbox.exchanges().into_iter().filter(|it| it.method == http::Method::PUT).map(|it| it.target).collect();
    let at = |name: &str| order.iter().rposition(|target| target.contains(name)).unwrap();
    assert!(at("DEPLOY_TOKEN") < at("LOGIN"), "{order:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_not_mended_before_its_receiver() {
    const SPOILT: &str = "glpat-somebody-wrote-this-here";
    let bench = forms(25);
    bench.rotate().await;
    bench.write_config(&FORMS.replace("key: LOGIN, as:", "key: LOGIN, first: true, as:"));
    // Both have lost the value, the file can lend it, and the receiver cannot be written.
    let json = Variable { key: "LOGIN".to_owned(), value: "{}".to_owned(), ..Variable::default() };
    bench.sandbox.gitlab(|gitlab| gitlab.add_variable("projects/acme/app", json));
    overwrite(&bench, SPOILT);
    let path = "/projects/acme%2Fapp/variables/LOGIN".to_owned();
    let at = At::Matching { method: http::Method::PUT, path, times: 9 };
    bench.sandbox.inject(Fault { at, what: What::Refuse(403) });
    let report = bench.rotate().await;
    assert!(matches!(of(&report, "deploy").outcome, Outcome::Redelivered { .. }), "{}", text(&report));
    assert_eq!(bench.held("acme/api", "DEPLOY_TOKEN"), SPOILT, "{}", text(&report));

    bench.sandbox.clear_faults();
    let report = bench.rotate().await;
    assert_eq!(report.level().code(), 0, "{}", text(&report));
    assert!(bench.is_live(&bench.held("acme/api", "DEPLOY_TOKEN")), "{}", text(&report));
}
