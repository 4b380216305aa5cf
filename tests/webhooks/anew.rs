//! A masked part of the address that is in use: the whole webhook is made anew, and the old one goes last.

use http::Method;
use serde_json::json;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::gitlab::Hook;

use crate::common::{Bench, rotated, text};
use crate::stage::{
    APP, OTHERS, URL, bench, full, hooks, inject, only, plain, refuses, rotate, rotates, same, with, writes,
};

const MASKED: &str = "?a=1&token={tok}";

fn masked() -> Bench {
    bench(&full(MASKED), &format!("part: {{ url_variable: tok }}, {OTHERS}"))
}

#[tokio::test(start_paused = true)]
async fn every_field_and_every_secret_is_carried_over_and_the_old_one_goes_last() {
    let bench = masked();
    let old = only(&bench);
    rotates(&bench).await;
    let new = only(&bench);
    assert_ne!(new.id, old.id);
    assert!(bench.is_live(&new.url_variables["tok"]));
    same(&Hook { url_variables: old.url_variables.clone(), ..new }, &old);
    assert_eq!(writes(&bench), ["PUT hooks/N", "POST hooks", "DELETE hooks/N", "PUT hooks/N"]);
    bench.sandbox.gitlab(|gitlab| gitlab.happens("acme/app", "issues_events"));
    let delivered = bench.sandbox.gitlab(|gitlab| gitlab.deliveries().to_vec());
    assert_eq!(delivered.len(), 1, "what happens is told once, and nothing was sent by the run");
}

#[tokio::test(start_paused = true)]
async fn a_second_turn_makes_it_anew_again_without_a_ledger_too() {
    let bench = masked();
    rotates(&bench).await;
    let first = only(&bench);
    std::fs::remove_file(bench.folder.path().join("ledger.json")).unwrap();
    bench.sandbox.advance(chrono::TimeDelta::days(25));
    rotates(&bench).await;
    let second = only(&bench);
    assert!(second.id != first.id && bench.is_live(&second.url_variables["tok"]));
    same(&Hook { url_variables: first.url_variables.clone(), ..second }, &first);
}

#[tokio::test(start_paused = true)]
async fn a_run_with_nothing_due_leaves_it_alone() {
    let bench = masked();
    rotates(&bench).await;
    let (made, before) = (only(&bench), writes(&bench).len());
    rotate(&bench).await;
    assert_eq!((only(&bench), writes(&bench).len()), (made, before));
}

#[tokio::test(start_paused = true)]
async fn a_masked_parameter_is_named_by_the_parameter_and_encoded() {
    let bench = bench(&full(MASKED), &format!("part: {{ url_parameter: token }}, as: \"{{value}}&x=y\", {OTHERS}"));
    rotates(&bench).await;
    let value = only(&bench).url_variables["tok"].clone();
    assert!(bench.is_live(value.strip_suffix("%26x%3Dy").unwrap()), "it stands in the address as one value");
    assert_eq!(only(&bench).url, format!("{URL}{MASKED}"));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_would_change_the_address_is_refused() {
    let keys = format!("part: {{ url_variable: tok }}, as: \"{{value}}&role=admin\", {OTHERS}");
    refuses(&bench(&full(MASKED), &keys), "which would change the address").await;
}

#[tokio::test(start_paused = true)]
async fn a_parameter_in_clear_beside_headers_is_made_anew_for_a_new_address_would_take_them_away() {
    let bench = bench(&full("?token=old"), &format!("part: {{ url_parameter: token }}, {OTHERS}"));
    let old = only(&bench);
    rotates(&bench).await;
    let new = only(&bench);
    assert!(new.id != old.id && bench.is_live(new.url.split("token=").nth(1).unwrap()));
    same(&Hook { url: old.url.clone(), ..new }, &old);
}

#[tokio::test(start_paused = true)]
async fn the_secrets_that_the_config_does_not_provide_are_listed_before_anything_is_minted() {
    let two = Hook {
        url_variables: [with("tok", "the-old-part"), with("team", "blue-and-secret")].into_iter().flatten().collect(),
        ..full("?token={tok}&team={team}")
    };
    let bare = bench(&two, "part: { url_variable: tok }");
    refuses(
        &bare,
        "name its token, its signing token, its URL variable `team` and its custom header `X-Team` under `secrets:`",
    )
    .await;
    let some = bench(&two, &format!("part: {{ url_variable: tok }}, {OTHERS}"));
    refuses(&some, "name its URL variable `team` under `secrets:`").await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_named_and_not_at_hand_is_refused_before_anything_is_minted() {
    let mut bench = masked();
    bench.environment.remove("HOOK_HEADER");
    refuses(&bench, "its custom header `X-Team`").await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_the_webhook_does_not_have_is_refused() {
    let keys =
        "part: { url_variable: tok }, secrets: { token: env:HOOK_TOKEN, custom_headers: { X-Taem: env:HOOK_HEADER } }";
    let without = Hook { signing_token: None, token: None, custom_headers: with("X-Team", "h-e-a-d"), ..full(MASKED) };
    refuses(&bench(&without, keys), "`secrets` names a token and the custom header `X-Taem`, which it does not have")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_known_by_its_number_is_not_made_anew() {
    let keys = format!("id: 6001, part: {{ url_variable: tok }}, {OTHERS}");
    refuses(&bench(&full(MASKED), &keys), "gets another number then: name it by `url` or `name`").await;
}

#[tokio::test(start_paused = true)]
async fn before_19_0_nobody_tells_whether_there_is_a_token() {
    let without =
        Hook { signing_token: None, token: None, custom_headers: std::collections::BTreeMap::new(), ..full(MASKED) };
    let old = |keys: &str| {
        let bench = bench(&without, &format!("part: {{ url_variable: tok }}{keys}"));
        bench.sandbox.gitlab(|gitlab| (gitlab.hooks.tells_of_tokens, gitlab.hooks.signs) = (false, false));
        bench
    };
    refuses(&old(""), "name its token under `secrets:`; if it has no token, which this GitLab does not tell").await;
    let bench = old(", secrets: { without_token: true }");
    rotates(&bench).await;
    assert!(bench.is_live(&only(&bench).url_variables["tok"]) && only(&bench).token.is_none());
}

#[tokio::test(start_paused = true)]
async fn before_17_1_nothing_is_made_anew() {
    let bench = masked();
    bench.sandbox.gitlab(|gitlab| gitlab.hooks.described = false);
    let id = only(&bench).id;
    bench.sandbox.gitlab(|gitlab| {
        gitlab.amend_hook(id, |hook| drop((hook.settings.remove("description"), hook.settings.remove("name"))));
    });
    refuses(&bench, "which needs GitLab 17.1 or newer").await;
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_cannot_be_carried_over_stops_it_and_leaves_no_second_one() {
    let bench = masked();
    let id = only(&bench).id;
    // A setting of tomorrow that the API shows and does not take.
    bench.sandbox.gitlab(|gitlab| {
        gitlab.amend_hook(id, |hook| drop(hook.settings.insert("quiet_hours".to_owned(), json!("night"))));
    });
    let before = only(&bench);
    let report = bench.rotate().await;
    let said = "was made anew with another quiet_hours, which GitLab does not let be set; the old one stands as it was";
    assert!(text(&report).contains(said), "{}", text(&report));
    assert_eq!(only(&bench), before);
}

#[tokio::test(start_paused = true)]
async fn a_full_project_or_a_refused_creation_leaves_the_old_one_as_it_was() {
    let bench = masked();
    bench.sandbox.gitlab(|gitlab| gitlab.hooks.most = 1);
    let before = only(&bench);
    let report = rotate(&bench).await;
    assert!(text(&report).contains("as many webhooks as GitLab allows here"), "{}", text(&report));
    assert_eq!(only(&bench), before);
    bench.sandbox.gitlab(|gitlab| gitlab.hooks.most = 2);
    rotates(&bench).await;
    assert!(bench.is_live(&only(&bench).url_variables["tok"]));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_too_long_for_an_older_gitlab_leaves_the_old_one_as_it_was() {
    let bench = masked();
    bench.sandbox.gitlab(|gitlab| gitlab.hooks.longest_variable = 20);
    let before = only(&bench);
    let report = rotate(&bench).await;
    assert!(text(&report).contains("older versions take at most 100 characters"), "{}", text(&report));
    assert_eq!(only(&bench), before);
}

#[tokio::test(start_paused = true)]
async fn somebody_s_change_of_the_old_one_meanwhile_is_not_lost() {
    let bench = masked();
    let id = only(&bench).id;
    let sandbox = bench.sandbox.clone();
    // While the new one is being looked at, a person switches an event on.
    let at = tokenwheel_sandbox::At::Matching { method: Method::GET, path: "/hooks/6002".to_owned(), times: 1 };
    bench.sandbox.inject(tokenwheel_sandbox::Fault { at, what: What::Delay(std::time::Duration::from_secs(2)) });
    let (report, ()) = tokio::join!(rotate(&bench), async {
        while sandbox.gitlab(|gitlab| gitlab.hooks_of(APP)).len() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        sandbox.gitlab(|gitlab| {
            gitlab.amend_hook(id, |hook| drop(hook.settings.insert("job_events".to_owned(), json!(true))));
        });
    });
    assert!(text(&report).contains("somebody changed job_events of the old one meanwhile"), "{}", text(&report));
    rotates(&bench).await;
    assert_eq!(only(&bench).settings["job_events"], json!(true));
}

#[tokio::test(start_paused = true)]
async fn the_settings_of_the_last_moment_are_carried_over() {
    let bench = masked();
    let (id, sandbox) = (only(&bench).id, bench.sandbox.clone());
    inject(&bench, Method::POST, "/rotate", 1, What::Delay(std::time::Duration::from_secs(2)));
    let ((), report) = tokio::join!(
        async {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let switch = |hook: &mut Hook| drop(hook.settings.insert("job_events".to_owned(), json!(true)));
            sandbox.gitlab(|gitlab| gitlab.amend_hook(id, switch));
        },
        rotate(&bench)
    );
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    assert!(only(&bench).id != id && only(&bench).settings["job_events"] == json!(true));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_creation_makes_no_second_one() {
    for what in [What::DropAfter, What::FailAfter(502), What::Truncate, What::Malformed] {
        let bench = masked();
        inject(&bench, Method::POST, "/hooks", 1, what);
        rotates(&bench).await;
        assert!(bench.is_live(&only(&bench).url_variables["tok"]));
        assert_eq!(writes(&bench).iter().filter(|write| *write == "POST hooks").count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_never_happened_is_told_and_made_up_for_by_the_next_run() {
    for what in [What::DropBefore, What::Refuse(503), What::Refuse(200)] {
        let bench = masked();
        let before = only(&bench);
        inject(&bench, Method::POST, "/hooks", 1, what);
        let report = bench.rotate().await;
        assert!(text(&report).contains("could not be made anew, and stands as it was"), "{}", text(&report));
        assert!(!rotated(&report, "deploy"));
        assert_eq!(only(&bench), before);
        rotates(&bench).await;
        assert!(bench.is_live(&only(&bench).url_variables["tok"]));
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_at_one_address_the_name_says_which_is_made_anew() {
    let other = Hook {
        url_variables: with("tok", "of-the-other"),
        settings: [("name".to_owned(), json!("Other"))].into_iter().collect(),
        ..plain(MASKED)
    };
    let bench = bench(&full(MASKED), &format!("name: Desk, part: {{ url_variable: tok }}, {OTHERS}"));
    let id = bench.sandbox.gitlab(|gitlab| gitlab.add_hook(APP, &other));
    rotates(&bench).await;
    let all = hooks(&bench);
    assert_eq!(all.len(), 2);
    let kept = all.iter().find(|hook| hook.id == id).unwrap();
    assert_eq!(kept.url_variables["tok"], "of-the-other");
    assert!(bench.is_live(&all.iter().find(|hook| hook.id != id).unwrap().url_variables["tok"]));
}
