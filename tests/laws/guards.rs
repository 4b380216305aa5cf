//! Law 12: small blast radius.

use http::Method;
use tokenwheel::run::Wish;
use tokenwheel_sandbox::gitlab::Variable;

use super::stage::{WHEEL, estate, mints, outcomes, sentence, somebody};
use crate::common::{Bench, force, of, rotated, text};

#[tokio::test(start_paused = true)]
async fn a_token_that_is_a_login_is_refused_unless_it_says_so() {
    for (key, says) in [("REFRESHER", "    refreshes: gitlab\n"), ("SPARE", "    refreshes: gitlab.spare\n")] {
        let (bench, _) = estate(50, 50, "");
        let config = super::stage::HEAD.replace(says, "");
        bench.write_config(&config);
        let name = if key == "SPARE" { "spare" } else { "refresher" };
        let before = bench.held(WHEEL, key);
        let report = bench.rotate_with(bench.job(), force(&[name])).await.unwrap();
        assert_eq!(of(&report, name).outcome.word(), "refused", "{}", text(&report));
        assert!(sentence(&report, name).contains(says.trim()), "{}", sentence(&report, name));
        assert!(bench.is_live(&before));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_claims_to_be_a_login_and_is_not_is_refused() {
    let (bench, acme) = estate(10, 10, "");
    let (created, dies) = (bench.days_ago(1), bench.in_days(30));
    let other =
        bench.sandbox.gitlab(|gitlab| gitlab.add_personal_token(acme.bot, "mine", &["api"], created, Some(dies)));
    bench.write_config(&super::stage::HEAD.replace("name: wheel, ttl", "name: mine, ttl"));
    let report = bench.rotate_with(bench.job(), force(&["refresher"])).await.unwrap();
    assert_eq!(of(&report, "refresher").outcome.word(), "refused", "{}", text(&report));
    assert!(sentence(&report, "refresher").starts_with("it says `refreshes: gitlab`, but"));
    assert!(bench.is_live(&other.value));
}

const DEPLOY: &str = r"
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
";

#[tokio::test(start_paused = true)]
async fn a_second_wheel_at_the_same_token_is_told_of_and_not_fought() {
    let (bench, acme) = estate(10, 10, DEPLOY);
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 5, 25);
    bench.rotate().await;
    bench.sandbox.advance(chrono::TimeDelta::hours(6));
    let id = bench.sandbox.gitlab(|gitlab| gitlab.live_tokens("deploy-bot")[0].id);
    let login = bench.held(WHEEL, "SPARE");
    somebody(&bench, &login, Method::POST, &format!("projects/acme%2Fapp/access_tokens/{id}/rotate"));
    bench.sandbox.advance(chrono::TimeDelta::hours(6));
    bench.sandbox.forget_exchanges();
    let report = bench.rotate().await;
    assert_eq!(of(&report, "deploy").outcome.word(), "refused", "{}", text(&report));
    assert!(sentence(&report, "deploy").contains("another wheel seems to turn it"), "{}", sentence(&report, "deploy"));
    assert!(mints(&bench).is_empty());
    assert_ne!(report.level().code(), 0);
    let report = bench.rotate_with(bench.job(), force(&["deploy"])).await.unwrap();
    assert!(rotated(&report, "deploy"), "a person may take it over: {}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn two_of_one_name_are_refused_and_neither_is_touched() {
    let (bench, acme) = estate(10, 10, DEPLOY);
    acme.project_token(&bench, "acme/app", "deploy-bot", "UNUSED", 25, 5);
    acme.project_token(&bench, "acme/app", "deploy-bot", "UNUSED", 24, 6);
    bench.keep("acme/app", "DEPLOY_TOKEN", "nothing-that-we-know");
    let report = bench.rotate().await;
    assert_eq!(of(&report, "deploy").outcome.word(), "refused", "{}", text(&report));
    assert_eq!(bench.sandbox.gitlab(|gitlab| gitlab.live_tokens("deploy-bot").len()), 2);
    assert!(mints(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_variable_of_several_scopes_is_refused_unless_one_is_named() {
    let (bench, acme) = estate(10, 10, DEPLOY);
    let token = acme.project_token(&bench, "acme/app", "deploy-bot", "UNUSED", 25, 5);
    for scope in ["production", "staging"] {
        let variable = Variable {
            key: "DEPLOY_TOKEN".to_owned(),
            value: token.value.clone(),
            environment_scope: scope.to_owned(),
            ..Variable::default()
        };
        bench.sandbox.gitlab(|gitlab| gitlab.add_variable("projects/acme/app", variable));
    }
    let report = bench.rotate().await;
    assert_eq!(of(&report, "deploy").outcome.word(), "stopped", "{}", text(&report));
    insta::assert_snapshot!(sentence(&report, "deploy"), @"nothing was changed: gitlab.sandbox acme/app variable DEPLOY_TOKEN exists in several environment scopes: name one with `environment_scope`; the next run tries again");
    assert!(bench.is_live(&token.value) && mints(&bench).is_empty());
    bench.write_config(&format!(
        "{}{}",
        super::stage::HEAD,
        DEPLOY.replace("key: DEPLOY_TOKEN", "key: DEPLOY_TOKEN, environment_scope: staging")
    ));
    assert!(rotated(&bench.rotate().await, "deploy"));
    let held = |scope: &str| {
        bench.sandbox.gitlab(|gitlab| gitlab.variable("projects/acme/app", "DEPLOY_TOKEN", scope)).unwrap().value
    };
    assert_eq!(held("production"), token.value);
    assert!(bench.is_live(&held("staging")));
}

fn three_due() -> Bench {
    let each = r"
  deploy:
    each: [acme/app, acme/api, acme/tokenwheel]
    issuer: { kind: gitlab/project-access-token, project: $each, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: $each, key: DEPLOY_TOKEN }]
";
    let (bench, acme) = estate(50, 10, each);
    for (project, dies) in [("acme/app", 5), ("acme/api", 3), ("acme/tokenwheel", 4)] {
        acme.project_token(&bench, project, "deploy-bot", "DEPLOY_TOKEN", 25, dies);
    }
    bench
}

#[tokio::test(start_paused = true)]
async fn a_limit_stops_a_storm_the_most_urgent_first_and_the_next_run_goes_on() {
    let bench = three_due();
    let wish = || Wish { max: Some(2), ..Wish::default() };
    let report = bench.rotate_with(bench.job(), wish()).await.unwrap();
    insta::assert_snapshot!(outcomes(&report), @"
    deploy[acme/api]: rotated
    deploy[acme/app]: deferred
    deploy[acme/tokenwheel]: rotated
    refresher: rotated
    spare: kept
    ");
    insta::assert_snapshot!(sentence(&report, "deploy[acme/app]"), @"due, and left to the next run");
    assert_ne!(report.level().code(), 0);
    assert!(rotated(&bench.rotate_with(bench.job(), wish()).await.unwrap(), "deploy[acme/app]"));
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_config_holds_for_force_too() {
    let bench = three_due();
    let config = std::fs::read_to_string(bench.config_path()).unwrap();
    bench.write_config(&format!("limits: {{ max_rotations: 1 }}\n{config}"));
    let report = bench.rotate_with(bench.job(), force(&[])).await.unwrap();
    let rotated =
        report.tokens.iter().filter(|token| token.outcome.is_rotated() && token.name.starts_with("deploy")).count();
    assert_eq!(rotated, 1, "{}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_made_only_where_the_config_says_create() {
    let (bench, _) = estate(10, 10, DEPLOY);
    bench.keep("acme/app", "DEPLOY_TOKEN", "to-be-filled-in");
    let report = bench.rotate().await;
    assert_eq!(of(&report, "deploy").outcome.word(), "refused", "{}", text(&report));
    assert!(bench.sandbox.gitlab(|gitlab| gitlab.live_tokens("deploy-bot").is_empty()));
    let create = DEPLOY.replace("ttl: 30d", "ttl: 30d, create: { scopes: [api], access_level: 30 }");
    bench.write_config(&format!("{}{create}", super::stage::HEAD));
    assert!(rotated(&bench.rotate().await, "deploy"));
    assert!(bench.is_live(&bench.held("acme/app", "DEPLOY_TOKEN")));
}
