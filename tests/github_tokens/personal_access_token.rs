//! `github/personal-access-token`: watched, supplied by hand, ended in an emergency.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::github::GitHub;

use super::stage::Stage;

const TOKENS: &str = "
  ada:
    issuer: { kind: github/personal-access-token, user: ada, name: nightly, self: env:ADA }
    destinations: [{ kind: file, path: ada }]
";

/// A token that lives for so many days more.
fn stage(days: i64) -> (Stage, String) {
    let mut stage = Stage::set();
    let value = token(&stage, "ada", days);
    stage.keep("ada", &value);
    stage.environment.insert("ADA".to_owned(), value.clone());
    stage.write(TOKENS);
    (stage, value)
}

fn token(stage: &Stage, user: &str, days: i64) -> String {
    let dies = stage.sandbox.now() + TimeDelta::days(days);
    stage.github(|github| github.add_fine_grained_token(user, "acme", &[], Some(dies)))
}

#[test]
fn it_is_watched_by_what_github_says_of_its_end_and_nothing_is_minted() {
    for offset in [true, false] {
        let (stage, value) = stage(20);
        stage.github(|github| github.expiry_with_offset = offset);
        let ran = stage.run(&["rotate"]);
        assert!(ran.text.contains("hands the new one to `tokenwheel supply`"), "{}", ran.text);
        assert!(ran.text.contains("/settings/personal-access-tokens"), "{}", ran.text);
        assert_eq!(stage.held("ada").trim(), value);
        assert!(stage.github(|github| github.is_live(&value)));
        // Once to log in with it, and once for its end; what the file holds was asked about already.
        assert!(stage.sent(&Method::GET, "/user") <= 2, "{}", ran.text);
    }
}

#[test]
fn one_that_is_far_from_its_end_or_has_none_says_so() {
    let (stage, _) = stage(90);
    let ran = stage.run(&["plan"]);
    assert!(!ran.text.contains("hands the new one"), "{}", ran.text);
    let classic = stage.github(|github| github.add_classic_token("ada", &["repo"], None));
    stage.keep("ada", &classic);
    let mut stage = stage;
    stage.environment.insert("ADA".to_owned(), classic);
    let ran = stage.run(&["plan"]);
    assert!(ran.text.contains("it never dies by itself"), "{}", ran.text);
    assert!(ran.text.contains("/settings/tokens"), "{}", ran.text);
}

#[test]
fn a_new_one_is_handed_over_proved_delivered_and_the_old_one_ended() {
    let (stage, old) = stage(5);
    stage.run(&["rotate"]);
    let new = token(&stage, "ada", 90);
    stage.run_with(&["supply", "ada"], &format!("{new}\n")).ends(0, "identity");
    assert_eq!(stage.held("ada").trim(), new);
    assert!(stage.github(|github| github.is_live(&new)));
    assert!(!stage.github(|github| github.is_live(&old)));
}

#[test]
fn what_is_somebody_elses_or_dead_or_of_another_make_is_not_taken() {
    let (stage, old) = stage(5);
    let dead = token(&stage, "ada", 50);
    stage.github(|github| github.revoke(&dead));
    let theirs = token(&stage, "bob", 50);
    for (value, says) in [
        (theirs.as_str(), "it is a token of @bob"),
        (dead.as_str(), "has expired, was revoked, or never was"),
        ("glpat-something-else", "this is no value for `ada`"),
    ] {
        let ran = stage.run_with(&["supply", "ada"], value);
        assert!(ran.code != Some(0) && ran.text.contains(says), "{says}\n{}", ran.text);
        assert_eq!(stage.held("ada").trim(), old);
    }
}

#[test]
fn in_an_emergency_it_is_ended_by_its_value_and_seen_to_be_dead() {
    let (stage, old) = stage(50);
    stage.run(&["revoke", "ada", "--reason", "it stood in a log"]).ends(0, "ended");
    assert!(!stage.github(|github| github.is_live(&old)));
}

#[test]
fn a_report_that_was_accepted_is_no_end() {
    let (stage, old) = stage(50);
    stage.github(|github| github.revocation_lags = true);
    let ran = stage.run(&["revoke", "ada", "--reason", "it stood in a log"]);
    assert!(stage.github(|github| github.is_live(&old)));
    assert!(ran.text.contains("works until"), "{}", ran.text);
    assert!(!ran.text.contains("nightly ended"), "{}", ran.text);
    stage.github(GitHub::end_reported);
    assert!(!stage.github(|github| github.is_live(&old)));
}

#[test]
fn a_dead_one_is_told_of_and_a_person_is_asked() {
    let (stage, value) = stage(50);
    stage.github(|github| github.revoke(&value));
    let ran = stage.run(&["rotate"]);
    assert!(ran.code != Some(0) && ran.text.contains("make a new one by hand"), "{}", ran.text);
}
