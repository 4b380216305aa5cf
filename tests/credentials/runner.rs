//! `gitlab/runner-token`: reset in place; the old value is dead at once, and nobody can ask when that was.

use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::gitlab::Seeded;

use crate::stage::{force, held, inject, is_live, order, rotate, said, staged};
use crate::wheel::Stage;

const RUNNER: &str = r"    issuer: { kind: gitlab/runner-token, runner: 901 }
    rotate: { after: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: RUNNER_TOKEN }]
";

fn runner() -> (Stage, Seeded) {
    let stage = staged(RUNNER);
    let old = stage.sandbox.gitlab(|gitlab| gitlab.add_runner("projects/acme/app"));
    assert_eq!(old.id, 901);
    stage.keep("projects/acme/app", "RUNNER_TOKEN", &old.value);
    (stage, old)
}

fn resets(stage: &Stage) -> usize {
    stage.sandbox.gitlab(|gitlab| gitlab.runner(901)).unwrap().resets
}

#[test]
fn it_is_reset_once_and_delivered_and_the_old_one_is_dead() {
    let (stage, old) = runner();
    let ran = force(&stage);
    said(&ran, 0, &["identity"]);
    let value = held(&stage, "RUNNER_TOKEN");
    assert!(is_live(&stage, &value) && !is_live(&stage, &old.value) && resets(&stage) == 1, "{ran}");
    let again = rotate(&stage);
    said(&again, 0, &[]);
    assert!(held(&stage, "RUNNER_TOKEN") == value && resets(&stage) == 1, "{again}");
}

#[test]
fn what_its_place_holds_is_proved_to_be_dead_and_is_made_up_for() {
    let (stage, _) = runner();
    said(&force(&stage), 0, &[]);
    // Somebody resets it by hand: what tokenwheel delivered is dead.
    let stolen = stage.sandbox.gitlab(|gitlab| gitlab.reset_runner_by_hand(901));
    let ran = rotate(&stage);
    said(&ran, 0, &["holds a dead token, or another one"]);
    let value = held(&stage, "RUNNER_TOKEN");
    assert!(is_live(&stage, &value) && !is_live(&stage, &stolen), "{ran}");
}

#[test]
fn a_lost_answer_is_healed() {
    let (stage, _) = runner();
    said(&force(&stage), 0, &[]);
    inject(&stage, Method::POST, "/reset_authentication_token", 1, What::DropAfter);
    let lost = force(&stage);
    let ran = rotate(&stage);
    let value = held(&stage, "RUNNER_TOKEN");
    assert!(is_live(&stage, &value), "{lost}\n{ran}");
    said(&rotate(&stage), 0, &[]);
}

#[test]
fn a_refused_write_changes_nothing() {
    let (stage, old) = runner();
    inject(&stage, Method::PUT, "/variables/RUNNER_TOKEN", 1, What::Refuse(403));
    said(&force(&stage), 3, &["nothing was changed"]);
    assert!(resets(&stage) == 0 && held(&stage, "RUNNER_TOKEN") == old.value);
}

#[test]
fn a_false_200_proves_nothing_and_the_only_live_one_is_delivered_all_the_same() {
    let (stage, _) = runner();
    inject(&stage, Method::POST, "/runners/verify", 99, What::Malformed);
    let ran = force(&stage);
    said(&ran, 0, &["not proven: GitLab answers this to garbage too"]);
    assert!(is_live(&stage, &held(&stage, "RUNNER_TOKEN")), "{ran}");
}

#[test]
fn a_guard_before_gitlab_that_lets_nobody_pass_rejects_nothing() {
    let (stage, _) = runner();
    // A 403, and no GitLab said it.
    stage.sandbox.gitlab(|gitlab| gitlab.runners_are_guarded = true);
    let ran = force(&stage);
    said(&ran, 0, &["not proven: POST"]);
    assert!(is_live(&stage, &held(&stage, "RUNNER_TOKEN")), "{ran}");
}

#[test]
fn a_gitlab_that_says_no_more_than_200_proves_life_by_refusing_garbage() {
    let (stage, _) = runner();
    stage.sandbox.gitlab(|gitlab| gitlab.verify_names_the_runner = false);
    said(&force(&stage), 0, &["alive"]);
}

#[test]
fn one_that_the_user_may_not_see_is_refused_and_a_lifetime_too() {
    let (stage, old) = runner();
    stage.sandbox.gitlab(|gitlab| gitlab.add_member("acme", stage.bot, 30));
    said(&force(&stage), 4, &["may not even see runner 901"]);
    stage.sandbox.gitlab(|gitlab| gitlab.add_member("acme", stage.bot, 50));
    order(&stage, &RUNNER.replace("runner: 901 }", "runner: 901, ttl: 30d }"));
    said(&force(&stage), 3, &["is a setting of the instance"]);
    assert!(resets(&stage) == 0 && is_live(&stage, &old.value));
}

#[test]
fn it_is_not_ended_for_that_would_take_a_runner_away() {
    let (stage, old) = runner();
    said(&force(&stage), 0, &[]);
    let before = held(&stage, "RUNNER_TOKEN");
    let ran = stage.run(&["revoke", "turned", "--reason", "leaked"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    said(&ran, ran.code.unwrap(), &["ends only when it is reset"]);
    assert!(is_live(&stage, &before) && !is_live(&stage, &old.value), "{ran}");
}
