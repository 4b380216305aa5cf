//! What takes its time: rollouts and Jobs, on a paused clock.

use std::time::Duration;

use tokenwheel_sandbox::kubernetes::Kind;

use crate::common::{Bench, PAIR, of, pair, rotated, text};

/// The estate of a pair, with the deploy token going to a Secret that a Deployment reads.
fn bench() -> Bench {
    let mut bench = pair();
    let place = "{ kind: kubernetes/secret, namespace: opa, name: das, key: token, restart: [deployment/opa] }";
    let cluster =
        "connections:\n  cluster: { service: kubernetes, url: \"https://kubernetes.sandbox\", token: env:CLUSTER }\n";
    let config = PAIR.replace("connections:\n", cluster);
    bench.write_config(&config.replace("key: DEPLOY_TOKEN }]", &format!("key: DEPLOY_TOKEN }}, {place}]")));
    let deploy = bench.held("acme/app", "DEPLOY_TOKEN");
    let account = bench.sandbox.kubernetes(|cluster| {
        cluster.add_secret("opa", "das", &[("token", &deploy)], "tokenwheel-token");
        cluster.add_workload("opa", Kind::Deployment, "opa", &[("das", "token")]);
        cluster.add_account("opa:wheel", None)
    });
    bench.environment.insert("CLUSTER".to_owned(), account);
    bench
}

fn pods(bench: &Bench) -> Option<String> {
    bench.sandbox.kubernetes(|cluster| cluster.pods_see("opa", Kind::Deployment, "opa", "das", "token"))
}

#[tokio::test(start_paused = true)]
async fn a_rollout_is_waited_for_to_its_end_whatever_the_old_status_says() {
    let bench = bench();
    bench.sandbox.kubernetes(|cluster| {
        cluster.controller_lag = Duration::from_secs(20);
        cluster.rollout_takes = Duration::from_mins(4);
    });
    let report = bench.rotate().await;
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    assert_eq!(report.level().code(), 0, "{}", text(&report));
    assert_eq!(pods(&bench), Some(bench.held("acme/app", "DEPLOY_TOKEN")), "{}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn pods_that_do_not_become_ready_are_said_and_the_place_is_owed() {
    let bench = bench();
    let change = |stuck| {
        bench.sandbox.kubernetes(|cluster| {
            cluster.amend_workload("opa", Kind::Deployment, "opa", |app| app.stuck = stuck);
        });
    };
    change(true);
    let report = bench.rotate().await;
    assert!(text(&report).contains("its new pods did not become ready in time"), "{}", text(&report));
    assert_ne!(report.level().code(), 0, "{}", text(&report));
    // The new pods have got better by themselves: the next run finds them, and mints nothing.
    change(false);
    let held = bench.held("acme/app", "DEPLOY_TOKEN");
    let report = bench.rotate().await;
    assert_eq!(bench.held("acme/app", "DEPLOY_TOKEN"), held, "{}", text(&report));
    assert_eq!((of(&report, "deploy").level().code(), pods(&bench)), (0, Some(held)), "{}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn what_reloader_restarts_is_waited_for_and_not_restarted_twice() {
    let bench = bench();
    bench.sandbox.kubernetes(|cluster| {
        cluster.reloader = true;
        let auto = [("reloader.stakater.com/auto".to_owned(), "true".to_owned())];
        cluster.amend_workload("opa", Kind::Deployment, "opa", |app| app.annotations.extend(auto));
    });
    bench.sandbox.advance(chrono::TimeDelta::minutes(1));
    let report = bench.rotate().await;
    assert_eq!(report.level().code(), 0, "{}", text(&report));
    let app = bench.sandbox.kubernetes(|cluster| cluster.workload("opa", Kind::Deployment, "opa")).unwrap();
    assert_eq!((app.restarts, pods(&bench)), (1, Some(bench.held("acme/app", "DEPLOY_TOKEN"))), "{}", text(&report));
    assert!(!app.template.contains_key("kubectl.kubernetes.io/restartedAt"), "{}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn a_reloader_that_is_not_there_is_missed() {
    let bench = bench();
    let auto = [("reloader.stakater.com/auto".to_owned(), "true".to_owned())];
    bench.sandbox.kubernetes(|cluster| {
        cluster.amend_workload("opa", Kind::Deployment, "opa", |app| app.annotations.extend(auto));
    });
    bench.sandbox.advance(chrono::TimeDelta::minutes(1));
    let report = bench.rotate().await;
    assert!(text(&report).contains("was not begun by Reloader"), "{}", text(&report));
}
