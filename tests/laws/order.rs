//! Law 6: refreshers turn in the order in which their destinations depend on each other, and after all other tokens.

use super::stage::{das, estate};
use crate::common::{force, rotated, text};

const DAS: &str = r#"
  a-das-refresher:
    refreshes: das
    accept_risk: DAS gives us one
    issuer: { kind: styra/token, id: refresher, ttl: 30d, paths: ["^/v1/tokens/.*"] }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: DAS }]
"#;

fn with_das(more: &str) -> String {
    // The connection stands in the head, so it is put before the tokens.
    let head = super::stage::HEAD
        .replace("tokens:\n", "  das: { service: styra, url: \"https://styra.sandbox\", token: env:DAS }\ntokens:\n");
    format!("{head}{more}")
}

#[tokio::test(start_paused = true)]
async fn what_others_deliver_over_turns_after_them() {
    // The names would sort the other way round.
    for name in ["a-das-refresher", "z-das-refresher"] {
        let (mut bench, _) = estate(50, 10, "");
        das(&mut bench, 25);
        bench.write_config(&with_das(&DAS.replace("a-das-refresher", name)));
        let report = bench.rotate_with(bench.job(), force(&[name, "refresher"])).await.unwrap();
        assert!(rotated(&report, name) && rotated(&report, "refresher"), "{}", text(&report));
        let told = bench.told.lock().unwrap().clone();
        let at = |what: &str| told.iter().position(|line| line.starts_with(what)).unwrap();
        assert!(at(&format!("{name}: confirm")) < at("refresher: mint"), "{told:#?}");
        assert!(bench.sandbox.styra(|styra| styra.is_live(&bench.held("acme/tokenwheel", "DAS"))));
        assert!(bench.is_live(&bench.held("acme/tokenwheel", "REFRESHER")));
    }
}

#[tokio::test(start_paused = true)]
async fn all_in_one_run_leaves_everything_alive() {
    let (mut bench, acme) = estate(10, 10, "");
    das(&mut bench, 5);
    let deploy = r"
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
";
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 5, 25);
    bench.write_config(&with_das(&format!("{DAS}{deploy}")));
    let report = bench.rotate_with(bench.job(), force(&[])).await.unwrap();
    insta::assert_snapshot!(super::stage::outcomes(&report), @"
    a-das-refresher: rotated
    deploy: rotated
    refresher: rotated
    spare: deferred
    ");
    for key in ["REFRESHER", "SPARE"] {
        assert!(bench.is_live(&bench.held("acme/tokenwheel", key)), "{key}");
    }
    assert!(bench.is_live(&bench.held("acme/app", "DEPLOY_TOKEN")));
    assert!(bench.sandbox.styra(|styra| styra.is_live(&bench.held("acme/tokenwheel", "DAS"))));
}
