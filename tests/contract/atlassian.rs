//! Atlassian's tokens under the contract of issuers.

use chrono::TimeDelta;
use serde_json::json;
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::atlassian::{CLOUD, ORG, Pat};

use super::bench::{Dates, Ground};
use super::fixtures::{Also, Fixture};

const EMAIL: &str = "robot@acme.example";

pub(crate) fn all() -> Vec<Fixture> {
    vec![
        data_center("by another token", "jira"),
        data_center("by itself", "confluence"),
        data_center("by the password", "jira"),
        oauth_token(),
        refresh_token(),
        api_token("at the site", false),
        api_token("through the gateway", true),
        admin_key(),
    ]
}

fn robot(ground: &Ground) -> String {
    ground.sandbox.atlassian(|atlassian| atlassian.add_account("Robot", EMAIL))
}

fn other(ground: &Ground) -> String {
    ground.sandbox.atlassian(|atlassian| atlassian.add_account("Other", "other@acme.example"))
}

fn access(sandbox: &Sandbox) -> Vec<String> {
    sandbox.atlassian(|atlassian| {
        let account = atlassian.account_of(EMAIL).map(|account| account.id).unwrap_or_default();
        atlassian.live_access_tokens(&account)
    })
}

fn data_center(way: &'static str, product: &'static str) -> Fixture {
    let ground = Ground::new();
    let (robot, other, at) = (robot(&ground), other(&ground), Dates(ground.sandbox.now()));
    let add = |account: &str, name: &str, made: i64, dies: i64| -> Pat {
        let dies = ground.sandbox.now() + TimeDelta::days(dies);
        ground.sandbox.atlassian(|atlassian| atlassian.add_pat(account, name, at.ago(made), Some(dies)))
    };
    let (dead, older, live) = (add(&robot, "ci", 30, 9), add(&robot, "ci", 20, 9), add(&robot, "ci", 5, 25));
    let (_, stranger) = (add(&robot, "ci-2", 1, 25), add(&other, "theirs", 1, 25));
    let login = add(&robot, "wheel", 9, 90).value;
    let password = ground.sandbox.atlassian(|atlassian| {
        atlassian.revoke(&dead.value);
        atlassian.set_password(&robot)
    });
    let by_password = way == "by the password";
    let own = way == "by itself";
    let connection =
        if by_password { json!({ "product": product, "user": "robot" }) } else { json!({ "product": product }) };
    Fixture {
        kind: "atlassian/data-center-token",
        way,
        service: "atlassian",
        keys: json!({ "name": "ci" }),
        login: match way {
            "by itself" => live.value.clone(),
            "by the password" => password,
            _ => login,
        },
        own,
        live: [live, older].into_iter().map(|pat| (pat.id.to_string(), pat.value)).collect(),
        dead: dead.value,
        stranger: stranger.value,
        // Whose it is can be asked, and not which one it is.
        proof: "alive",
        stranger_proof: "rejected",
        lists: true,
        revokes: true,
        working: |sandbox| {
            let live = sandbox.atlassian(|atlassian| atlassian.live_pats("ci"));
            live.into_iter().map(|pat| pat.value).collect()
        },
        also: Also {
            connection,
            end_login: Some(|ground| {
                ground.sandbox.atlassian(|atlassian| {
                    let robot = atlassian.account_of(EMAIL).unwrap().id;
                    atlassian.set_password(&robot);
                    let newest = atlassian.live_pats("ci").pop();
                    for pat in atlassian.live_pats("wheel").into_iter().chain(newest) {
                        atlassian.revoke(&pat.value);
                    }
                });
            }),
            ..Also::default()
        },
        ground,
    }
}

fn oauth_token() -> Fixture {
    let ground = Ground::new();
    let (robot, other) = (robot(&ground), other(&ground));
    let scopes = ["read:jira-user", "write:jira-work"];
    let (client, live, dead, stranger) = ground.sandbox.atlassian(|atlassian| {
        let client = atlassian.add_client(&robot, &scopes);
        let (live, dead) = (atlassian.add_access_token(&robot, &scopes), atlassian.add_access_token(&robot, &scopes));
        atlassian.revoke(&dead);
        (client, live, dead, atlassian.add_access_token(&other, &scopes))
    });
    Fixture {
        kind: "atlassian/oauth-token",
        way: "of a service account",
        ground,
        service: "atlassian",
        keys: json!({ "name": "ci", "scopes": ["read:jira-user"], "of": { "account": robot, "cloud": CLOUD } }),
        login: client.secret,
        own: false,
        live: vec![("ci".to_owned(), live)],
        dead,
        stranger,
        proof: "identity",
        stranger_proof: "rejected",
        lists: false,
        revokes: false,
        working: access,
        also: Also {
            connection: json!({ "client_id": client.id, "api": "https://atlassian.sandbox" }),
            lives: Some(TimeDelta::hours(1)),
            end_login: Some(|ground| {
                ground.sandbox.atlassian(|atlassian| {
                    for client in atlassian.clients() {
                        atlassian.change_secret(&client.id);
                    }
                });
            }),
            ..Also::default()
        },
    }
}

fn refresh_token() -> Fixture {
    let ground = Ground::new();
    let robot = robot(&ground);
    let (client, value) =
        ground.sandbox.atlassian(|atlassian| atlassian.add_grant(&robot, &["offline_access", "read:jira-user"]));
    Fixture {
        kind: "atlassian/oauth-refresh-token",
        way: "by itself",
        ground,
        service: "atlassian",
        keys: json!({ "name": "robot" }),
        login: value.clone(),
        own: true,
        live: vec![("robot".to_owned(), value)],
        dead: "eyJyZWZyZXNo.nobodyknowsthisone".to_owned(),
        stranger: String::new(),
        proof: "matched",
        stranger_proof: "inconclusive",
        lists: false,
        revokes: false,
        working: |sandbox| sandbox.atlassian(|atlassian| atlassian.live_refresh_tokens()),
        also: Also {
            connection: json!({ "client_id": client.id }),
            lives: Some(TimeDelta::days(90)),
            unasked: true,
            lent_by: Some(client.secret),
            end_login: Some(|ground| {
                ground.sandbox.atlassian(|atlassian| {
                    let robot = atlassian.account_of(EMAIL).unwrap().id;
                    atlassian.end_grants(&robot);
                });
            }),
            ..Also::default()
        },
    }
}

fn api_token(way: &'static str, scoped: bool) -> Fixture {
    let ground = Ground::new();
    let (robot, other, at) = (robot(&ground), other(&ground), Dates(ground.sandbox.now()));
    let in_days = |days: i64| ground.sandbox.now() + TimeDelta::days(days);
    let (login, live, dead, stranger) = ground.sandbox.atlassian(|atlassian| {
        let login = atlassian.add_key("wheel", &["read:tokens:admin", "delete:tokens:admin"], at.ago(9), in_days(90));
        let dead = atlassian.add_api_token(&robot, "ci", at.ago(90), in_days(9));
        atlassian.revoke(&dead.value);
        atlassian.add_api_token(&robot, "ci", at.ago(90), at.ago(1));
        let live = atlassian.add_api_token(&robot, "ci", at.ago(5), in_days(25));
        atlassian.add_api_token(&robot, "ci-2", at.ago(2), in_days(25));
        let stranger = atlassian.add_api_token(&other, "theirs", at.ago(1), in_days(25));
        if scoped {
            atlassian.scope_api_token(&live.id);
        }
        (login, live, dead, stranger)
    });
    let mut keys = json!({ "account": robot, "email": EMAIL, "label": "ci" });
    if scoped {
        keys["cloud"] = json!(CLOUD);
    } else {
        keys["site"] = json!("https://atlassian.sandbox");
    }
    watched("atlassian/api-token", way, ground, keys, (login.value, live.id, live.value), (dead.value, stranger.value))
}

fn admin_key() -> Fixture {
    let ground = Ground::new();
    let at = Dates(ground.sandbox.now());
    let in_days = |days: i64| ground.sandbox.now() + TimeDelta::days(days);
    let (login, live, dead, stranger) = ground.sandbox.atlassian(|atlassian| {
        // Two pages of keys.
        atlassian.page_size = 2;
        let login = atlassian.add_key("wheel", &["read:keys:admin", "delete:keys:admin"], at.ago(9), in_days(90));
        let dead = atlassian.add_key("ci", &[], at.ago(90), in_days(9));
        atlassian.revoke(&dead.value);
        // One that may do something else altogether.
        let live = atlassian.add_key("ci", &["read:tokens:admin"], at.ago(5), in_days(2));
        atlassian.add_key("ci-2", &[], at.ago(5), in_days(2));
        (login, live, dead, atlassian.add_key("theirs", &[], at.ago(1), in_days(2)))
    });
    let keys = json!({ "name": "ci" });
    let (live, others) = ((login.value, live.id, live.value), (dead.value, stranger.value));
    // A key says that it is one of the organisation, and nothing else.
    Fixture {
        stranger_proof: "alive",
        ..watched("atlassian/admin-api-key", "by another key", ground, keys, live, others)
    }
}

fn watched(
    kind: &'static str,
    way: &'static str,
    ground: Ground,
    keys: serde_json::Value,
    (login, id, live): (String, String, String),
    (dead, stranger): (String, String),
) -> Fixture {
    Fixture {
        kind,
        way,
        ground,
        service: "atlassian",
        keys,
        login,
        own: false,
        live: vec![(id, live)],
        dead,
        stranger,
        proof: "alive",
        stranger_proof: "rejected",
        lists: true,
        revokes: true,
        working: |sandbox| sandbox.atlassian(|atlassian| atlassian.live_labelled("ci")),
        also: Also {
            connection: json!({ "org": ORG }),
            manual: true,
            lag: Some(TimeDelta::minutes(20)),
            ..Also::default()
        },
    }
}
