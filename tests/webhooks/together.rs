//! Two secrets of one webhook that turn in one run: none gets the other's old value back.

use std::time::Duration;

use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::gitlab::Hook;

use crate::common::{Bench, rotated, text};
use crate::stage::{URL, bench, full, inject, only, rotate, same, with};

/// `deploy` goes to a masked part of the address; `second`, due as well, to another part of the same webhook.
fn two(hook: &Hook, secrets: &str, part: &str) -> Bench {
    let bench = bench(hook, &format!("part: {{ url_variable: tok }}, secrets: {{ {secrets} }}"));
    let (created, expires) = (bench.days_ago(25), bench.in_days(5));
    bench.sandbox.gitlab(|gitlab| {
        gitlab.add_project_token("acme/app", "second-bot", &["api"], 40, created, Some(expires));
    });
    let config = std::fs::read_to_string(bench.config_path()).unwrap();
    let second = format!(
        "  second:\n    issuer: {{ kind: gitlab/project-access-token, project: acme/app, name: second-bot, ttl: 30d }}\n    \
         destinations: [{{ kind: gitlab/webhook, project: acme/app, url: \"{URL}\", {part} }}]\n"
    );
    bench.write_config(&config.replace("ledger:", &format!("{second}ledger:")));
    bench
}

/// The ways in which the two can get into each other's: whose mint is answered later, and by how much.
fn orders() -> impl Iterator<Item = (&'static str, u64)> {
    [0, 40, 80, 120, 160, 240, 400, 2000].into_iter().flat_map(|later| [("deploy-bot", later), ("second-bot", later)])
}

/// Every request takes 40 ms, and the mint of that one so much longer.
fn slow(bench: &Bench, (name, later): (&str, u64)) {
    bench.sandbox.set_latency(Duration::from_millis(40));
    let id = bench.sandbox.gitlab(|gitlab| gitlab.live_tokens(name).first().unwrap().id);
    inject(bench, Method::POST, &format!("/{id}/rotate"), 1, What::Delay(Duration::from_millis(later)));
}

#[tokio::test(start_paused = true)]
async fn a_token_and_a_masked_part_are_both_the_new_ones_whoever_comes_first() {
    for order in orders() {
        let plain = Hook { token: Some("the-old-token".to_owned()), ..crate::stage::plain("?token={tok}") };
        let hook = Hook { url_variables: with("tok", "the-old-part"), ..plain };
        let bench = two(&hook, "token: env:HOOK_TOKEN", "part: token");
        slow(&bench, order);
        let old = only(&bench);
        let report = rotate(&bench).await;
        assert!(rotated(&report, "deploy") && rotated(&report, "second"), "{order:?}: {}", text(&report));
        let new = only(&bench);
        assert!(bench.is_live(&new.url_variables["tok"]), "{order:?}");
        assert!(bench.is_live(new.token.as_deref().unwrap()), "{order:?}: the token is the old one again");
        same(&Hook { url_variables: old.url_variables.clone(), token: old.token.clone(), ..new }, &old);
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_and_a_masked_part_are_both_the_new_ones_whoever_comes_first() {
    for order in orders() {
        let others =
            "token: env:HOOK_TOKEN, signing_token: env:HOOK_SIGNING, custom_headers: { X-Team: env:HOOK_HEADER }";
        let bench = two(&full("?token={tok}"), others, "part: { custom_header: X-Team }");
        slow(&bench, order);
        let report = rotate(&bench).await;
        assert!(rotated(&report, "deploy") && rotated(&report, "second"), "{order:?}: {}", text(&report));
        let new = only(&bench);
        assert!(bench.is_live(&new.url_variables["tok"]) && bench.is_live(&new.custom_headers["X-Team"]), "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_masked_parts_are_both_the_new_ones_whoever_comes_first() {
    for order in orders() {
        let variables = [with("tok", "the-old-part"), with("key", "the-old-key")].into_iter().flatten().collect();
        let hook = Hook { url_variables: variables, ..crate::stage::plain("?token={tok}&key={key}") };
        let part = "part: { url_parameter: key }, secrets: { url_variables: { tok: env:HOOK_PART } }";
        let mut bench = two(&hook, "url_variables: { key: env:HOOK_KEY }", part);
        bench.environment.insert("HOOK_PART".to_owned(), "the-old-part".to_owned());
        bench.environment.insert("HOOK_KEY".to_owned(), "the-old-key".to_owned());
        slow(&bench, order);
        let report = rotate(&bench).await;
        assert!(rotated(&report, "deploy") && rotated(&report, "second"), "{order:?}: {}", text(&report));
        let new = only(&bench);
        assert!(new.url_variables.values().all(|value| bench.is_live(value)), "{order:?}: {}", text(&report));
        assert!(!new.settings["description"].as_str().unwrap().contains("tokenwheel"));
    }
}

#[tokio::test(start_paused = true)]
async fn two_parameters_in_clear_are_both_the_new_ones_with_a_header_and_without() {
    for header in [true, false] {
        for order in orders() {
            let headers = if header { with("X-Team", "the-old-header") } else { with("", "") };
            let headers = headers.into_iter().filter(|(name, _)| !name.is_empty()).collect();
            let hook = Hook { custom_headers: headers, ..crate::stage::plain("?token=old-1&key=old-2") };
            let secrets =
                if header { "secrets: { custom_headers: { X-Team: env:HOOK_HEADER } }" } else { "secrets: {}" };
            let bench = two(&hook, "", &format!("part: {{ url_parameter: key }}, {secrets}"));
            let config = std::fs::read_to_string(bench.config_path()).unwrap();
            let first = "part: { url_variable: tok }, secrets: {  }";
            assert!(config.contains(first));
            bench.write_config(&config.replace(first, &format!("part: {{ url_parameter: token }}, {secrets}")));
            slow(&bench, order);
            let report = rotate(&bench).await;
            assert!(rotated(&report, "deploy") && rotated(&report, "second"), "{order:?}: {}", text(&report));
            let url: url::Url = only(&bench).url.parse().unwrap();
            assert!(url.query_pairs().all(|(_, value)| bench.is_live(&value)), "{order:?}: {}", text(&report));
        }
    }
}
