//! The examples of `http/regenerate`, as they stand in `examples/`, against the fakes of the services that they name.

use chrono::TimeDelta;
use tokenwheel_sandbox::http_api::{Family, Key};

use crate::stage::{held, put, says, stage};
use crate::wheel::{Ran, Stage};

/// An example, with the sandbox in place of the service and a file in place of the variable.
fn example(name: &str, (host, login): (&str, &str), (family, owner): (Family, &str)) -> (Stage, Key) {
    let mut stage = stage(&[]);
    let (made, dies) = (stage.ago(25), stage.sandbox.now() + TimeDelta::days(5));
    let (admin, key) = stage.sandbox.http_api(|api| {
        let admin = api.add_key(family, ("admins", "wheel"), true, made, None);
        (admin, api.add_key(family, (owner, "ci"), false, made, Some(dies)))
    });
    stage.environment.insert(login.to_owned(), admin.value);
    stage.environment.insert("GITLAB_REFRESHER".to_owned(), stage.refresher.value.clone());
    put(&stage, "ci", &key.value);
    let path = format!("{}/examples/{name}.yml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(host) && text.contains("- { kind: gitlab/ci-variable"));
    let start = text.find("- { kind: gitlab/ci-variable").unwrap();
    let text = format!("{}- {{ kind: file, path: ci }}\nledger: {{ kind: file, path: ledger.json }}\n", &text[..start]);
    let text = text.replace("https://gitlab.example.com", &stage.served.gitlab);
    stage.write(&text.replace(host, &stage.served.http).replace("ed17574386854bf78a67040be0a770b0", &key.id));
    (stage, key)
}

fn turned(stage: &Stage) -> Ran {
    let before = held(stage, "ci");
    // Two names that are made of the time differ a second later.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let ran = stage.run(&["rotate", "--all", "--force", "--reason", "a test"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let value = held(stage, "ci");
    assert!(value != before && stage.sandbox.http_api(|api| api.is_live(&value)), "{ran}");
    ran
}

fn is_live(stage: &Stage, value: &str) -> bool {
    stage.sandbox.http_api(|api| api.is_live(value))
}

#[test]
fn a_grafana_service_account_has_two_tokens_for_a_day() {
    let host = ("https://grafana.example.com", "GRAFANA_REFRESHER");
    let (stage, key) = example("grafana-service-account", host, (Family::Grafana, "7"));
    turned(&stage);
    let first = held(&stage, "ci");
    says(&turned(&stage), &["verify: alive"]);
    assert!(is_live(&stage, &key.value) && is_live(&stage, &first), "the overlap is a day");
}

#[test]
fn a_cloudflare_token_is_rolled_and_keeps_its_id() {
    let host = ("https://api.cloudflare.com", "CLOUDFLARE_REFRESHER");
    let (stage, key) = example("cloudflare-roll", host, (Family::Cloudflare, "me"));
    says(&turned(&stage), &["verify: identity"]);
    assert!(!is_live(&stage, &key.value));
}

#[test]
fn the_token_of_a_terraform_team_is_overridden() {
    let host = ("https://app.terraform.io", "TFC_REFRESHER");
    let (stage, key) = example("hcp-terraform-team", host, (Family::Terraform, "team-1"));
    says(&turned(&stage), &["verify: identity", "dies"]);
    let post = stage.sandbox.exchanges().into_iter().find(|one| one.method == http::Method::POST).unwrap();
    assert_eq!(post.request_headers["content-type"], "application/vnd.api+json");
    assert!(!is_live(&stage, &key.value));
    let ran = stage.run(&["revoke", "deployers", "--reason", "leaked"]);
    assert!(!is_live(&stage, &held(&stage, "ci")), "{ran}");
}
