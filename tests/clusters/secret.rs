//! `kubernetes/secret`: a key of a Secret, and the pods that read it.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::kubernetes::Kind;

use crate::stage::House;

const ALONE: &str = "{ kind: kubernetes/secret, namespace: opa, name: das, key: token }";
const READ: &str = "{ kind: kubernetes/secret, namespace: opa, name: das, key: token, restart: [deployment/opa] }";

#[test]
fn what_is_due_is_rotated_into_the_secret_and_the_pods_have_it() {
    let all = "restart: [deployment/opa, statefulset/store, daemonset/agent]";
    let mut house = House::deploying_to(&READ.replace("restart: [deployment/opa]", all));
    let ran = house.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    let new = house.held("das", "token");
    assert!(house.is_live(&new) && !house.is_live(house.deploy()), "{ran}");
    assert_eq!(house.held("das", "other"), "theirs", "{ran}");
    for (kind, name) in [(Kind::Deployment, "opa"), (Kind::StatefulSet, "store"), (Kind::DaemonSet, "agent")] {
        assert_eq!((house.pods_of(kind, name), house.restarts("opa", kind, name)), (new.clone(), 1), "{name}: {ran}");
    }
    // Nothing is due: nothing is written, and nothing restarted.
    house.stage.sandbox.forget_exchanges();
    let again = house.rotate("deploy");
    assert_eq!(again.code, Some(0), "{again}");
    assert!(house.sent("kubernetes").iter().all(|exchange| exchange.method != Method::PATCH), "{again}");
}

#[test]
fn a_rehearsal_stores_nothing_and_never_sends_the_value() {
    let mut house = House::deploying_to(ALONE);
    house.cluster(|cluster| cluster.amend_secret("opa", "das", |secret| secret.immutable = true));
    let ran = house.rotate("deploy");
    assert!(house.is_live(house.deploy()) && ran.to_string().contains("is immutable"), "{ran}");
    house.cluster(|cluster| cluster.amend_secret("opa", "das", |secret| secret.immutable = false));
    let ran = house.rotate("deploy");
    let applied: Vec<bool> = house
        .sent("kubernetes")
        .iter()
        .filter(|exchange| exchange.method == Method::PATCH)
        .map(|exchange| exchange.target.contains("dryRun=All"))
        .collect();
    assert_eq!(applied, [true, false], "{ran}");
    assert!(house.sent("kubernetes").iter().all(|exchange| !exchange.target.contains("force")), "{ran}");
}

#[test]
fn a_key_that_a_controller_owns_is_refused_by_the_name_of_its_owner_before_anything_is_minted() {
    let mut house = House::deploying_to(ALONE);
    house.cluster(|cluster| cluster.overwrite("opa", "das", "token", "of-the-vault", "external-secrets"));
    let ran = house.rotate("deploy");
    assert!(ran.to_string().contains("is owned by `external-secrets`"), "{ran}");
    assert!(house.is_live(house.deploy()) && house.held("das", "token") == "of-the-vault", "{ran}");
    assert_ne!(ran.code, Some(0), "{ran}");
}

#[test]
fn a_key_that_was_written_by_hand_is_taken_over_only_where_the_config_says_so() {
    let mut house = House::deploying_to(ALONE);
    let deploy = house.deploy().to_owned();
    house.cluster(|cluster| cluster.add_secret("opa", "das", &[("token", &deploy)], "kubectl-create"));
    let ran = house.rotate("deploy");
    assert!(ran.to_string().contains("say `take_over: [kubectl-create]`"), "{ran}");
    assert!(house.is_live(&deploy), "{ran}");
    house.amend("key: token }", "key: token, take_over: [kubectl-create] }");
    let ran = house.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(house.is_live(&house.held("das", "token")) && !house.is_live(&deploy), "{ran}");
}

#[test]
fn a_secret_that_does_not_exist_is_made_only_where_the_config_says_so() {
    let mut house = House::deploying_to(&ALONE.replace("das", "made"));
    let ran = house.rotate("deploy");
    assert!(ran.to_string().contains("does not exist: create the Secret by hand once, or say `create:`"), "{ran}");
    house.amend("key: token }", "key: token, create: {} }");
    let ran = house.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(house.is_live(&house.held("made", "token")), "{ran}");
}

#[test]
fn two_tokens_in_one_secret_leave_each_other_alone() {
    let mut house = House::deploying_to(ALONE);
    house.amend("gitlab-spare:\n", "gitlab-spare:\n    rotate: { after: 1d }\n");
    let second = ", { kind: kubernetes/secret, namespace: opa, name: das, key: spare }]";
    house.amend("key: GITLAB_SPARE }]", &format!("key: GITLAB_SPARE }}{second}"));
    let ran = house.run(&["rotate"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let (token, spare) = (house.held("das", "token"), house.held("das", "spare"));
    assert!(house.is_live(&token) && house.is_live(&spare) && house.held("das", "other") == "theirs", "{ran}");
    house.pass(TimeDelta::minutes(5));
    let ran = house.force("deploy");
    assert!(house.held("das", "token") != token && house.held("das", "spare") == spare, "{ran}");
}

#[test]
fn a_paused_deployment_is_seen_before_anything_is_minted() {
    let mut house = House::deploying_to(READ);
    house.cluster(|cluster| cluster.amend_workload("opa", Kind::Deployment, "opa", |app| app.paused = true));
    let ran = house.rotate("deploy");
    assert!(ran.to_string().contains("is paused") && house.is_live(house.deploy()), "{ran}");
}

#[test]
fn a_lost_answer_of_the_write_is_healed_at_once_and_restarts_once() {
    let mut house = House::deploying_to(READ);
    // The first is the rehearsal's; the one after it is the write.
    house.inject(Method::PATCH, "fieldManager=tokenwheel-token", 2, What::DropAfter);
    let ran = house.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    let new = house.held("das", "token");
    assert_eq!(
        (house.pods_of(Kind::Deployment, "opa"), house.restarts("opa", Kind::Deployment, "opa")),
        (new, 1),
        "{ran}"
    );
}

#[test]
fn a_200_that_is_no_answer_of_the_cluster_is_not_believed() {
    let mut house = House::deploying_to(READ);
    house.inject(Method::PATCH, "/deployments/", 9, What::Malformed);
    let ran = house.rotate("deploy");
    assert_ne!(ran.code, Some(0), "{ran}");
}

#[test]
fn a_value_that_was_written_and_is_in_no_pod_is_not_taken_for_delivered() {
    let mut house = House::deploying_to(READ);
    house.inject(Method::PATCH, "/deployments/", 9, What::Refuse(500));
    let ran = house.rotate("deploy");
    assert_ne!(ran.code, Some(0), "{ran}");
    assert_eq!(house.pods_of(Kind::Deployment, "opa"), house.deploy(), "{ran}");
    house.stage.sandbox.clear_faults();
    house.pass(TimeDelta::minutes(5));
    let ran = house.rotate("deploy");
    let held = house.held("das", "token");
    assert!(house.is_live(&held) && house.pods_of(Kind::Deployment, "opa") == held, "{ran}");
    assert_eq!(house.rotate("deploy").code, Some(0));
}

#[test]
fn what_somebody_else_wrote_there_meanwhile_is_found_and_mended() {
    let mut house = House::deploying_to(ALONE);
    house.rotate("deploy");
    house.pass(TimeDelta::minutes(5));
    let dead = house.deploy().to_owned();
    house.cluster(|cluster| cluster.overwrite("opa", "das", "token", &dead, "kubectl-edit"));
    let ran = house.rotate("deploy");
    assert!(ran.to_string().contains("take_over: [kubectl-edit]"), "{ran}");
    house.amend("key: token }", "key: token, take_over: [kubectl-edit] }");
    let ran = house.rotate("deploy");
    assert!(house.is_live(&house.held("das", "token")), "{ran}");
}

#[test]
fn what_signon_writes_is_refused_in_the_config() {
    let place = ALONE.replace("name: das", "name: signon-token-a-b");
    let mut house = House::deploying_to(&place);
    let ran = house.run(&["check", "--offline"]);
    assert!(ran.code == Some(2) && ran.to_string().contains("use `signon/synced-secret`"), "{ran}");
}
