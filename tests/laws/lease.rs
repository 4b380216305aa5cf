//! Law 14: one at a time.

use chrono::TimeDelta;
use tokenwheel::run::{Reach, Wish};

use super::stage::{WHEEL, estate};
use crate::common::{Bench, force, rotated};

const SHELVES: &[&str] = &[
    "ledger: { kind: file, path: ledger.json }",
    "ledger: { kind: gitlab/ci-variable, project: acme/tokenwheel, key: TOKENWHEEL_LEDGER }",
];

fn benches() -> Vec<Bench> {
    let with = |shelf: &&str| {
        let (bench, _) = estate(10, 10, "");
        bench.write_config(&super::stage::HEAD.replace(SHELVES[0], shelf));
        bench
    };
    SHELVES.iter().map(with).collect()
}

#[tokio::test(start_paused = true)]
async fn while_one_run_acts_a_second_one_is_refused_and_a_look_is_not() {
    for bench in benches() {
        let first = bench.observe(bench.job(), Wish::default(), Reach::Acts).await.unwrap();
        let Err(why) = bench.observe(bench.job(), Wish::default(), Reach::Acts).await else { panic!("both act") };
        insta::allow_duplicates! {
            insta::assert_snapshot!(why, @"nothing was attempted: another run is turning this wheel: a test, until 4 May 06:30 UTC at the latest");
        }
        assert!(bench.observe(bench.job(), Wish::default(), Reach::Reads).await.is_ok());
        first.end().await;
        assert!(bench.observe(bench.job(), Wish::default(), Reach::Acts).await.is_ok(), "it was given back");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_that_start_at_once_one_acts() {
    for bench in benches() {
        let start = || bench.observe(bench.job(), force(&["refresher"]), Reach::Acts);
        let (one, other) = tokio::join!(start(), start());
        assert!(one.is_ok() != other.is_ok());
        let run = one.or(other).unwrap();
        let plans = run.plan().await;
        assert!(rotated(&run.apply(plans).await, "refresher"));
        assert!(bench.is_live(&bench.held(WHEEL, "REFRESHER")) && bench.is_live(&bench.held(WHEEL, "SPARE")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_died_holds_the_wheel_for_half_an_hour_and_no_longer() {
    for bench in benches() {
        drop(bench.observe(bench.job(), Wish::default(), Reach::Acts).await.unwrap());
        bench.sandbox.advance(TimeDelta::minutes(29));
        assert!(bench.observe(bench.job(), Wish::default(), Reach::Acts).await.is_err());
        bench.sandbox.advance(TimeDelta::minutes(2));
        let run = bench.observe(bench.job(), Wish::default(), Reach::Acts).await.unwrap();
        assert!(bench.observe(bench.job(), Wish::default(), Reach::Acts).await.is_err(), "taken over, and held again");
        run.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_run_changes_nothing() {
    for bench in benches() {
        let first = bench.observe(bench.job(), Wish::default(), Reach::Acts).await.unwrap();
        bench.sandbox.forget_exchanges();
        assert!(bench.rotate_with(bench.job(), force(&[])).await.is_err());
        assert!(super::stage::mints(&bench).is_empty());
        first.end().await;
    }
}
