//! `github/installation-token`, into a file.

use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::github::{Make, Token};

use super::stage::Stage;

const TOKENS: &str = "
  reader:
    issuer: { kind: github/installation-token, repositories: [app], permissions: { contents: read } }
    destinations: [{ kind: file, path: reader }]
";

fn stage() -> Stage {
    let stage = Stage::set();
    stage.keep("reader", "");
    stage.write(TOKENS);
    stage
}

fn held(stage: &Stage) -> Token {
    let value = stage.held("reader").trim().to_owned();
    stage.github(|github| github.token_of_value(&value)).unwrap()
}

fn live(stage: &Stage) -> usize {
    let now = stage.sandbox.now();
    stage.github(|github| github.tokens_of(Make::Installation)).iter().filter(|token| token.is_live(now)).count()
}

#[test]
fn every_run_mints_one_that_reaches_what_was_named_and_no_more() {
    let stage = stage();
    stage.run(&["rotate"]).ends(0, "minted at every run");
    let first = held(&stage);
    let app = stage.github(|github| github.repository_named("acme/app").map(|repository| repository.id));
    assert_eq!(first.repositories, Some(app.into_iter().collect()));
    let granted: Vec<(&str, &str)> = first.permissions.iter().map(|(key, level)| (&**key, &**level)).collect();
    assert_eq!(granted, [("contents", "read"), ("metadata", "read")]);
    stage.run(&["rotate"]).ends(0, "rotated");
    assert_ne!(held(&stage).value, first.value);
    assert!(stage.github(|github| github.is_live(&first.value)), "it dies by itself");
}

#[test]
fn the_new_and_longer_form_is_taken_too() {
    let stage = stage();
    stage.github(|github| github.stateless_installation_tokens = true);
    stage.run(&["rotate"]).ends(0, "rotated");
    assert!(held(&stage).value.len() > 255);
}

#[test]
fn what_was_not_granted_is_refused_and_the_page_is_named() {
    let stage = stage();
    stage.write(&TOKENS.replace("contents: read", "issues: write"));
    let ran = stage.run(&["rotate"]);
    assert!(ran.text.contains("was not granted all of `permissions`"), "{}", ran.text);
    assert_eq!((ran.code != Some(0), stage.held("reader").as_str(), live(&stage)), (true, "", 0), "{}", ran.text);
}

#[test]
fn more_than_was_ordered_is_ended_at_once_and_goes_nowhere() {
    let stage = stage();
    stage.github(|github| github.grants_all_permissions = true);
    let ran = stage.run(&["rotate"]);
    assert!(ran.text.contains("granted other permissions than were ordered: it was ended at once"), "{}", ran.text);
    assert_eq!((ran.code != Some(0), stage.held("reader").as_str(), live(&stage)), (true, "", 0), "{}", ran.text);
}

#[test]
fn a_lost_answer_costs_a_token_that_dies_within_the_hour() {
    let stage = stage();
    stage.befalls(Method::POST, "/access_tokens", 1, What::DropAfter);
    let ran = stage.run(&["rotate"]);
    assert_ne!(ran.code, Some(0), "{}", ran.text);
    stage.run(&["rotate"]).ends(0, "rotated");
    assert!(stage.github(|github| github.is_live(stage.held("reader").trim())));
}

#[test]
fn a_place_that_refuses_it_leaves_nothing_behind_that_lives_long() {
    let stage = stage();
    std::fs::remove_file(stage.folder.path().join("reader")).unwrap();
    std::fs::create_dir(stage.folder.path().join("reader")).unwrap();
    let ran = stage.run(&["rotate"]);
    assert_ne!(ran.code, Some(0), "{}", ran.text);
    assert_eq!(live(&stage), 0, "{}", ran.text);
}

#[test]
fn a_leaked_one_is_ended_by_its_value() {
    let stage = stage();
    stage.run(&["rotate"]).ends(0, "rotated");
    let leaked = held(&stage).value;
    stage.run(&["revoke", "reader", "--reason", "it stood in a log"]).ends(0, "ended");
    assert!(!stage.github(|github| github.is_live(&leaked)));
}

#[test]
fn without_an_app_the_config_is_refused() {
    let stage = stage();
    let path = stage.folder.path().join("tokenwheel.yml");
    let config = std::fs::read_to_string(&path).unwrap().replace("app: \"17\", installation: 1701, ", "");
    std::fs::write(&path, config).unwrap();
    stage.run(&["rotate"]).ends(2, "it is minted with the key of a GitHub App");
}

#[test]
fn one_that_reaches_other_repositories_goes_nowhere() {
    let stage = stage();
    stage.github(|github| github.grants_all_repositories = true);
    let ran = stage.run(&["rotate"]);
    assert!(ran.text.contains("it does not reach just the repositories that were ordered"), "{}", ran.text);
    assert_eq!((ran.code != Some(0), stage.held("reader").as_str()), (true, ""), "{}", ran.text);
}
