//! GitHub's own credentials: Apps and installations, pairs that refresh themselves, deploy keys, and what ends a leak.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails there")]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use tokenwheel_sandbox::Answer;
use tokenwheel_sandbox::github::App;

use crate::common::{World, noon, request};

/// An assertion as a client signs it, with these times relative to now.
fn assertion(app: &App, made: i64, dies: i64) -> String {
    let now = noon().timestamp();
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "iss": app.id.to_string(), "iat": now + made, "exp": now + dies });
    let signed = format!("{}.{}", encode(json!({ "alg": "RS256", "typ": "JWT" })), encode(claims));
    let lines = app.private_key.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let key = RsaKeyPair::from_der(&STANDARD.decode(lines).unwrap()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// An App that is installed on `acme` for one of its two repositories.
fn installed(world: &World) -> (App, u64) {
    world.sandbox.github(|github| {
        github.add_repository("acme/app");
        github.add_repository("acme/api");
        let app = github.add_app(17, "wheel");
        let granted = [("contents", "write"), ("administration", "write")];
        let number = github.install(app.id, "acme", &granted, Some(&["app"]));
        (app, number)
    })
}

fn narrowed(world: &World, app: &App, number: u64, body: &Value) -> Answer {
    let target = format!("/api/v3/app/installations/{number}/access_tokens");
    world.ask("github", &assertion(app, -60, 500), Method::POST, &target, body)
}

fn token_in(answer: &Answer) -> String {
    answer.value()["token"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_app_signs_for_a_token_of_one_hour_that_is_as_narrow_as_asked() {
    let world = World::new();
    let (app, number) = installed(&world);
    let asked = json!({ "repositories": ["app"], "permissions": { "contents": "read" } });
    let answer = narrowed(&world, &app, number, &asked);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.value()["permissions"], json!({ "contents": "read", "metadata": "read" }));
    assert_eq!(answer.value()["expires_at"], "2026-05-04T13:00:00Z");
    let token = token_in(&answer);
    let seen = world.ask("github", &token, Method::GET, "/api/v3/installation/repositories", &Value::Null);
    assert_eq!((seen.status, seen.value()["total_count"].as_u64()), (200, Some(1)));
    // Reading is not enough for a deploy key, and administration was not asked for.
    assert_eq!(world.ask("github", &token, Method::GET, "/api/v3/repos/acme/app/keys", &Value::Null).status, 403);
    world.sandbox.advance(TimeDelta::hours(1));
    assert!(!world.sandbox.github(|github| github.is_live(&token)));
}

#[test]
fn an_app_grants_nothing_that_it_was_not_granted() {
    let world = World::new();
    let (app, number) = installed(&world);
    for asked in [
        json!({ "repositories": ["api"] }),
        json!({ "repositories": ["nothing"] }),
        json!({ "permissions": { "contents": "write", "administration": "write", "issues": "read" } }),
    ] {
        assert_eq!(narrowed(&world, &app, number, &asked).status, 422, "{asked}");
    }
    assert_eq!(narrowed(&world, &app, number + 1, &json!({})).status, 404);
}

#[test]
fn an_assertion_is_taken_only_within_its_ten_minutes_and_signed_by_its_app() {
    let world = World::new();
    let (app, _) = installed(&world);
    let status = |token: &str| world.ask("github", token, Method::GET, "/api/v3/app", &Value::Null).status;
    assert_eq!(status(&assertion(&app, -60, 600)), 200);
    for (made, dies) in [(60, 500), (-60, 601), (-60, 0)] {
        assert_eq!(status(&assertion(&app, made, dies)), 401, "{made} {dies}");
    }
    let forged = assertion(&app, -60, 500).replacen("ey", "eY", 1);
    assert_eq!(status(&forged), 401);
    assert_eq!(status("nonsense"), 401);
    assert_eq!(status(""), 401);
}

#[test]
fn only_an_installation_token_ends_itself_and_it_does_so_once() {
    let world = World::new();
    let (app, number) = installed(&world);
    let token = token_in(&narrowed(&world, &app, number, &json!({})));
    let end = |token: &str| world.ask("github", token, Method::DELETE, "/api/v3/installation/token", &Value::Null);
    assert_eq!([end(&token).status, end(&token).status], [204, 401]);
    let classic = world.sandbox.github(|github| github.add_classic_token("ada", &["repo"], None));
    assert_eq!(end(&classic).status, 403);
}

#[test]
fn installation_tokens_may_be_longer_than_they_were() {
    let world = World::new();
    let (app, number) = installed(&world);
    world.sandbox.github(|github| github.stateless_installation_tokens = true);
    let token = token_in(&narrowed(&world, &app, number, &json!({})));
    assert!(token.len() > 255 && token.starts_with("ghs_17_"));
    let seen = world.ask("github", &token, Method::GET, "/api/v3/installation/repositories", &Value::Null);
    assert_eq!(seen.status, 200);
}

fn exchange(world: &World, form: &str, json: bool) -> Answer {
    let mut request = request("github", "", Method::POST, "/login/oauth/access_token", &Value::Null);
    request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    if json {
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    }
    request.body = form.to_owned().into();
    world.send(request).unwrap()
}

fn refreshed(world: &World, value: &str) -> Answer {
    exchange(world, &format!("client_id=Iv1.a&grant_type=refresh_token&refresh_token={value}"), true)
}

#[test]
fn a_refresh_token_makes_the_next_pair_once_and_ends_the_old_access_token_at_once() {
    let world = World::new();
    let old = world.sandbox.github(|github| github.add_grant("Iv1.a", "ada", true, &[], noon()));
    let first = refreshed(&world, &old.refresh.0);
    let access = first.value()["access_token"].as_str().unwrap_or_default().to_owned();
    let who = |token: &str| world.ask("github", token, Method::GET, "/api/v3/user", &Value::Null);
    assert_eq!(who(&access).value()["login"], "ada");
    assert_eq!(who(&old.access).status, 401);
    // The refusal comes with status 200.
    let again = refreshed(&world, &old.refresh.0);
    assert_eq!((again.status, again.value()["error"].as_str()), (200, Some("bad_refresh_token")));
    assert_eq!(who(&access).status, 200);
    assert_eq!(world.sandbox.github(|github| (github.pairs_minted, github.refresh_reuses)), (1, 1));
}

#[test]
fn where_reuse_ends_the_grant_the_fresh_pair_dies_too() {
    let world = World::new();
    let old = world.sandbox.github(|github| {
        github.refresh_reuse_ends_grant = true;
        github.add_grant("Iv1.a", "ada", true, &[], noon())
    });
    let fresh = refreshed(&world, &old.refresh.0).value()["refresh_token"].as_str().unwrap_or_default().to_owned();
    refreshed(&world, &old.refresh.0);
    assert_eq!(refreshed(&world, &fresh).value()["error"], "bad_refresh_token");
}

#[test]
fn only_a_pair_of_the_device_flow_is_refreshed_without_the_secret_of_the_client() {
    let world = World::new();
    let old = world.sandbox.github(|github| github.add_grant("Iv1.a", "ada", false, &[], noon()));
    assert_eq!(refreshed(&world, &old.refresh.0).value()["error"], "incorrect_client_credentials");
    let with = format!(
        "client_id=Iv1.a&client_secret={}&grant_type=refresh_token&refresh_token={}",
        old.client_secret, old.refresh.0
    );
    assert_eq!(exchange(&world, &with, true).value()["token_type"], "bearer");
}

#[test]
fn a_pair_comes_as_a_form_unless_json_is_asked_for() {
    let mut world = World::new();
    world.lawless = true;
    let old = world.sandbox.github(|github| github.add_grant("Iv1.a", "ada", true, &[], noon()));
    let form = format!("client_id=Iv1.a&grant_type=refresh_token&refresh_token={}", old.refresh.0);
    let answer = exchange(&world, &form, false);
    assert!(String::from_utf8_lossy(&answer.body).starts_with("access_token=ghu_"));
}

/// A public key: its kind, and 32 bytes.
fn public(byte: u8) -> String {
    let mut bytes = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    bytes.extend([byte; 32]);
    format!("ssh-ed25519 {}", STANDARD.encode(bytes))
}

fn keeper(world: &World) -> String {
    world.sandbox.github(|github| {
        github.add_member("acme", "ada");
        github.add_repository("acme/app");
        github.add_fine_grained_token("ada", "acme", &[("administration", "write")], None)
    })
}

const KEYS: &str = "/api/v3/repos/acme/app/keys";

#[test]
fn a_deploy_key_is_made_listed_and_deleted_and_opens_one_repository_only() {
    let world = World::new();
    let token = keeper(&world);
    let body = json!({ "title": "deploy", "key": format!("{} me@here", public(1)), "read_only": true });
    let made = world.ask("github", &token, Method::POST, KEYS, &body);
    assert_eq!((made.status, made.value()["key"].as_str()), (201, Some(public(1).as_str())));
    assert_eq!(world.ask("github", &token, Method::POST, KEYS, &body).status, 422);
    let bad = json!({ "title": "deploy", "key": "ssh-ed25519 AAAA" });
    assert_eq!(world.ask("github", &token, Method::POST, KEYS, &bad).status, 422);
    let listed = world.ask("github", &token, Method::GET, &format!("{KEYS}?per_page=100"), &Value::Null);
    assert_eq!(listed.value().as_array().map(Vec::len), Some(1));
    let one = format!("{KEYS}/{}", made.value()["id"]);
    let ask = |method| world.ask("github", &token, method, &one, &Value::Null).status;
    assert_eq!([ask(Method::GET), ask(Method::DELETE), ask(Method::DELETE)], [200, 204, 404]);
}

#[test]
fn a_deploy_key_goes_with_the_personal_token_that_made_it() {
    let world = World::new();
    let token = keeper(&world);
    let made = world.ask("github", &token, Method::POST, KEYS, &json!({ "title": "deploy", "key": public(2) }));
    assert_eq!(made.value()["read_only"], false);
    let report = json!({ "credentials": [token] });
    assert_eq!(world.ask("github", "", Method::POST, "/api/v3/credentials/revoke", &report).status, 202);
    assert_eq!(world.sandbox.github(|github| github.deploy_keys_of("acme/app").len()), 0);
}

#[test]
fn a_leak_is_reported_by_nobody_in_particular_and_ended_for_good() {
    let mut world = World::new();
    world.lawless = true;
    let token = keeper(&world);
    let grant = world.sandbox.github(|github| github.add_grant("Iv1.a", "ada", true, &[], noon()));
    let report = |who: &str, values: &[&str]| {
        let body = json!({ "credentials": values });
        world.ask("github", who, Method::POST, "/api/v3/credentials/revoke", &body).status
    };
    assert_eq!(report(&token, &[&token]), 403);
    assert_eq!(report("", &[]), 422);
    assert!(world.sandbox.github(|github| github.is_live(&token)));
    assert_eq!(report("", &[&token, &grant.refresh.0, "ghp_nobody", "ghs_not-taken"]), 202);
    assert!(!world.sandbox.github(|github| github.is_live(&token) || github.is_live(&grant.access)));
    assert_eq!(refreshed(&world, &grant.refresh.0).value()["error"], "bad_refresh_token");
}

#[test]
fn a_report_may_be_accepted_long_before_it_is_acted_on() {
    let world = World::new();
    let token = keeper(&world);
    world.sandbox.github(|github| github.revocation_lags = true);
    let report = json!({ "credentials": [token] });
    assert_eq!(world.ask("github", "", Method::POST, "/api/v3/credentials/revoke", &report).status, 202);
    assert!(world.sandbox.github(|github| github.is_live(&token)));
    world.sandbox.github(tokenwheel_sandbox::github::GitHub::end_reported);
    assert!(!world.sandbox.github(|github| github.is_live(&token)));
}

#[test]
fn sixty_reports_an_hour_are_taken() {
    let world = World::new();
    let report = |_: usize| {
        let body = json!({ "credentials": ["ghp_nobody"] });
        world.ask("github", "", Method::POST, "/api/v3/credentials/revoke", &body).status
    };
    assert!((0..60).map(report).all(|status| status == 202));
    assert_eq!(report(61), 403);
    world.sandbox.advance(TimeDelta::hours(1));
    assert_eq!(report(62), 202);
}
