//! A run that dies between making the new webhook and deleting the old one: the next run ends with one, and one only.

use http::Method;
use tokenwheel_sandbox::gitlab::Hook;
use tokenwheel_sandbox::{At, Fault, What};

use crate::common::{Bench, text};
use crate::stage::{OTHERS, bench, dies, dies_there, full, hooks, inject, only, rotate, rotates, same};

fn masked() -> Bench {
    bench(&full("?token={tok}"), &format!("part: {{ url_variable: tok }}, {OTHERS}"))
}

/// Every write on the way from one webhook to the next.
fn steps() -> [(Method, &'static str); 3] {
    [(Method::POST, "/hooks"), (Method::DELETE, "/hooks/6001"), (Method::PUT, "/hooks/6002")]
}

#[tokio::test(start_paused = true)]
async fn whatever_step_a_run_dies_at_the_next_one_leaves_a_single_webhook_that_works() {
    for (method, path) in steps() {
        for what in [What::KillBefore, What::KillAfter] {
            let told = format!("{method} {path} {what:?}");
            let bench = masked();
            let old = only(&bench);
            dies(&bench, method.clone(), path, what).await;
            let report = rotate(&bench).await;
            let new = only(&bench);
            assert!(bench.is_live(&new.url_variables["tok"]), "{told}: {}", text(&report));
            same(&Hook { url_variables: old.url_variables.clone(), ..new }, &old);
            assert_eq!(report.level().code(), 0, "{told}: {}", text(&report));
        }
    }
}

/// The token goes to a variable too, so that the next run can read it, or to the webhook alone.
fn estates() -> [fn() -> Bench; 2] {
    let beside = || {
        let bench = masked();
        let config = std::fs::read_to_string(bench.config_path()).unwrap();
        let variable = "destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }, ";
        bench.write_config(&config.replacen("destinations: [", variable, 1));
        bench
    };
    [masked, beside]
}

#[tokio::test(start_paused = true)]
async fn whatever_request_a_run_dies_at_the_runs_after_it_leave_a_single_webhook_that_works() {
    for estate in estates() {
        let healthy = estate();
        rotates(&healthy).await;
        let requests = healthy.sandbox.exchanges();
        assert!(requests.len() > 10);
        for (nth, request) in (1..).zip(requests) {
            // After a read is before the next request.
            let after = (request.method != Method::GET).then_some(What::KillAfter);
            for what in [What::KillBefore].into_iter().chain(after) {
                let told = format!("request {nth} {what:?}");
                let bench = estate();
                let old = only(&bench);
                bench.sandbox.inject(Fault { at: At::Nth(nth), what });
                dies_there(&bench).await;
                rotate(&bench).await;
                bench.sandbox.advance(chrono::TimeDelta::hours(12));
                let report = rotate(&bench).await;
                let new = only(&bench);
                assert!(bench.is_live(&new.url_variables["tok"]), "{told}: {}", text(&report));
                same(&Hook { url_variables: old.url_variables.clone(), ..new }, &old);
                assert_eq!(report.level().code(), 0, "{told}: {}", text(&report));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn runs_that_die_one_after_the_other_pile_nothing_up() {
    let bench = masked();
    for _ in 0..3 {
        dies(&bench, Method::DELETE, "/hooks/", What::KillBefore).await;
    }
    assert!(hooks(&bench).len() > 2, "the test is about several");
    rotates(&bench).await;
    assert!(bench.is_live(&only(&bench).url_variables["tok"]));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_is_refused_keeps_it_owed_until_it_is_done() {
    let bench = masked();
    inject(&bench, Method::DELETE, "/hooks/", 9, What::Refuse(503));
    let report = rotate(&bench).await;
    assert_ne!(report.level().code(), 0, "{}", text(&report));
    assert_eq!(hooks(&bench).len(), 2);
    bench.sandbox.clear_faults();
    let report = rotate(&bench).await;
    assert!(bench.is_live(&only(&bench).url_variables["tok"]), "{}", text(&report));
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_could_not_be_taken_off_goes_with_the_next_turn() {
    let bench = masked();
    inject(&bench, Method::PUT, "/hooks/6002", 9, What::Refuse(503));
    rotates(&bench).await;
    bench.sandbox.clear_faults();
    assert!(only(&bench).settings["description"].as_str().unwrap().starts_with("for the desk [tokenwheel "));
    bench.sandbox.advance(chrono::TimeDelta::days(25));
    rotates(&bench).await;
    assert_eq!(only(&bench).settings["description"], "for the desk");
}

#[tokio::test(start_paused = true)]
async fn a_second_one_that_somebody_else_made_is_never_deleted() {
    let bench = masked();
    dies(&bench, Method::DELETE, "/hooks/6001", What::KillBefore).await;
    // Somebody takes the mark for a note and writes over it: now nobody can tell which of the two is meant.
    let ids: Vec<u64> = hooks(&bench).iter().map(|hook| hook.id).collect();
    let change = |hook: &mut Hook| drop(hook.settings.insert("description".to_owned(), "mine".into()));
    bench.sandbox.gitlab(|gitlab| gitlab.amend_hook(ids[1], change));
    let before = hooks(&bench);
    let report = rotate(&bench).await;
    assert!(text(&report).contains("is several, with the numbers 6001 and 6002"), "{}", text(&report));
    assert_eq!(hooks(&bench), before);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_run_left_is_told_by_a_look() {
    let bench = masked();
    dies(&bench, Method::DELETE, "/hooks/6001", What::KillBefore).await;
    let report = bench.plan().await;
    let said = "beside it stands one from a run that was cut off, which its next turn removes";
    assert!(text(&report).contains(said), "{}", text(&report));
    let before = hooks(&bench);
    bench.check().await;
    assert_eq!(hooks(&bench), before, "a look changes nothing");
}
