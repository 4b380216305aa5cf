//! Styra DAS: regeneration in place, the refresher roles, and the traps.

use chrono::TimeDelta;
use http::Method;
use serde_json::{Value, json};
use tokenwheel_sandbox::Answer;
use tokenwheel_sandbox::styra::Role;

use crate::common::{World, noon};

/// A tenant with an administrator, a refresher of each kind, and a token of each kind to turn.
struct Tenant {
    world: World,
    admin: String,
    workspace: String,
    system: String,
    app: String,
}

const APP: &str = "/v1/tokens/app";
const OF_SYSTEM: &str = "/v1/tokens/systems/abc/opa";

impl Tenant {
    fn new() -> Self {
        let world = World::new();
        let day = TimeDelta::days(1);
        let [admin, workspace, system, app] = world.sandbox.styra(|styra| {
            styra.add_token("systems/abc/opa", Role::None, day, &[], noon());
            [
                styra.add_token("admin", Role::Admin, day * 90, &[], noon()),
                styra.add_token("refresher", Role::WorkspaceTokenRefresher, day * 7, &[], noon()),
                styra.add_token("system-refresher", Role::SystemTokenRefresher, day * 7, &[], noon()),
                styra.add_token("app", Role::None, day, &["^/v1/data/"], noon()),
            ]
        });
        Self { world, admin, workspace, system, app }
    }

    fn ask(&self, token: &str, method: Method, target: &str, body: &Value) -> Answer {
        self.world.ask("styra", token, method, target, body)
    }

    fn get(&self, token: &str, target: &str) -> Answer {
        self.ask(token, Method::GET, target, &Value::Null)
    }

    fn put(&self, token: &str, target: &str, body: &Value) -> Answer {
        self.ask(token, Method::PUT, target, body)
    }

    fn is_live(&self, value: &str) -> bool {
        self.world.sandbox.styra(|styra| styra.is_live(value))
    }
}

/// A whole order, as the description wants it.
fn regenerate() -> Value {
    json!({ "description": "app", "allow_path_patterns": ["^/v1/data/"], "regenerate": true, "ttl": "24h" })
}

#[test]
fn regenerating_gives_a_new_value_and_ends_the_old_one_at_once() {
    let tenant = Tenant::new();
    let answer = tenant.put(&tenant.workspace, APP, &regenerate());
    assert_eq!(answer.status, 200);
    let value = answer.value()["result"].as_str().unwrap().to_owned();
    assert!(tenant.is_live(&value) && !tenant.is_live(&tenant.app));
    assert_eq!(tenant.get(&tenant.app, APP).status, 401);
    assert_eq!(tenant.world.sandbox.styra(|styra| styra.role("app")), Role::None);
    assert!(tenant.world.sandbox.values().contains(&value));
}

#[test]
fn a_refresher_turns_itself_and_keeps_its_role() {
    let tenant = Tenant::new();
    let body = json!({ "description": "r", "allow_path_patterns": [], "regenerate": true, "ttl": "168h" });
    let answer = tenant.put(&tenant.workspace, "/v1/tokens/refresher", &body);
    let value = answer.value()["result"].as_str().unwrap().to_owned();
    assert_eq!(tenant.put(&tenant.workspace, APP, &regenerate()).status, 401);
    assert_eq!(tenant.put(&value, APP, &regenerate()).status, 200);
}

#[test]
fn each_refresher_turns_the_tokens_of_its_kind_only() {
    let tenant = Tenant::new();
    assert_eq!(tenant.put(&tenant.workspace, OF_SYSTEM, &regenerate()).status, 403);
    assert_eq!(tenant.put(&tenant.system, APP, &regenerate()).status, 403);
    assert_eq!(tenant.put(&tenant.system, OF_SYSTEM, &regenerate()).status, 200);
    assert_eq!(tenant.put(&tenant.app, APP, &regenerate()).status, 403);
}

#[test]
fn a_slash_in_an_id_may_be_encoded() {
    let tenant = Tenant::new();
    assert_eq!(tenant.put(&tenant.system, "/v1/tokens/systems%2Fabc%2Fopa", &regenerate()).status, 200);
    let shown = tenant.get(&tenant.admin, OF_SYSTEM).value();
    assert_eq!(shown["result"]["id"], "systems/abc/opa");
}

#[test]
fn a_plain_update_has_no_result_and_leaves_the_value() {
    let tenant = Tenant::new();
    let body = json!({ "description": "new words", "allow_path_patterns": ["^/v1/data/"], "regenerate": false });
    let answer = tenant.put(&tenant.workspace, APP, &body);
    assert_eq!((answer.status, answer.value().get("result")), (200, None));
    assert!(tenant.is_live(&tenant.app));
    assert_eq!(tenant.world.sandbox.styra(|styra| styra.token("app")).unwrap().description, "new words");
}

#[test]
fn a_regeneration_can_be_ignored_with_200() {
    let tenant = Tenant::new();
    tenant.world.sandbox.styra(|styra| styra.regenerate_ignored = true);
    let answer = tenant.put(&tenant.workspace, APP, &regenerate());
    assert_eq!((answer.status, answer.value().get("result")), (200, None));
    assert!(tenant.is_live(&tenant.app));
}

#[test]
fn what_a_put_leaves_out_is_kept_or_opened_to_all_paths() {
    for merges in [true, false] {
        let mut tenant = Tenant::new();
        tenant.world.lawless = true; // the documented call is shorter than the description allows
        tenant.world.sandbox.styra(|styra| styra.put_merges = merges);
        let short = json!({ "regenerate": true, "ttl": "24h" });
        assert_eq!(tenant.put(&tenant.workspace, APP, &short).status, 200);
        let token = tenant.world.sandbox.styra(|styra| styra.token("app")).unwrap();
        assert_eq!(token.allow_path_patterns.is_empty(), !merges);
        assert_eq!(token.description.is_empty(), !merges);
        assert_eq!(token.expires, noon() + TimeDelta::days(1));
    }
}

#[test]
fn a_dead_an_unknown_and_a_replaced_value_get_the_same_401() {
    let tenant = Tenant::new();
    tenant.put(&tenant.workspace, APP, &regenerate());
    let replaced = tenant.get(&tenant.app, APP);
    let unknown = tenant.get("nobody-knows-this", APP);
    tenant.world.sandbox.advance(TimeDelta::days(7));
    let expired = tenant.get(&tenant.workspace, APP);
    for answer in [&replaced, &unknown, &expired] {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.value(), replaced.value());
        assert!(answer.value()["code"].is_string() && answer.value()["message"].is_string());
    }
}

#[test]
fn a_refresher_cannot_bring_back_a_token_whose_time_is_over() {
    let tenant = Tenant::new();
    tenant.world.sandbox.advance(TimeDelta::days(2));
    assert_eq!(tenant.put(&tenant.workspace, APP, &regenerate()).status, 403);
    let created =
        tenant.put(&tenant.admin, APP, &json!({ "description": "a", "allow_path_patterns": [], "regenerate": false }));
    assert!(created.value()["result"].is_string(), "an administrator creates it, with a value, unasked");
    let token = tenant.world.sandbox.styra(|styra| styra.token("app")).unwrap();
    assert!(token.expires > noon() + TimeDelta::days(3_600), "without a ttl it lives for ten years");
}

#[test]
fn creating_only_is_refused_when_a_live_one_is_there() {
    let tenant = Tenant::new();
    let mut request = crate::common::request("styra", &tenant.admin, Method::PUT, APP, &regenerate());
    request.headers.insert("if-none-match", "*".parse().unwrap());
    let answer = tenant.world.send(request.clone()).unwrap();
    assert_eq!((answer.status, &answer.value()["message"]), (409, &json!("Token already exists")));
    assert!(tenant.is_live(&tenant.app));
    tenant.world.sandbox.advance(TimeDelta::days(2));
    assert!(tenant.world.send(request).unwrap().value()["result"].is_string());
}

#[test]
fn a_refresher_reads_only_where_it_may() {
    let tenant = Tenant::new();
    assert_eq!(tenant.get(&tenant.workspace, APP).status, 403);
    assert_eq!(tenant.get(&tenant.workspace, "/v1/tokens").status, 403);
    tenant.world.sandbox.styra(|styra| styra.refresher_may_read = true);
    let shown = tenant.get(&tenant.workspace, APP).value();
    assert_eq!(shown["result"]["allow_path_patterns"], json!(["^/v1/data/"]));
    assert!(shown["result"].get("token").is_none(), "a value is never shown again");
    assert_eq!(tenant.get(&tenant.app, APP).status, 403);
}

#[test]
fn path_patterns_bind_the_token_that_has_them() {
    let tenant = Tenant::new();
    let narrow = tenant
        .world
        .sandbox
        .styra(|styra| styra.add_token("narrow", Role::Admin, TimeDelta::days(1), &["^/v1/tokens/app$"], noon()));
    assert_eq!(tenant.get(&narrow, APP).status, 200);
    assert_eq!(tenant.get(&narrow, "/v1/tokens").status, 403);
    assert_eq!(tenant.get(&narrow, OF_SYSTEM).status, 403);
}

#[test]
fn a_deleted_token_is_gone_and_so_is_its_role_unless_it_stays() {
    for keeps in [false, true] {
        let tenant = Tenant::new();
        tenant.world.sandbox.styra(|styra| styra.delete_keeps_role = keeps);
        let target = "/v1/tokens/refresher";
        assert_eq!(tenant.ask(&tenant.workspace, Method::DELETE, target, &Value::Null).status, 403);
        assert_eq!(tenant.ask(&tenant.admin, Method::DELETE, target, &Value::Null).status, 200);
        assert_eq!(tenant.get(&tenant.admin, target).status, 404);
        assert_eq!(tenant.get(&tenant.workspace, APP).status, 401);
        let again = tenant.put(&tenant.admin, target, &regenerate()).value()["result"].as_str().unwrap().to_owned();
        let role = tenant.world.sandbox.styra(|styra| styra.role("refresher"));
        assert_eq!(role == Role::WorkspaceTokenRefresher, keeps);
        assert!(tenant.is_live(&again));
    }
}

#[test]
fn a_ttl_is_a_duration_of_go() {
    let mut tenant = Tenant::new();
    tenant.world.lawless = true;
    for (ttl, seconds) in [("90s", 90), ("1h30m", 5_400), ("0.5h", 1_800), ("48h0m0s", 172_800)] {
        let body = json!({ "regenerate": true, "ttl": ttl });
        assert_eq!(tenant.put(&tenant.workspace, APP, &body).status, 200, "{ttl}");
        let token = tenant.world.sandbox.styra(|styra| styra.token("app")).unwrap();
        assert_eq!(token.expires - noon(), TimeDelta::seconds(seconds), "{ttl}");
    }
    for ttl in ["1 day", "24", "h", "-1h", "0s"] {
        let body = json!({ "regenerate": true, "ttl": ttl });
        assert_eq!(tenant.put(&tenant.workspace, APP, &body).status, 400, "{ttl}");
    }
}

#[test]
fn json_that_curl_calls_a_form_is_read_as_json() {
    let tenant = Tenant::new();
    let mut request = crate::common::request("styra", &tenant.workspace, Method::PUT, APP, &regenerate());
    request.headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    assert!(tenant.world.send(request).unwrap().value()["result"].is_string());
}

#[test]
fn a_secret_is_written_and_never_read() {
    let tenant = Tenant::new();
    let body = json!({ "name": "robot", "description": "d", "secret": "kept-from-all" });
    let target = "/v1/secrets/robots/one";
    assert_eq!(tenant.put(&tenant.workspace, target, &body).status, 403);
    assert_eq!(tenant.put(&tenant.admin, target, &body).status, 200);
    let shown = tenant.get(&tenant.admin, target);
    assert!(!String::from_utf8_lossy(&shown.body).contains("kept-from-all"));
    assert_eq!(shown.value()["result"]["name"], "robot");
    let kept = tenant.world.sandbox.styra(|styra| styra.secret_at("robots/one")).unwrap();
    assert_eq!(kept.secret, "kept-from-all");
    assert!(tenant.world.sandbox.values().contains(&"kept-from-all".to_owned()));
}

#[test]
fn a_secret_can_be_written_where_it_may_not_be_read() {
    let tenant = Tenant::new();
    tenant.world.sandbox.styra(|styra| {
        styra.secrets_may_be_read = false;
        styra.add_secret("robots/one", "robot", "d", "kept-from-all");
    });
    assert_eq!(tenant.get(&tenant.admin, "/v1/secrets/robots/one").status, 403);
    let body = json!({ "name": "robot", "description": "d", "secret": "another-one" });
    assert_eq!(tenant.put(&tenant.admin, "/v1/secrets/robots/one", &body).status, 200);
    let kept = tenant.world.sandbox.styra(|styra| styra.secret_at("robots/one")).unwrap();
    assert_eq!(kept.secret, "another-one");
}
