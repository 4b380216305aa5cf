//! `vault/kv` and the connection to a vault, call by call: what others write meanwhile, what may not be seen, and what is
//! no KV engine of version 2. Whole runs through the binary are in the suite `atlassian`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde_json::{Value, json};
use tokenwheel::connection::{Connecting, Connection, LoginError, Means, Slot};
use tokenwheel::demo::Mounted;
use tokenwheel::destination::{Ask, Assurance, Depth, Destination, Holding, Receipt, Site};
use tokenwheel::http::Http;
use tokenwheel::services::{DESTINATIONS, SERVICES};
use tokenwheel::token::TokenValue;
use tokenwheel_sandbox::vault::Vault;
use tokenwheel_sandbox::{At, Fault, Sandbox, What, violations};

const OLD: &str = "the-value-from-before";
const NEW: &str = "the-value-that-is-new";
const SUBJECT: &str = "repo:acme/app:ref:refs/heads/main";

/// A server with one secret, and a login to it.
struct Server {
    sandbox: Sandbox,
    connection: Arc<dyn Connection>,
    means: Means,
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(violations(&self.sandbox.exchanges()), Vec::<String>::new());
        }
    }
}

impl Server {
    /// A login that may do that, with these keys of the connection.
    fn new(policy: &[(&str, &[&str])], keys: Value) -> Self {
        Self::seeded(keys, |vault| vault.add_token(policy, None))
    }

    fn seeded(keys: Value, seed: impl FnOnce(&mut Vault) -> String) -> Self {
        let now: DateTime<Utc> = "2026-05-04T06:00:00Z".parse().unwrap();
        let sandbox = Sandbox::new(5, now);
        let login = sandbox.vault(|vault| {
            vault.add_mount("secret", 2);
            vault.put("secret", "ci/app", &[("token", OLD), ("user", "robot")]);
            seed(vault)
        });
        let http = Arc::new(Http::new(Arc::new(Mounted(sandbox.clone()))));
        let means = Means {
            folder: PathBuf::from("."),
            secret: Arc::new(|_| anyhow::bail!("none")),
            door: Arc::new(|_| anyhow::bail!("none")),
            random: Arc::new(|_: &mut [u8]| {}),
            offline: false,
        };
        let kind = SERVICES.iter().find(|kind| kind.name == "vault").unwrap();
        let url = Some("https://vault.sandbox/".parse().unwrap());
        let (slot, means_too) = (Slot::holding(value(&login)), means.clone());
        let connection = (kind.connect)(Connecting { url, slot, http, keys, means: means_too }).unwrap();
        Self { sandbox, connection, means }
    }

    /// As each run has it: nothing is remembered.
    fn place(&self, keys: Value) -> Box<dyn Destination> {
        let kind = DESTINATIONS.iter().find(|kind| kind.kind == "vault/kv").unwrap();
        let site = Site { connection: Some(Arc::clone(&self.connection)), means: self.means.clone() };
        (kind.build)(keys, &site).unwrap()
    }

    fn vault<R>(&self, look: impl FnOnce(&mut Vault) -> R) -> R {
        self.sandbox.vault(look)
    }

    fn secret(&self) -> Value {
        self.vault(|vault| vault.secret("secret", "ci/app"))
    }

    fn inject(&self, method: Method, what: What) {
        let at = At::Matching { method, path: "/data/".to_owned(), times: 1 };
        self.sandbox.inject(Fault { at, what });
    }
}

fn value(text: &str) -> TokenValue {
    TokenValue::new(text).unwrap()
}

fn app() -> Value {
    json!({ "path": "ci/app", "key": "token" })
}

const WHOLE: &[(&str, &[&str])] = &[("secret/data/ci/*", &["create", "read", "update"])];
const UNREAD: &[(&str, &[&str])] = &[("secret/data/ci/*", &["patch"]), ("secret/subkeys/ci/*", &["read"])];

async fn rehearse(place: &dyn Destination) -> Result<(), String> {
    let ask = Ask { shape: None, depth: Depth::Try, last: None };
    place.rehearse(&ask).await.map_err(|why| format!("{why:#}"))
}

async fn lent(place: &dyn Destination, last: Option<&Receipt>) -> Option<String> {
    match place.holds(last).await.unwrap() {
        Holding::Lent(value) => Some(value.expose().to_owned()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_write_meanwhile_is_never_lost() {
    let server = Server::new(WHOLE, json!({}));
    let place = server.place(app());
    assert_eq!(lent(place.as_ref(), None).await.as_deref(), Some(OLD));
    server.vault(|vault| vault.put("secret", "ci/app", &[("token", OLD), ("user", "another"), ("more", "x")]));
    place.deliver(&value(NEW), None).await.unwrap();
    assert_eq!(server.secret(), json!({ "token": NEW, "user": "another", "more": "x" }));
    // Whoever else writes this very key is not overwritten.
    let place = server.place(app());
    assert_eq!(lent(place.as_ref(), None).await.as_deref(), Some(NEW));
    server.vault(|vault| vault.put("secret", "ci/app", &[("token", "another-wheel's"), ("user", "another")]));
    let why = place.deliver(&value("the-next-value"), None).await.unwrap_err().to_string();
    assert!(why.contains("somebody else wrote it meanwhile"), "{why}");
    assert_eq!(server.secret(), json!({ "token": "another-wheel's", "user": "another" }));
}

#[tokio::test(start_paused = true)]
async fn two_keys_of_one_secret_are_both_written_in_one_run() {
    let server = Server::new(WHOLE, json!({}));
    let (token, user) = (server.place(app()), server.place(json!({ "path": "ci/app", "key": "user" })));
    for place in [&token, &user] {
        rehearse(place.as_ref()).await.unwrap();
    }
    let (one, two) = (value(NEW), value("another-value"));
    let (one, two) = tokio::join!(token.deliver(&one, None), user.deliver(&two, None));
    let receipts = (one.unwrap(), two.unwrap());
    assert_eq!(server.secret(), json!({ "token": NEW, "user": "another-value" }));
    assert_eq!(token.confirm(&value(NEW), &receipts.0).await.unwrap(), Assurance::ReadBack);
    assert_eq!(user.confirm(&value("another-value"), &receipts.1).await.unwrap(), Assurance::ReadBack);
}

#[tokio::test(start_paused = true)]
async fn two_keys_that_may_not_be_read_are_both_written_and_stamped_in_one_run() {
    let server = Server::new(UNREAD, json!({}));
    let (token, user) = (server.place(app()), server.place(json!({ "path": "ci/app", "key": "user" })));
    for place in [&token, &user] {
        rehearse(place.as_ref()).await.unwrap();
    }
    let first = token.deliver(&value(NEW), None).await.unwrap();
    let second = user.deliver(&value("another-value"), None).await.unwrap();
    assert_eq!(server.secret(), json!({ "token": NEW, "user": "another-value" }));
    assert_eq!(token.confirm(&value(NEW), &first).await.unwrap(), Assurance::Stamped);
    assert_eq!(user.confirm(&value("another-value"), &second).await.unwrap(), Assurance::Stamped);
    server.vault(|vault| vault.put("secret", "ci/app", &[("token", "a stranger's"), ("user", "another-value")]));
    assert!(token.confirm(&value(NEW), &first).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_is_not_written_again() {
    let server = Server::new(WHOLE, json!({}));
    let receipt = server.place(app()).deliver(&value(OLD), None).await.unwrap();
    assert_eq!((receipt.stamp.as_deref(), server.vault(|vault| vault.versions("secret", "ci/app"))), (Some("1"), 1));
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_never_came_was_done_once() {
    for what in [What::DropAfter, What::FailAfter(502), What::Truncate, What::Malformed] {
        let server = Server::new(WHOLE, json!({}));
        server.inject(Method::POST, what.clone());
        let place = server.place(app());
        let receipt = place.deliver(&value(NEW), None).await.unwrap_or_else(|why| panic!("{what:?}: {why:#}"));
        assert_eq!(place.confirm(&value(NEW), &receipt).await.unwrap(), Assurance::ReadBack);
        assert_eq!(server.vault(|vault| vault.versions("secret", "ci/app")), 2, "{what:?}");
        assert_eq!(server.secret(), json!({ "token": NEW, "user": "robot" }));
    }
}

#[tokio::test(start_paused = true)]
async fn where_it_may_not_be_read_the_version_is_the_witness() {
    let server = Server::new(UNREAD, json!({}));
    let place = server.place(app());
    rehearse(place.as_ref()).await.unwrap();
    assert!(matches!(place.holds(None).await.unwrap(), Holding::Unknowable(_)));
    let receipt = place.deliver(&value(NEW), None).await.unwrap();
    assert_eq!(place.confirm(&value(NEW), &receipt).await.unwrap(), Assurance::Stamped);
    assert_eq!(server.secret(), json!({ "token": NEW, "user": "robot" }));
    let held = server.place(app()).holds(Some(&receipt)).await.unwrap();
    assert!(matches!(held, Holding::Stamp { same: true }));
    // A newer version may have another of its keys changed: that says nothing of this one.
    server.vault(|vault| vault.put("secret", "ci/app", &[("token", NEW), ("user", "another")]));
    assert!(matches!(server.place(app()).holds(Some(&receipt)).await.unwrap(), Holding::Unknowable(_)));
    assert!(place.confirm(&value(NEW), &receipt).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_would_be_lost_is_not_overwritten() {
    let blind: &[(&str, &[&str])] = &[("secret/data/ci/*", &["update"]), ("secret/subkeys/ci/*", &["read"])];
    let server = Server::new(blind, json!({}));
    let why = rehearse(server.place(app()).as_ref()).await.unwrap_err();
    assert!(why.contains("it has other keys, which may not be read and would be lost"), "{why}");
    // Alone in its secret it takes nothing with it.
    server.vault(|vault| vault.put("secret", "ci/app", &[("token", OLD)]));
    let place = server.place(app());
    rehearse(place.as_ref()).await.unwrap();
    place.deliver(&value(NEW), None).await.unwrap();
    assert_eq!(server.secret(), json!({ "token": NEW }));
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_lacks_something_is_told_by_name() {
    for (capabilities, why) in [
        (&["read"][..], "the policy lacks `update`"),
        (&["create"][..], "cannot be looked at"),
        (&["deny"][..], "cannot be looked at"),
    ] {
        let server = Server::new(&[("secret/data/ci/*", capabilities)], json!({}));
        let told = rehearse(server.place(app()).as_ref()).await.unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_unless_the_config_says_so() {
    let server = Server::new(&[("secret/data/ci/*", WHOLE[0].1), ("secret/*", &["read"])], json!({}));
    let missing = |path: &str, key: &str, create: bool| json!({ "path": path, "key": key, "create": create });
    for (path, key, why) in [("ci/none", "token", "there is no such secret"), ("ci/app", "none", "no such key")] {
        let told = rehearse(server.place(missing(path, key, false)).as_ref()).await.unwrap_err();
        assert!(told.contains(why), "{told}");
        let place = server.place(missing(path, key, true));
        rehearse(place.as_ref()).await.unwrap();
        let receipt = place.deliver(&value(NEW), None).await.unwrap();
        assert_eq!(place.confirm(&value(NEW), &receipt).await.unwrap(), Assurance::ReadBack);
    }
    assert_eq!(server.secret(), json!({ "token": OLD, "user": "robot", "none": NEW }));
}

#[tokio::test(start_paused = true)]
async fn a_secret_whose_last_version_was_deleted_holds_nothing_and_can_be_made_anew() {
    let server = Server::new(WHOLE, json!({}));
    server.vault(|vault| vault.delete("secret", "ci/app"));
    assert!(matches!(server.place(app()).holds(None).await.unwrap(), Holding::Nothing));
    assert!(rehearse(server.place(app()).as_ref()).await.unwrap_err().contains("there is no such secret"));
    let mut keys = app();
    keys["create"] = json!(true);
    let place = server.place(keys);
    place.deliver(&value(NEW), None).await.unwrap();
    assert_eq!(
        (server.secret(), server.vault(|vault| vault.versions("secret", "ci/app"))),
        (json!({ "token": NEW }), 2)
    );
}

#[tokio::test(start_paused = true)]
async fn version_1_is_refused_where_it_would_take_the_value_elsewhere_and_say_that_all_is_well() {
    let server = Server::seeded(json!({}), |vault| {
        vault.add_mount("old", 1);
        vault.put("old", "app", &[("token", OLD)]);
        // What a mix-up of before left there.
        vault.put("old", "data/both", &[("token", OLD)]);
        vault.add_root()
    });
    let why =
        rehearse(server.place(json!({ "mount": "old", "path": "app", "key": "token", "create": true })).as_ref()).await;
    assert!(why.unwrap_err().contains("not KV version 2"));
    let both = server.place(json!({ "mount": "old", "path": "both", "key": "token" }));
    assert!(format!("{:#}", both.holds(None).await.err().unwrap()).contains("not KV version 2"));
    assert_eq!(server.vault(|vault| vault.held("old", "app", "token")).as_deref(), Some(OLD));
    // What version 1 answers there is described nowhere.
    server.sandbox.forget_exchanges();
}

#[tokio::test(start_paused = true)]
async fn a_bad_token_is_dead_although_it_is_told_so_with_403() {
    let server = Server::new(WHOLE, json!({}));
    let dead = server.connection.identify(&value("hvs.nobody")).await.err().unwrap();
    assert!(matches!(&dead, LoginError::Dead(why) if why.contains("HTTP 403")), "{dead}");
    for status in [429, 500, 503] {
        let at = At::Matching { method: Method::GET, path: "lookup-self".to_owned(), times: 9 };
        server.sandbox.inject(Fault { at, what: What::Refuse(status) });
        let own = server.connection.slot().lend().unwrap();
        assert!(matches!(server.connection.identify(&own).await, Err(LoginError::Unreachable(_))), "{status}");
        server.sandbox.clear_faults();
    }
}

#[tokio::test(start_paused = true)]
async fn a_root_token_is_too_wide() {
    let server = Server::seeded(json!({}), Vault::add_root);
    let own = server.connection.slot().lend().unwrap();
    let login = server.connection.identify(&own).await.ok().unwrap();
    assert!(login.too_wide.unwrap().contains("root token"));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_said_in_every_request_and_in_the_address() {
    let keys = json!({ "namespace": "team-a" });
    let server = Server::seeded(keys, |vault| {
        vault.namespace = "team-a".to_owned();
        vault.add_token(WHOLE, None)
    });
    let place = server.place(app());
    assert!(place.address().as_str().contains("in namespace team-a"), "{}", place.address());
    place.deliver(&value(NEW), None).await.unwrap();
    assert_eq!(server.secret(), json!({ "token": NEW, "user": "robot" }));
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_exchanged_once_and_the_session_ends_with_the_run() {
    let keys = json!({ "login": { "jwt": { "mount": "github", "role": "ci" } } });
    let server = Server::seeded(keys, |vault| {
        vault.add_jwt_role("github", "ci", SUBJECT, WHOLE, TimeDelta::minutes(20));
        vault.add_jwt(SUBJECT, TimeDelta::minutes(5))
    });
    // Before anybody logged in nothing is sent.
    assert!(server.place(app()).holds(None).await.is_err());
    assert!(server.sandbox.exchanges().is_empty());
    let jwt = server.connection.slot().lend().unwrap();
    server.connection.identify(&jwt).await.ok().unwrap();
    server.place(app()).deliver(&value(NEW), None).await.unwrap();
    assert_eq!(server.connection.secret("ci/app", "user").await.unwrap().expose(), "robot");
    assert_eq!(server.vault(|vault| (vault.logins, vault.sessions())), (1, 1));
    server.connection.log_out().await;
    assert_eq!(server.vault(|vault| vault.sessions()), 0);
    // The identity itself never went anywhere but into the login.
    let sent = |exchange: &tokenwheel_sandbox::Exchange| {
        exchange.request_headers.values().any(|header| header.as_bytes() == jwt.expose().as_bytes())
    };
    assert!(!server.sandbox.exchanges().iter().any(sent));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_no_text_or_is_not_there_is_told_by_its_name() {
    let server = Server::new(WHOLE, json!({}));
    for (path, key, why) in [("ci/app", "none", "has no key none"), ("ci/none", "token", "cannot be read")] {
        let told = format!("{:#}", server.connection.secret(path, key).await.unwrap_err());
        assert!(told.contains(why) && !told.contains(OLD), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_of_several_lines_comes_back_as_it_went() {
    let server = Server::new(WHOLE, json!({}));
    let key = TokenValue::of_lines("-----BEGIN KEY-----\nabc\n-----END KEY-----").unwrap();
    let place = server.place(app());
    let receipt = place.deliver(&key, None).await.unwrap();
    assert_eq!(place.confirm(&key, &receipt).await.unwrap(), Assurance::ReadBack);
    assert!(server.connection.secret("ci/app", "token").await.unwrap().same_as(&key));
}

#[test]
fn a_path_of_the_api_is_refused_with_the_one_in_the_engine() {
    let server = Server::new(WHOLE, json!({}));
    let kind = DESTINATIONS.iter().find(|kind| kind.kind == "vault/kv").unwrap();
    let build = |path: &str| {
        let site = Site { connection: Some(Arc::clone(&server.connection)), means: server.means.clone() };
        (kind.build)(json!({ "path": path, "key": "token" }), &site).map(drop).map_err(|why| why.to_string())
    };
    for path in ["data/ci/app", "secret/data/ci/app", "/data/ci/app/"] {
        let told = build(path).unwrap_err();
        assert!(told.contains("is a path of the API") && told.ends_with("in the engine, `ci/app`"), "{path}: {told}");
    }
    for path in ["ci/app", "database/app", "ci/data/app"] {
        assert_eq!(build(path), Ok(()), "{path}");
    }
}
