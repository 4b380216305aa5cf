//! What turns by the clock, which stands still until it is moved: a whole wheel in process.

use chrono::TimeDelta;
use tokenwheel_sandbox::github::Grant;

use crate::common::{Bench, of, rotated, text};

/// A pair of Ada's, each half in a file; `dies_with` is said of it.
fn bench(dies_with: &str) -> Bench {
    let mut bench = Bench::new(4);
    let now = bench.sandbox.now();
    let grant = bench.sandbox.github(|github| github.add_grant("Iv1.a", "ada", true, &[], now));
    bench.environment.insert("REFRESH".to_owned(), grant.refresh.0.clone());
    for (name, value) in [("refresh", &grant.refresh.0), ("access", &grant.access)] {
        std::fs::write(bench.folder.path().join(name), value).unwrap();
    }
    let issuer = "{ kind: github/user-token, client_id: Iv1.a, user: ada, self: env:REFRESH";
    bench.write_config(&format!(
        "version: 1\nevery: 1h\nconnections:\n  github: {{ service: github, url: \"https://github.sandbox\", token: \
         env:REFRESH }}\ntokens:\n  robot:\n    issuer: {issuer}, dies_with: {dies_with} }}\n    destinations:\n      - {{ \
         kind: file, path: refresh }}\n      - {{ kind: file, path: access, part: access }}\nledger: {{ kind: file, \
         path: ledger.json }}\n"
    ));
    bench
}

fn grant(bench: &Bench) -> Grant {
    bench.sandbox.github(|github| github.grant("Iv1.a", "ada")).unwrap()
}

/// Turns what is due after that time; whether it was.
async fn turned_after(bench: &Bench, time: TimeDelta) -> bool {
    bench.sandbox.advance(time);
    let before = grant(bench).refresh.0;
    let report = bench.rotate().await;
    let turned = rotated(&report, "robot");
    assert_eq!(turned, grant(bench).refresh.0 != before, "{}", text(&report));
    assert!(turned || of(&report, "robot").outcome.word() == "kept", "{}", text(&report));
    turned
}

#[tokio::test(start_paused = true)]
async fn a_pair_whose_access_half_is_used_turns_when_two_thirds_of_its_eight_hours_are_over() {
    let bench = bench("access");
    bench.rotate_with(bench.job(), crate::common::force(&["robot"])).await.unwrap();
    assert!(!turned_after(&bench, TimeDelta::hours(5)).await);
    assert!(turned_after(&bench, TimeDelta::minutes(21)).await);
    assert!(!turned_after(&bench, TimeDelta::hours(5)).await);
    assert_eq!(bench.sandbox.github(|github| github.refresh_reuses), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pair_of_which_only_the_refresh_half_counts_turns_after_months() {
    let bench = bench("refresh");
    bench.rotate_with(bench.job(), crate::common::force(&["robot"])).await.unwrap();
    assert!(!turned_after(&bench, TimeDelta::days(120)).await);
    assert!(turned_after(&bench, TimeDelta::days(3)).await);
}
