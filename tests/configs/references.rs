//! What refers to something else: tokens of one subject, destinations of one address, logins, refreshers.

use tokenwheel::run::{Reach, Wish};

use super::stage::{SOUND, built, ill_built, spoiled};
use crate::common::{Acme, Bench};

/// The sound config with one more token.
fn with(more: &str) -> String {
    SOUND.replace("  refresher:\n", &format!("{more}  refresher:\n"))
}

#[test]
fn two_tokens_of_one_subject_are_refused() {
    insta::assert_snapshot!(built(&with("  again:
    issuer: { kind: gitlab/project-access-token, project: Acme/App/, name: deploy-bot, ttl: 90d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: OTHER }]
")), @r#"tokenwheel.yml:10: tokens `again` and `deploy` are one and the same: gitlab/project-access-token "deploy-bot" of acme/app at gitlab.sandbox"#);
}

#[test]
fn two_destinations_of_one_address_are_refused() {
    let token = |destination: &str| {
        with(&format!(
            "  again:
    issuer: {{ kind: gitlab/project-access-token, project: acme/app, name: other-bot, ttl: 90d }}
    destinations: [{{ kind: gitlab/ci-variable, {destination} }}]
"
        ))
    };
    insta::assert_snapshot!(built(&token("project: acme/app, key: DEPLOY_TOKEN")), @"tokenwheel.yml:10: tokens `again` and `deploy` go to the same place: gitlab.sandbox acme/app variable DEPLOY_TOKEN");
    assert_eq!(built(&token("project: acme/app, key: DEPLOY_TOKEN, environment_scope: production")), "sound");
    assert_eq!(built(&token("group: acme/app, key: DEPLOY_TOKEN")), "sound");
}

#[test]
fn a_form_with_a_part_that_is_not_minted_is_refused() {
    let shaped = |more: &str| SOUND.replace("key: DEPLOY_TOKEN", &format!("key: DEPLOY_TOKEN, {more}"));
    insta::assert_snapshot!(built(&shaped("as: \"Bearer {valu}\"")), @"tokenwheel.yml:14: token `deploy`: what is minted has no part `valu`; did you mean `value`?");
    insta::assert_snapshot!(built(&shaped("part: public")), @"tokenwheel.yml:14: token `deploy`: what is minted has no part `public`; it has `value`");
    assert_eq!(built(&shaped("as: \"Bearer {value}\"")), "sound");
}

#[test]
fn one_token_twice_in_one_place_is_refused() {
    let twice = "      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }\n";
    insta::assert_snapshot!(built(&SOUND.replace(twice, &twice.repeat(2))), @"tokenwheel.yml:10: tokens `deploy` and `deploy` go to the same place: gitlab.sandbox acme/app variable DEPLOY_TOKEN");
}

/// Whether a number and a path are one project only its server can say.
#[tokio::test(start_paused = true)]
async fn a_project_named_by_its_number_and_by_its_path_is_refused_before_anything_is_done() {
    let mut bench = Bench::new(1);
    let acme = Acme::found(&bench);
    acme.refresher(&mut bench, "wheel", "REFRESHER", 10, 50);
    acme.refresher(&mut bench, "wheel-spare", "SPARE", 10, 50);
    let number = bench.sandbox.gitlab(|gitlab| gitlab.add_project("acme/app"));
    bench.write_config(&with(&format!(
        "  again:
    issuer: {{ kind: gitlab/project-access-token, project: \"{number}\", name: deploy-bot, ttl: 90d }}
    destinations: [{{ kind: gitlab/ci-variable, project: acme/app, key: OTHER }}]
"
    )));
    for reach in [Reach::Reads, Reach::Acts] {
        let Err(why) = bench.observe(bench.job(), Wish::default(), reach).await else { panic!("it is taken") };
        insta::allow_duplicates! {
            insta::assert_snapshot!(why.replace(&number.to_string(), "NUMBER"), @"nothing was attempted: connection `gitlab`: NUMBER and acme/app are one of the projects: name it one way");
        }
    }
    let other = bench.sandbox.gitlab(|gitlab| gitlab.add_project("acme/other"));
    let config = std::fs::read_to_string(bench.config_path()).unwrap();
    bench.write_config(&config.replace(&format!("\"{number}\""), &format!("\"{other}\"")));
    assert!(bench.observe(bench.job(), Wish::default(), Reach::Reads).await.is_ok());
}

#[test]
fn a_login_is_a_token_of_this_config_of_the_same_connection_and_not_itself_lent_one() {
    let trigger = |name: &str, login: &str| {
        format!(
            "  {name}:
    issuer: {{ kind: gitlab/pipeline-trigger-token, project: acme/app, description: {name}, login: {login} }}
    destinations: [{{ kind: gitlab/ci-variable, project: acme/app, key: {} }}]
",
            name.to_uppercase()
        )
    };
    assert_eq!(built(&with(&trigger("nightly", "deploy"))), "sound");
    let told = [
        built(&with(&trigger("nightly", "deplyo"))),
        built(&with(&trigger("nightly", "nobody-at-all"))),
        built(&with(&format!("{}{}", trigger("nightly", "deploy"), trigger("weekly", "nightly")))),
        built(&with(&trigger("nightly", "nightly"))),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    tokenwheel.yml:16: token `nightly`: no token `deplyo`; did you mean `deploy`?
    tokenwheel.yml:16: token `nightly`: no token `nobody-at-all`
    tokenwheel.yml:19: token `weekly`: its login `nightly` is itself minted as another token; one step is all there is
    tokenwheel.yml:16: token `nightly`: its login `nightly` is itself minted as another token; one step is all there is
    ");
}

#[test]
fn a_token_refreshes_a_connection_that_there_is() {
    insta::assert_snapshot!(spoiled("refreshes: gitlab", "refreshes: gitlub"), @"tokenwheel.yml:16: no connection `gitlub`; did you mean `gitlab`?");
    insta::assert_snapshot!(spoiled("refreshes: gitlab", "refreshes: gitlab.sapre"), @"tokenwheel.yml:16: no connection `gitlab.sapre`; did you mean `gitlab`?");
}

#[test]
fn one_credential_is_refreshed_by_one_token() {
    insta::assert_snapshot!(built(&with("  again:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: other, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: OTHER }]
")), @"tokenwheel.yml:19: tokens `again` and `refresher` both refresh the same credential of `gitlab`");
}

#[test]
fn a_token_that_goes_nowhere_would_be_lost() {
    insta::assert_snapshot!(
        ill_built("    destinations:\n      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }\n", ""), @"tokenwheel.yml:10: token `deploy` has no destination, so a new value would be lost: list one under `destinations`"
    );
    let watched = SOUND
        .replace("    destinations:\n      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }\n", "")
        .replace("{ after: 2/3 }", "watch");
    assert_eq!(built(&watched), "sound", "what is only watched goes nowhere");
}

#[test]
fn keys_that_a_kind_does_not_know_are_refused_there() {
    insta::assert_snapshot!(spoiled("ttl: 30d", "ttl: 30d, login: refresher"), @"tokenwheel.yml:11: `gitlab/project-access-token` has no key `login`; known here: connection, create, kind, name, project, self, ttl");
}
