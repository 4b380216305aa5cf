//! Which of two refreshers turns, and which one logs in (law 6).

use std::collections::{BTreeMap, BTreeSet};

use tokenwheel::plan::{Pair, Plan, Seat, Step, turns};

use super::table::{planned, told};

/// A plan of the refresher `name`: `due+9d` rotates and dies in nine days, `rests+9d` is kept, `dead` has none left.
fn refresher(name: &str, state: &str) -> Plan {
    let (word, dies) = state.split_once('+').unwrap_or((state, ""));
    let lives = if dies.is_empty() { "7:-20d..".to_owned() } else { format!("7:-20d..+{dies}") };
    let ask = if word == "due" { "force" } else { "" };
    let mut plan = match word {
        "dead" => planned(&["replaces create", "-", "-", "wrong", ""]),
        "lost" => planned(&["replaces", "-", "-", "wrong", ""]),
        _ => planned(&["replaces ttl=400d", "-", &lives, "7", ask]),
    };
    name.clone_into(&mut plan.name);
    plan
}

fn seats(text: &str) -> BTreeSet<Seat> {
    let seat = |letter| if letter == 'p' { Seat::Primary } else { Seat::Spare };
    text.chars().filter(|letter| "ps".contains(*letter)).map(seat).collect()
}

/// alive | primary | spare → login: what becomes of the primary, what becomes of the spare.
fn turn(alive: &str, primary: &str, spare: &str) -> String {
    let mut plans = vec![refresher("spare", spare), refresher("primary", primary)];
    let names = BTreeMap::from([(Seat::Primary, "primary".to_owned()), (Seat::Spare, "spare".to_owned())]);
    let login = turns(&Pair { seats: names, alive: seats(alive) }, &mut plans);
    let login = login.map_or("nobody", Seat::word);
    let step = |plan: &Plan| told(&plan.step).split(':').next().unwrap().to_owned();
    format!("{login}: {}, {}", step(&plans[1]), step(&plans[0]))
}

#[test]
fn the_credential_that_logs_in_rests_while_the_other_one_turns() {
    let table = "
        ps | rests+40d | rests+50d | refresher: keep, keep
        ps | due+40d   | rests+50d | spare: rotate, keep
        ps | rests+40d | due+50d   | refresher: keep, rotate
        ps | due+40d   | due+50d   | spare: rotate, defer
        ps | due+50d   | due+40d   | refresher: defer, rotate
        ps | due+40d   | due+40d   | spare: rotate, defer
        ps | due       | due+40d   | refresher: defer, rotate
        ps | due+40d   | due       | spare: rotate, defer
        ps | due       | due       | spare: rotate, defer
    ";
    holds(table);
}

#[test]
fn the_one_that_lives_heals_the_other_and_rests_itself() {
    holds(
        "
        s | dead      | rests+50d | spare: rotate, keep
        s | dead      | due+50d   | spare: rotate, defer
        p | due+40d   | dead      | refresher: defer, rotate
        p | rests+40d | dead      | refresher: keep, rotate
        ",
    );
}

#[test]
fn the_last_one_turns_itself_before_it_dies_where_the_other_cannot_be_healed() {
    holds(
        "
        p | due+40d | lost    | refresher: rotate, refuse
        s | lost    | due+40d | spare: refuse, rotate
        ",
    );
}

#[test]
fn without_a_live_credential_nobody_logs_in_and_nothing_is_decided() {
    holds(" | due+40d | due+50d | nobody: rotate, rotate");
}

#[test]
fn a_single_refresher_turns_itself() {
    let mut plans = vec![refresher("only", "due+9d")];
    let pair = Pair { seats: BTreeMap::from([(Seat::Primary, "only".to_owned())]), alive: seats("p") };
    assert_eq!(turns(&pair, &mut plans), Some(Seat::Primary));
    assert!(plans[0].rotates());
}

#[test]
fn a_spare_that_no_token_refreshes_still_logs_in_while_the_other_one_turns() {
    let mut plans = vec![refresher("only", "due+9d")];
    let pair = Pair { seats: BTreeMap::from([(Seat::Primary, "only".to_owned())]), alive: seats("ps") };
    assert_eq!(turns(&pair, &mut plans), Some(Seat::Spare));
    assert!(plans[0].rotates());
}

#[test]
fn tokens_that_refresh_nothing_are_none_of_its_business() {
    let mut plans = vec![refresher("primary", "due+9d"), refresher("deploy", "due+1d")];
    let pair = Pair { seats: BTreeMap::from([(Seat::Primary, "primary".to_owned())]), alive: seats("ps") };
    turns(&pair, &mut plans);
    assert!(plans.iter().all(|plan| matches!(plan.step, Step::Rotate { .. })));
}

fn holds(table: &str) {
    for line in table.lines().map(str::trim_start).filter(|line| !line.trim().is_empty()) {
        let [alive, primary, spare, expected] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("{line} has not four columns")
        };
        assert_eq!(turn(alive, primary, spare), expected, "{line}");
    }
}
