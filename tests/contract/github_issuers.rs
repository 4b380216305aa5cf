//! GitHub's own tokens, and secrets that are made here, under the contract of issuers.

use chrono::TimeDelta;
use serde_json::json;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};
use tokenwheel_sandbox::github::{GitHub, Make};

use super::bench::Ground;
use super::fixtures::{Also, Fixture};

/// Every kind of GitHub, and `random/secret`.
pub(crate) fn all() -> Vec<Fixture> {
    vec![
        installation_token(),
        user_token(true),
        user_token(false),
        deploy_key("by a person", None),
        deploy_key("by an App", Some(17)),
        personal_access_token(),
        secret(),
    ]
}

fn ground(seed: impl FnOnce(&mut GitHub)) -> Ground {
    let ground = Ground::new();
    ground.sandbox.github(|github| {
        github.add_member("acme", "ada");
        github.add_repository("acme/app");
        github.add_repository("acme/api");
        seed(github);
    });
    ground
}

fn installation_token() -> Fixture {
    let mut key = String::new();
    let mut number = 0;
    let ground = ground(|github| {
        key = github.add_app(17, "wheel").private_key;
        number = github.install(17, "acme", &[("contents", "write"), ("administration", "write")], None);
    });
    Fixture {
        kind: "github/installation-token",
        way: "by the key of the App",
        ground,
        service: "github",
        keys: json!({ "repositories": ["app"], "permissions": { "contents": "read" } }),
        login: key,
        own: false,
        live: Vec::new(),
        dead: "ghs_nobodyknowsthisone".to_owned(),
        stranger: String::new(),
        proof: "identity",
        stranger_proof: "rejected",
        lists: false,
        revokes: false,
        working: |sandbox| {
            let now = sandbox.now();
            let all = sandbox.github(|github| github.tokens_of(Make::Installation));
            all.into_iter().filter(|token| token.is_live(now)).map(|token| token.value).collect()
        },
        also: Also {
            connection: json!({ "app": "17", "installation": number }),
            lives: Some(TimeDelta::hours(1)),
            ended_by_value: true,
            end_login: Some(|ground| ground.sandbox.github(|github| github.delete_app(17))),
            ..Also::default()
        },
    }
}

fn user_token(device_flow: bool) -> Fixture {
    let now = crate::common::monday();
    let mut own = None;
    let ground = ground(|github| {
        github.add_grant("Iv1.other", "ada", true, &[], now);
        own = Some(github.add_grant("Iv1.a", "ada", device_flow, &[], now - TimeDelta::hours(6)));
    });
    let own = own.unwrap();
    let mut keys = json!({ "client_id": "Iv1.a", "user": "ada" });
    if !device_flow {
        // The source of a further credential is its name in small letters, and here that is what it is.
        ground.sandbox.github(|github| github.name_client_secret("Iv1.a", "the client's secret"));
        keys["client_secret"] = json!("env:THE CLIENT'S SECRET");
    }
    Fixture {
        kind: "github/user-token",
        way: "by itself",
        ground,
        service: "github",
        keys,
        login: own.refresh.0.clone(),
        own: true,
        live: vec![("Iv1.a".to_owned(), own.refresh.0)],
        dead: "ghr_nobodyknowsthisone".to_owned(),
        stranger: String::new(),
        proof: "identity",
        stranger_proof: "inconclusive",
        lists: false,
        revokes: true,
        working: |sandbox| {
            let grant = sandbox.github(|github| github.grant("Iv1.a", "ada")).filter(|grant| !grant.ended);
            grant.map(|grant| grant.refresh.0).into_iter().collect()
        },
        also: Also {
            lives: Some(TimeDelta::hours(8)),
            unasked: true,
            ended_by_value: true,
            end_login: Some(|ground| {
                let grant = ground.sandbox.github(|github| github.grant("Iv1.a", "ada")).unwrap();
                ground.sandbox.github(|github| github.end_grant(&grant.refresh.0));
            }),
            ..Also::default()
        },
    }
}

/// A pair of keys: the private half as OpenSSH writes it, and the public half.
fn pair(seed: u8) -> (String, String) {
    let data = KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32]));
    let key = PrivateKey::new(data, "deploy").unwrap();
    (key.to_openssh(LineEnding::LF).unwrap().to_string(), key.public_key().to_openssh().unwrap())
}

/// What GitHub knows of a private half.
fn public(private: &str) -> String {
    let text = PrivateKey::from_openssh(private).map(|key| key.public_key().to_openssh().unwrap()).unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn deploy_key(way: &'static str, app: Option<u64>) -> Fixture {
    let now = crate::common::monday();
    let [dead, older, live, stranger] = [pair(1), pair(2), pair(3), pair(4)];
    let mut numbers = [0, 0];
    let (mut login, mut connection) = (String::new(), json!({}));
    let ground = ground(|github| {
        let mut add = |title: &str, key: &str, days| {
            github.add_deploy_key("acme/app", title, key, true, now - TimeDelta::days(days))
        };
        numbers = [add("deploy", &live.1, 5), add("deploy", &older.1, 9)];
        add("deploy-2", &stranger.1, 2);
        if let Some(app) = app {
            login = github.add_app(app, "wheel").private_key;
            let number = github.install(app, "acme", &[("administration", "write")], None);
            connection = json!({ "app": app.to_string(), "installation": number });
        } else {
            let rights = [("administration", "write")];
            login = github.add_fine_grained_token("ada", "acme", &rights, Some(now + TimeDelta::days(90)));
        }
    });
    Fixture {
        kind: "github/deploy-key",
        way,
        ground,
        service: "github",
        keys: json!({ "repository": "acme/app", "title": "deploy" }),
        login,
        own: false,
        live: vec![(numbers[0].to_string(), live.0), (numbers[1].to_string(), older.0)],
        dead: dead.0,
        stranger: stranger.0,
        proof: "matched",
        stranger_proof: "rejected",
        lists: true,
        revokes: true,
        working: |sandbox| {
            let all = sandbox.github(|github| github.deploy_keys_of("acme/app"));
            all.into_iter().filter(|key| key.title == "deploy").map(|key| key.key).collect()
        },
        also: Also {
            connection,
            undated: true,
            known_by: Some(public),
            // The session of an App is opened and ended around whatever is done.
            reads_by_post: &["/access_tokens"],
            sends: Some(if app.is_some() { 2 } else { 1 }),
            end_login: Some(|ground| {
                ground.sandbox.github(|github| {
                    github.delete_app(17);
                    for token in github.tokens_of(Make::FineGrained) {
                        github.revoke(&token.value);
                    }
                });
            }),
            ..Also::default()
        },
    }
}

fn personal_access_token() -> Fixture {
    let now = crate::common::monday();
    let [mut live, mut dead, mut stranger] = [const { String::new() }; 3];
    let ground = ground(|github| {
        let mut add =
            |user: &str, days| github.add_fine_grained_token(user, "acme", &[], Some(now + TimeDelta::days(days)));
        (live, dead, stranger) = (add("ada", 25), add("ada", 20), add("bob", 25));
        github.revoke(&dead);
    });
    Fixture {
        kind: "github/personal-access-token",
        way: "by itself",
        ground,
        service: "github",
        keys: json!({ "user": "ada", "name": "wheel" }),
        login: live.clone(),
        own: true,
        live: vec![("wheel until 2026-05-29 06:00:00".to_owned(), live)],
        dead,
        stranger,
        proof: "identity",
        stranger_proof: "rejected",
        lists: true,
        revokes: true,
        working: |sandbox| {
            let now = sandbox.now();
            let all = sandbox.github(|github| github.tokens_of(Make::FineGrained));
            let ours = |token: &tokenwheel_sandbox::github::Token| token.user.as_deref() == Some("ada");
            all.into_iter().filter(|token| ours(token) && token.is_live(now)).map(|token| token.value).collect()
        },
        also: Also { manual: true, ended_by_value: true, ..Also::default() },
    }
}

fn secret() -> Fixture {
    Fixture {
        kind: "random/secret",
        way: "alone",
        ground: Ground::new(),
        service: "",
        keys: json!({ "name": "orders" }),
        login: String::new(),
        own: false,
        live: vec![("2026-05-01T00:00:00.000Z".to_owned(), "ab".repeat(32))],
        dead: "cd".repeat(32),
        stranger: "ef".repeat(32),
        proof: "matched",
        stranger_proof: "inconclusive",
        lists: false,
        revokes: false,
        working: |_| Vec::new(),
        also: Also { nowhere: true, unasked: true, sends: Some(0), ..Also::default() },
    }
}
