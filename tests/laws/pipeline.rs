//! Law 13 of the pipeline itself: whether anything starts it, often enough for `every:`, and whether its jobs are given
//! what is rotated. `check` looks at the pipeline that it runs in.

use chrono::TimeDelta;
use tokenwheel::report::RunReport;
use tokenwheel_sandbox::gitlab::{ScheduleVariable, Variable};
use tokenwheel_sandbox::violations;

use crate::common::{Bench, PAIR, pair, text};

/// A job of `acme/tokenwheel`, every twelve hours by its config.
fn job() -> Bench {
    let mut bench = pair();
    for (name, value) in
        [("GITLAB_CI", "true"), ("CI_SERVER_URL", "https://gitlab.sandbox"), ("CI_PROJECT_PATH", "acme/tokenwheel")]
    {
        bench.environment.insert(name.to_owned(), value.to_owned());
    }
    bench
}

/// The number of a schedule of that project, at that time.
fn schedule(bench: &Bench, cron: &str) -> u64 {
    bench.sandbox.gitlab(|gitlab| {
        let owner = gitlab.add_user("jane");
        let id = gitlab.add_schedule("acme/tokenwheel", owner, &[]);
        gitlab.amend_schedule(id, |schedule| cron.clone_into(&mut schedule.cron));
        id
    })
}

async fn checked(bench: &Bench, code: u8, said: &[&str]) -> RunReport {
    let report = bench.check().await;
    let told = text(&report);
    assert_eq!(report.level().code(), code, "{told}");
    for words in said {
        assert!(told.contains(words), "{words}:\n{told}");
    }
    let wrong = violations(&bench.sandbox.exchanges());
    assert!(wrong.is_empty(), "{wrong:?}");
    report
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_comes_often_enough_needs_no_word() {
    let bench = job();
    schedule(&bench, "17 5,17 * * *");
    let report = checked(&bench, 0, &[]).await;
    assert!(report.notes.is_empty(), "{:?}", report.notes);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_nothing_starts_is_told() {
    let bench = job();
    let said = "acme/tokenwheel has no pipeline schedule; make one that runs at least every 12 h on a protected branch";
    checked(&bench, 3, &["nothing starts this pipeline by itself", said]).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_is_too_slow_is_told_with_what_to_write() {
    let bench = job();
    let id = schedule(&bench, "0 4 * * *");
    let said = "may leave 24 h between two runs, and `every:` counts on one every 12 h: write `every: 24h`";
    checked(&bench, 3, &[said]).await;
    // Half of `every` may be lost to lateness; and where clocks are changed, one night is longer.
    bench.sandbox.gitlab(|gitlab| gitlab.amend_schedule(id, |schedule| schedule.cron = "0 4,22 * * *".to_owned()));
    checked(&bench, 0, &[]).await;
    bench.sandbox.gitlab(|gitlab| gitlab.amend_schedule(id, |schedule| schedule.timezone = "Europe/London".to_owned()));
    checked(&bench, 3, &["may leave 19 h", "write `every: 19h`"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_dies_before_the_schedule_comes_again_is_at_risk_whatever_the_config_says() {
    let bench = job();
    schedule(&bench, "0 4 * * 1");
    // The deploy token dies in five days.
    let said = ["write `every: 7d`", "it dies 9 May 00:00 UTC, and the schedule may come no sooner than 11 May"];
    let report = checked(&bench, 4, &said).await;
    let at_risk: Vec<&str> =
        report.tokens.iter().filter(|token| token.at_risk).map(|token| token.name.as_str()).collect();
    assert_eq!(at_risk, ["deploy"]);
}

#[tokio::test(start_paused = true)]
async fn several_schedules_share_the_work_and_one_that_rests_is_no_matter() {
    let bench = job();
    schedule(&bench, "0 4 * * *");
    schedule(&bench, "0 16 * * *");
    let third = schedule(&bench, "0 0 1 1 *");
    bench.sandbox.gitlab(|gitlab| gitlab.amend_schedule(third, |schedule| schedule.active = false));
    checked(&bench, 0, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_of_somebody_who_was_blocked_starts_nothing() {
    let bench = job();
    let id = schedule(&bench, "0 * * * *");
    bench.sandbox.gitlab(|gitlab| {
        let owner = gitlab.schedule(id).unwrap().owner;
        gitlab.block_user(owner);
    });
    checked(&bench, 3, &["nothing starts this pipeline", "its owner @jane is blocked; let somebody else take it over"])
        .await;
    let paused = job();
    let id = schedule(&paused, "0 * * * *");
    paused.sandbox.gitlab(|gitlab| gitlab.amend_schedule(id, |schedule| schedule.active = false));
    checked(&paused, 3, &["it is not active", "its owner is @jane"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_on_a_branch_that_is_not_protected_is_told_with_what_its_jobs_lack() {
    let bench = job();
    let id = schedule(&bench, "0 * * * *");
    bench.sandbox.gitlab(|gitlab| {
        gitlab.add_branch("acme/tokenwheel", "dev", false);
        gitlab.amend_schedule(id, |schedule| schedule.reference = "dev".to_owned());
    });
    let said = "runs on dev, which is not protected, so that its jobs are not given REFRESHER and SPARE";
    checked(&bench, 3, &[said]).await;
    // A branch that is gone cannot be seen, which is told and no more.
    bench.sandbox.gitlab(|gitlab| gitlab.amend_schedule(id, |schedule| schedule.reference = "gone".to_owned()));
    checked(&bench, 0, &["this could not be looked at: whether gone is protected"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_cron_that_is_not_understood_is_told_and_is_no_error() {
    let bench = job();
    schedule(&bench, "0 4 * * mon#1");
    let said = "its cron `0 4 * * mon#1` is not understood here, and was not compared with `every:`";
    checked(&bench, 0, &[said]).await;
}

#[tokio::test(start_paused = true)]
async fn a_variable_of_the_schedule_that_beats_a_rotated_one_is_told() {
    let bench = job();
    let id = schedule(&bench, "0 * * * *");
    let variable = |key: &str| ScheduleVariable {
        key: key.to_owned(),
        value: "an-old-copy-of-it".to_owned(),
        variable_type: "env_var".to_owned(),
        raw: true,
    };
    bench.sandbox.gitlab(|gitlab| {
        gitlab.amend_schedule(id, |schedule| schedule.variables = vec![variable("REFRESHER"), variable("UNRELATED")]);
    });
    let report =
        checked(&bench, 3, &["gives its pipelines a REFRESHER of its own", "take it out of the schedule"]).await;
    assert!(!text(&report).contains("UNRELATED"));
    // One that is rotated itself is in nobody's way.
    let there = format!(
        "{{ kind: gitlab/pipeline-schedule-variable, project: acme/tokenwheel, schedule: {id}, key: REFRESHER }}"
    );
    bench.write_config(&PAIR.replace("{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }", &there));
    assert!(!text(&bench.check().await).contains("of its own"));
}

#[tokio::test(start_paused = true)]
async fn a_variable_of_the_project_that_beats_a_rotated_one_of_its_group_is_told() {
    let bench = job();
    schedule(&bench, "0 * * * *");
    bench.write_config(&PAIR.replace("project: acme/app, key: DEPLOY_TOKEN", "group: acme, key: DEPLOY_TOKEN"));
    let held = Variable {
        key: "DEPLOY_TOKEN".to_owned(),
        value: bench.held("acme/app", "DEPLOY_TOKEN"),
        ..Variable::default()
    };
    bench.sandbox.gitlab(|gitlab| gitlab.add_variable("groups/acme", held));
    checked(&bench, 0, &[]).await;
    bench.keep("acme/tokenwheel", "DEPLOY_TOKEN", "an-old-copy-of-it");
    let said = "project acme/tokenwheel has a DEPLOY_TOKEN of its own, which beats the rotated one of group acme";
    checked(&bench, 3, &[said]).await;
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_looked_at_is_told_and_is_no_error() {
    let mut bench = job();
    bench.environment.insert("CI_PROJECT_PATH".to_owned(), "others/wheel".to_owned());
    bench.sandbox.gitlab(|gitlab| gitlab.add_project("others/wheel"));
    checked(&bench, 0, &["what starts the pipeline of others/wheel could not be looked at", "HTTP 404"]).await;
    bench.environment.insert("CI_SERVER_URL".to_owned(), "https://elsewhere.example".to_owned());
    checked(&bench, 0, &["was not looked at: no connection is logged in to elsewhere.example"]).await;
}

#[tokio::test(start_paused = true)]
async fn outside_a_job_nothing_of_this_is_asked() {
    let bench = pair();
    let report = checked(&bench, 0, &[]).await;
    assert!(report.notes.is_empty());
    assert!(bench.sandbox.exchanges().iter().all(|exchange| !exchange.target.contains("schedules")));
}

const AT_GITHUB: &str = r#"
version: 1
every: 12h
connections:
  github: { service: github, url: "https://github.sandbox", token: env:LOGIN }
tokens:
  signing:
    issuer: { kind: random/secret, name: signing, ttl: 30d, create: true }
    destinations: [PLACE]
ledger: { kind: file, path: ledger.json }
"#;

const WORKFLOW: &str = "on:\n  schedule:\n    - cron: '23 */6 * * *'\njobs:\n  turn:\n    environment: { name: rotation }\n    \
                        steps:\n      - uses: tokenwheel/tokenwheel@v1\n";

/// A job of `acme/wheel` at GitHub, and the workflow that it is of.
fn at_github(place: &str) -> Bench {
    let mut bench = Bench::new(1);
    let now = bench.sandbox.now();
    let login = bench.sandbox.github(|github| {
        github.add_repository("acme/wheel");
        github.add_environment("acme/wheel", "rotation");
        github.add_member("acme", "bot");
        github.add_workflow("acme/wheel", "rotate.yml", "active");
        for place in ["repos/acme/wheel", "orgs/acme"] {
            github.add_secret(tokenwheel_sandbox::github::Store::Actions, place, "SIGNING", "a-value-of-it", now);
        }
        github.add_classic_token("bot", &["repo", "admin:org"], Some(now + TimeDelta::days(60)))
    });
    for (name, value) in [
        ("LOGIN", login.as_str()),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.sandbox"),
        ("GITHUB_REPOSITORY", "acme/wheel"),
        ("GITHUB_WORKFLOW_REF", "acme/wheel/.github/workflows/rotate.yml@refs/heads/main"),
    ] {
        bench.environment.insert(name.to_owned(), value.to_owned());
    }
    bench.write_config(&AT_GITHUB.replace("PLACE", place));
    write_workflow(&bench, WORKFLOW);
    bench
}

fn write_workflow(bench: &Bench, text: &str) {
    let folder = bench.folder.path().join(".github/workflows");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("rotate.yml"), text).unwrap();
}

const REPOSITORY: &str = "{ kind: github/actions-secret, repository: acme/wheel, name: SIGNING }";

#[tokio::test(start_paused = true)]
async fn a_workflow_that_github_switched_off_is_told() {
    let bench = at_github(REPOSITORY);
    let report = bench.check().await;
    assert!(report.notes.is_empty(), "{}", text(&report));
    for (state, said) in [
        (
            "disabled_inactivity",
            "no longer starts .github/workflows/rotate.yml of acme/wheel by itself, because nothing was pushed",
        ),
        ("disabled_manually", "because somebody switched it off"),
    ] {
        bench.sandbox.github(|github| github.add_workflow("acme/wheel", "rotate.yml", state));
        let report = bench.check().await;
        assert!(report.troubled && text(&report).contains(said), "{}", text(&report));
    }
    let wrong = violations(&bench.sandbox.exchanges());
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_beats_the_rotated_one_in_this_workflow_is_told() {
    let now = |bench: &Bench| bench.sandbox.now();
    // An environment's beats the repository's.
    let bench = at_github(REPOSITORY);
    let store = tokenwheel_sandbox::github::Store::Actions;
    bench
        .sandbox
        .github(|github| github.add_secret(store, "repos/acme/wheel/rotation", "SIGNING", "another", now(&bench)));
    let said = "repository acme/wheel environment rotation has a secret SIGNING of its own, which beats the rotated one of \
                repository acme/wheel";
    let report = bench.check().await;
    assert!(report.troubled && text(&report).contains(said), "{}", text(&report));
    // A repository's beats the organisation's.
    let bench = at_github("{ kind: github/actions-secret, organization: acme, name: SIGNING }");
    let report = bench.check().await;
    let said =
        "repository acme/wheel has a secret SIGNING of its own, which beats the rotated one of organisation acme";
    assert!(report.troubled && text(&report).contains(said), "{}", text(&report));
    let wrong = violations(&bench.sandbox.exchanges());
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test(start_paused = true)]
async fn the_schedule_of_a_workflow_is_read_from_its_file() {
    let bench = at_github(REPOSITORY);
    let said = "every: .github/workflows/rotate.yml may leave 24 h between two runs, and `every:` counts on one every 12 h: \
                write `every: 24h`";
    write_workflow(&bench, &WORKFLOW.replace("23 */6 * * *", "23 6 * * *"));
    let report = bench.check().await;
    assert!(report.troubled && text(&report).contains(said), "{}", text(&report));
    // A job that did not check it out cannot know.
    std::fs::remove_dir_all(bench.folder.path().join(".github")).unwrap();
    let report = bench.check().await;
    let said = ".github/workflows/rotate.yml is not checked out beside the config";
    assert!(!report.troubled && text(&report).contains(said), "{}", text(&report));
    // One that only looks starts nothing that rotates.
    let looks = WORKFLOW.replace("23 */6 * * *", "23 6 * * *").replace("@v1", "@v1\n        with: { command: check }");
    write_workflow(&bench, &looks);
    assert!(!bench.check().await.troubled);
}
