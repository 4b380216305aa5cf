//! GitHub: sealed boxes, who may do what, and the traps.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use http::Method;
use serde_json::{Value, json};
use tokenwheel_sandbox::Answer;
use tokenwheel_sandbox::github::Store;

use crate::common::{World, noon};

/// An organisation with a repository, an environment, and tokens that can do more and less.
struct Octo {
    world: World,
    /// May keep everything.
    keeper: String,
    /// May read what `keeper` may write.
    reader: String,
    /// A job's own.
    job: String,
    /// Classic, of an owner.
    classic: String,
}

const SECRETS: &str = "/repos/acme/app/actions/secrets";
const ALL: &[&str] = &[
    "secrets",
    "dependabot_secrets",
    "codespaces_secrets",
    "actions_variables",
    "environments",
    "repository_hooks",
    "organization_secrets",
    "organization_actions_variables",
    "organization_hooks",
];

impl Octo {
    fn new() -> Self {
        let world = World::new();
        let [keeper, reader, job, classic] = world.sandbox.github(|github| {
            github.add_member("acme", "ada");
            github.add_repository("acme/app");
            github.add_environment("acme/app", "prod/eu");
            let all = |level| ALL.iter().map(|permission| (*permission, level)).collect::<Vec<_>>();
            let soon = Some(noon() + TimeDelta::days(30));
            [
                github.add_fine_grained_token("ada", "acme", &all("write"), soon),
                github.add_fine_grained_token("ada", "acme", &all("read"), soon),
                github.add_job_token("acme/app"),
                github.add_classic_token("ada", &["repo"], None),
            ]
        });
        Self { world, keeper, reader, job, classic }
    }

    fn ask(&self, token: &str, method: Method, target: &str, body: &Value) -> Answer {
        self.world.ask("github", token, method, &format!("/api/v3{target}"), body)
    }

    fn get(&self, token: &str, target: &str) -> Answer {
        self.ask(token, Method::GET, target, &Value::Null)
    }

    /// Seals a value for a place, as a client does.
    fn sealed(&self, secrets: &str, value: &str) -> Value {
        let told = self.get(&self.keeper, &format!("{secrets}/public-key")).value();
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let bytes = STANDARD.decode(text("key")).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let key = crypto_box::PublicKey::from(bytes.unwrap_or_default());
        let sealed = key.seal(&mut crypto_box::aead::OsRng, value.as_bytes()).unwrap_or_default();
        json!({ "encrypted_value": STANDARD.encode(sealed), "key_id": text("key_id") })
    }

    fn put(&self, secrets: &str, name: &str, body: &Value) -> Answer {
        self.ask(&self.keeper, Method::PUT, &format!("{secrets}/{name}"), body)
    }
}

#[test]
fn a_sealed_secret_is_opened_by_its_own_place_only() {
    let octo = Octo::new();
    let places = [
        (SECRETS, Store::Actions, "repos/acme/app"),
        ("/repos/acme/app/dependabot/secrets", Store::Dependabot, "repos/acme/app"),
        ("/repos/acme/app/codespaces/secrets", Store::Codespaces, "repos/acme/app"),
        ("/repos/acme/app/environments/prod%2Feu/secrets", Store::Actions, "repos/acme/app/prod/eu"),
    ];
    for (path, store, place) in places {
        let body = octo.sealed(path, place);
        let made = octo.put(path, "deploy_token", &body);
        assert_eq!((made.status, made.value()), (201, json!({})), "{path}");
        assert_eq!(octo.put(path, "DEPLOY_TOKEN", &body).status, 204, "names know no case, and a second write updates");
        let kept = octo.world.sandbox.github(|github| github.secret(store, place, "DEPLOY_TOKEN")).unwrap();
        assert_eq!((kept.value.as_str(), kept.writes), (place, 2));
        let shown = octo.get(&octo.keeper, &format!("{path}/DEPLOY_TOKEN")).value();
        let fields: Vec<&String> = shown.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["created_at", "name", "updated_at"]);
    }
    let foreign = octo.sealed("/repos/acme/app/dependabot/secrets", "x");
    assert_eq!(octo.put(SECRETS, "DEPLOY_TOKEN", &foreign).status, 422);
    let stale = octo.sealed(SECRETS, "x");
    octo.world.sandbox.github(tokenwheel_sandbox::github::GitHub::turn_keys);
    assert_eq!(octo.put(SECRETS, "DEPLOY_TOKEN", &stale).status, 422);
}

#[test]
fn every_name_and_size_is_checked() {
    let octo = Octo::new();
    for name in ["1ST", "GITHUB_X", "a-b"] {
        assert_eq!(octo.put(SECRETS, name, &octo.sealed(SECRETS, "v")).status, 422, "{name}");
    }
    assert_eq!(octo.put(SECRETS, "BIG", &octo.sealed(SECRETS, &"x".repeat(48 * 1024))).status, 201);
    assert_eq!(octo.put(SECRETS, "BIG", &octo.sealed(SECRETS, &"x".repeat(48 * 1024 + 1))).status, 422);
}

#[test]
fn an_organisation_wants_the_visibility_every_time_and_may_lose_its_list() {
    let mut octo = Octo::new();
    octo.world.lawless = true;
    let path = "/orgs/acme/actions/secrets";
    octo.world.sandbox.github(|github| {
        github.add_secret(Store::Actions, "orgs/acme", "TOKEN", "old", noon());
        github.show_secret_to(Store::Actions, "acme", "TOKEN", "selected", &["acme/app"]);
    });
    let mut body = octo.sealed(path, "new");
    assert_eq!(octo.put(path, "TOKEN", &body).status, 422);
    let listed = octo.get(&octo.keeper, &format!("{path}/TOKEN/repositories")).value();
    assert_eq!(listed["repositories"][0]["full_name"], "acme/app");
    body["visibility"] = json!("selected");
    for (empties, left) in [(false, 1), (true, 0)] {
        octo.world.sandbox.github(|github| github.omitted_selection_empties = empties);
        assert_eq!(octo.put(path, "TOKEN", &body).status, 204);
        let kept = octo.world.sandbox.github(|github| github.secret(Store::Actions, "orgs/acme", "TOKEN")).unwrap();
        assert_eq!(kept.visibility.unwrap().selected.len(), left);
    }
}

#[test]
fn rights_are_told_apart_from_absence() {
    let octo = Octo::new();
    octo.world.sandbox.github(|github| github.add_secret(Store::Actions, "repos/acme/app", "TOKEN", "old", noon()));
    let one = format!("{SECRETS}/TOKEN");
    assert_eq!(octo.get(&octo.reader, &one).status, 200);
    let refused = octo.ask(&octo.reader, Method::PUT, &one, &octo.sealed(SECRETS, "v"));
    assert_eq!(refused.status, 403);
    assert_eq!(refused.value()["message"], "Resource not accessible by personal access token");
    assert_eq!(refused.headers["x-accepted-github-permissions"], "secrets=write");
    let job = octo.get(&octo.job, &format!("{SECRETS}/public-key"));
    assert_eq!((job.status, &job.value()["message"]), (403, &json!("Resource not accessible by integration")));
    assert_eq!(octo.get(&octo.classic, &one).headers["x-oauth-scopes"], "repo");
    assert_eq!(octo.get(&octo.classic, "/orgs/acme/actions/secrets").status, 404, "a scope short is not told");
    let stranger = octo.world.sandbox.github(|github| github.add_classic_token("sid", &["repo"], None));
    assert_eq!(octo.get(&stranger, &one).status, 404);
    assert_eq!(octo.get(&octo.keeper, &format!("{SECRETS}/NOBODY")).status, 404);
    assert_eq!(octo.get(&octo.keeper, "/repos/acme/app/environments/none/secrets").status, 404);
    let header = octo.get(&octo.keeper, &one).headers["github-authentication-token-expiration"].clone();
    assert_eq!(header, "2026-06-03 12:00:00 UTC");
    assert_eq!(octo.get(&octo.job, "/user").status, 403);
    assert_eq!(octo.get(&octo.job, "/installation/repositories").value()["total_count"], 1);
}

#[test]
fn many_bad_credentials_lock_the_good_ones_out() {
    let octo = Octo::new();
    for _ in 0..10 {
        assert_eq!(octo.get("ghp_nobody", "/user").status, 401);
    }
    assert_eq!(octo.get(&octo.keeper, "/user").status, 403);
}

#[test]
fn a_variable_is_made_by_post_and_changed_by_patch() {
    let octo = Octo::new();
    let path = "/repos/acme/app/actions/variables";
    let body = json!({ "name": "expiry", "value": "soon" });
    assert_eq!(octo.ask(&octo.keeper, Method::PATCH, &format!("{path}/EXPIRY"), &body).status, 404);
    assert_eq!(octo.ask(&octo.keeper, Method::POST, path, &body).status, 201);
    assert_eq!(octo.ask(&octo.keeper, Method::POST, path, &body).status, 409);
    let changed = octo.ask(&octo.keeper, Method::PATCH, &format!("{path}/EXPIRY"), &json!({ "value": "later" }));
    assert_eq!((changed.status, changed.body.len()), (204, 0));
    assert_eq!(octo.get(&octo.keeper, &format!("{path}/expiry")).value()["value"], "later");
    let listed = octo.get(&octo.keeper, &format!("{path}?per_page=100")).value();
    assert_eq!(listed["total_count"], 1);
}

#[test]
fn editing_a_hook_loses_the_secret_and_editing_its_config_does_not() {
    let octo = Octo::new();
    let id = octo
        .world
        .sandbox
        .github(|github| github.add_hook("repos/acme/app", "https://receiver.example/hook", "old-secret", noon()));
    let hook = format!("/repos/acme/app/hooks/{id}");
    let shown = octo.get(&octo.reader, &hook).value();
    assert_eq!(shown["config"]["secret"], "********");
    let patched = octo.ask(&octo.keeper, Method::PATCH, &format!("{hook}/config"), &json!({ "secret": "new-secret" }));
    assert_eq!((patched.status, &patched.value()["url"]), (200, &json!("https://receiver.example/hook")));
    let secret = || octo.world.sandbox.github(|github| github.hook(id)).unwrap().secret;
    assert_eq!(secret().as_deref(), Some("new-secret"));

    octo.world.sandbox.github(|github| github.receiver_takes(id, &["old-secret"]));
    let pinged = octo.ask(&octo.reader, Method::POST, &format!("{hook}/pings"), &Value::Null);
    assert_eq!(pinged.status, 204, "reading is enough to ping");
    let deliveries = octo.get(&octo.reader, &format!("{hook}/deliveries?per_page=5")).value();
    assert_eq!((&deliveries[0]["event"], &deliveries[0]["status_code"]), (&json!("ping"), &json!(401)));

    let config = json!({ "config": { "url": "https://receiver.example/hook", "content_type": "json" } });
    assert_eq!(octo.ask(&octo.keeper, Method::PATCH, &hook, &config).status, 200);
    assert_eq!(secret(), None);
}

#[test]
fn a_renamed_repository_leads_to_its_number() {
    let octo = Octo::new();
    octo.world.sandbox.github(|github| github.rename_repository("acme/app", "acme/web"));
    let moved = octo.get(&octo.keeper, &format!("{SECRETS}/public-key"));
    assert_eq!(moved.status, 301);
    assert_eq!(octo.get(&octo.keeper, "/repos/acme/web/actions/secrets/public-key").status, 200);
}

#[test]
fn a_workflow_says_whether_it_is_started() {
    let octo = Octo::new();
    octo.world.sandbox.github(|github| github.add_workflow("acme/app", "rotate.yml", "disabled_inactivity"));
    let found = octo.get(&octo.classic, "/repos/acme/app/actions/workflows/rotate.yml");
    assert_eq!((&found.value()["state"], found.status), (&json!("disabled_inactivity"), 200));
    assert_eq!(octo.get(&octo.classic, "/repos/acme/app/actions/workflows/gone.yml").status, 404);
    assert_eq!(octo.get(&octo.keeper, "/repos/acme/app/actions/workflows/rotate.yml").status, 403);
}
