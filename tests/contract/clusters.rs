//! `kubernetes/secret`, `signon/api-token` and `signon/synced-secret`: a cluster, and the Signon that runs in it.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::kubernetes::{Kind, Kubernetes, Rule};

use super::bench::Ground;
use super::fixtures::{Also as AlsoIssuer, Fixture};
use super::places::{BEFORE, Place, Spot};

const USER: &str = "collections-publisher@alphagov.co.uk";
const APP: &str = "Publishing API";
const SYNCED: &str = "signon-token-collections-publisher-publishing-api";
/// What the suite of destinations delivers.
const NEW: &str = "glpat-a-new-value_1.2";

/// A key of a Secret; in all else there is something of somebody else's.
struct Key {
    namespace: &'static str,
    secret: &'static str,
    name: &'static str,
}

impl Spot for Key {
    fn value(&self, sandbox: &Sandbox) -> Option<String> {
        sandbox.kubernetes(|cluster| cluster.held(self.namespace, self.secret, self.name))
    }

    fn attributes(&self, sandbox: &Sandbox) -> String {
        let Some(mut secret) = sandbox.kubernetes(|cluster| cluster.secret_at(self.namespace, self.secret)) else {
            return String::new();
        };
        secret.data.remove(self.name);
        format!("{} {:?} {:?} {}", secret.kind, secret.labels, secret.data, secret.immutable)
    }

    fn overwrite(&self, sandbox: &Sandbox, text: &str) {
        sandbox.kubernetes(|cluster| cluster.overwrite(self.namespace, self.secret, self.name, text, "somebody"));
    }
}

fn secret(
    (form, name): (&'static str, &'static str),
    manager: &'static str,
    mut keys: Value,
    verbs: &[&str],
    hidden: bool,
) -> Place {
    let ground = Ground::new();
    let login = ground.sandbox.kubernetes(|cluster| {
        cluster.add_secret("opa", name, &[("token", BEFORE)], manager);
        cluster.overwrite("opa", name, "other", "theirs", "somebody");
        for (kind, name) in [(Kind::Deployment, "opa"), (Kind::StatefulSet, "store"), (Kind::DaemonSet, "agent")] {
            cluster.add_workload("opa", kind, name, &[(name, "token")]);
        }
        let workloads =
            ["deployments", "statefulsets", "daemonsets"].map(|what| Rule::new("opa", what, &["get", "patch"], &[]));
        let rules = [&[Rule::new("opa", "secrets", verbs, &[name])], workloads.as_slice()].concat();
        cluster.add_account("opa:wheel", Some(&rules))
    });
    let all = json!({ "namespace": "opa", "name": name, "key": "token" });
    for (key, value) in all.as_object().unwrap() {
        keys[key] = value.clone();
    }
    let spot = Key { namespace: "opa", secret: name, name: "token" };
    Place::elsewhere(("kubernetes/secret", form), (ground, login), keys, hidden, Box::new(spot))
}

fn synced() -> Place {
    let ground = Ground::new();
    let now = ground.sandbox.now();
    let login = ground.sandbox.kubernetes(|cluster| {
        cluster.add_signon_cronjobs("apps");
        cluster.signon.add_application(APP);
        cluster.signon.add_api_user("Collections Publisher", USER);
        cluster.signon.plant_token(USER, APP, NEW, now, TimeDelta::days(730));
        cluster.add_secret("apps", SYNCED, &[("bearer_token", BEFORE)], "signon");
        cluster.overwrite("apps", SYNCED, "other", "theirs", "somebody");
        cluster.add_workload("apps", Kind::Deployment, "collections-publisher", &[(SYNCED, "bearer_token")]);
        cluster.add_account("apps:wheel", Some(&rules()))
    });
    let keys = json!({ "name": SYNCED, "restart": ["deployment/collections-publisher"] });
    let spot = Key { namespace: "apps", secret: SYNCED, name: "bearer_token" };
    Place::elsewhere(("signon/synced-secret", "restarted"), (ground, login), keys, false, Box::new(spot))
}

/// The Role that the page of the kind asks for, and nothing else.
fn rules() -> Vec<Rule> {
    let secrets = [SYNCED, "signon-app-publishing-api"];
    let cronjobs = ["signon-auto-rotate-internal-tokens", "signon-sync-token-secrets-to-k8s"];
    vec![
        Rule::new("apps", "secrets", &["get"], &secrets),
        Rule::new("apps", "cronjobs", &["get"], &cronjobs),
        Rule::new("apps", "jobs", &["get", "create"], &[]),
        Rule::new("apps", "deployments", &["get", "patch"], &["collections-publisher"]),
    ]
}

pub(crate) fn places() -> Vec<Place> {
    let restart = json!({ "restart": ["deployment/opa", "statefulset/store", "daemonset/agent"] });
    let taken = json!({ "take_over": ["kubectl-create"] });
    let (both, blind) = (["get", "patch"].as_slice(), ["patch"].as_slice());
    vec![
        secret(("of its own", "das"), "tokenwheel-token", json!({}), both, false),
        secret(("with all that is restarted", "read"), "tokenwheel-token", restart, both, false),
        secret(("made by hand", "taken"), "kubectl-create", taken, both, false),
        secret(("that may not be read", "unread"), "tokenwheel-token", json!({}), blind, true),
        synced(),
    ]
}

pub(crate) fn issuer() -> Fixture {
    let ground = Ground::new();
    let now = ground.sandbox.now();
    // It dies within the hour, for Signon's sync takes the one that lives longest.
    let made = now - TimeDelta::days(9);
    let (login, live, dead, stranger) = ground.sandbox.kubernetes(|cluster| {
        cluster.job_takes = Duration::ZERO;
        cluster.add_signon_cronjobs("apps");
        let signon = &mut cluster.signon;
        signon.add_application(APP);
        signon.add_application("Router API");
        signon.add_api_user("Collections Publisher", USER);
        let dead = signon.add_token(USER, APP, made - TimeDelta::days(9), TimeDelta::days(700));
        signon.end_token(&dead);
        let stranger = signon.add_token(USER, "Router API", made, TimeDelta::days(700));
        let live = signon.add_token(USER, APP, made, TimeDelta::days(9) + TimeDelta::minutes(30));
        cluster.nightly_sync("apps");
        (cluster.add_account("apps:wheel", Some(&rules())), live, dead, stranger)
    });
    Fixture {
        kind: "signon/api-token",
        way: "in the cluster",
        ground,
        service: "signon",
        keys: json!({ "user": USER, "name": "Collections Publisher", "application": APP }),
        login,
        own: false,
        live: vec![(made.timestamp().to_string(), live)],
        dead,
        stranger,
        proof: "identity",
        stranger_proof: "rejected",
        lists: false,
        revokes: true,
        working: |sandbox| sandbox.signon(|signon| signon.working(USER, APP)),
        also: AlsoIssuer {
            reads_by_post: &["/oauth/introspect"],
            ended_by_value: true,
            lag: Some(TimeDelta::minutes(5)),
            end_login: Some(|ground| ground.sandbox.kubernetes(Kubernetes::end_accounts)),
            ..AlsoIssuer::default()
        },
    }
}
