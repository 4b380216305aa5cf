//! A few histories in every test run; `bash .ci/run simulation` plays many.

#[cfg(test)]
mod histories {
    use tokenwheel_simulation::faulty::Check;
    use tokenwheel_simulation::history::{Choice, play};
    use tokenwheel_simulation::tally::play_all;

    #[test]
    fn the_first_histories_keep_every_law() {
        let tally = play_all(1, 60, &Choice::default());
        assert_eq!(tally.histories, 60);
        assert!(tally.broken.is_empty(), "{:#?}", tally.broken);
        assert!(tally.faults.0.len() > 15, "{}", tally.table());
    }

    #[test]
    fn nobody_ends_a_strangers_token_that_a_person_put_into_a_place() {
        for seed in [15_679, 21_482] {
            let broken = play(seed, &Choice::default()).broken;
            assert!(broken.is_empty(), "seed {seed}: {broken:?}");
        }
    }

    #[test]
    fn a_seed_tells_the_same_story_each_time() {
        let told = Choice { told: true, ..Choice::default() };
        for seed in [3, 41, 1977] {
            let (first, second) = (play(seed, &told), play(seed, &told));
            assert!(first.story.lines().count() > 100);
            assert_eq!(first.story, second.story);
        }
        assert_ne!(play(3, &told).story, play(4, &told).story);
    }

    #[test]
    fn what_every_history_leans_on_is_missed_when_it_is_switched_off() {
        // Those that few histories notice are for `--checks`, which is optimised.
        for check in [Check::Overlap, Check::Marks, Check::Spare, Check::Truth, Check::Silence, Check::Memory] {
            let without = Choice { without: Some(check), ..Choice::default() };
            let noticed = (1..=100).find(|seed| !play(*seed, &without).broken.is_empty());
            assert!(noticed.is_some(), "nobody notices that {check:?} is switched off");
        }
    }
}
