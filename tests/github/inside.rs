//! In process, where the clock stands still: what one cannot wait for, and what happens between two calls.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde_json::{Value, json};
use tokenwheel::connection::{Connecting, Connection, LoginError, Means, Slot};
use tokenwheel::demo::Mounted;
use tokenwheel::destination::{Ask, Depth, Destination, Receipt, Site};
use tokenwheel::http::Http;
use tokenwheel::services::{DESTINATIONS, SERVICES};
use tokenwheel::token::TokenValue;
use tokenwheel_sandbox::github::{GitHub, Make, Store};
use tokenwheel_sandbox::{At, Fault, Sandbox, What};

const RIGHTS: &[(&str, &str)] = &[("secrets", "write"), ("organization_secrets", "write")];

fn monday() -> DateTime<Utc> {
    "2026-05-04T06:00:00Z".parse().unwrap()
}

/// A GitHub, and a login to it.
struct Inside {
    sandbox: Sandbox,
    connection: Arc<dyn Connection>,
    login: TokenValue,
}

impl Inside {
    fn new(login: impl FnOnce(&mut GitHub) -> String) -> Self {
        Self::with(json!({}), login)
    }

    /// Logged in with the key of an App, of which there is one.
    fn app() -> Self {
        Self::with(json!({ "app": "77", "installation": 7701 }), |github| {
            let app = github.add_app(77, "wheel");
            assert_eq!(github.install(77, "acme", RIGHTS, None), 7701);
            app.private_key
        })
    }

    fn with(keys: Value, login: impl FnOnce(&mut GitHub) -> String) -> Self {
        let sandbox = Sandbox::new(5, monday());
        let value = sandbox.github(|github| {
            github.add_member("acme", "ada");
            github.add_secret(Store::Actions, "repos/acme/app", "TOKEN", "old", monday() - TimeDelta::days(9));
            login(github)
        });
        let login = TokenValue::handed(&value).unwrap();
        let kind = SERVICES.iter().find(|kind| kind.name == "github").unwrap();
        let means = means(&sandbox);
        let connection = (kind.connect)(Connecting {
            url: Some("https://github.sandbox".parse().unwrap()),
            slot: Slot::holding(login.clone()),
            http: (means.door)(None).unwrap(),
            keys,
            means,
        });
        Self { connection: connection.unwrap(), login, sandbox }
    }

    fn keeper() -> Self {
        Self::new(|github| github.add_fine_grained_token("ada", "acme", RIGHTS, None))
    }

    fn secret(&self, keys: Value) -> Box<dyn Destination> {
        let kind = DESTINATIONS.iter().find(|kind| kind.kind == "github/actions-secret").unwrap();
        let site = Site { connection: Some(Arc::clone(&self.connection)), means: means(&self.sandbox) };
        (kind.build)(keys, &site).unwrap()
    }
}

fn means(sandbox: &Sandbox) -> Means {
    let http = Arc::new(Http::new(Arc::new(Mounted(sandbox.clone()))));
    Means {
        folder: PathBuf::from("."),
        secret: Arc::new(|_| anyhow::bail!("there are no further credentials here")),
        door: Arc::new(move |_| Ok(Arc::clone(&http))),
        random: Arc::new(|buffer: &mut [u8]| buffer.fill(7)),
        offline: false,
    }
}

fn value(text: &str) -> TokenValue {
    TokenValue::new(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_key_that_github_turned_after_the_rehearsal_is_fetched_anew() {
    let inside = Inside::keeper();
    let secret = inside.secret(json!({ "repository": "acme/app", "name": "TOKEN" }));
    secret.rehearse(&Ask { shape: None, depth: Depth::Try, last: None }).await.unwrap();
    inside.sandbox.github(GitHub::turn_keys);
    let receipt = secret.deliver(&value("new"), None).await.unwrap();
    secret.confirm(&value("new"), &receipt).await.unwrap();
    let kept = inside.sandbox.github(|github| github.secret(Store::Actions, "repos/acme/app", "TOKEN")).unwrap();
    assert_eq!((kept.value.as_str(), kept.writes), ("new", 1));
}

#[tokio::test(start_paused = true)]
async fn a_private_key_of_several_lines_is_sealed_as_it_is() {
    let inside = Inside::keeper();
    let lines = TokenValue::of_lines("-----BEGIN KEY-----\nabc\n-----END KEY-----").unwrap();
    let secret = inside.secret(json!({ "repository": "acme/app", "name": "TOKEN" }));
    secret.deliver(&lines, None).await.unwrap();
    let kept = inside.sandbox.github(|github| github.secret(Store::Actions, "repos/acme/app", "TOKEN")).unwrap();
    assert_eq!(kept.value, "-----BEGIN KEY-----\nabc\n-----END KEY-----\n");
}

#[tokio::test(start_paused = true)]
async fn a_list_of_repositories_that_fills_pages_is_kept_whole_whatever_an_omitted_one_would_do() {
    for empties in [false, true] {
        let inside = Inside::keeper();
        let names: Vec<String> = (0..230).map(|number| format!("acme/app-{number}")).collect();
        let shown: Vec<&str> = names.iter().map(String::as_str).collect();
        inside.sandbox.github(|github| {
            github.omitted_selection_empties = empties;
            github.add_secret(Store::Actions, "orgs/acme", "TOKEN", "old", monday() - TimeDelta::days(9));
            github.show_secret_to(Store::Actions, "acme", "TOKEN", "selected", &shown);
        });
        let secret = inside.secret(json!({ "organization": "acme", "name": "TOKEN" }));
        let receipt = secret.deliver(&value("new"), None).await.unwrap();
        secret.confirm(&value("new"), &receipt).await.unwrap();
        let kept = inside.sandbox.github(|github| github.secret(Store::Actions, "orgs/acme", "TOKEN")).unwrap();
        assert_eq!((kept.value.as_str(), kept.visibility.unwrap().selected.len()), ("new", 230));
    }
}

#[tokio::test(start_paused = true)]
async fn many_writes_are_spread_over_minutes() {
    let inside = Inside::keeper();
    let start = tokio::time::Instant::now();
    for number in 0..100 {
        let name = format!("T{number}");
        let secret = inside.secret(json!({ "repository": "acme/app", "name": name, "create": {} }));
        secret.deliver(&value("new"), None).await.unwrap();
    }
    assert!(start.elapsed() >= Duration::from_mins(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_that_comes_as_403_is_waited_for() {
    let inside = Inside::keeper();
    let secret = inside.secret(json!({ "repository": "acme/app", "name": "TOKEN" }));
    inside.sandbox.github(|github| github.next_refusals.push((403, 30)));
    let start = tokio::time::Instant::now();
    secret.deliver(&value("new"), None).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_token_says_when_it_dies_in_either_spelling() {
    for with_offset in [false, true] {
        let dies = monday() + TimeDelta::days(30);
        let inside = Inside::new(|github| {
            github.expiry_with_offset = with_offset;
            github.add_fine_grained_token("ada", "acme", RIGHTS, Some(dies))
        });
        let login = inside.connection.identify(&inside.login).await.unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((login.who.as_deref(), login.record.and_then(|record| record.expires)), (Some("@ada"), Some(dies)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_classic_token_says_what_it_may_do_and_what_nobody_needs() {
    let inside = Inside::new(|github| github.add_classic_token("ada", &["repo", "delete_repo"], None));
    let login = inside.connection.identify(&inside.login).await.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(login.rights, ["repo", "delete_repo"]);
    assert_eq!(login.too_wide.as_deref(), Some("scope delete_repo"));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_is_never_asked_who_it_is_nor_used_for_anything() {
    let inside = Inside::new(|_| "ghr_not-asked".to_owned());
    assert!(inside.connection.identify(&inside.login).await.is_ok());
    let secret = inside.secret(json!({ "repository": "acme/app", "name": "TOKEN" }));
    let why = secret.holds(None).await.err().unwrap().to_string();
    assert!(why.contains("opens nothing but the way to its successor"), "{why}");
    assert!(inside.sandbox.exchanges().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lock_or_a_failure_is_not_taken_for_the_death_of_a_token() {
    let inside = Inside::keeper();
    for status in [403, 500] {
        let at = At::Matching { method: Method::GET, path: "/user".to_owned(), times: 4 };
        inside.sandbox.inject(Fault { at, what: What::Refuse(status) });
        let why = inside.connection.identify(&inside.login).await.err().unwrap();
        assert!(matches!(why, LoginError::Unreachable(_)), "{status}: {why}");
        inside.sandbox.clear_faults();
    }
    inside.sandbox.github(|github| {
        let tokens = github.tokens_of(Make::FineGrained);
        for token in tokens {
            github.revoke(&token.value);
        }
    });
    let why = inside.connection.identify(&inside.login).await.err().unwrap();
    assert!(matches!(why, LoginError::Dead(_)), "{why}");
}

#[tokio::test(start_paused = true)]
async fn somebody_s_own_token_is_asked_beside_an_app_as_what_it_is() {
    let inside = Inside::app();
    let own = value(&inside.sandbox.github(|github| github.add_classic_token("ada", &["repo"], None)));
    let beside = inside.connection.sibling(Slot::holding(own.clone()));
    let login = beside.identify(&own).await.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(login.who.as_deref(), Some("@ada"));
    let why = inside.connection.identify(&value("neither-token-nor-key")).await.err().unwrap().to_string();
    assert!(
        why.contains("is not the private key of an App, in PEM: keep GitHub's whole file with its line breaks"),
        "{why}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_that_died_of_a_long_wait_is_opened_anew() {
    let inside = Inside::app();
    let secret = inside.secret(json!({ "repository": "acme/app", "name": "TOKEN" }));
    for hours in [0, 2] {
        inside.sandbox.advance(TimeDelta::hours(hours));
        let receipt = secret.deliver(&value("new"), None).await.unwrap();
        secret.confirm(&value("new"), &receipt).await.unwrap();
    }
    inside.connection.log_out().await;
    let sessions = inside.sandbox.github(|github| github.tokens_of(Make::Installation));
    assert_eq!(sessions.len(), 2);
    assert!(sessions.iter().all(|session| !session.is_live(inside.sandbox.now())));
}

#[tokio::test(start_paused = true)]
async fn a_session_of_few_minutes_is_not_begun_with() {
    let inside = Inside::app();
    let secret = inside.secret(json!({ "repository": "acme/app", "name": "TOKEN" }));
    secret.deliver(&value("new"), None).await.unwrap();
    inside.sandbox.advance(TimeDelta::minutes(55));
    // The first answer after the wait tells the time.
    secret.confirm(&value("new"), &Receipt::default()).await.unwrap_err();
    inside.sandbox.forget_exchanges();
    secret.deliver(&value("newer"), None).await.unwrap();
    let exchanges = inside.sandbox.exchanges();
    let count = |path: &str| exchanges.iter().filter(|exchange| exchange.target.contains(path)).count();
    assert_eq!((count("/access_tokens"), count("/rate_limit")), (1, 0));
    assert!(exchanges.iter().all(|exchange| exchange.status != Some(401)));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_dies_within_a_run_is_refused_once_and_not_used_again() {
    let inside = Inside::keeper();
    let secrets = ["TOKEN", "OTHER"].map(|name| inside.secret(json!({ "repository": "acme/app", "name": name })));
    inside.sandbox.github(|github| {
        let tokens = github.tokens_of(Make::FineGrained);
        for token in tokens {
            github.revoke(&token.value);
        }
    });
    let mut told = Vec::new();
    for secret in secrets {
        told.push(secret.holds(None).await.err().unwrap().to_string());
    }
    assert!(told[0].contains("it has expired, was revoked, or never was"), "{told:?}");
    assert!(told[1].contains("was refused before in this run and is not used again"), "{told:?}");
    assert_eq!(inside.sandbox.exchanges().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_stranger_is_told_is_our_words_and_not_the_servers() {
    let inside = Inside::new(|github| github.add_classic_token("stranger", &["repo"], None));
    let secret = inside.secret(json!({ "repository": "acme/app", "name": "TOKEN" }));
    let why = format!("{:#}", secret.holds(None).await.err().unwrap());
    assert!(!why.contains("Not Found") && why.contains("the login may not see it"), "{why}");
}
