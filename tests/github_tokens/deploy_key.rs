//! `github/deploy-key`, into a secret of another repository.

use http::Method;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::github::Store;

use super::stage::Stage;

const TOKENS: &str = "
  deploy:
    issuer: { kind: github/deploy-key, repository: acme/app, title: deploy, ttl: 30d }
    destinations:
      - { kind: github/actions-secret, repository: acme/ops, name: DEPLOY_KEY }
      - { kind: file, path: known, part: public }
";

/// A key that is due, with what a secret and a file have of it.
fn stage(read_only: bool) -> Stage {
    let stage = Stage::set();
    let data = KeypairData::Ed25519(Ed25519Keypair::from_seed(&[9; 32]));
    let key = PrivateKey::new(data, "by hand").unwrap();
    let (private, public) = (key.to_openssh(LineEnding::LF).unwrap(), key.public_key().to_openssh().unwrap());
    let made = stage.days_ago(25);
    stage.github(|github| {
        github.add_deploy_key("acme/app", "deploy", &public, read_only, made);
        github.add_deploy_key("acme/app", "somebody else's", &other(), true, made);
        github.add_secret(Store::Actions, "repos/acme/ops", "DEPLOY_KEY", &private, made);
    });
    stage.keep("known", &public);
    stage.write(TOKENS);
    stage
}

fn other() -> String {
    let data = KeypairData::Ed25519(Ed25519Keypair::from_seed(&[8; 32]));
    PrivateKey::new(data, "").unwrap().public_key().to_openssh().unwrap()
}

/// The public half of what the secret holds.
fn held(stage: &Stage) -> String {
    let secret = stage.github(|github| github.secret(Store::Actions, "repos/acme/ops", "DEPLOY_KEY")).unwrap();
    let key = PrivateKey::from_openssh(&secret.value).unwrap().public_key().to_openssh().unwrap();
    key.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_key_that_is_due_is_made_anew_delivered_in_both_halves_and_the_old_one_deleted() {
    let stage = stage(false);
    let old = stage.keys("deploy").remove(0);
    stage.run(&["rotate"]).ends(0, "rotated");
    let keys = stage.keys("deploy");
    assert_eq!(keys.len(), 1);
    assert_ne!(keys[0].id, old.id);
    assert_eq!(held(&stage), keys[0].key);
    assert_eq!(stage.held("known").trim(), format!("{} deploy", keys[0].key));
    // What it might do it may still do, and others' keys are as they were.
    assert!(!keys[0].read_only);
    assert_eq!(stage.keys("somebody else's").len(), 1);
    // The App's session is no longer open.
    assert_eq!(stage.sent(&Method::DELETE, "/installation/token"), stage.sent(&Method::POST, "/access_tokens"));

    stage.sandbox.forget_exchanges();
    stage.run(&["rotate"]).ends(0, "kept");
    assert_eq!(stage.sent(&Method::POST, "/keys"), 0);
}

#[test]
fn a_key_that_may_only_read_is_followed_by_one_that_may_only_read() {
    let stage = stage(true);
    stage.run(&["rotate"]).ends(0, "rotated");
    assert!(stage.keys("deploy")[0].read_only);
}

#[test]
fn the_first_key_is_made_only_where_that_was_asked_for_and_may_only_read() {
    let stage = stage(false);
    stage.github(|github| github.delete_deploy_keys(|key| key.title == "deploy"));
    stage.run(&["rotate"]).ends(4, "make it by hand once, or say `create:`");
    stage.write(&TOKENS.replace("ttl: 30d", "ttl: 30d, create: true"));
    stage.run(&["rotate"]).ends(0, "rotated");
    assert!(stage.keys("deploy")[0].read_only);
}

#[test]
fn an_app_that_may_not_administer_is_told_before_anything_is_made() {
    let stage = stage(false);
    stage.github(|github| {
        github.delete_app(17);
        github.add_app(17, "wheel");
        github.install(17, "acme", &[("secrets", "write")], None);
    });
    let ran = stage.run(&["rotate"]);
    assert!(ran.code != Some(0) && ran.text.contains("administration=write"), "{}", ran.text);
    assert_eq!(stage.sent(&Method::POST, "/keys"), 0);
    assert_eq!(stage.keys("deploy").len(), 1);
}

#[test]
fn where_an_organization_allows_no_keys_the_old_one_lives_on() {
    let stage = stage(false);
    stage.github(|github| github.deploy_keys_refused = true);
    let before = held(&stage);
    let ran = stage.run(&["rotate"]);
    assert!(ran.code != Some(0) && ran.text.contains("GitHub refuses it as invalid"), "{}", ran.text);
    assert_eq!((held(&stage), stage.keys("deploy").len()), (before, 1));
}

#[test]
fn a_lost_answer_is_healed_and_leaves_no_key_that_nobody_holds() {
    let stage = stage(false);
    stage.run(&["rotate"]).ends(0, "rotated");
    stage.befalls(Method::POST, "/keys", 1, What::DropAfter);
    let by_hand = ["rotate", "--only", "deploy", "--force", "--reason", "a test asks for it"];
    stage.run(&by_hand).ends(0, "a new token may exist that nobody holds");
    stage.run(&["rotate"]).ends(0, "kept");
    let keys = stage.keys("deploy");
    assert_eq!(keys.len(), 1);
    assert_eq!(held(&stage), keys[0].key);
    assert_eq!(stage.keys("somebody else's").len(), 1);
}

#[test]
fn without_a_ledger_a_lost_answer_is_healed_too_and_the_old_key_is_left_to_a_person() {
    let stage = stage(false);
    let old = stage.keys("deploy").remove(0);
    stage.befalls(Method::POST, "/keys", 1, What::DropAfter);
    stage.run(&["rotate"]).ends(0, "rotated");
    let told = format!("token {} of the same name lives too and is unknown to the ledger", old.id);
    stage.run(&["rotate"]).ends(0, &told);
    let keys = stage.keys("deploy");
    assert_eq!((keys.len(), keys[0].id), (2, old.id));
    assert_eq!(held(&stage), keys[1].key);
}

#[test]
fn a_refused_write_keeps_the_old_key_and_the_next_run_delivers() {
    let stage = stage(false);
    let old = stage.keys("deploy").remove(0);
    stage.befalls(Method::PUT, "/actions/secrets/DEPLOY_KEY", 9, What::Refuse(403));
    let ran = stage.run(&["rotate"]);
    assert!(ran.code != Some(0), "{}", ran.text);
    assert!(stage.keys("deploy").iter().any(|key| key.id == old.id), "{}", ran.text);
    stage.sandbox.clear_faults();
    stage.run(&["rotate"]).ends(0, "");
    stage.run(&["rotate"]).ends(0, "");
    let keys = stage.keys("deploy");
    assert_eq!(keys.len(), 1);
    assert_eq!(held(&stage), keys[0].key);
    assert_eq!(stage.held("known").trim(), format!("{} deploy", keys[0].key));
}

#[test]
fn a_false_204_is_seen_and_the_old_key_is_not_deleted() {
    let stage = stage(false);
    let (old, before) = (stage.keys("deploy").remove(0), held(&stage));
    stage.github(|github| github.secret_writes_ignored = true);
    let ran = stage.run(&["rotate"]);
    assert!(ran.code != Some(0), "{}", ran.text);
    assert_eq!(held(&stage), before);
    assert!(stage.keys("deploy").iter().any(|key| key.id == old.id), "{}", ran.text);
}

#[test]
fn a_leaked_key_is_ended_at_once() {
    let stage = stage(false);
    stage.run(&["revoke", "deploy", "--reason", "it stood in a log"]).ends(0, "ended");
    assert_eq!(stage.keys("deploy").len(), 0);
    assert_eq!(stage.keys("somebody else's").len(), 1);
}

#[test]
fn a_key_that_a_personal_token_would_make_is_told_to_die_with_it() {
    let mut stage = stage(false);
    let rights = [("administration", "write"), ("secrets", "write")];
    let person = stage.github(|github| github.add_fine_grained_token("ada", "acme", &rights, None));
    stage.environment.insert("APP_KEY".to_owned(), person);
    let path = stage.folder.path().join("tokenwheel.yml");
    let config = std::fs::read_to_string(&path).unwrap().replace("app: \"17\", installation: 1701, ", "");
    std::fs::write(&path, config).unwrap();
    stage.run(&["rotate"]).ends(0, "GitHub deletes a deploy key with the personal token that made it");
    let keys = stage.keys("deploy");
    assert_eq!((keys.len(), held(&stage)), (1, keys[0].key.clone()));
}
