//! Zendesk: its issuers, and its places in each of their forms.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::zendesk::{AccessToken, Role, Webhook, Zendesk};

use super::bench::Ground;
use super::fixtures::{Also, Fixture};
use super::places::{self, BEFORE, Place, Spot};

/// A session is opened by POST, and nothing is changed by it.
const OPENS: &[&str] = &["/oauth/tokens"];

/// An account with an administrator and the client `wheel`, whose secret is the login.
fn ground<R>(seed: impl FnOnce(&mut Zendesk, u64) -> R) -> (Ground, String, R) {
    let ground = Ground::new();
    let (login, seeded) = ground.sandbox.zendesk(|zendesk| {
        let admin = zendesk.add_user("Ada", Role::Admin);
        let login = zendesk.add_client("wheel", admin);
        (login, seed(zendesk, admin))
    });
    (ground, login, seeded)
}

fn connection() -> Value {
    json!({ "client_id": "wheel", "spare_client_id": "wheel-spare" })
}

fn end_login(ground: &Ground) {
    for client in ["wheel", "wheel-spare"] {
        ground.sandbox.zendesk(|zendesk| {
            zendesk.change_client(client, |client| client.secret = format!("another-{}", client.secret));
        });
    }
}

fn also() -> Also {
    Also { connection: connection(), logs_in: true, end_login: Some(end_login), ..Also::default() }
}

fn pair(token: &AccessToken) -> (String, String) {
    (token.id.to_string(), token.value.clone())
}

/// Every issuer.
pub(crate) fn issuers() -> Vec<Fixture> {
    vec![oauth_token(), client_secret("by its own login", false), client_secret("by the spare", true), api_token()]
}

fn oauth_token() -> Fixture {
    let (ground, login, (live, dead, stranger)) = ground(|zendesk, admin| {
        zendesk.add_client("other", admin);
        let dies = "2026-05-05T00:00:00Z".parse().ok();
        let older = zendesk.add_token("wheel", &["tickets:read"], dies);
        let newer = zendesk.add_token("wheel", &["tickets:read"], dies);
        let dead = zendesk.add_token("wheel", &["tickets:read"], dies);
        zendesk.revoke(dead.id);
        let stranger = zendesk.add_token("other", &["tickets:read"], dies);
        (vec![pair(&newer), pair(&older)], dead.value, stranger.value)
    });
    Fixture {
        kind: "zendesk/oauth-token",
        way: "by the connection's client",
        ground,
        service: "zendesk",
        keys: json!({ "scopes": ["tickets:read"] }),
        login,
        own: false,
        live,
        dead,
        stranger,
        proof: "identity",
        stranger_proof: "rejected",
        lists: false,
        revokes: true,
        also: Also { lives: Some(TimeDelta::days(2)), ..also() },
        working: |sandbox| {
            sandbox.zendesk(|zendesk| {
                let client = zendesk.client("wheel").unwrap().id;
                let ours = |token: &AccessToken| token.client == client && token.scopes == ["tickets:read"];
                zendesk.live_tokens().into_iter().filter(ours).map(|token| token.value).collect()
            })
        },
    }
}

fn client_secret(way: &'static str, spare: bool) -> Fixture {
    let (ground, secret, (spare_secret, dead, stranger)) = ground(|zendesk, admin| {
        let spare = zendesk.add_client("wheel-spare", admin);
        zendesk.change_client("wheel", |client| client.former.push("f".repeat(64)));
        (spare, "f".repeat(64), zendesk.add_client("other", admin))
    });
    Fixture {
        kind: "zendesk/oauth-client-secret",
        way,
        ground,
        service: "zendesk",
        keys: json!({ "client_id": "wheel" }),
        login: if spare { spare_secret } else { secret.clone() },
        own: false,
        live: vec![("wheel".to_owned(), secret)],
        dead,
        stranger,
        proof: "identity",
        stranger_proof: "rejected",
        lists: false,
        revokes: false,
        also: Also { undated: true, rehearses: true, reads_by_post: OPENS, ..also() },
        working: |sandbox| vec![sandbox.zendesk(|zendesk| zendesk.client("wheel")).unwrap().secret],
    }
}

fn api_token() -> Fixture {
    let (ground, login, (live, dead, stranger)) = ground(|zendesk, admin| {
        let now = crate::common::monday();
        let older = zendesk.add_api_token("support-bot", admin, Some(now - TimeDelta::days(9)));
        let newer = zendesk.add_api_token("support-bot", admin, Some(now - TimeDelta::days(1)));
        let idle = zendesk.add_api_token("support-bot", admin, Some(now - TimeDelta::days(40)));
        let stranger = zendesk.add_api_token("another-bot", admin, Some(now));
        let live = [newer, older].map(|token| (token.id.to_string(), token.value)).to_vec();
        (live, idle.value, stranger.value)
    });
    Fixture {
        kind: "zendesk/api-token",
        way: "watched",
        ground,
        service: "zendesk",
        keys: json!({ "description": "support-bot", "email": "ada@example.com" }),
        login,
        own: false,
        live,
        dead,
        stranger,
        proof: "alive",
        // Any of them works for anybody: it says as whom it is used, and not which it is.
        stranger_proof: "alive",
        lists: true,
        revokes: false,
        also: Also { manual: true, reads_by_post: OPENS, ..also() },
        working: |sandbox| {
            sandbox.zendesk(|zendesk| {
                let live = zendesk.api_tokens("support-bot").into_iter().map(|token| token.value);
                live.filter(|value| zendesk.is_live(value)).collect()
            })
        },
    }
}

/// Where in the webhook the value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Credential(&'static str),
    Header,
    Parameter,
}

struct InHook(At);

impl InHook {
    fn hook(sandbox: &Sandbox) -> Webhook {
        sandbox.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap()
    }
}

impl Spot for InHook {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        let hook = Self::hook(sandbox);
        match self.0 {
            At::Credential(name) => hook.authentication?.data.get(name)?.as_str().map(str::to_owned),
            At::Header => hook.custom_headers.get("X-Key").cloned(),
            At::Parameter => {
                Some(hook.endpoint.split_once("token=")?.1.split('&').next().unwrap_or_default().to_owned())
            }
        }
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        let (value, mut hook) = (self.value(sandbox).unwrap_or_default(), Self::hook(sandbox));
        (hook.updated_at, hook.updated_by) = (hook.created_at, 0);
        format!("{hook:?}").replace(&value, "")
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        sandbox.advance(TimeDelta::minutes(1));
        let (now, before) = (sandbox.now(), self.value(sandbox).unwrap_or_default());
        sandbox.zendesk(|zendesk| {
            zendesk.change_webhook("01HOOK", |hook| {
                hook.updated_at = now;
                match self.0 {
                    At::Credential(name) => hook.authentication.as_mut().unwrap().data[name] = json!(text),
                    At::Header => drop(hook.custom_headers.insert("X-Key".to_owned(), text.to_owned())),
                    At::Parameter => hook.endpoint = hook.endpoint.replace(&before, text),
                }
            });
        });
    }
}

/// A webhook that holds the old value in every place, and is written in one.
fn webhook(form: &'static str, kind: &'static str, data: &Value, part: &Value, at: At) -> Place {
    let (ground, login, ()) = ground(|zendesk, _| {
        let endpoint = match at {
            At::Parameter => format!("https://gitlab.example.com/{{{{ticket.id}}}}?a=b&token={BEFORE}&ref=main"),
            _ => "https://gitlab.example.com/in?a=b".to_owned(),
        };
        zendesk.add_webhook("01HOOK", "Pager", &endpoint);
        zendesk.authenticate_webhook("01HOOK", kind, "header", data);
        zendesk.change_webhook("01HOOK", |hook| {
            hook.status = "inactive".to_owned();
            hook.http_method = "PATCH".to_owned();
            hook.custom_headers.insert("X-Other".to_owned(), "kept".to_owned());
            if at == At::Header {
                hook.custom_headers.insert("X-Key".to_owned(), BEFORE.to_owned());
            }
        });
    });
    let keys = json!({ "id": "01HOOK", "part": part });
    let place = Place::elsewhere(("zendesk/webhook", form), (ground, login), keys, false, Box::new(InHook(at)));
    Place { also: places_also(), ..place }
}

fn places_also() -> places::Also {
    places::Also { connection: connection(), logs_in: true, reads_by_post: OPENS, ..places::Also::default() }
}

struct InApp(u64, &'static str);

impl Spot for InApp {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        sandbox.zendesk(|zendesk| zendesk.installation(self.0))?.settings.get(self.1).cloned()
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        let mut found = sandbox.zendesk(|zendesk| zendesk.installation(self.0)).unwrap();
        found.settings.remove(self.1);
        format!("{:?} {:?}", found.settings, found.secure)
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        sandbox.advance(TimeDelta::minutes(1));
        sandbox.zendesk(|zendesk| zendesk.set(self.0, self.1, text));
    }
}

fn app(form: &'static str, setting: &'static str, keeps: bool) -> Place {
    let (ground, login, id) = ground(|zendesk, _| {
        zendesk.put_keeps_settings = keeps;
        if !keeps {
            zendesk.install(8, &[("title", "Another")], &[]);
        }
        zendesk.install(7, &[("title", "Pager"), ("team", "one"), ("open", BEFORE)], &[("api_token", BEFORE)])
    });
    let keys = json!({ "installation": id, "setting": setting });
    let spot = Box::new(InApp(id, setting));
    let place = Place::elsewhere(("zendesk/app-setting", form), (ground, login), keys, false, spot);
    // A visible one is written where the secure one is kept: nobody would see that it is not.
    let mut place = Place { also: places_also(), ..place };
    if setting == "open" {
        place.keys["despite_other_secure_settings"] = json!(true);
    }
    place
}

/// The rest of a webhook is compared: what changed beside the value is named.
#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_not_what_it_was_is_not_confirmed() {
    let new = super::bench::value("glpat-a-new-value");
    for place in places().into_iter().filter(|place| place.kind == "zendesk/webhook") {
        let to = place.destination().await;
        let receipt = to.deliver(&new, None).await.unwrap();
        place.ground.sandbox.zendesk(|zendesk| {
            zendesk.change_webhook("01HOOK", |hook| drop(hook.custom_headers.remove("X-Other")));
        });
        let why = to.confirm(&new, &receipt).await.unwrap_err().to_string();
        assert!(why.contains("look at its custom_headers"), "{}: {why}", place.name());
    }
}

/// Headers are not the place for a credential, and the address of a webhook is not hidden either.
#[tokio::test(start_paused = true)]
async fn who_else_could_read_it_is_told_where_zendesk_shows_it() {
    for place in places() {
        let to = place.destination().await;
        to.holds(None).await.unwrap();
        let shown = ["header", "parameter", "visible"].contains(&place.form);
        assert_eq!(to.exposure().is_some(), shown, "{}", place.name());
    }
}

/// Every place.
pub(crate) fn places() -> Vec<Place> {
    let (bearer, basic) = (json!({ "token": BEFORE }), json!({ "username": "robot", "password": BEFORE }));
    let key = json!({ "name": "x-api-key", "value": BEFORE });
    let other = json!({ "token": "another-token" });
    vec![
        webhook("bearer", "bearer_token", &bearer, &json!("bearer"), At::Credential("token")),
        webhook("basic", "basic_auth", &basic, &json!({ "basic": "robot" }), At::Credential("password")),
        webhook("API key", "api_key", &key, &json!({ "api_key": "x-api-key" }), At::Credential("value")),
        webhook("header", "bearer_token", &other, &json!({ "custom_header": "x-key" }), At::Header),
        webhook("parameter", "bearer_token", &other, &json!({ "url_parameter": "token" }), At::Parameter),
        app("secure", "api_token", true),
        app("secure, where a PUT drops the others", "api_token", false),
        app("visible", "open", true),
    ]
}
