//! When a token turns: dates are the issuer's, two thirds of what it really granted, and never after death.

use std::fmt::Write as _;

use chrono::TimeDelta;
use tokenwheel::plan::Rule;

use super::table::{at, holds, holds_by, moment, now, planned, record, span};

/// A time as it stands in the tables: hours from now.
fn hours(time: Option<chrono::DateTime<chrono::Utc>>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| format!("{:+}h", (time - now()).num_hours()))
}

/// rule | born..dies | ttl → due
fn due(table: &str) {
    let mut wrong = String::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let [rule, dates, ttl, expected] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
            panic!("{line} has not four columns")
        };
        let rule = match rule.split_once(' ').unwrap() {
            ("before", rest) => Rule::Before(span(&format!("+{rest}"))),
            ("after", share) if share.contains('/') => {
                let (of, parts) = share.split_once('/').unwrap();
                Rule::AfterShare { of: of.parse().unwrap(), parts: parts.parse().unwrap() }
            }
            (_, age) => Rule::AfterAge(span(&format!("+{age}"))),
        };
        let record = record(&format!("7:{dates}"));
        let ttl = (!ttl.is_empty()).then(|| span(&format!("+{ttl}")));
        let found = hours(rule.due(record.created, record.expires, ttl));
        if found != expected {
            writeln!(wrong, "{line}\n    is {found}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_default_is_two_thirds_of_the_lifetime() {
    assert_eq!(Rule::default(), Rule::AfterShare { of: 2, parts: 3 });
}

#[test]
fn a_share_is_of_the_life_that_was_granted_not_of_that_which_was_ordered() {
    due("
        after 2/3 | -3d..+6d   | 90d | +72h
        after 2/3 | -30d..+60d | 7d  | +720h
        after 1/2 | -10h..+10h |     | +0h
        after 3/4 | +0h..+4h   |     | +3h
        ");
}

#[test]
fn what_never_dies_is_measured_by_the_lifetime_that_is_wanted() {
    due("
        after 2/3  | -10d.. | 30d | +240h
        before 14d | -10d.. | 60d | +864h
        after 20d  | -10d.. | 60d | +240h
        after 2/3  | -10d.. |     | never
        before 14d | -10d.. |     | never
        ");
}

#[test]
fn what_has_no_known_birth_still_turns_before_its_death() {
    due("
        after 20d  | ?..+10d | 30d | +240h
        before 14d | ?..+20d |     | +144h
        before 14d | ?..     | 30d | never
        ");
}

#[test]
fn no_rule_turns_a_token_after_its_death() {
    due("
        after 90d | -1d..+29d | 30d | +696h
        after 2/3 | +2d..+1d  | 30d | +24h
        ");
}

#[test]
fn a_length_before_death_that_is_longer_than_the_life_is_due_at_once() {
    due("before 90d | -1d..+29d | 30d | -1464h");
}

#[test]
fn a_token_is_due_from_its_hour_on_and_not_before() {
    holds(
        "
        replaces           | - | 7:-20d..+10d      | 7 | | rotate: past_its_share_of_life
        replaces           | - | 7:-479h..+241h    | 7 | | keep
        replaces after=20d | - | 7:-20d..+70d      | 7 | | rotate: past_its_share_of_life
        replaces after=20d | - | 7:-19d..+71d      | 7 | | keep
        replaces before=8d | - | 7:-22d..+8d       | 7 | | rotate: past_its_share_of_life
        replaces before=8d | - | 7:-21d..+9d       | 7 | | keep
        ",
    );
}

#[test]
fn death_before_the_next_run_and_its_slack_cannot_wait() {
    assert_eq!(moment().horizon(), at("+18h"));
    holds(
        "
        replaces before=1h | - | 7:-1h..+18h | 7 | | rotate: dies_before_the_next_run
        replaces before=1h | - | 7:-1h..+19h | 7 | | keep
        replaces before=1h | - | 7:?..+17h   | 7 | | rotate: dies_before_the_next_run
        ",
    );
}

#[test]
fn the_dates_of_the_ledger_stand_in_for_those_that_the_issuer_does_not_tell() {
    let dates = |plan: &tokenwheel::plan::Plan| format!("{} {}", hours(plan.due), hours(plan.dies));
    holds_by(
        "
        replaces          | 7:-3d..+6d  | blind       | hidden | | +72h +144h
        replaces          | 7:-3d..+6d  | 7:?..       | 7      | | +72h +144h
        replaces          | 7:-3d..+6d  | 7:-6d..+12d | 7      | | +144h +288h
        replaces          | 6:-3d..+6d  | 7:?..       | 7      | | +480h never
        replaces          | -           | 7:?..       | 7      | | +480h never
        replaces ttl=none | -           | 7:?..       | 7      | | never never
        replaces          | -           | blind       | live   | | +480h never
        replaces          | 7:-3d..     | blind       | live   | | +408h never
        replaces          | -           | -           | empty  | | never never
        ",
        dates,
    );
}

#[test]
fn what_dies_on_an_unknown_day_is_told_of() {
    let plan = planned(&["replaces", "-", "blind", "live", ""]);
    insta::assert_snapshot!(plan.notes.join("\n"), @"when it dies is not known (the refresher may not read); to be sure, take it over once with `rotate --only NAME --force --reason TEXT`");
}

#[test]
fn at_risk_is_what_would_be_gone_before_the_next_run() {
    let risk = |plan: &tokenwheel::plan::Plan| plan.at_risk(&moment()).to_string();
    holds_by(
        "
        replaces | - | 7:-1d..+18h | 7      | | true
        replaces | - | 7:-1d..+19h | 7      | | false
        replaces | - | 7:-1d..     | 7      | | false
        replaces | - | -           | empty  | | true
        replaces | - | blind       | hidden | | true
        replaces | - | blind       | live   | | false
        ",
        risk,
    );
}

#[test]
fn a_ledger_is_of_the_last_run_unless_a_run_was_missed() {
    let mut moment = moment();
    for (written, remembers) in [("-12h", true), ("-18h", true), ("-19h", false), ("-7d", false)] {
        moment.remembered = Some(at(written));
        assert_eq!(moment.remembers_the_last_run(), remembers, "{written}");
    }
    moment.remembered = None;
    assert!(!moment.remembers_the_last_run());
}

#[test]
fn a_rule_says_itself() {
    let rules = [Rule::default(), Rule::AfterAge(TimeDelta::days(20)), Rule::Before(TimeDelta::hours(8))];
    insta::assert_snapshot!(rules.map(|rule| rule.to_string()).join("\n"), @"
    past 2/3 of its life
    older than 20 d
    less than 8 h before it dies
    ");
}
