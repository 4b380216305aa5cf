//! Law 13: time is the issuer's. GitLab gives dates, and a token dies at the first moment of its date.

use chrono::{DateTime, TimeDelta, Utc};

use super::stage::{estate, mints, sentence};
use crate::common::{Bench, force, of, rotated, text};

fn deploy(ttl: &str) -> String {
    format!(
        "
  deploy:
    issuer: {{ kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: {ttl} }}
    destinations: [{{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }}]
"
    )
}

fn bench(ttl: &str, made: i64, dies: i64) -> Bench {
    let (bench, acme) = estate(10, 10, &deploy(ttl));
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", made, dies);
    bench
}

fn dies(bench: &Bench) -> String {
    let held = bench.held("acme/app", "DEPLOY_TOKEN");
    bench.sandbox.gitlab(|gitlab| gitlab.token_of_value(&held)).unwrap().expires_at.unwrap().to_string()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_new_token_lives_at_least_until_the_day_after_tomorrow() {
    for (now, expected) in [
        ("2026-05-04T23:59:59Z", "2026-05-06"),
        ("2026-05-05T00:00:00Z", "2026-05-07"),
        ("2026-12-31T23:30:00Z", "2027-01-02"),
        ("2028-02-28T12:00:00Z", "2028-03-01"),
    ] {
        let (bench, acme) = estate(10, 10, &deploy("2d"));
        bench.sandbox.set_now(at(now));
        for (name, key) in [("wheel", "REFRESHER"), ("wheel-spare", "SPARE")] {
            let (created, end) = (bench.days_ago(1), bench.in_days(50));
            let fresh = bench.sandbox.gitlab(|gitlab| {
                let old = gitlab.live_tokens(name).first().map(|old| old.id);
                if let Some(old) = old {
                    gitlab.revoke(old);
                }
                gitlab.add_personal_token(acme.bot, name, &["api"], created, Some(end))
            });
            let login = fresh.value.clone();
            super::stage::somebody(
                &bench,
                &login,
                http::Method::PUT,
                &format!("projects/acme%2Ftokenwheel/variables/{key}?value={login}"),
            );
        }
        acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 25, 5);
        let report = bench.rotate_with(bench.job(), force(&["deploy"])).await.unwrap();
        assert!(rotated(&report, "deploy"), "{now}: {}", text(&report));
        assert_eq!(dies(&bench), expected, "{now}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_longer_life_is_never_longer_than_ordered() {
    let bench = bench("30d", 25, 5);
    assert!(rotated(&bench.rotate().await, "deploy"));
    assert_eq!(dies(&bench), "2026-06-03");
}

#[tokio::test(start_paused = true)]
async fn death_is_at_the_first_moment_of_the_date() {
    let bench = bench("30d", 5, 25);
    let report = bench.plan().await;
    assert_eq!(of(&report, "deploy").dies, Some(at("2026-05-29T00:00:00Z")));
}

#[tokio::test(start_paused = true)]
async fn what_dies_at_the_coming_midnight_is_rotated_now() {
    // At 06:00 the next run comes at 18:00, and may be six hours late: a death at 00:00 cannot wait for it.
    let bench = bench("30d", 1, 1);
    let report = bench.rotate().await;
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    insta::assert_snapshot!(sentence(&report, "deploy"), @"it dies on 5 May 00:00 UTC, before the run after this one is sure");
}

#[tokio::test(start_paused = true)]
async fn due_is_two_thirds_of_what_was_granted_and_not_of_what_was_ordered() {
    let bench = bench("30d", 6, 84);
    let due = of(&bench.plan().await, "deploy").due.unwrap();
    assert_eq!(due - bench.days_ago(6), (at("2026-07-27T00:00:00Z") - bench.days_ago(6)) / 3 * 2);
    bench.sandbox.set_now(due - TimeDelta::seconds(1));
    assert_eq!(of(&bench.plan().await, "deploy").outcome.word(), "not seen", "the refreshers are dead by then");
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_that_the_administrator_forbids_changes_nothing() {
    let bench = bench("60d", 25, 5);
    bench.sandbox.gitlab(|gitlab| gitlab.max_lifetime_days = 30);
    let old = bench.held("acme/app", "DEPLOY_TOKEN");
    let report = bench.rotate().await;
    assert_eq!(of(&report, "deploy").outcome.word(), "stopped", "{}", text(&report));
    insta::assert_snapshot!(sentence(&report, "deploy"), @"nothing was changed: the issuer refused: POST gitlab.sandbox/api/v4/projects/acme%2Fapp/access_tokens/40003/rotate: HTTP 400: GitLab refuses it as invalid; the next run tries again");
    assert!(bench.is_live(&old));
    assert_eq!(mints(&bench).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_ttl_in_the_config_is_a_changed_order() {
    let bench = bench("30d", 5, 25);
    bench.rotate().await;
    bench.write_config(&format!("{}{}", super::stage::HEAD, deploy("20d")));
    let report = bench.rotate().await;
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    insta::assert_snapshot!(sentence(&report, "deploy"), @"the config orders it otherwise than it was made");
    assert_eq!(dies(&bench), "2026-05-24");
}

#[tokio::test(start_paused = true)]
async fn check_refuses_what_cannot_be_kept() {
    let bench = bench("2d", 1, 25);
    let config = std::fs::read_to_string(bench.config_path()).unwrap();
    bench.write_config(&config.replace("every: 12h", "every: 2d"));
    let report = bench.check().await;
    insta::assert_snapshot!(sentence(&report, "deploy"), @"a life of 2 d cannot be kept by a run every 2 d that may be 24 h late: give it a longer `ttl`, or run more often and say so in `every`; it would turn at every run: past 2/3 of its life comes 32 h after it is made");
}
