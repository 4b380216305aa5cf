//! Signon: a token is made in the cluster only, revoking says 200 to anything, and an application believes what it heard
//! for five minutes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails there")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use tokenwheel_sandbox::Answer;
use tokenwheel_sandbox::signon::{Application, Signon};

use crate::common::{World, noon, request};

const SYNC: &str = "signon-sync-token-secrets-to-k8s";
const SECRET: &str = "signon-token-collections-publisher-publishing-api";
const USER: &str = "collections-publisher@alphagov.co.uk";
const APP: &str = "Publishing API";

struct House {
    world: World,
    admin: String,
    api: Application,
    other: Application,
    old: String,
}

impl House {
    fn new() -> Self {
        let world = World::new();
        let (admin, api, other, old) = world.sandbox.kubernetes(|cluster| {
            cluster.add_signon_cronjobs("apps");
            let signon = &mut cluster.signon;
            let (api, other) = (signon.add_application(APP), signon.add_application("Router API"));
            signon.add_api_user("Collections Publisher", USER);
            let old = signon.add_token(USER, APP, noon() - TimeDelta::days(716), TimeDelta::days(730));
            cluster.nightly_sync("apps");
            (cluster.add_account("apps:admin", None), api, other, old)
        });
        Self { world, admin, api, other, old }
    }

    fn signon<R>(&self, f: impl FnOnce(&mut Signon) -> R) -> R {
        self.world.sandbox.signon(f)
    }

    fn held(&self) -> Option<String> {
        self.world.sandbox.kubernetes(|cluster| cluster.held("apps", SECRET, "bearer_token"))
    }

    /// Makes a Job of a CronJob, with another command where there is one, and waits for it. Gives how it ended.
    fn job(&self, cronjob: &str, command: &[&str]) -> String {
        let target = format!("/apis/batch/v1/namespaces/apps/cronjobs/{cronjob}");
        let from = self.world.ask("kubernetes", &self.admin, Method::GET, &target, &Value::Null).value();
        let mut spec = from["spec"]["jobTemplate"]["spec"].clone();
        if !command.is_empty() {
            spec["template"]["spec"]["containers"][0]["command"] = json!(command);
            spec["template"]["spec"]["containers"][0]["args"] = json!([]);
        }
        let jobs = "/apis/batch/v1/namespaces/apps/jobs";
        let body = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "by-hand" }, "spec": spec,
        });
        let made = self.world.ask("kubernetes", &self.admin, Method::POST, jobs, &body);
        assert_eq!(made.status, 201);
        assert_eq!(self.world.ask("kubernetes", &self.admin, Method::POST, jobs, &body).status, 409);
        assert_eq!(made.value()["status"]["active"], 1);
        self.world.sandbox.advance(TimeDelta::seconds(3));
        let target = format!("{jobs}/by-hand");
        let ended = self.world.ask("kubernetes", &self.admin, Method::GET, &target, &Value::Null).value();
        ended["status"]["conditions"][0]["type"].as_str().unwrap_or_default().to_owned()
    }

    fn who(&self, token: &str, query: &str) -> u16 {
        self.world.ask("signon", token, Method::GET, &format!("/user.json{query}"), &Value::Null).status
    }

    /// A call of an OAuth endpoint, with a token in its form.
    fn oauth(&self, target: &str, authorization: &str, token: &str) -> Answer {
        let mut request = request("signon", "", Method::POST, target, &Value::Null);
        if let Some(value) = HeaderValue::from_str(authorization).ok().filter(|value| !value.is_empty()) {
            request.headers.insert(header::AUTHORIZATION, value);
        }
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(header::CONTENT_TYPE, form);
        request.body = format!("token={token}").into();
        self.world.send(request).unwrap()
    }

    fn lookup(&self, token: &str) -> u16 {
        let body = json!({ "base_paths": ["/"] });
        self.world.ask("publishing-api", token, Method::POST, "/lookup-by-base-path", &body).status
    }
}

fn basic(application: &Application) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", application.oauth_id, application.oauth_secret)))
}

const CREATE: &str = "abort; grant_application_signin_permission; authorisations.create!";

#[test]
fn a_token_is_made_by_a_job_and_reaches_its_secret_by_another() {
    let house = House::new();
    assert_eq!(house.held().as_ref(), Some(&house.old));
    assert_eq!(house.job(SYNC, &["rails", "runner", CREATE, USER, APP, "63072000"]), "Complete");
    let new = house.signon(|signon| signon.working(USER, APP)).pop().unwrap();
    assert_eq!((house.held().as_ref(), house.signon(|signon| signon.is_live(&new))), (Some(&house.old), true));
    house.world.sandbox.kubernetes(|cluster| cluster.nightly_sync("apps"));
    assert_eq!(house.held(), Some(new));
}

#[test]
fn a_job_for_a_user_that_does_not_exist_fails_and_makes_nothing() {
    let house = House::new();
    assert_eq!(house.job(SYNC, &["rails", "runner", CREATE, "nobody@example.com", APP, "63072000"]), "Failed");
    assert_eq!(house.signon(|signon| signon.tokens_of(USER, APP)).len(), 1);
}

#[test]
fn the_sync_writes_the_token_that_lives_longest_whatever_stands_there() {
    let house = House::new();
    let longer = house.signon(|signon| {
        signon.add_token(USER, APP, noon(), TimeDelta::days(1));
        signon.add_token(USER, APP, noon(), TimeDelta::days(99))
    });
    house.world.sandbox.kubernetes(|cluster| {
        cluster.overwrite("apps", SECRET, "bearer_token", "ours", "wheel");
    });
    assert_eq!(house.job(SYNC, &[]), "Complete");
    assert_eq!(house.held(), Some(longer));
}

#[test]
fn the_nightly_renewal_makes_a_second_token_and_leaves_the_first() {
    let house = House::new();
    for _ in 0..2 {
        let renew = ["rake", "access_tokens:renew_expiring_internal_tokens"].map(str::to_owned);
        house.world.sandbox.kubernetes(|cluster| cluster.run_in("apps", &renew));
    }
    assert_eq!(house.signon(|signon| signon.working(USER, APP)).len(), 2);
}

#[test]
fn who_it_is_is_told_to_a_live_bearer_of_that_application_only() {
    let house = House::new();
    let (own, foreign) = (format!("?client_id={}", house.api.oauth_id), format!("?client_id={}", house.other.oauth_id));
    assert_eq!(
        [house.who(&house.old, ""), house.who(&house.old, &own), house.who(&house.old, &foreign)],
        [200, 200, 401]
    );
    assert_eq!(house.who("garbage", &own), 401);
    assert!(house.signon(|signon| signon.api_user(USER)).unwrap().last_synced_at.is_some(), "asking leaves a trace");
    house.signon(|signon| signon.deny(USER, APP));
    assert_eq!(house.who(&house.old, &own), 401, "alive, and without the right to sign in");
}

#[test]
fn introspection_is_for_the_application_or_for_another_of_its_tokens() {
    let house = House::new();
    let new = house.signon(|signon| signon.add_token(USER, APP, noon(), TimeDelta::days(730)));
    let active = |authorization: &str, token: &str| {
        let answer = house.oauth("/oauth/introspect", authorization, token);
        (answer.status, answer.value()["active"].as_bool())
    };
    assert_eq!(active(&basic(&house.api), &house.old), (200, Some(true)));
    assert_eq!(active(&format!("Bearer {new}"), &house.old), (200, Some(true)));
    assert_eq!(active(&basic(&house.other), &house.old), (200, Some(false)));
    assert_eq!(active(&format!("Bearer {new}"), &new), (401, None));
    let exp = house.oauth("/oauth/introspect", &basic(&house.api), &house.old).value()["exp"].as_i64();
    assert_eq!(exp, Some((noon() + TimeDelta::days(14)).timestamp()));
}

#[test]
fn revoking_says_200_to_what_nobody_knows_and_403_to_the_wrong_application() {
    let house = House::new();
    let revoke = |authorization: &str, token: &str| house.oauth("/oauth/revoke", authorization, token).status;
    assert_eq!(revoke(&basic(&house.api), "nobody-knows"), 200);
    assert_eq!([revoke(&basic(&house.other), &house.old), revoke("", &house.old)], [403, 403]);
    assert!(house.signon(|signon| signon.is_live(&house.old)));
    assert_eq!([revoke(&basic(&house.api), &house.old), revoke(&basic(&house.api), &house.old)], [200, 200]);
    assert!(!house.signon(|signon| signon.is_live(&house.old)));
}

#[test]
fn a_revoked_token_goes_on_working_at_the_application_for_five_minutes() {
    let house = House::new();
    assert_eq!([house.lookup(&house.old), house.lookup("garbage"), house.lookup("")], [200, 401, 401]);
    house.signon(|signon| signon.end_token(&house.old));
    assert_eq!(house.lookup(&house.old), 200);
    house.world.sandbox.advance(TimeDelta::minutes(5));
    assert_eq!(house.lookup(&house.old), 401);
}
