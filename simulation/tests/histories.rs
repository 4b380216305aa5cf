//! A few histories in every test run; `.ci/run simulation` plays a hundred thousand.

#[cfg(test)]
mod histories {
    use tokenwheel_simulation::faulty::Check;
    use tokenwheel_simulation::history::{Choice, play};
    use tokenwheel_simulation::tally::play_all;

    #[test]
    fn the_first_histories_keep_every_law() {
        let tally = play_all(1, 150, &Choice::default());
        assert_eq!(tally.histories, 150);
        assert!(tally.broken.is_empty(), "{:#?}", tally.broken);
        assert!(tally.faults.0.len() > 15, "{}", tally.table());
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
    fn each_check_is_missed_when_it_is_switched_off() {
        for (check, word, ..) in Check::ALL {
            let without = Choice { without: Some(check), ..Choice::default() };
            let noticed = (1..=1500).find(|seed| !play(*seed, &without).broken.is_empty());
            assert!(noticed.is_some(), "nobody notices that `{word}` is switched off");
        }
    }
}
