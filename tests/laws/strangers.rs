//! Law 5: what the ledger does not know and no destination holds is somebody else's, also when it is all that lives.

use tokenwheel::report::Outcome;
use tokenwheel_sandbox::gitlab::Seeded;

use super::stage::estate;
use crate::common::{Bench, of, text};

const ROBOT: &str = r"
  robot:
    issuer: { kind: gitlab/service-account-token, group: acme, account: ACCOUNT, name: ci, ttl: 9d }
    rotate: { after: 1d, overlap: 2h }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: ROBOT }]
";

/// A service account with a token of ours, and one of the same name that a person made, so many days ago.
fn robot(by_hand: i64) -> (Bench, Seeded, Seeded) {
    let (bench, _) = estate(10, 10, "");
    let (long_ago, later) = (bench.days_ago(by_hand), Some(bench.in_days(300)));
    let (created, soon) = (bench.days_ago(2), Some(bench.in_days(7)));
    let (account, stranger, ours) = bench.sandbox.gitlab(|gitlab| {
        let account = gitlab.add_service_account("acme", "robot");
        let stranger = gitlab.add_service_account_token(account, "ci", &["api"], long_ago, later);
        (account, stranger, gitlab.add_service_account_token(account, "ci", &["api"], created, soon))
    });
    bench.keep("acme/app", "ROBOT", &ours.value);
    bench.write_config(&format!("{}{}", super::stage::HEAD, ROBOT.replace("ACCOUNT", &account.to_string())));
    (bench, stranger, ours)
}

#[tokio::test(start_paused = true)]
async fn a_token_of_our_name_that_a_person_made_outlives_all_of_ours() {
    let (bench, stranger, _) = robot(400);
    bench.rotate().await;
    let held = bench.held("acme/app", "ROBOT");
    let id = bench.sandbox.gitlab(|gitlab| gitlab.token_of_value(&held)).unwrap().id;
    bench.sandbox.gitlab(|gitlab| gitlab.revoke(id));

    for _ in 0..3 {
        bench.sandbox.advance(chrono::TimeDelta::hours(12));
        let report = bench.rotate().await;
        let refused = matches!(&of(&report, "robot").outcome, Outcome::Refused(why) if why.contains("no live token"));
        assert!(refused, "{}", text(&report));
        assert!(bench.is_live(&stranger.value), "{}", text(&report));
    }
}

/// Two places, of which the second has the old one for half a day more: its overlap begins with its own delivery.
#[tokio::test(start_paused = true)]
async fn a_place_that_gets_the_new_one_late_has_the_whole_overlap() {
    let (bench, _, ours) = robot(400);
    bench.keep("acme/api", "ROBOT", &ours.value);
    let config = std::fs::read_to_string(bench.config_path()).unwrap();
    let both = "key: ROBOT }, { kind: gitlab/ci-variable, project: acme/api, key: ROBOT }]";
    bench.write_config(&config.replace("key: ROBOT }]", both));
    // The first run gives it to both; a person puts the old one, which lives on, back into the second.
    let report = bench.rotate().await;
    let first = bench.held("acme/app", "ROBOT");
    assert!(first != ours.value && bench.is_live(&ours.value), "{}", text(&report));
    bench.keep("acme/api", "ROBOT", &ours.value);

    // Long after the two hours of the first confirmation the second place is given it, and only then do its two begin.
    bench.sandbox.advance(chrono::TimeDelta::hours(12));
    let report = bench.rotate().await;
    assert_ne!(bench.held("acme/api", "ROBOT"), ours.value, "{}", text(&report));
    assert!(bench.is_live(&ours.value), "{}", text(&report));
    bench.sandbox.advance(chrono::TimeDelta::hours(3));
    let report = bench.rotate().await;
    assert!(!bench.is_live(&ours.value), "{}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn one_that_came_after_an_old_memory_is_followed_and_not_revoked() {
    let (bench, _, ours) = robot(400);
    bench.rotate().await;
    let ledger = std::fs::read_to_string(bench.folder.path().join("ledger.json")).unwrap();
    // Everything of ours ends, a person makes another one of the name, and a week-old memory comes back.
    let held = bench.held("acme/app", "ROBOT");
    bench.sandbox.advance(chrono::TimeDelta::days(3));
    let (now, later) = (bench.sandbox.now(), Some(bench.in_days(90)));
    let by_hand = bench.sandbox.gitlab(|gitlab| {
        let account = gitlab.token_of_value(&held).unwrap().user_id;
        for value in [&held, &ours.value] {
            let id = gitlab.token_of_value(value).unwrap().id;
            gitlab.revoke(id);
        }
        gitlab.add_service_account_token(account, "ci", &["api"], now, later)
    });
    std::fs::write(bench.folder.path().join("ledger.json"), ledger).unwrap();

    for _ in 0..3 {
        bench.sandbox.advance(chrono::TimeDelta::hours(12));
        let report = bench.rotate().await;
        assert!(bench.is_live(&by_hand.value), "{}", text(&report));
    }
    assert!(bench.is_live(&bench.held("acme/app", "ROBOT")));
}
