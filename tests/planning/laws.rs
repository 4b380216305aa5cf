//! What holds of every plan, whatever was wanted, remembered and seen.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tokenwheel::issuer::{Inventory, Succession};
use tokenwheel::plan::{Pair, Plan, Seat, Sight, Step, limit, turns};

use super::strategies::any_case;
use super::table::{Case, told};

fn code(step: &Step) -> Option<String> {
    matches!(step, Step::Rotate { .. }).then(|| told(step))
}

fn everything(plan: &Plan) -> String {
    let retire: Vec<&str> = plan.retire.iter().map(|retiree| retiree.id.as_str()).collect();
    let strays: Vec<&str> = plan.strays.iter().map(|stray| stray.id.as_str()).collect();
    let live = plan.live.as_ref().map(|live| &live.id);
    let dates = (plan.due, plan.dies);
    format!("{:?} {live:?} {dates:?} {retire:?} {strays:?} {} {:?}", plan.step, plan.settled, plan.notes)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400, failure_persistence: None, max_global_rejects: 1_000_000, ..ProptestConfig::default()
    })]

    #[test]
    fn a_plan_is_a_function_and_never_panics(case in any_case()) {
        prop_assert_eq!(everything(&case.plan()), everything(&case.plan()));
    }

    /// Save where the ledger knows a reason of its own, until it is seen that all is well: the last run did not come to
    /// its end, the place is owed its token, or was given only what came before it.
    #[test]
    fn what_cannot_be_known_is_never_a_reason(case in any_case(), place in 0_usize..3) {
        prop_assume!(place < case.seen.sights.len());
        let before = case.plan();
        let address = format!("place {place}");
        let knows_better = case.entry.as_ref().is_some_and(|entry| {
            let live_there = before.live.as_ref().is_some_and(|live| entry.gave(live, &address));
            let older_there = entry.delivered.contains_key(&address) && !live_there;
            !entry.intents.is_empty() || entry.owed.contains(&address) || older_there
        });
        prop_assume!(!knows_better);
        let mut blurred = case;
        blurred.seen.sights[place] = Sight::Unknowable("nobody can say".to_owned());
        let after = blurred.plan();
        // Which one is live may now be said by the ledger alone, and that one has dates of its own.
        let same = before.live.as_ref().map(|live| &live.id) == after.live.as_ref().map(|live| &live.id);
        prop_assume!(same && matches!(before.step, Step::Keep | Step::Watch));
        prop_assert!(!after.rotates(), "{}", told(&after.step));
    }

    #[test]
    fn with_every_destination_unknowable_and_nothing_remembered_nothing_is_wrong(case in any_case()) {
        let mut case = case;
        case.entry = None;
        case.seen.sights.fill(Sight::Unknowable("nobody can say".to_owned()));
        let step = case.plan().step;
        let codes = ["rotate: wrong_somewhere", "rotate: owed", "rotate: interrupted", "rotate: order_changed"];
        prop_assert!(!codes.contains(&told(&step).as_str()), "{}", told(&step));
    }

    #[test]
    fn a_first_run_rotates_nothing_that_is_alive_not_due_and_not_asked_for(case in any_case()) {
        let mut case = case;
        (case.entry, case.asked, case.moment.remembered) = (None, None, None);
        prop_assume!(case.wanted.succession != Succession::Ephemeral);
        prop_assume!(!case.seen.sights.iter().any(|sight| matches!(sight, Sight::Wrong(_))));
        let plan = case.plan();
        let Some(live) = &plan.live else { return Ok(()) };
        let due = plan.due.is_some_and(|due| due <= case.moment.now);
        let dies = plan.dies.is_some_and(|dies| dies <= case.moment.horizon());
        // A destination that holds another record than the live one is behind, and may have to be given the new one.
        let behind = case.seen.sights.iter().any(
            |sight| matches!(sight, Sight::Live { record: Some(record), .. } if *record != live.id),
        );
        prop_assume!(!due && !dies && !behind);
        prop_assert!(!plan.rotates(), "{}", told(&plan.step));
    }

    #[test]
    fn what_is_watched_is_never_minted_and_never_ended_without_a_mark(case in any_case()) {
        let mut case = case;
        case.wanted.watch = true;
        prop_assert!(matches!(case.plan().step, Step::Watch));
    }

    #[test]
    fn only_marked_ones_older_than_the_live_one_end_and_only_when_all_is_settled(case in any_case()) {
        let plan = case.plan();
        for retiree in &plan.retire {
            prop_assert!(plan.settled);
            prop_assert!(case.entry.as_ref().is_some_and(|entry| entry.retires(&retiree.id)));
            let at_once = case.asked.as_ref().is_some_and(|asked| asked.revoke_now);
            prop_assert!(at_once || retiree.after <= case.moment.now);
            let live = plan.live.as_ref().unwrap();
            prop_assert_ne!(&live.id, &retiree.id);
            if let Inventory::Listed(records) = &case.seen.inventory {
                let record = records.iter().find(|record| record.id == retiree.id).unwrap();
                let newer = record.created.zip(live.created).is_some_and(|(record, live)| record > live);
                prop_assert!(!newer);
            }
        }
    }

    #[test]
    fn a_destination_that_is_wrong_empty_or_behind_is_never_settled(case in any_case()) {
        let plan = case.plan();
        let bad = |sight: &Sight| matches!(sight, Sight::Wrong(_) | Sight::Empty | Sight::Stamped { same: false });
        let behind = |sight: &Sight| match (sight, &plan.live) {
            (Sight::Live { record: Some(record), .. }, Some(live)) => *record != live.id,
            _ => false,
        };
        if case.seen.sights.iter().any(|sight| bad(sight) || behind(sight)) {
            prop_assert!(!plan.settled);
        }
    }

    #[test]
    fn nothing_is_due_after_its_death(case in any_case()) {
        let plan = case.plan();
        if let (Some(due), Some(dies)) = (plan.due, plan.dies) {
            prop_assert!(due <= dies);
        }
    }

    #[test]
    fn what_dies_before_the_next_run_is_never_kept_as_it_is(case in any_case()) {
        let plan = case.plan();
        let dies = plan.dies.is_some_and(|dies| dies <= case.moment.horizon());
        // What only a person mints can at most be given to those that lack it; the report says that it dies.
        prop_assume!(dies && case.wanted.succession != Succession::Manual);
        prop_assert!(!matches!(plan.step, Step::Keep | Step::Redeliver { .. }), "{}", told(&plan.step));
    }

    #[test]
    fn a_redelivery_lends_what_lives_and_gives_it_to_others(case in any_case()) {
        let plan = case.plan();
        if let Step::Redeliver { from, to, .. } = &plan.step {
            let lends = matches!(&case.seen.sights[*from], Sight::Live { lent: true, .. });
            prop_assert!(lends);
            prop_assert!(!to.is_empty() && !to.contains(from));
            prop_assert!(to.iter().all(|place| *place < case.seen.sights.len()));
        }
    }

    #[test]
    fn where_none_lives_and_none_may_be_made_nothing_is_minted(case in any_case()) {
        let mut case = case;
        case.wanted.create = false;
        case.seen.inventory = Inventory::Listed(Vec::new());
        prop_assume!(case.wanted.succession != Succession::Ephemeral);
        prop_assert!(!case.plan().rotates());
    }

    #[test]
    fn of_a_pair_one_turns_at_the_most_and_never_the_one_that_logs_in(
        first in any_case(), second in any_case(), alive in 1_u8..4,
    ) {
        let named = |name: &str, case: &Case| Plan { name: name.to_owned(), ..case.plan() };
        let mut plans = vec![named("primary", &first), named("spare", &second)];
        let seats = BTreeMap::from([(Seat::Primary, "primary".to_owned()), (Seat::Spare, "spare".to_owned())]);
        let alive: BTreeSet<Seat> =
            [(1, Seat::Primary), (2, Seat::Spare)].into_iter().filter(|(bit, _)| alive & bit > 0).map(|(_, seat)| seat).collect();
        let wanted = plans.iter().filter(|plan| plan.rotates()).count();
        let login = turns(&Pair { seats: seats.clone(), alive: alive.clone() }, &mut plans).unwrap();
        prop_assert!(alive.contains(&login));
        let turning = |seat: Seat| plans.iter().any(|plan| plan.name == seats[&seat] && plan.rotates());
        prop_assert!(!(turning(Seat::Primary) && turning(Seat::Spare)));
        if alive.len() == 2 {
            prop_assert!(!turning(login));
        }
        // Of what is due, something is done.
        prop_assert_eq!(wanted > 0, turning(Seat::Primary) || turning(Seat::Spare));
    }

    #[test]
    fn the_limit_defers_exactly_what_is_beyond_it_and_no_refresher(
        cases in prop::collection::vec((any_case(), any::<bool>()), 0..8), most in 0_usize..5,
    ) {
        let mut plans: Vec<Plan> = Vec::new();
        let mut refreshers = BTreeSet::new();
        for (number, (case, refresher)) in cases.iter().enumerate() {
            // What is minted at every run neither waits nor counts, like a refresher.
            let name = format!("token {number}");
            if *refresher || case.wanted.succession == Succession::Ephemeral {
                refreshers.insert(name.clone());
            }
            plans.push(Plan { name, ..case.plan() });
        }
        let due: Vec<(String, Option<String>)> = plans.iter().map(|plan| (plan.name.clone(), code(&plan.step))).collect();
        let ordinary = plans.iter().filter(|plan| plan.rotates() && !refreshers.contains(&plan.name)).count();
        limit(&mut plans, most, &refreshers);
        let deferred: Vec<&Plan> = plans.iter().filter(|plan| plan.step == Step::Defer).collect();
        prop_assert_eq!(deferred.len(), ordinary.saturating_sub(most));
        prop_assert!(deferred.iter().all(|plan| !refreshers.contains(&plan.name)));
        for plan in plans.iter().filter(|plan| plan.step != Step::Defer) {
            let before = due.iter().find(|(name, _)| *name == plan.name).unwrap();
            prop_assert_eq!(&before.1, &code(&plan.step));
        }
    }
}
