//! How a cluster is logged in to: by the pod's account, by a kubeconfig, and by none of what is not used here.

use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use tokenwheel::connection::{Connecting, Means, Slot};
use tokenwheel::demo::Mounted;
use tokenwheel::http::Http;
use tokenwheel::services::SERVICES;
use tokenwheel::token::TokenValue;
use tokenwheel_sandbox::Sandbox;

use crate::common::monday;
use crate::stage::House;

const ALONE: &str = "{ kind: kubernetes/secret, namespace: opa, name: das, key: token }";

#[test]
fn a_kubeconfig_of_a_plugin_or_a_certificate_is_refused_in_a_sentence() {
    let mut house = House::deploying_to(ALONE);
    for (user, words) in [
        ("exec: { command: aws }", "a plugin"),
        ("client-certificate-data: QUJD", "a client certificate"),
        ("username: admin", "a user name and a password"),
        ("impersonate: nobody", "its user has no token"),
    ] {
        house.write_kubeconfig(user);
        let ran = house.run(&["check"]);
        assert!(ran.code == Some(2) && ran.to_string().contains(words), "{words}: {ran}");
    }
    house.amend("kubeconfig: file:kubeconfig", "kubeconfig: file:kubeconfig, context: other");
    let ran = house.run(&["check"]);
    assert!(ran.to_string().contains("it has no context \"other\""), "{ran}");
}

#[test]
fn a_dead_account_is_named_and_nothing_is_minted() {
    let mut house = House::deploying_to(ALONE);
    house.cluster(tokenwheel_sandbox::kubernetes::Kubernetes::end_accounts);
    let ran = house.rotate("deploy");
    assert!(ran.to_string().contains("the API server does not know this token"), "{ran}");
    assert!(house.is_live(house.deploy()), "{ran}");
}

#[test]
fn an_older_cluster_that_does_not_tell_who_one_is_is_no_trouble() {
    let mut house = House::deploying_to(ALONE);
    house.cluster(|cluster| cluster.tells_who = false);
    let ran = house.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn without_a_pod_and_without_a_kubeconfig_the_next_step_is_said() {
    let mut house = House::deploying_to(ALONE);
    house.amend("kubeconfig: file:kubeconfig", "url: \"{kubernetes}\"");
    let ran = house.rotate("deploy");
    assert!(ran.to_string().contains("run it in a pod, or name a `kubeconfig`"), "{ran}");
}

/// The kubelet renews it about once an hour, and a run may wait longer than that.
#[tokio::test(start_paused = true)]
async fn the_token_of_the_pod_is_read_anew_for_each_call() {
    let sandbox = Sandbox::new(1, monday());
    let first = sandbox.kubernetes(|cluster| cluster.add_account("opa:wheel", None));
    let folder = tempfile::tempdir().unwrap();
    let keep = |token: &str| std::fs::write(folder.path().join("token"), format!("{token}\n")).unwrap();
    keep(&first);
    let kind = SERVICES.iter().find(|kind| kind.name == "kubernetes").unwrap();
    let http = Arc::new(Http::new(Arc::new(Mounted(sandbox.clone()))));
    let door = Arc::clone(&http);
    let means = Means {
        folder: folder.path().to_owned(),
        secret: Arc::new(|_| Ok(TokenValue::new("unused")?)),
        door: Arc::new(move |_| Ok(Arc::clone(&door))),
        random: Arc::new(|_| ()),
        offline: false,
    };
    let keys = json!({ "service_account": Path::new(".") });
    let connecting = Connecting { url: None, slot: Slot::default(), http, keys, means };
    let connection = (kind.connect)(connecting).unwrap();
    assert_eq!(connection.arrive().await.unwrap().who.as_deref(), Some("system:serviceaccount:opa:wheel"));
    let second = sandbox.kubernetes(|cluster| cluster.renew_account(&first));
    assert!(connection.arrive().await.is_err(), "the old one has ended");
    sandbox.advance(TimeDelta::hours(1));
    keep(&second);
    assert!(connection.arrive().await.is_ok());
}
