//! The limit of one run (law 12), and the order in which things are done: the most urgent first.

use std::collections::BTreeSet;

use tokenwheel::plan::{Plan, Step, limit};

use super::table::planned;

fn named(name: &str, row: &[&str]) -> Plan {
    Plan { name: name.to_owned(), ..planned(row) }
}

fn due(name: &str, dies: &str) -> Plan {
    named(name, &["replaces", "-", &format!("7:-30d..{dies}"), "7", "force"])
}

fn deferred(plans: &[Plan]) -> Vec<&str> {
    plans.iter().filter(|plan| plan.step == Step::Defer).map(|plan| plan.name.as_str()).collect()
}

fn names(plans: &[Plan]) -> Vec<&str> {
    plans.iter().map(|plan| plan.name.as_str()).collect()
}

#[test]
fn the_most_urgent_are_done_and_the_others_wait() {
    let mut plans = vec![due("late", "+9d"), due("soon", "+1d"), due("never", ""), due("middle", "+5d")];
    limit(&mut plans, 2, &BTreeSet::new());
    assert_eq!(names(&plans), ["soon", "middle", "late", "never"]);
    assert_eq!(deferred(&plans), ["late", "never"]);
}

#[test]
fn what_has_no_live_token_comes_first() {
    let dead = named("dead", &["replaces create", "-", "-", "wrong", ""]);
    let mut plans = vec![due("soon", "+1h"), dead];
    limit(&mut plans, 1, &BTreeSet::new());
    assert_eq!(names(&plans), ["dead", "soon"]);
    assert_eq!(deferred(&plans), ["soon"]);
}

#[test]
fn equally_urgent_ones_go_by_their_names() {
    let mut plans = vec![due("c", "+5d"), due("a", "+5d"), due("b", "+5d")];
    limit(&mut plans, 1, &BTreeSet::new());
    assert_eq!(deferred(&plans), ["b", "c"]);
}

#[test]
fn a_refresher_neither_waits_nor_counts() {
    let mut plans = vec![due("app", "+9d"), due("refresher", "+20d"), due("api", "+9d")];
    limit(&mut plans, 1, &BTreeSet::from(["refresher".to_owned()]));
    assert_eq!(deferred(&plans), ["app"]);
}

#[test]
fn what_is_minted_at_every_run_neither_waits_nor_counts() {
    let hourly = named("hourly", &["ephemeral", "-", "-", "empty", ""]);
    let mut plans = vec![due("app", "+9d"), hourly];
    limit(&mut plans, 1, &BTreeSet::new());
    assert!(deferred(&plans).is_empty());
}

#[test]
fn what_is_kept_or_given_on_does_not_count() {
    let kept = named("kept", &["replaces", "-", "7:-1d..+29d", "7", ""]);
    let given = named("given", &["replaces", "-", "7:-1d..+2d", "7 wrong", ""]);
    let mut plans = vec![kept, given, due("app", "+9d")];
    limit(&mut plans, 1, &BTreeSet::new());
    assert!(deferred(&plans).is_empty());
}

#[test]
fn a_limit_of_none_stops_every_rotation() {
    let mut plans = vec![due("app", "+9d"), due("api", "+9d")];
    limit(&mut plans, 0, &BTreeSet::new());
    assert_eq!(deferred(&plans).len(), 2);
}
