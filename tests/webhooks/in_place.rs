//! What GitLab lets be changed in place is changed in one call, and nothing else is touched.

use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::gitlab::Hook;

use crate::common::{of, text};
use crate::stage::{OTHERS, bench, full, hooks, inject, only, plain, refuses, rotate, rotates, with, writes};

#[tokio::test(start_paused = true)]
async fn a_token_is_changed_in_one_call_and_all_else_stays() {
    let before = full("?team=blue");
    let bench = bench(&before, "part: token");
    rotates(&bench).await;
    let after = only(&bench);
    let value = after.token.clone().unwrap();
    assert!(bench.is_live(&value) && !bench.is_live(&bench.held("acme/app", "DEPLOY_TOKEN")));
    // The first is the try before the mint.
    assert_eq!(writes(&bench), ["PUT hooks/N", "PUT hooks/N"]);
    let [first, second] = bodies(&bench).try_into().unwrap();
    assert_eq!(first, r#"{"enable_ssl_verification":false}"#);
    assert_eq!(second.replace(&value, "NEW"), r#"{"token":"NEW"}"#);
    let settings = after.settings.clone();
    assert_eq!(
        after,
        Hook {
            id: after.id,
            place: after.place,
            created_at: after.created_at,
            settings,
            token: Some(value),
            ..before.clone()
        }
    );
    assert!(before.settings.iter().all(|(name, value)| after.settings.get(name) == Some(value)));
}

fn bodies(bench: &crate::common::Bench) -> Vec<String> {
    let all = bench.sandbox.exchanges();
    let writes = all.iter().filter(|exchange| exchange.method != Method::GET && exchange.target.contains("/hooks"));
    writes.map(|exchange| String::from_utf8_lossy(&exchange.request_body).into_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_custom_header_is_changed_by_its_own_route_and_may_have_a_form() {
    let before = Hook { custom_headers: with("Authorization", "Bearer old"), ..full("") };
    let bench = bench(&before, "part: { custom_header: Authorization }, as: \"Bearer {value}\"");
    rotates(&bench).await;
    let after = only(&bench);
    assert_eq!(writes(&bench), ["PUT hooks/N", "PUT hooks/N/custom_headers/Authorization"]);
    let value = after.custom_headers["Authorization"].strip_prefix("Bearer ").unwrap();
    assert!(bench.is_live(value));
    assert_eq!((after.token, after.signing_token), (before.token, before.signing_token));
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_not_there_is_only_added_when_the_config_says_so() {
    let keys = "part: { custom_header: X-Taem }";
    refuses(&bench(&full(""), keys), "it has no custom header `X-Taem`: add it by hand once, or say `create: true`")
        .await;
    let bench = bench(&full(""), &format!("{keys}, create: true"));
    rotates(&bench).await;
    assert!(bench.is_live(&only(&bench).custom_headers["X-Taem"]));
    assert_eq!(only(&bench).custom_headers["X-Team"], "the-old-header");
}

#[tokio::test(start_paused = true)]
async fn a_variable_that_the_address_does_not_use_is_changed_in_place() {
    let before = Hook { url_variables: with("spare", "old-spare"), ..full("") };
    let bench = bench(&before, "part: { url_variable: spare }");
    rotates(&bench).await;
    assert_eq!(writes(&bench), ["PUT hooks/N", "PUT hooks/N/url_variables/spare"]);
    assert!(bench.is_live(&only(&bench).url_variables["spare"]));
    assert_eq!(only(&bench).custom_headers, before.custom_headers);
}

#[tokio::test(start_paused = true)]
async fn a_parameter_in_clear_keeps_the_token_that_a_new_address_would_take_away() {
    for clears in [true, false] {
        let before = Hook { token: Some("the-old-token".to_owned()), ..plain("?a=1&token=old&b=2") };
        let bench = bench(&before, "part: { url_parameter: token }, secrets: { token: env:HOOK_TOKEN }");
        bench.sandbox.gitlab(|gitlab| gitlab.hooks.address_clears_signing_token = clears);
        let report = rotates(&bench).await;
        let after = only(&bench);
        let value = after.url.split("token=").nth(1).unwrap().strip_suffix("&b=2").unwrap();
        assert!(bench.is_live(value) && after.url.contains("?a=1&token="), "{}", text(&report));
        assert_eq!(after.token.as_deref(), Some("the-old-token"));
        assert_eq!(writes(&bench), ["PUT hooks/N", "PUT hooks/N"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_parameter_in_clear_is_refused_while_the_token_it_would_cost_is_not_at_hand() {
    let before = Hook { token: Some("the-old-token".to_owned()), ..plain("?token=old") };
    refuses(&bench(&before, "part: { url_parameter: token }"), "name its token under `secrets:`").await;
}

#[tokio::test(start_paused = true)]
async fn a_value_is_encoded_where_it_stands_in_an_address() {
    let bench = bench(&plain("?token=old"), "part: { url_parameter: token }, as: \"{value}&role=admin/+\"");
    rotates(&bench).await;
    let url: url::Url = only(&bench).url.parse().unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    assert_eq!(pairs.len(), 1, "no parameter comes into being");
    assert!(pairs[0].1.ends_with("&role=admin/+"));
    let report = rotate(&bench).await;
    assert_eq!(of(&report, "deploy").outcome.word(), "kept", "it is read back as it was given: {}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_is_there_twice_not_at_all_or_partly_masked_is_refused() {
    let keys = "part: { url_parameter: token }";
    refuses(&bench(&plain("?token=a&token=b"), keys), "has the parameter `token` 2 times: leave one").await;
    refuses(&bench(&plain("?tok=a"), keys), "its address has no parameter `token`").await;
    refuses(&bench(&full("?token=a{tok}"), keys), "only a piece of the parameter `token` is masked").await;
}

#[tokio::test(start_paused = true)]
async fn a_false_200_is_seen_where_anything_can_be_seen() {
    let bench = bench(&plain("?token=old"), "part: { url_parameter: token }");
    // The try, then the write: both are said to be done, and nothing is.
    inject(&bench, Method::PUT, "/hooks", 2, What::Refuse(200));
    let report = bench.rotate().await;
    assert!(text(&report).contains("holds another value than was just written"), "{}", text(&report));
    assert_ne!(report.level().code(), 0);
    rotates(&bench).await;
    assert!(bench.is_live(only(&bench).url.split("token=").nth(1).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_did_not_arrive_where_none_was_is_seen() {
    let bench = bench(&plain(""), "part: token");
    inject(&bench, Method::PUT, "/hooks", 2, What::Refuse(200));
    let report = bench.rotate().await;
    assert!(text(&report).contains("it has no token"), "{}", text(&report));
    rotates(&bench).await;
    assert!(bench.is_live(&only(&bench).token.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_somebody_took_away_is_put_back() {
    let bench = bench(&full(""), "part: token");
    rotates(&bench).await;
    let id = only(&bench).id;
    bench.sandbox.gitlab(|gitlab| gitlab.amend_hook(id, |hook| hook.token = None));
    let report = rotate(&bench).await;
    assert!(bench.is_live(&only(&bench).token.unwrap_or_default()), "{}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_is_found_out_before_the_mint() {
    let bench = bench(&full(""), "part: token");
    inject(&bench, Method::PUT, "/hooks", 1, What::Refuse(403));
    refuses(&bench, "cannot be written").await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_write_is_made_up_for_at_once() {
    for what in [What::DropAfter, What::DropBefore, What::FailAfter(502), What::Refuse(503)] {
        let bench = bench(&full(""), "part: token");
        inject(&bench, Method::PUT, "/hooks", 1, what);
        rotates(&bench).await;
        assert!(bench.is_live(&only(&bench).token.unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_of_a_group_is_changed_like_one_of_a_project() {
    let bench = bench(&full(""), "group: acme, part: token");
    bench.sandbox.gitlab(|gitlab| gitlab.add_hook("groups/acme", &full("")));
    rotates(&bench).await;
    let of_group = bench.sandbox.gitlab(|gitlab| gitlab.hooks_of("groups/acme")).remove(0);
    assert!(bench.is_live(&of_group.token.unwrap()));
    assert_eq!(only(&bench).token.as_deref(), Some("the-old-token"), "the project's own is another one");
}

#[tokio::test(start_paused = true)]
async fn a_gitlab_that_wants_the_address_named_is_told_the_same_one() {
    for (hook, part) in [(full("?a={tok}"), "token"), (full(""), "{ custom_header: X-Team }")] {
        let bench = bench(&hook, &format!("part: {part}"));
        bench.sandbox.gitlab(|gitlab| gitlab.hooks.wants_the_address = true);
        rotates(&bench).await;
        let after = only(&bench);
        let held = [after.token.as_deref().unwrap(), &after.custom_headers["X-Team"]];
        assert_eq!(held.iter().filter(|value| bench.is_live(value)).count(), 1);
        assert_eq!((after.url, after.url_variables), (hook.url, hook.url_variables), "nothing else was lost");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_in_clear_is_never_written_back_to_try_something_out() {
    let bench = bench(&plain("?token=the-old-value"), "part: { url_parameter: token }");
    bench.sandbox.gitlab(|gitlab| gitlab.hooks.wants_the_address = true);
    rotates(&bench).await;
    assert!(!bodies(&bench).iter().any(|body| body.contains("the-old-value")), "{:?}", writes(&bench));
    assert!(bench.is_live(only(&bench).url.split("token=").nth(1).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_or_unknown_webhook_is_refused() {
    let two = bench(&full(""), "part: token");
    let second = two.sandbox.gitlab(|gitlab| gitlab.add_hook(crate::stage::APP, &plain("?second")));
    refuses(&two, &format!("is several, with the numbers {} and {second}: name one", second - 1)).await;
    refuses(&bench(&full(""), "name: Dsek, part: token"), "does not exist: create it by hand once").await;
    let by_number = bench(&full(""), "id: 6001, part: token");
    rotates(&by_number).await;
    assert!(by_number.is_live(&hooks(&by_number)[0].token.clone().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn secrets_that_a_change_in_place_does_not_need_are_not_asked_for() {
    let mut bench = bench(&full(""), &format!("part: token, {OTHERS}"));
    bench.environment.remove("HOOK_SIGNING");
    rotates(&bench).await;
}
