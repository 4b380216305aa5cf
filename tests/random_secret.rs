//! `random/secret`: a secret that is made here, for a receiver and a sender who share it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

#[cfg(test)]
mod common;

use chrono::TimeDelta;
use common::{Bench, force, of, rotated, text};

const CONFIG: &str = r"
version: 1
every: 12h
connections: {}
tokens:
  webhook:
    issuer: { kind: random/secret, name: orders, form: whsec, ttl: 30d, create: true }
    destinations:
      - { kind: file, path: sender }
      - { kind: file, path: receiver, first: true }
ledger: { kind: file, path: ledger.json }
";

fn bench() -> Bench {
    let bench = Bench::new(1);
    for name in ["sender", "receiver"] {
        std::fs::write(bench.folder.path().join(name), "").unwrap();
    }
    bench.write_config(CONFIG);
    bench
}

fn held(bench: &Bench, name: &str) -> String {
    std::fs::read_to_string(bench.folder.path().join(name)).unwrap().trim().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_made_here_given_to_all_and_made_again_when_its_time_has_come() {
    let bench = bench();
    let report = bench.rotate().await;
    assert!(rotated(&report, "webhook"), "{}", text(&report));
    assert_eq!(report.level().code(), 0, "{}", text(&report));
    let first = held(&bench, "receiver");
    assert!(first.starts_with("whsec_") && first.len() == 50, "{} characters", first.len());
    assert_eq!(held(&bench, "sender"), first);

    // Nothing is due, and nothing is made; the fingerprint alone says that all is well.
    bench.sandbox.advance(TimeDelta::days(19));
    let report = bench.rotate().await;
    assert_eq!((of(&report, "webhook").outcome.word(), report.level().code()), ("kept", 0), "{}", text(&report));
    assert_eq!(held(&bench, "sender"), first);

    bench.sandbox.advance(TimeDelta::days(1));
    let report = bench.rotate().await;
    assert!(rotated(&report, "webhook"), "{}", text(&report));
    assert_ne!(held(&bench, "sender"), first);
    assert_eq!(held(&bench, "receiver"), held(&bench, "sender"));
    assert!(!text(&report).contains(&first) && !text(&report).contains(&held(&bench, "sender")));
}

#[tokio::test(start_paused = true)]
async fn the_receiver_has_it_before_the_sender_is_given_it() {
    let bench = bench();
    bench.rotate().await;
    let first = held(&bench, "sender");
    // A receiver that takes nothing.
    std::fs::remove_file(bench.folder.path().join("receiver")).unwrap();
    std::fs::create_dir(bench.folder.path().join("receiver")).unwrap();
    let report = bench.rotate_with(bench.job(), force(&["webhook"])).await.unwrap();
    assert!(!rotated(&report, "webhook"), "{}", text(&report));
    assert_eq!(held(&bench, "sender"), first);
}

#[tokio::test(start_paused = true)]
async fn a_place_with_another_value_or_none_is_given_its_siblings() {
    let bench = bench();
    bench.rotate().await;
    let first = held(&bench, "sender");
    for other in ["", "whsec_somebody-elses\n"] {
        std::fs::write(bench.folder.path().join("sender"), other).unwrap();
        let report = bench.rotate().await;
        assert_eq!(of(&report, "webhook").outcome.word(), "redelivered", "{}", text(&report));
        assert_eq!(held(&bench, "sender"), first);
    }
}

#[tokio::test(start_paused = true)]
async fn no_emergency_ends_what_only_its_holders_can_end() {
    let bench = bench();
    bench.rotate().await;
    let first = held(&bench, "sender");
    let run = bench.observe(bench.job(), force(&["webhook"]), tokenwheel::run::Reach::Acts).await.unwrap();
    let report = run.revoke().await;
    assert!(text(&report).contains("nobody can end a shared secret but those who hold it"), "{}", text(&report));
    assert_eq!(held(&bench, "sender"), first);
}

#[test]
fn a_form_that_would_be_too_short_is_refused() {
    let bench = bench();
    for (keys, says) in [("form: whsec, bytes: 16", "24 to 64"), ("bytes: 8", "16 to 64"), ("bytes: 65", "16 to 64")] {
        bench.write_config(&CONFIG.replace("form: whsec", keys));
        let built = tokenwheel::run::Wheel::build(&bench.config(), &bench.setup(bench.job()));
        let problems = built.err().map(|problems| problems.to_string()).unwrap_or_default();
        assert!(problems.contains(says), "{keys}: {problems}");
    }
}
