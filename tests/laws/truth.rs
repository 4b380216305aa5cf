//! Law 7: what a destination holds is tested at every run; wrong is mended by a sibling before it is by a mint; what
//! cannot be known is named and left alone.

use http::Method;
use tokenwheel_sandbox::gitlab::Variable;
use tokenwheel_sandbox::{At, Fault, What};

use super::stage::{credential, estate, mints, outcomes, sentence, writes};
use crate::common::{Acme, Bench, of, rotated, text};

const TWO_PLACES: &str = r"
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }
      - { kind: gitlab/ci-variable, project: acme/api, key: DEPLOY_TOKEN }
";

const ONE_PLACE: &str = r"
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
";

/// Both places hold the live token.
fn two_places() -> (Bench, Acme) {
    let (bench, acme) = estate(10, 10, TWO_PLACES);
    let token = acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 5, 25);
    bench.keep("acme/api", "DEPLOY_TOKEN", &token.value);
    (bench, acme)
}

fn one_place(value: Option<&str>) -> (Bench, Acme) {
    let (bench, acme) = estate(10, 10, ONE_PLACE);
    let token = acme.project_token(&bench, "acme/app", "deploy-bot", "UNUSED", 5, 25);
    bench.keep("acme/app", "DEPLOY_TOKEN", value.unwrap_or(&token.value));
    (bench, acme)
}

fn overwrite(bench: &Bench, project: &str, value: &str) {
    let login = bench.held("acme/tokenwheel", "SPARE");
    let project = project.replace('/', "%2F");
    super::stage::somebody(
        bench,
        &login,
        Method::PUT,
        &format!("projects/{project}/variables/DEPLOY_TOKEN?value={value}"),
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_person_overwrote_is_mended_from_a_sibling_without_a_mint() {
    let (bench, acme) = two_places();
    bench.rotate().await;
    let live = bench.held("acme/app", "DEPLOY_TOKEN");
    let (created, dies) = (bench.days_ago(1), bench.in_days(9));
    let stranger =
        bench.sandbox.gitlab(|gitlab| gitlab.add_personal_token(acme.bot, "mine", &["api"], created, Some(dies)));
    for wrong in [stranger.value.as_str(), "not-a-token-at-all"] {
        overwrite(&bench, "acme/api", wrong);
        bench.sandbox.forget_exchanges();
        let report = bench.rotate().await;
        assert_eq!(of(&report, "deploy").outcome.word(), "redelivered", "{}", text(&report));
        assert!(mints(&bench).is_empty());
        assert_eq!(bench.held("acme/api", "DEPLOY_TOKEN"), live);
        assert!(bench.is_live(&stranger.value), "what is not ours is left alone");
        assert_eq!(report.level().code(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_holds_without_any_memory() {
    let (bench, acme) = two_places();
    let live = bench.held("acme/app", "DEPLOY_TOKEN");
    let dead = acme.project_token(&bench, "acme/app", "deploy-bot", "UNUSED", 9, 25);
    bench.sandbox.gitlab(|gitlab| gitlab.revoke(dead.id));
    overwrite(&bench, "acme/api", &dead.value);
    let report = bench.rotate().await;
    assert_eq!(of(&report, "deploy").outcome.word(), "redelivered", "{}", text(&report));
    assert!(mints(&bench).is_empty());
    assert_eq!(bench.held("acme/api", "DEPLOY_TOKEN"), live);
}

#[tokio::test(start_paused = true)]
async fn without_a_sibling_what_is_wrong_is_rotated() {
    let (bench, acme) = one_place(None);
    bench.rotate().await;
    let stranger = acme.project_token(&bench, "acme/api", "deploy-bot", "UNUSED", 1, 9);
    overwrite(&bench, "acme/app", &stranger.value);
    let report = bench.rotate().await;
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    assert!(bench.is_live(&bench.held("acme/app", "DEPLOY_TOKEN")) && bench.is_live(&stranger.value));
    insta::assert_snapshot!(sentence(&report, "deploy"), @"gitlab.sandbox acme/app variable DEPLOY_TOKEN holds a dead token, or another one");
}

#[tokio::test(start_paused = true)]
async fn a_strangers_token_is_only_ever_asked_who_it_is() {
    let (bench, acme) = one_place(None);
    let stranger = acme.project_token(&bench, "acme/api", "their-bot", "UNUSED", 1, 9);
    overwrite(&bench, "acme/app", &stranger.value);
    bench.rotate().await;
    let with_it: Vec<String> = bench
        .sandbox
        .exchanges()
        .iter()
        .filter(|exchange| credential(exchange) == stranger.value)
        .map(|exchange| format!("{} {}", exchange.method, exchange.target))
        .collect();
    assert!(with_it.iter().all(|call| call == "GET /api/v4/personal_access_tokens/self"), "{with_it:?}");
    assert!(bench.is_live(&stranger.value));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_of_the_issuers_make_is_sent_nowhere_and_is_no_reason() {
    let (bench, _) = one_place(Some("hunter2-hunter2-hunter2"));
    let report = bench.rotate().await;
    assert_eq!(of(&report, "deploy").outcome.word(), "kept", "{}", text(&report));
    insta::assert_snapshot!(of(&report, "deploy").destinations[0].1, @"cannot be seen: what it holds is not of this issuer's make");
    assert!(bench.sandbox.exchanges().iter().all(|exchange| credential(exchange) != "hunter2-hunter2-hunter2"));
}

#[tokio::test(start_paused = true)]
async fn a_hidden_variable_is_named_and_left_alone() {
    let (bench, acme) = estate(10, 10, &ONE_PLACE.replace("DEPLOY_TOKEN", "HIDDEN"));
    let token = acme.project_token(&bench, "acme/app", "deploy-bot", "UNUSED", 5, 25);
    let hidden = Variable {
        key: "HIDDEN".to_owned(),
        value: token.value.clone(),
        masked: true,
        hidden: true,
        ..Variable::default()
    };
    bench.sandbox.gitlab(|gitlab| gitlab.add_variable("projects/acme/app", hidden));
    let report = bench.rotate().await;
    insta::assert_snapshot!(outcomes(&report), @"
    deploy: kept
    refresher: kept
    spare: kept
    ");
    insta::assert_snapshot!(of(&report, "deploy").destinations[0].1, @"cannot be seen: it is hidden");
    assert!(writes(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_cannot_say_is_no_reason_either() {
    let (bench, acme) = one_place(None);
    // Held by a destination, and unknown to the ledger, so the issuer is asked; and it fails.
    let other = acme.project_token(&bench, "acme/app", "other-bot", "UNUSED", 1, 9);
    overwrite(&bench, "acme/app", &other.value);
    let plain = bench.plan().await;
    assert_eq!(of(&plain, "deploy").outcome.word(), "rotate", "{}", text(&plain));
    let asks =
        |bench: &Bench| bench.sandbox.exchanges().iter().position(|exchange| credential(exchange) == other.value);
    let nth = asks(&bench).unwrap() + 1;
    bench.sandbox.forget_exchanges();
    for later in 0..100 {
        bench.sandbox.inject(Fault { at: At::Nth(nth + later), what: What::Refuse(503) });
    }
    let report = bench.plan().await;
    assert_eq!(of(&report, "deploy").outcome.word(), "kept", "{}", text(&report));
    insta::assert_snapshot!(of(&report, "deploy").destinations[0].1, @"cannot be seen: GET gitlab.sandbox/api/v4/personal_access_tokens/self: HTTP 503: GitLab failed");
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_cannot_be_reached_is_no_reason_and_hides_no_other() {
    let (bench, _) = two_places();
    bench.rotate().await;
    bench.sandbox.forget_exchanges();
    let path = "/projects/acme%2Fapi/variables".to_owned();
    bench.sandbox.inject(Fault { at: At::Matching { method: Method::GET, path, times: 4 }, what: What::Refuse(503) });
    let report = bench.rotate().await;
    assert!(mints(&bench).is_empty());
    let states: Vec<&str> = of(&report, "deploy").destinations.iter().map(|(_, state)| state.as_str()).collect();
    insta::assert_snapshot!(states.join("\n"), @"
    holds a live token
    was not seen: GET gitlab.sandbox/api/v4/projects/acme%2Fapi/variables/DEPLOY_TOKEN: HTTP 503: GitLab failed
    ");
}

/// A proxy answers the question after a dead token with a page of its own and 200.
#[tokio::test(start_paused = true)]
async fn a_page_in_place_of_an_answer_proves_no_token_of_styra_alive() {
    const AGENT: &str = r#"
  agent:
    issuer: { kind: styra/token, id: agent, ttl: 9d, paths: ["^/v1/data/.*"] }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: DAS_TOKEN }
      - { kind: gitlab/ci-variable, project: acme/api, key: DAS_TOKEN }
  das-refresher:
    refreshes: das
    accept_risk: this is what is tried here
    issuer: { kind: styra/token, id: refresher, ttl: 30d, paths: ["^/v1/tokens/.*"] }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: DAS }]
"#;
    let (mut bench, _) = estate(10, 10, "");
    super::stage::das(&mut bench, 2);
    let now = bench.sandbox.now();
    let role = tokenwheel_sandbox::styra::Role::None;
    let life = chrono::TimeDelta::days(9);
    let live = bench.sandbox.styra(|styra| styra.add_token("agent", role, life, &["^/v1/data/.*"], now));
    bench.keep("acme/app", "DAS_TOKEN", "a-dead-token-of-long-ago-0123456789");
    bench.keep("acme/api", "DAS_TOKEN", &live);
    let das = "connections:\n  das: { service: styra, url: 'https://styra.sandbox', token: env:DAS }";
    bench.write_config(&format!("{}{AGENT}", super::stage::HEAD.replacen("connections:", das, 1)));
    for at in 1..40 {
        let mut branch = Bench::new(1);
        branch.sandbox = bench.sandbox.fork();
        branch.variables.clone_from(&bench.variables);
        std::fs::copy(bench.config_path(), branch.config_path()).unwrap();
        branch.sandbox.inject(Fault { at: At::Nth(at), what: What::Malformed });
        let _ = branch.rotate_with(branch.job(), tokenwheel::run::Wish::default()).await;
        let held = branch.held("acme/api", "DAS_TOKEN");
        let lives = branch.sandbox.styra(|styra| styra.is_live(&held));
        assert!(lives, "after a page at request {at} the live place holds a dead token");
    }
}
