//! A cluster: who owns which key of a Secret, what a restart looks like, what a Job leaves behind.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use chrono::TimeDelta;
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use tokenwheel_sandbox::Answer;
use tokenwheel_sandbox::kubernetes::{Kind, Kubernetes, Rule};

use crate::common::{World, request};

const DAS: &str = "/api/v1/namespaces/opa/secrets/das";
const APP: &str = "/apis/apps/v1/namespaces/opa/deployments/opa";
const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";

struct Cluster {
    world: World,
    admin: String,
    wheel: String,
}

impl Cluster {
    fn new() -> Self {
        let world = World::new();
        let (admin, wheel) = world.sandbox.kubernetes(|cluster| {
            let rules = [
                Rule::new("opa", "secrets", &["get", "patch"], &["das"]),
                Rule::new("opa", "deployments", &["get", "patch"], &["opa"]),
            ];
            cluster.add_secret("opa", "das", &[("token", "old"), ("other", "theirs")], "kubectl-create");
            cluster.add_workload("opa", Kind::Deployment, "opa", &[("das", "token")]);
            (cluster.add_account("opa:admin", None), cluster.add_account("opa:wheel", Some(&rules)))
        });
        Self { world, admin, wheel }
    }

    fn look<R>(&self, f: impl FnOnce(&mut Kubernetes) -> R) -> R {
        self.world.sandbox.kubernetes(f)
    }

    fn get(&self, token: &str, target: &str) -> Answer {
        self.world.ask("kubernetes", token, Method::GET, target, &Value::Null)
    }

    fn patch(&self, token: &str, target: &str, media: &'static str, body: &Value) -> Answer {
        let mut request = request("kubernetes", token, Method::PATCH, target, body);
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        self.world.send(request).unwrap()
    }

    /// `token` and nothing else, by that manager; `text` is in base64.
    fn apply(&self, query: &str, text: &str) -> Answer {
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "das", "namespace": "opa" },
            "data": { "token": text },
        });
        self.patch(&self.admin, &format!("{DAS}?{query}"), APPLY, &body)
    }

    fn token(&self) -> String {
        self.look(|cluster| cluster.held("opa", "das", "token")).unwrap()
    }

    fn pass(&self, millis: i64) {
        self.world.sandbox.advance(TimeDelta::milliseconds(millis));
    }
}

#[test]
fn a_key_that_another_manages_is_not_given_away_without_force() {
    let cluster = Cluster::new();
    let refused = cluster.apply("fieldManager=wheel", "bmV3").value();
    assert_eq!(
        (refused["code"].as_u64(), refused["message"].as_str()),
        (Some(409), Some("Apply failed with 1 conflict: conflict with \"kubectl-create\": .data.token"))
    );
    assert_eq!(refused["details"]["causes"][0]["field"], ".data.token");
    assert_eq!(cluster.token(), "old");

    assert_eq!(cluster.apply("fieldManager=wheel&force=true", "bmV3").status, 200);
    let secret = cluster.look(|cluster| cluster.secret_at("opa", "das")).unwrap();
    assert_eq!((secret.data["token"].as_str(), secret.data["other"].as_str()), ("new", "theirs"));
    // From now on it is the other who is refused.
    assert_eq!(cluster.apply("fieldManager=kubectl-create", "b2xk").status, 409);
}

#[test]
fn the_same_value_makes_two_owners_and_no_conflict() {
    let cluster = Cluster::new();
    assert_eq!(cluster.apply("fieldManager=wheel", "b2xk").status, 200);
    let before = cluster.look(|cluster| cluster.secret_at("opa", "das")).unwrap();
    assert_eq!(before.managers.len(), 2);
    cluster.pass(60_000);
    assert_eq!(cluster.apply("fieldManager=wheel", "b2xk").status, 200);
    let after = cluster.look(|cluster| cluster.secret_at("opa", "das")).unwrap();
    assert_eq!(before, after, "neither version nor time moves when nothing changes");
}

#[test]
fn a_key_that_its_only_owner_leaves_out_goes() {
    let cluster = Cluster::new();
    let two = json!({ "data": { "a": "YQ==", "b": "Yg==" } });
    cluster.patch(&cluster.admin, &format!("{DAS}?fieldManager=wheel"), APPLY, &two);
    let one = json!({ "data": { "a": "YQ==" } });
    cluster.patch(&cluster.admin, &format!("{DAS}?fieldManager=wheel"), APPLY, &one);
    let keys = cluster.look(|cluster| cluster.secret_at("opa", "das")).unwrap().data;
    assert_eq!(keys.keys().map(String::as_str).collect::<Vec<_>>(), ["a", "other", "token"]);
}

#[test]
fn a_dry_run_answers_as_a_real_one_and_stores_nothing() {
    let cluster = Cluster::new();
    assert_eq!(cluster.apply("fieldManager=wheel&dryRun=All", "ZHJ5").status, 409);
    let dry = cluster.apply("fieldManager=wheel&dryRun=All&force=true", "ZHJ5");
    assert_eq!((dry.status, dry.value()["data"]["token"].as_str()), (200, Some("ZHJ5")));
    assert_eq!(cluster.token(), "old");
}

#[test]
fn it_refuses_with_the_odd_codes_of_the_real_one() {
    let mut cluster = Cluster::new();
    cluster.world.lawless = true;
    assert_eq!(cluster.apply("", "bmV3").status, 422);
    assert_eq!(cluster.apply("fieldManager=wheel&force=true", "no!").status, 500);
    let kind = json!({ "type": "kubernetes.io/basic-auth", "data": {} });
    assert_eq!(cluster.patch(&cluster.admin, &format!("{DAS}?fieldManager=w"), APPLY, &kind).status, 422);
    assert_eq!(cluster.get("nobody", DAS).status, 401);
    assert_eq!(cluster.get(&cluster.wheel, DAS).status, 200);
    let other = cluster.get(&cluster.wheel, "/api/v1/namespaces/opa/secrets/other").value();
    assert_eq!(
        other["message"],
        "secrets \"other\" is forbidden: User \"system:serviceaccount:opa:wheel\" cannot get resource \"secrets\" in \
         API group \"\" in the namespace \"opa\""
    );
    let nowhere = "/api/v1/namespaces/nope/secrets/x?fieldManager=w";
    assert_eq!(cluster.patch(&cluster.admin, nowhere, APPLY, &json!({ "data": {} })).status, 404);
    assert_eq!(cluster.patch(&cluster.admin, DAS, "application/json", &json!({})).status, 415);
    cluster.look(|cluster| cluster.amend_secret("opa", "das", |secret| secret.immutable = true));
    assert_eq!(cluster.apply("fieldManager=wheel&force=true", "bmV3").status, 422);
}

#[test]
fn a_stale_version_is_refused() {
    let cluster = Cluster::new();
    let version = cluster.get(&cluster.admin, DAS).value()["metadata"]["resourceVersion"].clone();
    let body = json!({ "metadata": { "resourceVersion": version }, "data": { "token": "bmV3" } });
    assert_eq!(cluster.patch(&cluster.admin, DAS, MERGE, &body).status, 200);
    assert_eq!(cluster.patch(&cluster.admin, DAS, MERGE, &body).status, 409);
}

fn restart(cluster: &Cluster, at: &str) -> Answer {
    let body = json!({
        "spec": { "template": { "metadata": { "annotations": { "kubectl.kubernetes.io/restartedAt": at } } } },
    });
    cluster.patch(&cluster.wheel, APP, "application/strategic-merge-patch+json", &body)
}

#[test]
fn straight_after_a_restart_the_old_status_still_says_that_all_is_done() {
    let cluster = Cluster::new();
    let seen = |answer: &Answer| {
        let value = answer.value();
        let number = |pointer| value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        let condition = value["status"]["conditions"][1]["reason"].as_str().unwrap_or_default().to_owned();
        (number("/metadata/generation"), number("/status/observedGeneration"), condition)
    };
    let available = |generation, observed| (generation, observed, "NewReplicaSetAvailable".to_owned());
    assert_eq!(seen(&restart(&cluster, "now")), available(2, 1));
    cluster.pass(1_000);
    assert_eq!(seen(&cluster.get(&cluster.wheel, APP)), (2, 2, "ReplicaSetUpdated".to_owned()));
    cluster.pass(3_000);
    assert_eq!(seen(&cluster.get(&cluster.wheel, APP)), available(2, 2));
    // The same annotation again changes nothing.
    assert_eq!(seen(&restart(&cluster, "now")), available(2, 2));
}

#[test]
fn pods_read_their_secrets_when_they_start_and_never_again() {
    let cluster = Cluster::new();
    let sees = || cluster.look(|cluster| cluster.pods_see("opa", Kind::Deployment, "opa", "das", "token"));
    cluster.apply("fieldManager=wheel&force=true", "bmV3");
    cluster.pass(60_000);
    assert_eq!(sees().as_deref(), Some("old"));
    restart(&cluster, "now");
    cluster.pass(4_000);
    assert_eq!(sees().as_deref(), Some("new"));
}

#[test]
fn pods_that_never_get_ready_end_in_a_deadline() {
    let cluster = Cluster::new();
    cluster.look(|cluster| cluster.amend_workload("opa", Kind::Deployment, "opa", |app| app.stuck = true));
    restart(&cluster, "now");
    cluster.pass(601_000);
    let condition = cluster.get(&cluster.wheel, APP).value()["status"]["conditions"][1].clone();
    assert_eq!(
        (condition["status"].as_str(), condition["reason"].as_str()),
        (Some("False"), Some("ProgressDeadlineExceeded"))
    );
}

#[test]
fn reloader_rolls_what_asks_for_it_once_its_secret_has_changed() {
    let cluster = Cluster::new();
    cluster.look(|cluster| {
        cluster.reloader = true;
        let auto = ("reloader.stakater.com/auto".to_owned(), "true".to_owned());
        cluster.amend_workload("opa", Kind::Deployment, "opa", |app| app.annotations.extend([auto]));
    });
    let restarts = || cluster.look(|cluster| cluster.workload("opa", Kind::Deployment, "opa")).unwrap().restarts;
    cluster.pass(10_000);
    assert_eq!(restarts(), 0);
    cluster.apply("fieldManager=wheel&force=true", "bmV3");
    cluster.look(|_| ());
    cluster.pass(10_000);
    assert_eq!(restarts(), 1);
}
