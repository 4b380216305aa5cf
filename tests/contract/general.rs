//! The general kinds: any OAuth server, any API over HTTP, and what only a person makes.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::http_api::{Family, Key, Sink};
use tokenwheel_sandbox::oauth::ClientAuth;

use super::bench::Ground;
use super::fixtures::{self, Fixture};
use super::places::{self, BEFORE, Place, Spot};
use crate::common::monday;

pub(crate) fn issuers() -> Vec<Fixture> {
    vec![client_credentials(), refresh_token(), grafana(), cloudflare(), slack(), manual()]
}

fn client_credentials() -> Fixture {
    let ground = Ground::new();
    let life = TimeDelta::hours(2);
    let (login, live, dead, stranger) = ground.sandbox.oauth(|oauth| {
        let login = oauth.add_client("wheel", ClientAuth::Basic, &["api"], life);
        oauth.add_client("other", ClientAuth::Basic, &["api"], life);
        let [live, dead] = [(); 2].map(|()| oauth.add_access("wheel").unwrap().value);
        oauth.end(&dead);
        (login, live, dead, oauth.add_access("other").unwrap().value)
    });
    Fixture {
        kind: "oauth/client-credentials",
        way: "by its client",
        ground,
        service: "oauth",
        keys: json!({ "scopes": ["api"] }),
        login,
        own: false,
        live: vec![("made at noon".to_owned(), live)],
        dead,
        stranger,
        proof: "alive",
        stranger_proof: "rejected",
        lists: false,
        revokes: true,
        working: |sandbox| sandbox.oauth(|oauth| oauth.live_access("wheel")).into_iter().map(|one| one.value).collect(),
        also: fixtures::Also {
            connection: json!({ "client_id": "wheel" }),
            lives: Some(life),
            reads_by_post: &["/oauth/introspect"],
            ended_by_value: true,
            end_login: Some(|ground| {
                ground.sandbox.oauth(|oauth| oauth.add_client("wheel", ClientAuth::Basic, &[], TimeDelta::hours(1)));
            }),
            ..fixtures::Also::default()
        },
    }
}

fn refresh_token() -> Fixture {
    let ground = Ground::new();
    let (secret, live, dead, stranger) = ground.sandbox.oauth(|oauth| {
        let secret = oauth.add_client("wheel", ClientAuth::Post, &["api"], TimeDelta::minutes(5));
        let dead = oauth.add_grant("wheel", "bob", "api");
        oauth.end(&dead);
        (secret, oauth.add_grant("wheel", "ada", "api"), dead, oauth.add_grant("wheel", "eve", "api"))
    });
    Fixture {
        kind: "oauth/refresh-token",
        way: "by itself",
        ground,
        service: "oauth",
        keys: json!({ "name": "ada" }),
        login: live.clone(),
        own: true,
        live: vec![("ada".to_owned(), live)],
        dead,
        stranger,
        proof: "identity",
        stranger_proof: "identity",
        lists: false,
        revokes: true,
        working: |sandbox| {
            let grant = sandbox.oauth(|oauth| oauth.grant("wheel", "ada")).map(|grant| grant.refresh);
            grant.into_iter().filter(|value| sandbox.oauth(|oauth| oauth.is_live(value))).collect()
        },
        also: fixtures::Also {
            connection: json!({ "client_id": "wheel", "auth": "post" }),
            lent_by: Some(secret),
            undated: true,
            unasked: true,
            reads_by_post: &["/oauth/introspect"],
            ended_by_value: true,
            end_login: Some(|ground| {
                ground.sandbox.oauth(|oauth| {
                    let refresh = oauth.grant("wheel", "ada").unwrap().refresh;
                    oauth.end(&refresh);
                });
            }),
            ..fixtures::Also::default()
        },
    }
}

/// An API with an administrator's key, and keys of `ours`: a dead one and a live one; and one of somebody else's.
fn api(family: Family) -> (Ground, [Key; 4]) {
    let ground = Ground::new();
    let keys = ground.sandbox.http_api(|api| {
        let (made, dies) = (monday() - TimeDelta::days(5), Some(monday() + TimeDelta::days(25)));
        let admin = api.add_key(family, ("admins", "wheel"), true, made, None);
        let dead = api.add_key(family, ("7", "dead"), false, made, dies);
        let live = api.add_key(family, ("7", "live"), false, made, dies);
        api.end(&dead.value);
        [admin, dead, live, api.add_key(family, ("8", "theirs"), false, made, dies)]
    });
    (ground, keys)
}

fn working(sandbox: &Sandbox) -> Vec<String> {
    sandbox.http_api(|api| api.live("7")).into_iter().map(|key| key.value).collect()
}

fn ended(ground: &Ground) {
    let keys = ["admins", "7"].map(|owner| ground.sandbox.http_api(|api| api.live(owner)));
    // An administrator's where there is one, else its own.
    let login = keys.into_iter().flatten().next().unwrap().value;
    ground.sandbox.http_api(|api| api.end(&login));
}

fn grafana() -> Fixture {
    let (ground, [admin, dead, live, stranger]) = api(Family::Grafana);
    Fixture {
        kind: "http/regenerate",
        way: "beside the first",
        ground,
        service: "http",
        keys: json!({
            "id": "live", "succession": "overlaps", "value": "/key", "id_at": "/id", "prefix": "glsa_",
            "request": {
                "method": "POST", "path": "/api/serviceaccounts/7/tokens",
                "json": { "name": "live-{stamp}", "secondsToLive": "{seconds}" },
            },
            "verify": { "request": { "method": "GET", "path": "/api/org" } },
            "revoke": { "method": "DELETE", "path": "/api/serviceaccounts/7/tokens/{id}" },
        }),
        login: admin.value,
        own: false,
        live: vec![(live.id, live.value)],
        dead: dead.value,
        stranger: stranger.value,
        proof: "alive",
        // The organisation is all that it tells.
        stranger_proof: "alive",
        lists: false,
        revokes: true,
        working,
        also: fixtures::Also { connection: json!({}), end_login: Some(ended), ..fixtures::Also::default() },
    }
}

fn cloudflare() -> Fixture {
    let (ground, [admin, dead, live, stranger]) = api(Family::Cloudflare);
    Fixture {
        kind: "http/regenerate",
        way: "in place",
        ground,
        service: "http",
        keys: json!({
            "id": live.id, "succession": "replaces", "value": "/result", "error": "/errors/0/code",
            "request": {
                "method": "PUT", "path": "/client/v4/user/tokens/{id}/value", "json": {},
                "success": { "where": { "/success": true } },
            },
            "verify": {
                "request": { "method": "GET", "path": "/client/v4/user/tokens/verify" },
                "id": "/result/id", "expires": "/result/expires_on", "identity": { "/result/status": "active" },
            },
        }),
        login: admin.value,
        own: false,
        live: vec![(live.id, live.value)],
        dead: dead.value,
        stranger: stranger.value,
        proof: "identity",
        stranger_proof: "rejected",
        lists: false,
        revokes: false,
        working,
        also: fixtures::Also {
            connection: json!({}),
            undated: true,
            end_login: Some(ended),
            ..fixtures::Also::default()
        },
    }
}

fn slack() -> Fixture {
    let (ground, [admin, dead, live, stranger]) = api(Family::Slack);
    ground.sandbox.http_api(|api| api.end(&admin.value));
    Fixture {
        kind: "http/regenerate",
        way: "by itself",
        ground,
        service: "http",
        keys: json!({
            "id": "7", "succession": "replaces", "value": "/key/secret", "expires": "/key/exp", "error": "/error",
            "prefix": "xoxe-",
            "request": {
                "method": "POST", "path": "/api/keys.rotate", "json": { "ttl_seconds": "{seconds}" },
                "success": { "status": [200], "where": { "/ok": true } },
            },
            "verify": {
                "request": { "method": "POST", "path": "/api/auth.test", "success": { "where": { "/ok": true } } },
                "identity": { "/user": "7" }, "error": "/error",
            },
        }),
        login: live.value.clone(),
        own: true,
        live: vec![("7".to_owned(), live.value)],
        dead: dead.value,
        stranger: stranger.value,
        proof: "identity",
        stranger_proof: "rejected",
        lists: false,
        revokes: false,
        working,
        also: fixtures::Also {
            connection: json!({}),
            reads_by_post: &["/api/auth.test"],
            end_login: Some(ended),
            ..fixtures::Also::default()
        },
    }
}

fn manual() -> Fixture {
    let (ground, [_, dead, live, stranger]) = api(Family::Slack);
    Fixture {
        kind: "manual/token",
        way: "with a request that proves it",
        ground,
        service: "manual",
        keys: json!({
            "name": "robot", "url": "https://keys.example.com/new?team=7", "created": "2026-04-29",
            "expires": "2026-05-29T06:00:00Z", "prefix": "xoxe-",
            "verify": { "at": "https://http.sandbox", "by": {
                "request": { "method": "POST", "path": "/api/auth.test", "success": { "where": { "/ok": true } } },
                "identity": { "/user": "7" }, "error": "/error",
            } },
        }),
        login: live.value.clone(),
        own: false,
        live: vec![("robot".to_owned(), live.value)],
        dead: dead.value,
        stranger: stranger.value,
        proof: "identity",
        stranger_proof: "rejected",
        lists: true,
        revokes: false,
        working,
        also: fixtures::Also {
            nowhere: true,
            manual: true,
            reads_by_post: &["/api/auth.test"],
            ..fixtures::Also::default()
        },
    }
}

/// A place of this name.
struct AtSink(&'static str);

impl Spot for AtSink {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        sandbox.http_api(|api| api.sink(self.0)).map(|sink| sink.value)
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        sandbox.http_api(|api| api.sink(self.0)).map(|sink| format!("{} {}", sink.note, sink.guarded)).unwrap()
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        let sink = sandbox.http_api(|api| api.sink(self.0)).unwrap();
        sandbox.http_api(|api| {
            api.add_sink(self.0, Sink { value: text.to_owned(), version: sink.version + 1, ..sink });
        });
    }
}

fn sink(form: &'static str, name: &'static str, readable: bool, look: Option<Value>) -> Place {
    let (ground, [admin, ..]) = api(Family::Grafana);
    ground.sandbox.http_api(|api| {
        api.sinks_readable = readable;
        let (value, note) = (BEFORE.to_owned(), "ours".to_owned());
        api.add_sink(name, Sink { value, note, guarded: true, ..Sink::default() });
    });
    let path = format!("/sinks/{name}");
    let mut keys = json!({
        "write": { "method": "PATCH", "path": path, "json": { "value": "{value}" } }, "error": "/error",
    });
    let hidden = look.is_none();
    if let Some(mut look) = look {
        look["request"] = json!({ "method": "GET", "path": path });
        keys["look"] = look;
    }
    let also = places::Also { connection: json!({}), ..places::Also::default() };
    let spot = Box::new(AtSink(name));
    Place { also, ..Place::elsewhere(("http/request", form), (ground, admin.value), keys, hidden, spot) }
}

pub(crate) fn places() -> Vec<Place> {
    vec![
        sink("read back", "one", true, Some(json!({ "value": "/value" }))),
        sink("by its stamp", "two", false, Some(json!({ "stamp": "/version" }))),
        sink("read back and stamped", "three", true, Some(json!({ "value": "/value", "stamp": "/version" }))),
        sink("not seen", "four", false, None),
    ]
}
