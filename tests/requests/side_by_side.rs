//! Many tokens turn at the same time, under the budget of their host, the most urgent first.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use crate::common::{Bench, text};
use crate::estate::{assert_none_twice, estate};

const TOKENS: usize = 100;

/// A hundred due tokens of ten projects, each in a variable of its own; the later in the alphabet, the sooner dead.
fn a_hundred() -> Bench {
    let tokens = (0..TOKENS).fold(String::new(), |tokens, number| {
        let project = number % 10;
        tokens
            + &format!(
                "  t{number:02}:
    issuer: {{ kind: gitlab/project-access-token, project: acme/p{project}, name: bot-{number:02}, ttl: 300d }}
    destinations: [{{ kind: gitlab/ci-variable, project: acme/p{project}, key: T{number:02} }}]
"
            )
    });
    let (bench, acme) = estate(&format!("{tokens}limits: {{ max_rotations: 100 }}\n"));
    for number in 0..TOKENS {
        let left = 110 - i64::try_from(number).unwrap();
        let (project, name, key) = (number % 10, format!("bot-{number:02}"), format!("T{number:02}"));
        acme.project_token(&bench, &format!("acme/p{project}"), &name, &key, 300, left);
    }
    bench
}

#[tokio::test(start_paused = true)]
async fn a_hundred_tokens_take_seconds_and_the_most_urgent_go_first() {
    let bench = a_hundred();
    bench.sandbox.set_latency(Duration::from_millis(50));
    bench.sandbox.forget_exchanges();
    let begin = Instant::now();
    let report = bench.rotate().await;
    let took = begin.elapsed();
    assert_eq!(report.level().code(), 0, "{}", text(&report));
    assert!(report.tokens.iter().all(|token| token.outcome.is_rotated()), "{}", text(&report));

    let exchanges = bench.sandbox.exchanges();
    assert_none_twice(&exchanges);
    assert!(bench.sandbox.in_flight_peak() <= 20, "{} at once", bench.sandbox.in_flight_peak());
    // Twenty at a time is all that the host is given: what is not waiting for its turn there is lost time.
    let least = Duration::from_millis(50) * u32::try_from(exchanges.len().div_ceil(20)).unwrap();
    let told = format!("{} requests took {} ms: {} would do", exchanges.len(), took.as_millis(), least.as_millis());
    assert!(took.as_secs_f64() < least.as_secs_f64() * 1.15, "{told}");
    assert!(took < Duration::from_millis(2200), "{told}");

    let mut listings: BTreeMap<String, usize> = BTreeMap::new();
    for one in exchanges.iter().filter(|one| one.method == Method::GET && one.target.contains("/access_tokens?")) {
        *listings.entry(one.target.clone()).or_default() += 1;
    }
    assert_eq!(listings.len(), 10, "{listings:?}");
    assert!(listings.values().all(|count| *count == 1), "{listings:?}");

    let ids: Vec<String> = exchanges
        .iter()
        .filter(|one| one.method == Method::POST)
        .map(|one| one.target.rsplit('/').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), TOKENS);
    let mut urgent = ids.clone();
    // They were made in the order of their lives: the later made, the sooner dead.
    urgent.sort_by_key(|id| std::cmp::Reverse(id.parse::<u64>().unwrap()));
    assert_eq!(ids, urgent);
}
