//! What is due and must not be done, and how that is said.

use tokenwheel::issuer::Inventory;
use tokenwheel::token::TokenRecord;

use super::table::{Case, at, holds, planned, told};

#[test]
fn what_cannot_be_told_to_be_ours_is_refused_not_guessed_at() {
    holds(
        "
        overlaps | -                            | 8:-1d..+29d 7:-25d..+5d | hidden | | refuse: 2 live tokens
        replaces | -                            | 8:-1d..+29d 7:-25d..+5d | wrong  | | refuse: 2 live tokens
        overlaps | -                            | 8:-1d..+29d 7:-25d..+5d | hidden | force | refuse: 2 live tokens
        overlaps | 6:-40d..-1h                  | 8:-1d..+29d 7:-25d..+5d | hidden | | refuse: 2 live tokens
        overlaps | 6:-40d..-1h intent=-2d       | 8:-1d..+29d 7:-25d..+5d | hidden | | refuse: 2 live tokens
        overlaps | -                            | 8:-1d..+29d 7:-2d..+28d | 7      | | keep
        overlaps | 7:-2d..+28d                  | 8:-3d..+29d 7:-2d..+28d | hidden | | keep
        ",
    );
}

/// What a destination holds lives, and its issuer cannot say which of two it is: the one that nobody can hold must not
/// pass for it, for it dies later.
#[test]
fn a_lost_mint_of_ours_does_not_pass_for_what_a_destination_holds() {
    holds(
        "
        overlaps | 6:-40d..-1h intent=-1d lived=7:-25d.. | 8:-1d..+29d 7:-25d..+5d | live   | | refuse: 2 live tokens
        overlaps | 6:-40d..-1h intent=-1d lived=7:-25d.. | 8:-1d..+29d             | live   | | keep
        overlaps | 6:-40d..-1h intent=-1d lived=7:-25d.. | 8:-1d..+29d 7:-25d..+5d | hidden | | rotate: interrupted
        ",
    );
}

#[test]
fn two_lost_mints_of_ours_are_no_riddle() {
    holds(
        "overlaps | 6:-40d..-1h intent=-2d lived=6:-40d.. | 8:-1d..+29d 7:-2d..+28d | hidden | | rotate: interrupted",
    );
}

#[test]
fn a_newer_record_that_we_did_not_make_means_that_another_wheel_turns_it() {
    holds(
        "
        replaces | 7:-10d..+20d gave=0      | 8:-1h..+30d              | wrong  |       | refuse: token 8 was made after our last run
        overlaps | 7:-25d..+5d gave=0       | 8:-1h..+30d 7:-25d..+5d  | 7      |       | refuse: token 8 was made after our last run
        replaces | 7:-10d..+20d gave=0      | 8:-1h..+30d              | wrong  | force | rotate: asked_by_hand
        replaces | 7:-10d..+20d gave=0 week | 8:-1h..+30d              | wrong  |       | rotate: wrong_somewhere
        replaces | -                        | 8:-1h..+30d              | wrong  |       | rotate: wrong_somewhere
        overlaps | 7:-10d..+20d gave=0      | 8:-1h..+30d 7:-10d..+20d | 7      |       | refuse: token 8 was made after our last run
        overlaps | 7:-25d..+5d gave=0       | 8:-26d..+30d 7:-25d..+5d | 7      |       | rotate: past_its_share_of_life
        ",
    );
}

#[test]
fn a_newer_one_that_a_destination_holds_was_put_there_by_a_person() {
    holds("replaces | 7:-25d..+5d gave=0 | 8:-1h..+30d | 8 | | keep");
}

#[test]
fn what_is_dead_cannot_be_rotated() {
    holds(
        "
        replaces        | -            | - | wrong  |       | refuse: no live token of this name exists
        replaces        | 7:-40d..-1d  | - | hidden |       | refuse: no live token of this name exists
        replaces        | -            | - | empty  | force | refuse: no live token of this name exists
        replaces create | 7:-40d..-1d  | - | wrong  |       | rotate: wrong_somewhere
        ",
    );
}

#[test]
fn what_is_only_watched_is_never_minted() {
    holds(
        "
        replaces watch        | -                     | 7:-29d..+1h             | wrong  | force | watch
        replaces watch create | -                     | -                       | empty  | force | watch
        overlaps watch        | -                     | 8:-1d..+29d 7:-25d..+5d | hidden |       | watch
        manual                | 7:-40d..-1d           | -                       | wrong  |       | watch
        ephemeral watch       | -                     | -                       | empty  |       | watch
        ",
    );
}

#[test]
fn every_refusal_says_what_to_do() {
    let said = |row: &[&str]| told(&planned(row).step);
    let all = [
        said(&["overlaps", "-", "8:-1d..+29d 7:-25d..+5d", "hidden", ""]),
        said(&["overlaps", "7:-25d..+5d", "8:-1h..+30d 7:-25d..+5d", "7", ""]),
        said(&["replaces", "-", "-", "wrong", ""]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    refuse: 2 live tokens have this name and nothing says which is ours: end the others at the issuer, or give this one another name
    refuse: token 8 was made after our last run, and not by us: another wheel seems to turn it; let only one do so, or take it over with --force --reason
    refuse: no live token of this name exists (a token "bot" of acme), and a dead one cannot be rotated: make it by hand once, or say `create:` where its kind takes it
    "#);
}

#[test]
fn an_unknown_token_of_the_same_name_is_left_alone_and_told_of() {
    let plan = planned(&["overlaps", "7:-10d..+20d gave=0", "8:-11d..+30d 7:-10d..+20d", "7", ""]);
    assert_eq!(told(&plan.step), "keep");
    assert!(plan.strays.is_empty() && plan.retire.is_empty());
    insta::assert_snapshot!(plan.notes.join("\n"), @"token 8 of the same name lives too and is unknown to the ledger: it is left alone");
}

#[test]
fn the_id_of_a_token_gives_no_orders_to_a_runner() {
    let created = Some(at("-1h"));
    let hostile = TokenRecord { created, ..TokenRecord::named("8\n::error::x") };
    let mut case = Case::of(&["overlaps", "7:-25d..+5d", "7:-25d..+5d", "7", ""]);
    let Inventory::Listed(records) = &mut case.seen.inventory else { panic!("it lists") };
    records.insert(0, hostile);
    let plan = case.plan();
    let text = format!("{} {}", told(&plan.step), plan.notes.join(" "));
    assert!(text.contains('8') && !text.contains('\n') && !text.contains("::"), "{text}");
}
