//! Consumers first: where the new token kills the old one at once, jobs that may be using the old one are waited for.

use std::sync::Arc;
use std::time::Duration;

use tokenwheel::run::{Reach, Run, Wheel, Wish, World};
use tokenwheel_sandbox::github::Store;
use tokio::time::Instant;

use super::stage::{estate, mints, sentence};
use crate::common::{Bench, force, of, rotated, text};

const WAITING: &str = r"
  deploy:
    rotate: { wait_for_jobs: 10m }
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
";

/// A project token that turns at 20 days, made that many days ago to live that many more.
fn bench(made: i64, dies: i64) -> Bench {
    let (bench, acme) = estate(10, 10, WAITING);
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", made, dies);
    bench
}

fn start(bench: &Bench, project: &str) -> u64 {
    bench.sandbox.gitlab(|gitlab| gitlab.start_job(project, "ship"))
}

/// How often running jobs were looked up.
fn looks(bench: &Bench) -> usize {
    bench.sandbox.exchanges().iter().filter(|one| one.target.contains("/jobs?")).count()
}

#[tokio::test(start_paused = true)]
async fn a_job_that_may_be_using_it_is_waited_for_and_asked_after_politely() {
    let (bench, began) = (bench(25, 5), Instant::now());
    let job = start(&bench, "acme/app");
    let ends = async {
        tokio::time::sleep(Duration::from_secs(290)).await;
        assert!(mints(&bench).is_empty(), "it was still in use");
        bench.sandbox.gitlab(|gitlab| gitlab.finish_job(job));
    };
    let (report, ()) = tokio::join!(bench.rotate(), ends);
    assert!(rotated(&report, "deploy"), "{}", text(&report));
    assert!(bench.is_live(&bench.held("acme/app", "DEPLOY_TOKEN")));
    assert_eq!(began.elapsed().as_secs(), 300);
    assert_eq!(looks(&bench), 11, "every half minute");
    let told = bench.told.lock().unwrap().join("\n");
    assert!(told.contains(&format!("deploy: rehearse: waits for job {job} (ship) of acme/app")), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_goes_on_leaves_the_token_to_the_next_run() {
    let (bench, began) = (bench(25, 5), Instant::now());
    let before = bench.held("acme/app", "DEPLOY_TOKEN");
    start(&bench, "acme/app");
    start(&bench, "acme/app");
    let report = bench.rotate().await;
    insta::assert_snapshot!(sentence(&report, "deploy"), @"nothing was changed: after 10 min it may still be in use by 2 jobs, among them job 90002 (ship) of acme/app; the next run tries again, and waits for nobody once the token would die before the run after");
    assert_eq!(of(&report, "deploy").outcome.word(), "stopped");
    assert!(mints(&bench).is_empty() && bench.is_live(&before));
    assert_eq!((began.elapsed().as_secs(), looks(&bench)), (600, 21));
    assert_eq!(report.level(), tokenwheel::report::Level::Later);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_runs_one_look_is_enough_and_other_projects_are_not_asked() {
    let bench = bench(25, 5);
    start(&bench, "acme/api");
    assert!(rotated(&bench.rotate().await, "deploy"));
    assert_eq!(looks(&bench), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_due_is_not_asked_after() {
    let bench = bench(5, 25);
    start(&bench, "acme/app");
    bench.rotate().await;
    assert_eq!(looks(&bench), 0);
}

/// It dies before the run after, or is dead already: then its jobs fail in any case.
#[tokio::test(start_paused = true)]
async fn a_token_that_is_dead_or_about_to_die_waits_for_nobody() {
    for ends_now in [false, true] {
        let (bench, acme) = estate(10, 10, WAITING);
        let seeded = acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 29, 1);
        start(&bench, "acme/app");
        if ends_now {
            bench.sandbox.gitlab(|gitlab| gitlab.revoke(seeded.id));
        }
        bench.sandbox.advance(chrono::TimeDelta::hours(10));
        let report = bench.rotate_with(bench.job(), Wish::default()).await.unwrap();
        assert!(rotated(&report, "deploy") || ends_now, "{}", text(&report));
        assert_eq!(looks(&bench), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn in_an_emergency_nobody_is_waited_for() {
    let bench = bench(25, 5);
    start(&bench, "acme/app");
    let mut wish = force(&["deploy"]);
    wish.asked.revoke_now = true;
    assert!(rotated(&bench.rotate_with(bench.job(), wish).await.unwrap(), "deploy"));
    assert_eq!(looks(&bench), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_wait_for_itself() {
    let bench = bench(25, 5);
    let own = start(&bench, "acme/app");
    let config = bench.config();
    let wheel = Wheel::build(&config, &bench.setup(bench.job())).unwrap();
    let holder = format!("http://gitlab/acme/app/-/jobs/{own}");
    let world = World { holder, ..bench.world() };
    let run = Run::observe(wheel, world, &config, Wish::default(), Reach::Acts).await.unwrap();
    let plans = run.plan().await;
    assert!(rotated(&run.apply(plans).await, "deploy"));
    assert_eq!(looks(&bench), 1);
}

#[tokio::test(start_paused = true)]
async fn where_jobs_cannot_be_seen_nothing_is_changed_and_check_says_so() {
    use tokenwheel_sandbox::{At, Fault, What};
    let bench = bench(25, 5);
    let at = || At::Matching { method: http::Method::GET, path: "/jobs".to_owned(), times: 9 };
    bench.sandbox.inject(Fault { at: at(), what: What::Refuse(403) });
    let report = bench.rotate().await;
    assert!(mints(&bench).is_empty());
    insta::assert_snapshot!(sentence(&report, "deploy"), @"nothing was changed: it cannot be seen which jobs may be using it, as `wait_for_jobs` asks: GET gitlab.sandbox/api/v4/projects/acme%2Fapp/jobs: HTTP 403: the token's user has no right to this; the next run tries again");
    let checked = bench.check().await;
    assert!(
        sentence(&checked, "deploy").contains("it cannot be seen which jobs may be using it"),
        "{}",
        text(&checked)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_asked_to_stop_does_not_wait_to_the_end() {
    let (bench, began) = (bench(25, 5), Instant::now());
    start(&bench, "acme/app");
    let config = bench.config();
    let wheel = Wheel::build(&config, &bench.setup(bench.job())).unwrap();
    let world = bench.world();
    let stop = Arc::clone(&world.stop);
    let run = Run::observe(wheel, world, &config, Wish::default(), Reach::Acts).await.unwrap();
    let asks = async {
        tokio::time::sleep(Duration::from_secs(65)).await;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    let plans = run.plan().await;
    let (report, ()) = tokio::join!(run.apply(plans), asks);
    assert!(sentence(&report, "deploy").contains("the run was asked to stop"), "{}", text(&report));
    // Who cancels a job waits for ten seconds, and then kills it.
    assert!(began.elapsed().as_secs() <= 66, "{:?}", began.elapsed());
}

const AT_GITHUB: &str = r"
  deploy:
    rotate: { wait_for_jobs: 10m }
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }
      - { kind: PLACE, name: DEPLOY_TOKEN }
";

/// The token goes to GitHub as well, whose login may see runs, or may not.
fn at_github(place: &str, sees: bool) -> Bench {
    let (mut bench, acme) = estate(10, 10, "");
    let deploy = acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 25, 5);
    let now = bench.sandbox.now();
    let mut rights = vec![("secrets", "write"), ("environments", "write"), ("actions_variables", "write")];
    rights.extend(sees.then_some(("actions", "read")));
    let login = bench.sandbox.github(|github| {
        github.add_member("acme", "ada");
        github.add_repository("acme/web");
        for place in ["repos/acme/web", "repos/acme/web/live"] {
            github.add_secret(Store::Actions, place, "DEPLOY_TOKEN", &deploy.value, now);
            github.add_variable(place, "DEPLOY_TOKEN", &deploy.value, now);
        }
        github.add_fine_grained_token("ada", "acme", &rights, Some(now + chrono::TimeDelta::days(90)))
    });
    bench.environment.insert("GITHUB".to_owned(), login);
    let github = "connections:\n  github: { service: github, url: \"https://github.sandbox\", token: env:GITHUB }\n";
    let config = super::stage::HEAD.replace("connections:\n", github) + &AT_GITHUB.replace("PLACE", place);
    bench.write_config(&config);
    bench
}

#[tokio::test(start_paused = true)]
async fn a_run_of_github_is_waited_for_from_when_it_was_handed_the_old_one() {
    let repository = ["github/actions-secret, repository: acme/web", "github/actions-variable, repository: acme/web"];
    let environment = ["github/actions-secret, repository: acme/web, environment: live"];
    for place in repository.into_iter().chain(environment) {
        let (bench, began) = (at_github(place, true), Instant::now());
        let run = bench.sandbox.github(|github| github.start_run("acme/web", "ship", "queued"));
        let turns = async {
            for (seconds, status) in [(100, "in_progress"), (100, "completed")] {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                bench.sandbox.github(|github| github.turn_run(run, status));
            }
        };
        let (report, ()) = tokio::join!(bench.rotate(), turns);
        assert!(rotated(&report, "deploy"), "{place}: {}", text(&report));
        // Jobs are handed what an environment keeps when they start.
        let waited = if place.contains("environment") { 200 } else { 210 };
        assert_eq!(began.elapsed().as_secs(), waited, "{place}");
        assert_eq!(bench.told.lock().unwrap().iter().any(|told| told.contains("waits for run")), waited == 210);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_may_not_see_runs_is_told_the_permission_it_lacks() {
    let bench = at_github("github/actions-secret, repository: acme/web", false);
    let told = sentence(&bench.rotate().await, "deploy");
    assert!(told.contains("it cannot be seen which jobs may be using it") && told.contains("actions=read"), "{told}");
    assert!(mints(&bench).is_empty());
}

fn refusal(more: &str) -> String {
    let (bench, _) = estate(10, 10, more);
    let config = bench.config();
    Wheel::build(&config, &bench.setup(bench.job())).err().map(|problems| problems.to_string()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn it_is_refused_where_it_does_nothing() {
    let long = refusal(&WAITING.replace("10m", "21m"));
    assert!(long.contains("`wait_for_jobs` is 20 min at most"), "{long}");
    let group = refusal(&WAITING.replace("ci-variable, project: acme/app", "ci-variable, group: acme"));
    assert!(group.contains("`wait_for_jobs` does nothing here: only these know their jobs"), "{group}");
    let overlaps = refusal(&WAITING.replace(
        "gitlab/project-access-token, project: acme/app, name",
        "gitlab/deploy-token, project: acme/app, name",
    ));
    assert!(
        overlaps.contains("`wait_for_jobs` does nothing here: the old one lives on beside the new one"),
        "{overlaps}"
    );
}
