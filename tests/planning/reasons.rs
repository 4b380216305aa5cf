//! Every reason to rotate, when it holds and when it does not, and which of several decides.

use super::table::{holds, planned};

#[test]
fn what_lives_everywhere_and_is_not_due_is_kept() {
    holds(
        "
        replaces | 7:-10d..+20d gave=0 | 7:-10d..+20d | 7         | | keep
        replaces | -                   | 7:-10d..+20d | 7         | | keep
        replaces | 7:-10d..+20d gave=0 | 7:-10d..+20d | hidden    | | keep
        replaces | 7:-10d..+20d gave=0 | 7:-10d..+20d | stamp     | | keep
        replaces | 7:-10d..+20d gave=0 | blind        | live      | | keep
        overlaps | 7:-10d..+20d gave=0 | 7:-10d..+20d | 7 7       | | keep
        ",
    );
}

#[test]
fn a_person_may_ask_for_anything_that_is_not_merely_watched() {
    holds(
        "
        replaces       | 7:-1d..+29d gave=0 | 7:-1d..+29d             | 7    | force | rotate: asked_by_hand
        replaces       | -                  | 7:-1d..+29d             | 7    | force | rotate: asked_by_hand
        replaces       | -                  | blind                   | live | force | rotate: asked_by_hand
        replaces       | -                  | 7:-29d..+1h             | 7    | force | rotate: asked_by_hand
        replaces       | 7:-1d..+29d        | 7:-1d..+29d             | 7    | asked | keep
        replaces watch | 7:-1d..+29d gave=0 | 7:-1d..+29d             | 7    | force | watch
        manual         | 7:-1d..+29d gave=0 | 7:-1d..+29d             | 7    | force | watch
        overlaps       | 7:-2d..+28d gave=0 | 8:-1d..+29d 7:-2d..+28d | 7    | force | rotate: asked_by_hand
        ",
    );
}

#[test]
fn the_ephemeral_are_minted_at_every_run() {
    holds(
        "
        ephemeral | -                  | -            | empty  | | rotate: minted_at_every_run
        ephemeral | 7:-1h..+23h gave=0 | blind        | hidden | | rotate: minted_at_every_run
        ephemeral | 7:-1h..+23h gave=0 | 7:-1h..+23h  | 7      | | rotate: minted_at_every_run
        ",
    );
}

#[test]
fn what_is_wrong_is_mended_by_a_sibling_and_only_else_by_rotating() {
    holds(
        "
        replaces | 7:-10d..+20d gave=0        | 7:-10d..+20d | wrong      | | rotate: wrong_somewhere
        replaces | -                          | 7:-10d..+20d | wrong      | | rotate: wrong_somewhere
        replaces | 7:-10d..+20d gave=0 gave=1 | 7:-10d..+20d | wrong 7    | | redeliver 1 to [0]
        replaces | -                          | 7:-10d..+20d | 7 wrong    | | redeliver 0 to [1]
        replaces | 7:-10d..+20d gave=0 gave=1 | 7:-10d..+20d | wrong 7!   | | rotate: wrong_somewhere
        replaces | 7:-10d..+20d gave=0 gave=1 | 7:-10d..+20d | wrong hidden | | rotate: wrong_somewhere
        replaces | 7:-10d..+20d gave=0 gave=1 | 7:-10d..+20d | wrong stamp  | | rotate: wrong_somewhere
        overlaps | 8:-1d..+29d gave=0 gave=1  | 8:-1d..+29d 7:-9d..+21d | wrong 7 8 | | redeliver 2 to [0, 1]
        ",
    );
}

/// What lives, but is not known to be this very token, is given to nobody.
#[test]
fn a_sibling_lends_only_what_is_known_to_be_this_token() {
    holds("replaces | 7:-10d..+20d gave=0 | blind | live wrong | | rotate: wrong_somewhere");
}

#[test]
fn an_empty_place_is_filled_from_a_sibling_and_nothing_is_minted_for_it_unawares() {
    holds(
        "
        replaces | -                          | 7:-10d..+20d | 7 empty    | | redeliver 0 to [1]
        replaces | 7:-10d..+20d gave=0        | 7:-10d..+20d | 7 empty    | | redeliver 0 to [1]
        replaces | -                          | 7:-10d..+20d | empty      | | keep
        replaces | -                          | 7:-10d..+20d | 7! empty   | | keep
        ",
    );
}

#[test]
fn what_was_not_reached_this_time_waits_for_a_run_that_reaches_it() {
    holds(
        "
        replaces | 7:-10d..+20d gave=0        | 7:-10d..+20d | unseen     | | keep
        replaces | 7:-10d..+20d owes=0        | 7:-10d..+20d | unseen     | | keep
        replaces | 7:-10d..+20d gave=0 owes=1 | 7:-10d..+20d | 7 unseen   | | keep
        ",
    );
}

#[test]
fn a_place_that_cannot_be_seen_is_given_what_nobody_remembers_giving_it() {
    holds(
        "
        replaces | -                          | 7:-10d..+20d | 7 hidden   | | redeliver 0 to [1]
        replaces | 7:-10d..+20d gave=0        | 7:-10d..+20d | 7 hidden   | | redeliver 0 to [1]
        replaces | 7:-10d..+20d gave=0 gave=1 | 7:-10d..+20d | 7 hidden   | | keep
        ",
    );
}

#[test]
fn a_sibling_does_not_save_what_is_due_anyway() {
    holds(
        "
        replaces             | 7:-25d..+5d  | 7:-25d..+5d  | wrong 7 |       | rotate: past_its_share_of_life
        replaces             | 7:-10d..+17h | 7:-10d..+17h | wrong 7 |       | rotate: dies_before_the_next_run
        replaces order=other | 7:-1d..+29d  | 7:-1d..+29d  | wrong 7 |       | rotate: order_changed
        replaces             | 7:-1d..+29d  | 7:-1d..+29d  | wrong 7 | force | rotate: asked_by_hand
        ",
    );
}

#[test]
fn what_is_owed_is_mended_by_a_sibling_and_only_else_by_rotating() {
    holds(
        "
        replaces | 7:-10d..+20d gave=0 owes=1 | 7:-10d..+20d | 7 hidden      | | redeliver 0 to [1]
        replaces | 7:-10d..+20d gave=0 owes=1 | 7:-10d..+20d | 7! hidden     | | rotate: owed
        replaces | 7:-10d..+20d owes=0        | 7:-10d..+20d | hidden        | | rotate: owed
        replaces | 7:-10d..+20d owes=0        | 7:-10d..+20d | restamp       | | rotate: owed
        replaces | 7:-10d..+20d owes=0        | 7:-10d..+20d | empty         | | rotate: owed
        replaces | 7:-10d..+20d gave=0        | 7:-10d..+20d | empty         | | rotate: owed
        overlaps | 8:-1d..+29d gave=0 owes=1  | 8:-1d..+29d 7:-9d..+21d | 8 7  | | redeliver 0 to [1]
        overlaps | 8:-1d..+29d gave=0 owes=1  | 8:-1d..+29d 7:-9d..+21d | 8! 7 | | rotate: owed
        ",
    );
}

#[test]
fn what_is_owed_and_was_seen_to_hold_the_live_token_is_owed_no_more() {
    holds("replaces | 7:-10d..+20d gave=0 owes=1 | 7:-10d..+20d | 7 7 | | keep");
}

#[test]
fn an_interrupted_mint_is_followed_by_another_unless_all_hold_what_it_made() {
    holds(
        "
        replaces | 7:-20d..+10d intent=-1h lived=7:-20d.. | 8:-1h..+30d             | hidden   | | rotate: interrupted
        replaces | 7:-20d..+10d intent=-1h lived=7:-20d.. | 8:-1h..+30d             | wrong    | | rotate: wrong_somewhere
        replaces | 7:-20d..+10d intent=-1h lived=7:-20d.. | 8:-1h..+30d             | 8        | | keep
        replaces | 7:-20d..+10d intent=-1h lived=7:-20d.. gave=0 gave=1 | 8:-1h..+30d | 8 hidden | | redeliver 0 to [1]
        replaces | 7:-10d..+20d intent=-1h lived=7:-10d.. | 7:-10d..+20d            | hidden   | | keep
        replaces | 7:-10d..+20d intent=-1h lived=7:-10d.. | 7:-1h..+30d             | hidden   | | rotate: interrupted
        overlaps | 7:-10d..+20d intent=-1h lived=7:-10d.. | 8:-1h..+30d 7:-10d..+20d | 7       | | rotate: interrupted
        overlaps | 7:-10d..+20d intent=-1h lived=7:-10d.. | 8:-1h..+30d 7:-10d..+20d | hidden  | | rotate: interrupted
        replaces | 7:-10d..+20d intent=-1h         | blind                   | live     | | keep
        replaces | 7:-10d..+20d intent=-1h         | blind                   | hidden   | | rotate: interrupted
        ",
    );
}

#[test]
fn where_none_lives_one_is_made_only_if_the_config_says_so() {
    holds(
        "
        replaces create | -                  | -     | empty  | | rotate: none_lives
        overlaps create | -                  | -     | empty  | | rotate: none_lives
        overlaps create | -                  | blind | empty empty  | | rotate: none_lives
        overlaps create | -                  | blind | empty hidden | | keep
        overlaps create | 7:-1d..+29d gave=0 | blind | empty        | | rotate: owed
        overlaps        | -                  | blind | empty empty  | | keep
        overlaps create | 7:-40d..-10d       | -     | hidden | | rotate: none_lives
        replaces        | 7:-40d..-10d       | blind | hidden | | rotate: none_lives
        replaces        | -                  | blind | hidden | | keep
        replaces        | 7:-10d..           | blind | hidden | | keep
        ",
    );
}

#[test]
fn a_changed_order_is_compared_with_the_ledger_never_with_what_lives() {
    holds(
        "
        replaces order=other | 7:-1d..+29d gave=0         | 7:-1d..+29d | 7 | | rotate: order_changed
        replaces order=other | 7:-1d..+29d order=other    | 7:-1d..+29d | 7 | | keep
        replaces order=other | -                          | 7:-1d..+29d | 7 | | keep
        replaces order=other | empty                      | 7:-1d..+29d | 7 | | keep
        replaces ttl=300d    | 7:-1d..+29d                | 7:-1d..+29d | 7 | | keep
        ",
    );
}

#[test]
fn the_stronger_reason_decides() {
    holds(
        "
        replaces order=other | 7:-29d..+1h | 7:-29d..+1h  | wrong  | force | rotate: asked_by_hand
        replaces order=other | 7:-29d..+1h | 7:-29d..+1h  | wrong  |       | rotate: wrong_somewhere
        replaces order=other | 7:-29d..+1h | 7:-29d..+1h  | hidden |       | rotate: order_changed
        replaces             | 7:-29d..+1h | 7:-29d..+1h  | hidden |       | rotate: dies_before_the_next_run
        replaces             | 7:-29d..+1d | 7:-29d..+1d  | hidden |       | rotate: past_its_share_of_life
        ",
    );
}

#[test]
fn of_several_live_ones_the_one_in_use_counts_then_the_one_confirmed_last() {
    let live = |row: &[&str]| planned(row).live.map(|live| live.id);
    let both = "8:-1d..+29d 7:-9d..+21d";
    assert_eq!(live(&["overlaps", "-", both, "7", ""]).as_deref(), Some("7"));
    assert_eq!(live(&["overlaps", "8:-1d..+29d", both, "7", ""]).as_deref(), Some("7"));
    assert_eq!(live(&["overlaps", "8:-1d..+29d", both, "8 7", ""]).as_deref(), Some("8"));
    assert_eq!(live(&["overlaps", "7:-9d..+21d", both, "hidden", ""]).as_deref(), Some("7"));
    assert_eq!(live(&["overlaps", "-", "7:-9d..+21d", "hidden", ""]).as_deref(), Some("7"));
}

#[test]
fn each_reason_has_a_sentence_for_people() {
    let sentence = |row: &[&str]| match planned(row).step {
        tokenwheel::plan::Step::Rotate { reason } => reason.to_string(),
        step => super::table::told(&step),
    };
    let old = "7:-25d..+5d";
    let told = [
        sentence(&["replaces", "-", "7:-1d..+29d", "7", "force"]),
        sentence(&["ephemeral", "-", "-", "empty", ""]),
        sentence(&["replaces", "-", "7:-1d..+29d", "7! wrong", ""]),
        sentence(&["replaces", "7:-9d..+21d intent=-1h lived=7:-9d..", "8:-1h..+30d", "hidden", ""]),
        sentence(&["overlaps", "7:-9d..+21d intent=-1h lived=7:-9d..", "8:-1h..+30d 7:-9d..+21d", "7", ""]),
        sentence(&["replaces", "7 owes=0", "7:-1d..+29d", "hidden", ""]),
        sentence(&["replaces create", "-", "-", "empty", ""]),
        sentence(&["replaces", "7:-40d..-10d", "blind", "hidden", ""]),
        sentence(&["replaces order=other", "7", "7:-1d..+29d", "7", ""]),
        sentence(&["replaces", "-", "7:-1d..+17h", "7", ""]),
        sentence(&["replaces", "-", old, "7", ""]),
        sentence(&["replaces after=20d", "-", old, "7", ""]),
        sentence(&["replaces before=8d", "-", old, "7", ""]),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    asked by hand: a test asks
    minted at every run
    place 1 holds a dead token, or another one
    the last run minted and did not confirm
    the last run minted a token that nobody holds
    place 0 lacks the live token
    no live token of this name exists (a token "bot" of acme)
    it died on 24 Apr 06:00 UTC
    the config orders it otherwise than it was made
    it dies on 4 May 23:00 UTC, before the run after this one is sure
    past 2/3 of its life, since 29 Apr 06:00 UTC
    older than 20 d, since 29 Apr 06:00 UTC
    less than 8 d before it dies, since 1 May 06:00 UTC
    "#);
}
