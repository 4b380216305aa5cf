//! Law 6: of two refreshers each turns the other, one a run, and a merely stale environment is healed by nobody.

use http::Method;
use tokenwheel::run::Wish;
use tokenwheel_sandbox::{At, Fault, What};

use super::stage::{WHEEL, credential, estate, mints, outcomes, sentence, somebody, troubles, writes};
use crate::common::{force, rotated, text};

#[tokio::test(start_paused = true)]
async fn of_two_that_are_due_one_turns_a_run_and_never_the_one_that_logged_in() {
    let (bench, _) = estate(50, 50, "");
    let (primary, spare) = (bench.held(WHEEL, "REFRESHER"), bench.held(WHEEL, "SPARE"));
    let first = bench.rotate().await;
    insta::assert_snapshot!(outcomes(&first), @"
    refresher: rotated
    spare: waits
    ");
    let [mint] = &mints(&bench)[..] else { panic!("one mint a run") };
    assert_eq!(credential(mint), spare);
    assert!(!bench.is_live(&primary) && bench.is_live(&spare) && bench.is_live(&bench.held(WHEEL, "REFRESHER")));

    bench.sandbox.forget_exchanges();
    let second = bench.rotate().await;
    insta::assert_snapshot!(outcomes(&second), @"
    refresher: kept
    spare: rotated
    ");
    let [mint] = &mints(&bench)[..] else { panic!("one mint a run") };
    assert_eq!(credential(mint), bench.held(WHEEL, "REFRESHER"));
    assert!(!bench.is_live(&spare) && bench.is_live(&bench.held(WHEEL, "SPARE")));

    bench.sandbox.forget_exchanges();
    insta::assert_snapshot!(outcomes(&bench.rotate().await), @"
    refresher: kept
    spare: kept
    ");
    assert!(mints(&bench).is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_request_of_a_run_is_sent_with_the_credential_that_it_turns() {
    let (bench, _) = estate(50, 10, "");
    let primary = bench.held(WHEEL, "REFRESHER");
    bench.rotate().await;
    let with_it: Vec<_> =
        bench.sandbox.exchanges().into_iter().filter(|exchange| credential(exchange) == primary).collect();
    assert!(with_it.iter().all(|exchange| exchange.method == Method::GET), "it is asked who it is, and no more");
}

/// A run that died between mint and delivery: the successor lives, and nobody holds it.
#[tokio::test(start_paused = true)]
async fn each_heals_the_other_when_its_successor_was_lost() {
    for (lost, other, name) in [("REFRESHER", "SPARE", "refresher"), ("SPARE", "REFRESHER", "spare")] {
        let (bench, _) = estate(10, 10, "");
        bench.rotate().await;
        let held = bench.held(WHEEL, lost);
        let id = bench.sandbox.gitlab(|gitlab| gitlab.token_of_value(&held)).unwrap().id;
        somebody(&bench, &bench.held(WHEEL, other), Method::POST, &format!("personal_access_tokens/{id}/rotate"));
        assert!(!bench.is_live(&bench.held(WHEEL, lost)));
        bench.sandbox.advance(chrono::TimeDelta::days(2));

        let report = bench.rotate().await;
        assert!(rotated(&report, name), "{}", text(&report));
        assert!(bench.is_live(&bench.held(WHEEL, lost)) && bench.is_live(&bench.held(WHEEL, other)));
        assert_eq!(bench.sandbox.gitlab(|gitlab| gitlab.reuse_detections), 0);
        assert_eq!(bench.rotate().await.level().code(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_was_started_before_the_last_turn_is_recognised_and_nothing_is_healed() {
    for (name, key) in [("refresher", "REFRESHER"), ("spare", "SPARE")] {
        let (bench, _) = estate(10, 10, "");
        let stale = bench.job();
        assert!(rotated(&bench.rotate_with(bench.job(), force(&[name])).await.unwrap(), name));
        let turned = bench.held(WHEEL, key);
        assert!(!bench.is_live(&stale[key]));

        bench.sandbox.forget_exchanges();
        let report = bench.rotate_with(stale.clone(), Wish::default()).await.unwrap();
        assert!(writes(&bench).is_empty(), "nothing is to be healed");
        assert_eq!(bench.held(WHEEL, key), turned);
        assert!(text(&report).contains("the job was started before its last turn"), "{}", text(&report));
        assert_eq!(report.level().code(), 0, "{}", text(&report));
        assert_eq!(bench.sandbox.gitlab(|gitlab| gitlab.reuse_detections), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_job_goes_on_turning_what_is_due() {
    let (bench, _) = estate(10, 50, "");
    let stale = bench.job();
    bench.rotate_with(bench.job(), force(&["refresher"])).await.unwrap();
    let report = bench.rotate_with(stale, Wish::default()).await.unwrap();
    assert!(rotated(&report, "spare"), "{}", text(&report));
    assert!(bench.is_live(&bench.held(WHEEL, "REFRESHER")) && bench.is_live(&bench.held(WHEEL, "SPARE")));
}

#[tokio::test(start_paused = true)]
async fn refreshers_turn_also_when_others_failed_and_beyond_every_limit() {
    let deploy = r"
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: GONE }]
";
    let (bench, acme) = estate(50, 10, deploy);
    acme.project_token(&bench, "acme/app", "deploy-bot", "ELSEWHERE", 25, 5);
    let report = bench.rotate_with(bench.job(), Wish { max: Some(0), ..Wish::default() }).await.unwrap();
    assert!(rotated(&report, "refresher"), "{}", text(&report));
    let report = bench.rotate_with(bench.job(), force(&["deploy", "spare"])).await.unwrap();
    insta::assert_snapshot!(outcomes(&report), @"
    deploy: stopped
    spare: rotated
    ");
    insta::assert_snapshot!(sentence(&report, "deploy"), @"nothing was changed: gitlab.sandbox acme/app variable GONE does not exist: create it by hand once, or say `create:`; the next run tries again");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_turn_of_a_refresher_is_healed_in_the_same_run() {
    let (bench, _) = estate(50, 10, "");
    let at = At::Matching { method: Method::POST, path: "/rotate".to_owned(), times: 1 };
    bench.sandbox.inject(Fault { at, what: What::DropAfter });
    let report = bench.rotate().await;
    assert!(rotated(&report, "refresher"), "{}", text(&report));
    assert!(bench.is_live(&bench.held(WHEEL, "REFRESHER")));
    assert_eq!(bench.sandbox.gitlab(|gitlab| gitlab.live_tokens("wheel").len()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refresher_that_is_dead_for_good_is_named_with_what_to_do_and_the_other_carries_on() {
    let (bench, _) = estate(10, 10, "");
    bench.rotate().await;
    let dead = bench.held(WHEEL, "REFRESHER");
    bench.sandbox.gitlab(|gitlab| {
        let id = gitlab.token_of_value(&dead).unwrap().id;
        gitlab.revoke(id);
    });
    let report = bench.rotate().await;
    insta::assert_snapshot!(troubles(&report), @"refresher: env:REFRESHER: GET gitlab.sandbox/api/v4/personal_access_tokens/self: HTTP 401: the token was revoked; if this job was started before its last turn, start it again; else make a new one and put it into gitlab.sandbox acme/tokenwheel variable REFRESHER");
    insta::assert_snapshot!(sentence(&report, "refresher"), @r#"no live token of this name exists (gitlab/personal-access-token "wheel" of the refresher's user at gitlab.sandbox), and a dead one cannot be rotated: make it by hand once, or say `create:` where its kind takes it"#);
    assert!(!report.connections[0].dead);
    assert_ne!(report.level().code(), 0, "{}", text(&report));
}

/// The spare's place refuses, so that it cannot be turned; the refresher is all that is left, and dies before the next run.
#[tokio::test(start_paused = true)]
async fn the_last_login_turns_itself_when_the_other_one_cannot_be_turned_and_it_would_be_dead_before_the_next_run() {
    let (bench, _) = estate(59, 10, "");
    let (primary, spare) = (bench.held(WHEEL, "REFRESHER"), bench.held(WHEEL, "SPARE"));
    let id = bench.sandbox.gitlab(|gitlab| gitlab.token_of_value(&spare)).unwrap().id;
    somebody(&bench, &primary, Method::POST, &format!("personal_access_tokens/{id}/rotate"));
    let at = At::Matching { method: Method::PUT, path: "/variables/SPARE".to_owned(), times: usize::MAX };
    bench.sandbox.inject(Fault { at, what: What::Refuse(403) });
    let report = bench.rotate().await;
    assert!(rotated(&report, "refresher"), "{}", text(&report));
    assert!(bench.is_live(&bench.held(WHEEL, "REFRESHER")));
    bench.sandbox.clear_faults();
    bench.rotate().await;
    assert!(bench.is_live(&bench.held(WHEEL, "SPARE")) && bench.is_live(&bench.held(WHEEL, "REFRESHER")));
}

/// As the reports ask: a new one is made by hand and put into its place, while the old one lives on.
#[tokio::test(start_paused = true)]
async fn one_that_a_person_made_and_put_into_its_place_is_taken_over_beside_the_old_one() {
    let (bench, acme) = estate(10, 10, "");
    bench.rotate().await;
    bench.sandbox.advance(chrono::TimeDelta::hours(12));
    let (now, later) = (bench.sandbox.now(), Some(bench.in_days(40)));
    let made = bench.sandbox.gitlab(|gitlab| gitlab.add_personal_token(acme.bot, "wheel-spare", &["api"], now, later));
    bench.keep(WHEEL, "SPARE", &made.value);
    let report = bench.rotate().await;
    assert_eq!(report.level().code(), 0, "{}", text(&report));
    assert_eq!(bench.held(WHEEL, "SPARE"), made.value);
}
