//! Law 14: one at a time.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokenwheel::run::{Clock, Reach, Run, Wheel, Wish, World};
use tokio::time::Instant;

use super::stage::{WHEEL, estate};
use crate::common::{Bench, force, monday, rotated, text};

const SHELVES: &[&str] = &[
    "ledger: { kind: file, path: ledger.json }",
    "ledger: { kind: gitlab/ci-variable, project: acme/tokenwheel, key: TOKENWHEEL_LEDGER }",
    "ledger: { kind: github/actions-variable, repository: acme/wheel, name: TOKENWHEEL_LEDGER }",
];

const GITHUB: &str =
    "connections:\n  github: { service: github, url: \"https://github.sandbox\", token: env:GITHUB }\n";

fn benches() -> Vec<Bench> {
    let with = |shelf: &&str| {
        let (mut bench, _) = estate(10, 10, "");
        let later = bench.sandbox.now() + TimeDelta::days(90);
        let login = bench.sandbox.github(|github| {
            github.add_member("acme", "ada");
            github.add_repository("acme/wheel");
            github.add_fine_grained_token("ada", "acme", &[("actions_variables", "write")], Some(later))
        });
        bench.environment.insert("GITHUB".to_owned(), login);
        let config = super::stage::HEAD.replace(SHELVES[0], shelf).replace("connections:\n", GITHUB);
        bench.write_config(&config);
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

/// A clock that goes on while the network is slow.
struct Going(Instant);

impl Clock for Going {
    fn now(&self) -> DateTime<Utc> {
        monday() + TimeDelta::from_std(self.0.elapsed()).unwrap()
    }
}

/// A run by that clock.
async fn slow(bench: &Bench, start: Instant, wish: Wish) -> Result<Run, String> {
    let config = bench.config();
    let wheel = Wheel::build(&config, &bench.setup(bench.job())).unwrap();
    let world = World { clock: Arc::new(Going(start)), holder: "the slow one".to_owned(), ..bench.world() };
    Run::observe(wheel, world, &config, wish, Reach::Acts).await.map_err(|why| why.to_string())
}

/// A project token and a refresher are due, and every request takes three minutes; the ledger is a file.
fn slow_bench() -> Bench {
    let (bench, acme) = estate(50, 10, DEPLOY);
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 25, 5);
    bench.sandbox.set_latency(Duration::from_mins(3));
    bench
}

const DEPLOY: &str = r"
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
";

#[tokio::test(start_paused = true)]
async fn a_run_that_lasts_longer_than_a_lease_keeps_the_wheel_and_comes_to_its_end() {
    let (bench, start) = (slow_bench(), Instant::now());
    let long = async {
        let run = slow(&bench, start, Wish::default()).await.unwrap();
        let plans = run.plan().await;
        let report = run.apply(plans).await;
        (report, start.elapsed())
    };
    let second = async {
        tokio::time::sleep(Duration::from_mins(31)).await;
        slow(&bench, start, Wish::default()).await.err()
    };
    let ((report, lasted), second) = tokio::join!(long, second);
    assert!(lasted > Duration::from_mins(40), "{lasted:?}");
    let refused = second.expect("two runs act");
    assert!(refused.contains("another run is turning this wheel: the slow one"), "{refused}");
    assert!(rotated(&report, "deploy") && rotated(&report, "refresher"), "{}", text(&report));
    assert!(slow(&bench, start, Wish::default()).await.is_ok(), "it was given back");
}

/// Such as the wait for a rollout, in the middle of a rotation.
#[tokio::test(start_paused = true)]
async fn the_wheel_is_held_also_while_one_step_lasts_longer_than_a_lease() {
    let (bench, start) = (slow_bench(), Instant::now());
    bench.sandbox.set_latency(Duration::ZERO);
    let run = slow(&bench, start, force(&["deploy"])).await.unwrap();
    let plans = run.plan().await;
    bench.sandbox.set_latency(Duration::from_mins(9));
    let second = async {
        tokio::time::sleep(Duration::from_mins(31)).await;
        slow(&bench, start, Wish::default()).await.err()
    };
    let (report, second) = tokio::join!(run.apply(plans), second);
    assert!(start.elapsed() > Duration::from_mins(40), "{:?}", start.elapsed());
    assert!(second.expect("two runs act").contains("the slow one"));
    assert!(rotated(&report, "deploy"), "{}", text(&report));
}

/// What a stranger makes later is not taken for ours.
#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_minting_writes_down_until_when() {
    let (bench, start) = (slow_bench(), Instant::now());
    let intents = || {
        let ledger = std::fs::read_to_string(bench.folder.path().join("ledger.json")).unwrap_or_default();
        let ledger: serde_json::Value = serde_json::from_str(&ledger).unwrap_or_default();
        ledger.pointer("/tokens/refresher/intents/0/until").and_then(|until| until.as_str().map(str::to_owned))
    };
    let run = async {
        let run = slow(&bench, start, Wish::default()).await.unwrap();
        let plans = run.plan().await;
        run.apply(plans).await
    };
    let mut run = std::pin::pin!(run);
    let mut until = None;
    while tokio::time::timeout(Duration::from_mins(1), run.as_mut()).await.is_err() {
        until = until.max(intents());
    }
    let until: DateTime<Utc> = until.expect("it is not written down").parse().unwrap();
    assert!(until > monday() + TimeDelta::minutes(30), "{until}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lost_the_wheel_mints_nothing_and_leaves_the_ledger_to_the_other() {
    let (bench, start) = (slow_bench(), Instant::now());
    let run = slow(&bench, start, Wish::default()).await.unwrap();
    let plans = run.plan().await;
    let file = |name: &str| bench.folder.path().join(name);
    let lease = std::fs::read_to_string(file("ledger.json.lease")).unwrap();
    std::fs::write(
        file("ledger.json.lease"),
        lease.replace("the slow one", "the other").replace("nonce\":\"", "nonce\":\"0"),
    )
    .unwrap();
    std::fs::write(file("ledger.json"), "the other's").unwrap();
    bench.sandbox.forget_exchanges();
    let report = run.apply(plans).await;
    assert!(super::stage::mints(&bench).is_empty(), "{}", text(&report));
    assert!(text(&report).contains("this run lost the wheel to the other"), "{}", text(&report));
    assert_eq!(std::fs::read_to_string(file("ledger.json")).unwrap(), "the other's");
    assert!(file("ledger.json.lease").exists(), "it is not ours to give back");
}
