//! What may end (law 5): marked predecessors, older than a successor that every destination was seen to hold, after
//! their overlap. Never one that the ledger does not know.

use tokenwheel::plan::Plan;

use super::table::{holds_by, planned};

fn ends(plan: &Plan) -> String {
    let ids: Vec<&str> = plan.retire.iter().map(|retiree| retiree.id.as_str()).collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(" ") }
}

#[test]
fn a_marked_predecessor_ends_after_its_overlap() {
    holds_by(
        "
        overlaps | 7:-2d..+28d gave=0 retire=6@-1h | 7:-2d..+28d 6:-30d..+5d | 7 | | 6
        overlaps | 7:-2d..+28d gave=0 retire=6@+1h | 7:-2d..+28d 6:-30d..+5d | 7 | | none
        overlaps | 7:-2d..+28d gave=0 retire=6@-1h | 7:-2d..+28d | 7 | | none
        overlaps | 7:-2d..+28d gave=0 ending=6@-1h | 7:-2d..+28d | 7 | | 6
        overlaps | 7:-2d..+28d gave=0 ending=6@+1h | 7:-2d..+28d | 7 | | none
        overlaps | 7:-2d..+28d gave=0 retire=6@-1h retire=5@-1d | 7:-2d..+28d 6:-30d..+5d 5:-60d..+9d | 7 | | 6 5
        ",
        ends,
    );
}

#[test]
fn nothing_ends_before_every_destination_was_seen_to_hold_the_successor() {
    holds_by(
        "
        overlaps | 7:-2d..+28d gave=0 gave=1 retire=6@-1h | 7:-2d..+28d 6:-30d..+5d | 7 7      | | 6
        overlaps | 7:-2d..+28d gave=0 retire=6@-1h        | 7:-2d..+28d 6:-30d..+5d | 7 6      | | none
        overlaps | 7:-2d..+28d gave=0 gave=1 retire=6@-1h | 7:-2d..+28d 6:-30d..+5d | 7 wrong  | | none
        overlaps | 7:-2d..+28d gave=0 gave=1 retire=6@-1h | 7:-2d..+28d 6:-30d..+5d | 7 empty  | | none
        overlaps | 7:-2d..+28d gave=0 retire=6@-1h        | 7:-2d..+28d 6:-30d..+5d | 7 empty  | | none
        overlaps | 7:-2d..+28d gave=0 retire=6@-1h        | 7:-2d..+28d 6:-30d..+5d | 7 hidden | | none
        overlaps | 7:-2d..+28d gave=0 gave=1 retire=6@-1h | 7:-2d..+28d 6:-30d..+5d | 7 hidden | | 6
        overlaps | 7:-2d..+28d gave=0 owes=1 retire=6@-1h | 7:-2d..+28d 6:-30d..+5d | 7 hidden | | none
        overlaps | 7:-2d..+28d gave=0 gave=1 retire=6@-1h | 7:-2d..+28d 6:-30d..+5d | 7 stamp  | | 6
        overlaps | 7:-2d..+28d gave=0 gave=1 retire=6@-1h | 7:-2d..+28d 6:-30d..+5d | 7 restamp | | none
        overlaps | 7:-2d..+28d gave=0 gave=1 retire=6@-1h | -                       | hidden hidden | | none
        ",
        ends,
    );
}

#[test]
fn what_is_newer_than_the_confirmed_one_does_not_end() {
    holds_by(
        "
        overlaps | 7:-2d..+28d gave=0 retire=8@-1h | 8:-1d..+29d 7:-2d..+28d | 7 | | none
        overlaps | 7:-2d..+28d gave=0 retire=8@-1h | 8:-3d..+29d 7:-2d..+28d | 7 | | 8
        ",
        ends,
    );
}

#[test]
fn what_lives_on_in_use_does_not_end_though_it_was_marked() {
    holds_by(
        "
        overlaps | 7:-2d..+28d gave=0 retire=7@-1h | 7:-2d..+28d             | 7 | | none
        overlaps | 7:-2d..+28d gave=0 retire=6@-1h | 7:-2d..+28d 6:-30d..+5d | 6 | | none
        ",
        ends,
    );
}

#[test]
fn what_has_ended_already_is_not_ended_again() {
    holds_by("overlaps | 7:-2d..+28d gave=0 retire=6@-1h | 7:-2d..+28d | 7 | | none", ends);
}

#[test]
fn what_the_ledger_does_not_know_never_ends() {
    holds_by(
        "
        overlaps | -                   | 7:-2d..+28d 6:-30d..+5d 5:-60d..+9d | 7 |       | none
        overlaps | 7:-2d..+28d gave=0  | 7:-2d..+28d 6:-30d..+5d             | 7 |       | none
        overlaps | 7:-2d..+28d gave=0  | 7:-2d..+28d 6:-30d..+5d             | 7 | force | none
        ",
        ends,
    );
}

#[test]
fn a_lost_mint_of_ours_is_a_stray_and_a_strangers_is_not() {
    let strays = |plan: &Plan| {
        let ids: Vec<&str> = plan.strays.iter().map(|record| record.id.as_str()).collect();
        if ids.is_empty() { "none".to_owned() } else { ids.join(" ") }
    };
    holds_by(
        "
        overlaps | 7:-9d..+21d gave=0 intent=-1h lived=7:-9d..   | 8:-30min..+30d 7:-9d..+21d | 7      | | 8
        overlaps | 7:-9d..+21d gave=0 intent=-1h lived=7:-9d..   | 8:-2h..+30d 7:-9d..+21d    | 7      | | none
        overlaps | 7:-9d..+21d gave=0 intent=-1h lived=7:-9d..,8:-30min.. | 8:-30min..+30d 7:-9d..+21d | 7      | | none
        overlaps | 7:-9d..+21d gave=0 intent=-1h lived=7:-9d..   | 8:?..+30d 7:-9d..+21d      | 7      | | none
        overlaps | 7:-9d..+21d gave=0                      | 8:-30min..+30d 7:-9d..+21d | 7      | | none
        overlaps | 7:-9d..+21d gave=0 intent=-1h lived=7:-9d.. retire=8@-1h | 8:-30min..+30d 7:-9d..+21d | 7 | | none
        replaces | 7:-9d..+21d gave=0 intent=-1h lived=7:-9d..   | 8:-30min..+30d             | hidden | | none
        ",
        strays,
    );
}

#[test]
fn a_stray_alone_does_not_unsettle_what_every_destination_holds() {
    let plan = planned(&["overlaps", "7:-2d..+28d gave=0 retire=6@-1h", "8:-3d..+9d 7:-2d..+28d 6:-9d..+5d", "7", ""]);
    assert!(plan.settled);
    assert_eq!(ends(&plan), "6");
}
