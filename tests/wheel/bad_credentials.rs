//! Credentials that are dead, of another kind, or of other rights than they should be.

use crate::stage::{CONFIG, Stage};

/// Over these estates nothing of GitLab's may change, whatever else is done.
#[track_caller]
fn in_vain(stage: &Stage, args: &[&str], code: i32, name: &str) {
    let ran = stage.run_in_vain(args);
    assert_eq!(ran.code, Some(code), "{ran}");
    ran.is(name, stage.folder.path());
}

/// The usual estate without DAS and without a spare.
const ALONE: &str = r#"version: 1
every: 12h
connections:
  gitlab: { service: gitlab, url: "{gitlab}", token: env:GITLAB_REFRESHER }
tokens:
  deploy:
    owner: "@platform"
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
  gitlab-refresher:
    refreshes: gitlab
    accept_risk: a test has one refresher only
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: GITLAB_REFRESHER }]
ledger: { kind: file, path: ledger.json }
rescue: { recipients: [age19ggd2mqpf9awyurvt3lxumuaqgph95yma3dv9rnk42n84x7jpp7spsh050] }
"#;

fn alone() -> Stage {
    let stage = Stage::set();
    stage.write(ALONE);
    stage
}

/// Lets the only refresher have these scopes.
fn with_scopes(scopes: &[&str]) -> Stage {
    let mut stage = alone();
    let (created, expires) = (stage.ago(5), stage.dies(50));
    let other =
        stage.sandbox.gitlab(|gitlab| gitlab.add_personal_token(stage.bot, "narrow", scopes, created, Some(expires)));
    stage.keep("projects/acme/tokenwheel", "NARROW", &other.value);
    stage.write(&ALONE.replace("name: wheel,", "name: narrow,").replace("key: GITLAB_REFRESHER", "key: NARROW"));
    stage.environment.insert("GITLAB_REFRESHER".to_owned(), other.value);
    stage
}

#[test]
fn an_expired_refresher_is_told_with_what_a_person_does_now() {
    let mut stage = alone();
    let (created, expires) = (stage.ago(60), stage.dies(-1));
    let dead =
        stage.sandbox.gitlab(|gitlab| gitlab.add_personal_token(stage.bot, "old", &["api"], created, Some(expires)));
    stage.environment.insert("GITLAB_REFRESHER".to_owned(), dead.value);
    in_vain(&stage, &["rotate"], 2, "refresher_expired");
    in_vain(&stage, &["check"], 2, "refresher_expired_check");
}

#[test]
fn a_revoked_refresher_is_told_with_what_a_person_does_now() {
    let stage = alone();
    stage.sandbox.gitlab(|gitlab| gitlab.revoke(stage.refresher.id));
    in_vain(&stage, &["rotate"], 2, "refresher_revoked");
}

#[test]
fn a_refresher_that_nobody_knows_is_told_and_not_repeated() {
    let mut stage = alone();
    let garbage = "glpat-thisWasNeverMinted";
    stage.environment.insert("GITLAB_REFRESHER".to_owned(), garbage.to_owned());
    let ran = stage.run(&["rotate"]);
    assert!(!ran.to_string().contains(garbage));
    in_vain(&stage, &["rotate"], 2, "refresher_unknown");
}

#[test]
fn a_value_that_cannot_be_one_is_refused_before_it_is_sent() {
    let mut stage = alone();
    stage.environment.insert("GITLAB_REFRESHER".to_owned(), "two\nlines".to_owned());
    in_vain(&stage, &["rotate"], 2, "refresher_of_two_lines");
    assert!(stage.sandbox.exchanges().is_empty());
}

#[test]
fn a_dead_connection_does_not_stop_the_other_one() {
    let mut stage = Stage::set();
    stage.environment.insert("DAS_REFRESHER".to_owned(), "x".repeat(86));
    let ran = stage.run(&["rotate", "--only", "deploy", "opa-agent"]);
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(!stage.sandbox.gitlab(|gitlab| gitlab.is_live(&stage.deploy.value)), "{ran}");
    ran.is("one_of_two_connections_dead", stage.folder.path());
}

#[test]
fn a_revoked_one_of_a_pair_is_told_and_nothing_is_made_of_it() {
    let stage = Stage::set();
    stage.sandbox.gitlab(|gitlab| gitlab.revoke(stage.refresher.id));
    in_vain(&stage, &["check"], 4, "one_of_a_pair_dead_check");
    in_vain(&stage, &["rotate", "--only", "gitlab-refresher"], 4, "one_of_a_pair_dead");
}

#[test]
fn a_refresher_that_may_only_read_is_told_what_it_lacks() {
    let stage = with_scopes(&["read_api"]);
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "refresher_read_api");
    in_vain(&stage, &["check"], 3, "refresher_read_api_check");
}

#[test]
fn a_refresher_that_may_only_rotate_itself_is_told_what_it_lacks() {
    let stage = with_scopes(&["self_rotate"]);
    in_vain(&stage, &["rotate", "--only", "deploy"], 3, "refresher_self_rotate");
}

#[test]
fn check_names_what_a_refresher_has_beyond_its_needs() {
    let stage = with_scopes(&["api", "sudo", "admin_mode"]);
    in_vain(&stage, &["check"], 0, "refresher_too_wide");
}

#[test]
fn a_refresher_that_any_branch_can_read_is_told() {
    let stage = Stage::set();
    let place = "projects/acme/tokenwheel";
    let mut open = stage.sandbox.gitlab(|gitlab| gitlab.variable(place, "GITLAB_REFRESHER", "*")).unwrap();
    open.protected = false;
    open.key = "OPEN_REFRESHER".to_owned();
    stage.sandbox.gitlab(|gitlab| gitlab.add_variable(place, open));
    stage.write(&CONFIG.replace("key: GITLAB_REFRESHER", "key: OPEN_REFRESHER"));
    in_vain(&stage, &["check", "--only-nothing"], 2, "unknown_flag");
    in_vain(&stage, &["check"], 3, "refresher_unprotected");
}

#[test]
fn a_login_that_is_no_refresher_by_name_is_not_turned_unawares() {
    let mut stage = alone();
    let (made, dies) = (stage.ago(50), stage.dies(4));
    let old = stage.sandbox.gitlab(|gitlab| gitlab.add_personal_token(stage.bot, "old", &["api"], made, Some(dies)));
    stage.keep("projects/acme/tokenwheel", "OLD", &old.value);
    stage.environment.insert("GITLAB_REFRESHER".to_owned(), old.value);
    let config = ALONE.replace("name: wheel,", "name: old,").replace("key: GITLAB_REFRESHER", "key: OLD");
    stage.write(&config.replace("    refreshes: gitlab\n    accept_risk: a test has one refresher only\n", ""));
    in_vain(&stage, &["rotate", "--only", "gitlab-refresher"], 3, "login_without_refreshes");
}
