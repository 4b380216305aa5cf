//! Zendesk: what is granted, what a PATCH keeps, what nobody is told, and every 200 that means nothing.

use base64::Engine as _;
use chrono::TimeDelta;
use http::{HeaderValue, Method};
use serde_json::{Value, json};
use tokenwheel_sandbox::Answer;
use tokenwheel_sandbox::zendesk::{Role, TestShape, Zendesk};

use crate::common::{World, noon, request};

const HOOK: &str = "/api/v2/webhooks/01HOOK";
const CURRENT: &str = "/api/v2/oauth/tokens/current.json";
const INSTALLED: &str = "/api/v2/apps/installations";

/// An account with an administrator, a client of theirs, a webhook with a bearer token, and an app.
struct Account {
    world: World,
    admin: u64,
    secret: String,
    app: u64,
}

impl Account {
    fn new() -> Self {
        let world = World::new();
        let (admin, secret, app) = world.sandbox.zendesk(|zendesk| {
            let admin = zendesk.add_user("Ada", Role::Admin);
            let secret = zendesk.add_client("wheel", admin);
            zendesk.add_webhook("01HOOK", "Pager", "https://gitlab.example.com/trigger?ref=main");
            zendesk.authenticate_webhook("01HOOK", "bearer_token", "header", &json!({ "token": "bearer-before" }));
            let app = zendesk.install(7, &[("title", "Pager"), ("team", "one")], &[("api_token", "setting-before")]);
            (admin, secret, app)
        });
        Self { world, admin, secret, app }
    }

    fn zendesk<R>(&self, f: impl FnOnce(&mut Zendesk) -> R) -> R {
        self.world.sandbox.zendesk(f)
    }

    fn ask(&self, token: &str, method: Method, target: &str, body: &Value) -> Answer {
        self.world.ask("zendesk", token, method, target, body)
    }

    fn get(&self, token: &str, target: &str) -> Answer {
        self.ask(token, Method::GET, target, &Value::Null)
    }

    fn grant(&self, secret: &str, scope: &str) -> Answer {
        let body = json!({
            "grant_type": "client_credentials", "client_id": "wheel", "client_secret": secret, "scope": scope,
            "expires_in": 900,
        });
        self.ask("", Method::POST, "/oauth/tokens", &body)
    }

    /// A token of this scope.
    fn token(&self, scope: &str) -> String {
        let granted = self.grant(&self.secret, scope).value();
        granted.get("access_token").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn patch(&self, token: &str, webhook: &Value) -> Answer {
        self.ask(token, Method::PATCH, HOOK, &json!({ "webhook": webhook }))
    }
}

#[test]
fn a_client_s_secret_is_exchanged_for_a_token_that_says_who_it_is() {
    for status in [200, 201] {
        let account = Account::new();
        account.zendesk(|zendesk| zendesk.grant_status = status);
        let granted = account.grant(&account.secret, "webhooks:read webhooks:write");
        assert_eq!((granted.status, &granted.value()["scope"]), (status, &json!("webhooks:read webhooks:write")));
        let token = granted.value()["access_token"].as_str().unwrap().to_owned();
        let shown = account.get(&token, CURRENT).value();
        assert_eq!(shown["token"]["scopes"], json!(["webhooks:read", "webhooks:write"]));
        assert_eq!(shown["token"]["user_id"], account.admin);
        assert_eq!(shown["token"]["token"], token[..10], "no more than ten letters are ever shown again");
        assert_eq!(shown["token"]["expires_at"], "2026-05-04T12:15:00.000Z");
        account.world.sandbox.advance(TimeDelta::minutes(15));
        assert_eq!(account.get(&token, CURRENT).status, 401);
    }
}

#[test]
fn a_wrong_secret_a_public_client_and_a_strange_lifetime_get_nothing() {
    let mut account = Account::new();
    assert_eq!(account.grant("wrong", "read").value()["error"], "invalid_client");
    assert_eq!(account.grant("wrong", "read").status, 401);
    account.zendesk(|zendesk| zendesk.change_client("wheel", |client| client.confidential = false));
    assert_eq!(account.grant(&account.secret, "read").status, 400);
    account.zendesk(|zendesk| zendesk.change_client("wheel", |client| client.confidential = true));
    account.world.lawless = true;
    for (seconds, status) in [(300, 400), (301, 200), (172_799, 200), (172_800, 400)] {
        let body = json!({
            "grant_type": "client_credentials", "client_id": "wheel", "client_secret": account.secret, "scope": "read",
            "expires_in": seconds,
        });
        assert_eq!(account.ask("", Method::POST, "/oauth/tokens", &body).status, status, "{seconds}");
    }
}

#[test]
fn a_token_of_which_no_lifetime_was_said_lives_as_long_as_the_client_is_old() {
    for (lifetime, dies) in [(Some(TimeDelta::minutes(30)), json!("2026-05-04T12:30:00.000Z")), (None, Value::Null)] {
        let account = Account::new();
        account.zendesk(|zendesk| zendesk.default_lifetime = lifetime);
        let body = json!({
            "grant_type": "client_credentials", "client_id": "wheel", "client_secret": account.secret, "scope": "read",
        });
        let granted = account.ask("", Method::POST, "/oauth/tokens", &body).value();
        let shown = account.get(granted["access_token"].as_str().unwrap(), CURRENT).value();
        assert_eq!(shown["token"]["expires_at"], dies);
    }
}

#[test]
fn a_scope_that_means_nothing_is_granted_and_good_for_nothing() {
    for dropped in [false, true] {
        let account = Account::new();
        account.zendesk(|zendesk| zendesk.unknown_scopes_are_dropped = dropped);
        let granted = account.grant(&account.secret, "webhooks:read webhook:write");
        assert_eq!(granted.status, 200, "a 200 that means nothing");
        let expected = if dropped { "webhooks:read" } else { "webhooks:read webhook:write" };
        assert_eq!(granted.value()["scope"], expected);
        let token = granted.value()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(account.get(&token, CURRENT).status, if dropped { 200 } else { 403 });
        assert_eq!(account.get(&token, HOOK).status, if dropped { 200 } else { 403 });
    }
}

#[test]
fn a_scope_is_for_its_own_resource_and_what_has_none_needs_the_whole() {
    let account = Account::new();
    let hooks = account.token("webhooks:read");
    assert_eq!(account.get(&hooks, HOOK).status, 200);
    assert_eq!(account.patch(&hooks, &json!({ "name": "x" })).status, 403);
    assert_eq!(account.get(&hooks, INSTALLED).status, 403);
    assert_eq!(account.get(&hooks, "/api/v2/oauth/clients").status, 403);
    let all = account.token("read write");
    for target in [HOOK, INSTALLED, "/api/v2/oauth/clients", "/api/v2/api_tokens.json", "/api/v2/oauth/tokens?all=true"]
    {
        assert_eq!(account.get(&all, target).status, 200, "{target}");
    }
    let agent = account.zendesk(|zendesk| {
        let agent = zendesk.add_user("Ben", Role::Agent);
        zendesk.change_client("wheel", |client| client.user = agent);
        agent
    });
    let token = account.token("read write");
    assert_eq!(account.get(&token, CURRENT).value()["token"]["user_id"], agent);
    assert_eq!(account.get(&token, HOOK).status, 403, "a client can do no more than the person who made it");
}

#[test]
fn a_generated_secret_ends_the_old_one_unless_it_does_not() {
    for works in [false, true] {
        let account = Account::new();
        account.zendesk(|zendesk| zendesk.former_secrets_work = works);
        let before = account.token("read write");
        let id = account.zendesk(|zendesk| zendesk.client("wheel")).unwrap().id;
        let target = format!("/api/v2/oauth/clients/{id}");
        let shown = account.get(&before, &target).value()["client"]["secret"].as_str().unwrap().to_owned();
        assert!(shown.ends_with("...") && shown.len() == 13, "{shown}");
        let made = account.ask(&before, Method::PUT, &format!("{target}/generate_secret"), &Value::Null);
        let secret = made.value()["client"]["secret"].as_str().unwrap().to_owned();
        assert_eq!(account.grant(&secret, "read").status, 200);
        assert_eq!(account.grant(&account.secret, "read").status, if works { 200 } else { 401 });
        assert_eq!(account.get(&before, CURRENT).status, 200, "what was granted lives on");
        assert!(account.world.sandbox.values().contains(&secret));
    }
}

#[test]
fn nothing_may_be_generated_with_200() {
    let account = Account::new();
    account.zendesk(|zendesk| zendesk.generate_ignored = true);
    let id = account.zendesk(|zendesk| zendesk.client("wheel")).unwrap().id;
    let token = account.token("read write");
    let target = format!("/api/v2/oauth/clients/{id}/generate_secret");
    let made = account.ask(&token, Method::PUT, &target, &Value::Null);
    assert_eq!(made.status, 200);
    assert!(made.value()["client"]["secret"].as_str().unwrap().ends_with("..."));
    assert_eq!(account.grant(&account.secret, "read").status, 200);
}

#[test]
fn a_token_is_ended_by_its_number_and_ends_itself_if_it_may() {
    for may in [true, false] {
        let account = Account::new();
        account.zendesk(|zendesk| zendesk.ends_itself = may);
        let (narrow, all) = (account.token("webhooks:read"), account.token("write"));
        let number = |token: &str| account.get(token, CURRENT).value()["token"]["id"].as_u64().unwrap();
        let own = format!("/api/v2/oauth/tokens/{}", number(&narrow));
        assert_eq!(account.ask(&narrow, Method::DELETE, &own, &Value::Null).status, if may { 204 } else { 403 });
        let again = account.ask(&all, Method::DELETE, &own, &Value::Null).status;
        assert_eq!(again, if may { 404 } else { 204 });
        assert_eq!(account.get(&narrow, CURRENT).status, 401);
    }
}

#[test]
fn tokens_are_listed_by_pages_and_by_client() {
    let account = Account::new();
    for _ in 0..3 {
        account.token("read");
    }
    let all = account.token("read");
    let first = account.get(&all, "/api/v2/oauth/tokens?all=true&page[size]=3").value();
    assert_eq!((first["tokens"].as_array().unwrap().len(), &first["meta"]["has_more"]), (3, &json!(true)));
    let cursor = first["meta"]["after_cursor"].as_str().unwrap();
    let rest = account.get(&all, &format!("/api/v2/oauth/tokens?all=true&page[size]=3&page[after]={cursor}")).value();
    assert_eq!((rest["tokens"].as_array().unwrap().len(), &rest["meta"]["has_more"]), (1, &json!(false)));
    assert_eq!(account.get(&all, "/api/v2/oauth/tokens?client_id=1&all=true").value()["tokens"], json!([]));
}

/// A request with an API token of the old kind.
fn basic(account: &Account, email: &str, token: &str, target: &str) -> Answer {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{email}/token:{token}"));
    let mut request = request("zendesk", "", Method::GET, target, &Value::Null);
    if let Ok(header) = HeaderValue::from_str(&format!("Basic {pair}")) {
        request.headers.insert("authorization", header);
    }
    account.world.sandbox.handle(&request)
}

#[test]
fn nobody_is_answered_200_and_is_anonymous() {
    let account = Account::new();
    let token = account.zendesk(|zendesk| zendesk.add_api_token("old", account.admin, Some(noon())));
    let me = "/api/v2/users/me.json";
    for answer in [account.get("", me), account.get("garbage", me), basic(&account, "ada@example.com", "wrong", me)] {
        assert_eq!((answer.status, &answer.value()["user"]["name"]), (200, &json!("Anonymous user")));
        assert_eq!(answer.value()["user"]["id"], Value::Null);
    }
    let known = basic(&account, "ada@example.com", &token.value, me);
    assert_eq!(known.value()["user"]["id"], account.admin);
    assert_eq!(basic(&account, "nobody@example.com", &token.value, me).value()["user"]["id"], Value::Null);
}

#[test]
fn an_api_token_idles_to_its_end_and_none_outlives_april_2027() {
    let account = Account::new();
    let token = account.zendesk(|zendesk| zendesk.add_api_token("old", account.admin, Some(noon())));
    let works = || account.zendesk(|zendesk| zendesk.is_live(&token.value));
    assert!(works());
    account.world.sandbox.advance(TimeDelta::days(30));
    assert!(!works(), "thirty days without use");
    account.world.sandbox.set_now("2027-04-29T12:00:00Z".parse().unwrap());
    let last = account.zendesk(|zendesk| zendesk.add_api_token("kept in use", account.admin, None));
    let works = || account.zendesk(|zendesk| zendesk.is_live(&last.value));
    assert!(works());
    account.world.sandbox.advance(TimeDelta::days(1));
    assert!(!works(), "the end of all of them");
}

#[test]
fn api_tokens_are_listed_without_their_values_or_are_switched_off() {
    let mut account = Account::new();
    let token = account.zendesk(|zendesk| zendesk.add_api_token("old", account.admin, None));
    let all = account.token("read write");
    let listed = account.get(&all, "/api/v2/api_tokens.json");
    assert_eq!(listed.value()["api_tokens"][0]["id"], token.id);
    assert!(!String::from_utf8_lossy(&listed.body).contains(&token.value));
    account.world.lawless = true;
    assert_eq!(account.ask(&all, Method::POST, "/api/v2/api_tokens.json", &json!({})).status, 403, "none is made");
    account.zendesk(|zendesk| zendesk.api_tokens_off = true);
    assert_eq!(account.get(&all, "/api/v2/api_tokens.json").status, 404);
}

#[test]
fn a_credential_of_a_webhook_goes_in_and_never_comes_out() {
    for shows in [false, true] {
        let account = Account::new();
        account.zendesk(|zendesk| zendesk.shows_names = shows);
        let token = account.token("webhooks:read webhooks:write");
        let data = json!({ "username": "robot", "password": "pass-after" });
        let authentication = json!({ "type": "basic_auth", "add_position": "header", "data": data });
        assert_eq!(account.patch(&token, &json!({ "authentication": authentication })).status, 204);
        let shown = account.get(&token, HOOK);
        assert!(!String::from_utf8_lossy(&shown.body).contains("pass-after"));
        let data = shown.value()["webhook"]["authentication"].get("data").cloned();
        assert_eq!(data, shows.then(|| json!({ "username": "robot" })));
        assert_eq!(account.zendesk(|zendesk| zendesk.webhook_secret("01HOOK")).unwrap(), "pass-after");
        assert!(account.world.sandbox.values().contains(&"pass-after".to_owned()));
    }
}

#[test]
fn a_patch_merges_and_null_takes_away() {
    let mut account = Account::new();
    account.world.lawless = true; // what our own client never sends
    let token = account.token("webhooks:read webhooks:write");
    account.world.sandbox.advance(TimeDelta::minutes(1));
    account.patch(&token, &json!({ "custom_headers": { "a": "1", "b": "2" } }));
    account.patch(&token, &json!({ "custom_headers": { "b": "3" }, "name": "Other" }));
    let hook = account.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap();
    assert_eq!(
        (hook.name.as_str(), hook.custom_headers["a"].as_str(), hook.custom_headers["b"].as_str()),
        ("Other", "1", "3")
    );
    assert!(hook.authentication.is_some() && hook.updated_at > hook.created_at && hook.updated_by == account.admin);
    account.patch(&token, &json!({ "custom_headers": { "a": null }, "authentication": null }));
    let hook = account.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap();
    assert!(hook.authentication.is_none() && !hook.custom_headers.contains_key("a"));
    for wrong in [
        json!({ "signing_secret": {} }),
        json!({ "authentication": { "type": "bearer_token" } }),
        json!({ "nmae": "x" }),
    ] {
        assert_eq!(account.patch(&token, &wrong).status, 400);
    }
}

#[test]
fn a_put_of_what_was_read_drops_the_credential() {
    let mut account = Account::new();
    account.world.lawless = true;
    let token = account.token("webhooks:read webhooks:write");
    let read = account.get(&token, HOOK).value()["webhook"].clone();
    let whole = json!({
        "name": read["name"], "status": read["status"], "endpoint": read["endpoint"],
        "http_method": read["http_method"], "request_format": read["request_format"],
    });
    assert_eq!(account.ask(&token, Method::PUT, HOOK, &json!({ "webhook": whole })).status, 204);
    let dropped = account.zendesk(|zendesk| (zendesk.webhook_secret("01HOOK"), zendesk.webhook_puts));
    assert_eq!(dropped, (None, 1));
}

#[test]
fn a_test_is_answered_200_whatever_the_receiver_said() {
    for (shape, status) in [(TestShape::Response, "/response/status"), (TestShape::Test, "/test/response_code")] {
        let account = Account::new();
        account.zendesk(|zendesk| {
            zendesk.test_shape = shape;
            zendesk.change_webhook("01HOOK", |hook| hook.refused.push("bearer-before".to_owned()));
        });
        let token = account.token("webhooks:write");
        let test = |authentication: &Value| {
            let mut webhook = json!({ "endpoint": "https://gitlab.example.com/trigger?ref=main" });
            if !authentication.is_null() {
                webhook["authentication"] = authentication.clone();
            }
            let target = "/api/v2/webhooks/test?webhook_id=01HOOK";
            let name = if shape == TestShape::Test { "webhook" } else { "request" };
            let answer = account.ask(&token, Method::POST, target, &json!({ name: webhook }));
            (answer.status, answer.value().pointer(status).cloned())
        };
        let named = json!({ "type": "bearer_token", "add_position": "header" });
        assert_eq!(test(&named), (200, Some(json!(401))));
        assert_eq!(test(&Value::Null), (200, Some(json!(200))), "the credential goes along only where it is named");
        let sent = account.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap().sent;
        assert_eq!((sent[0].headers["authorization"].as_str(), sent[1].headers.len()), ("Bearer bearer-before", 0));
    }
}

#[test]
fn who_it_is_may_need_read_and_a_lifetime_may_be_ignored() {
    let account = Account::new();
    account.zendesk(|zendesk| (zendesk.who_needs_read, zendesk.lifetimes_ignored) = (true, true));
    assert_eq!(account.get(&account.token("webhooks:read"), CURRENT).status, 403);
    assert_eq!(account.get("garbage", CURRENT).status, 401, "garbage is told apart all the same");
    let shown = account.get(&account.token("read"), CURRENT);
    assert_eq!((shown.status, &shown.value()["token"]["expires_at"]), (200, &Value::Null));
}

#[test]
fn deliveries_are_listed_by_how_they_ended_and_when() {
    let account = Account::new();
    let token = account.token("webhooks:read");
    account.zendesk(|zendesk| {
        zendesk.add_invocation("01HOOK", "success", noon());
        zendesk.add_invocation("01HOOK", "client error", noon() - TimeDelta::hours(1));
        zendesk.add_invocation("01HOOK", "client error", noon());
    });
    let count = |query: &str| {
        let listed = account.get(&token, &format!("{HOOK}/invocations{query}")).value();
        listed["invocations"].as_array().unwrap().len()
    };
    assert_eq!(count(""), 3);
    assert_eq!(count("?filter[status]=client%20error"), 2);
    assert_eq!(count("?filter[status]=client%20error&filter[from_ts]=2026-05-04T12:00:00Z"), 1);
}

#[test]
fn a_secure_setting_is_never_shown_and_a_put_keeps_the_others_or_not() {
    for keeps in [true, false] {
        let account = Account::new();
        account.zendesk(|zendesk| zendesk.put_keeps_settings = keeps);
        let token = account.token("apps:read apps:write");
        let target = format!("{INSTALLED}/{}", account.app);
        let put = account.ask(&token, Method::PUT, &target, &json!({ "settings": { "api_token": "setting-after" } }));
        assert_eq!(put.status, 200);
        assert!(!String::from_utf8_lossy(&put.body).contains("setting-after"));
        let shown = account.get(&token, &target).value();
        assert_eq!(shown["settings"]["team"], if keeps { "one" } else { "" });
        assert!(shown["settings"].get("api_token").is_none());
        let kept = account.zendesk(|zendesk| zendesk.installation(account.app)).unwrap();
        assert_eq!(kept.settings["api_token"], "setting-after");
        let unknown = account.ask(&token, Method::PUT, &target, &json!({ "settings": { "nobody": "x" } }));
        assert_eq!(unknown.status, 422);
    }
}

#[test]
fn the_app_says_which_of_its_settings_are_secure() {
    let account = Account::new();
    let token = account.token("apps:read");
    let shown = account.get(&token, "/api/support/apps/7/installations/new").value();
    let secure: Vec<&Value> = shown["installation"]["settings"].as_array().unwrap().iter().collect();
    let of = |key: &str| secure.iter().find(|setting| setting["key"] == key).unwrap()["secure"].clone();
    assert_eq!((of("api_token"), of("team")), (json!(true), json!(false)));
}
