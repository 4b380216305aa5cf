//! `gitlab/pipeline-schedule-variable`: only the schedule's owner may write it, and all but its value is kept.

use std::io::Write as _;
use std::process::Stdio;

use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::gitlab::ScheduleVariable;

use crate::stage::{held, inject, is_live, open, order, rotate, said, staged};
use crate::wheel::Stage;

const SCHEDULED: &str = r"    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/pipeline-schedule-variable, project: acme/app, schedule: 501, key: DEPLOY_TOKEN }]
";

fn variable(key: &str, value: &str) -> ScheduleVariable {
    ScheduleVariable { key: key.to_owned(), value: value.to_owned(), variable_type: "file".to_owned(), raw: true }
}

fn scheduled() -> Stage {
    let stage = staged(SCHEDULED);
    let variables = [variable("OTHER", "theirs-and-kept"), variable("DEPLOY_TOKEN", &stage.deploy.value)];
    let id = stage.sandbox.gitlab(|gitlab| gitlab.add_schedule("acme/app", stage.bot, &variables));
    assert_eq!(id, 501);
    stage
}

fn variables(stage: &Stage) -> Vec<ScheduleVariable> {
    stage.sandbox.gitlab(|gitlab| gitlab.schedule(501)).unwrap().variables
}

fn value(stage: &Stage) -> String {
    variables(stage).into_iter().find(|variable| variable.key == "DEPLOY_TOKEN").unwrap().value
}

#[test]
fn due_then_rotated_then_read_back_and_all_else_is_kept() {
    let stage = scheduled();
    let ran = rotate(&stage);
    said(&ran, 0, &[]);
    let new = value(&stage);
    assert!(is_live(&stage, &new) && !is_live(&stage, &stage.deploy.value), "{ran}");
    assert_eq!(variables(&stage), [variable("OTHER", "theirs-and-kept"), variable("DEPLOY_TOKEN", &new)]);
}

#[test]
fn of_a_schedule_of_somebody_else_nothing_is_written_and_it_is_said_whose_it_is() {
    let stage = scheduled();
    stage.sandbox.gitlab(|gitlab| {
        let somebody = gitlab.add_user("somebody");
        gitlab.hand_over_schedule(501, somebody);
    });
    for args in [&["check"][..], &["rotate", "--only", "turned"]] {
        let ran = stage.run(args);
        assert_ne!(ran.code, Some(0), "{ran}");
        said(&ran, ran.code.unwrap(), &["the schedule belongs to @somebody", "only its owner may change"]);
    }
    assert!(value(&stage) == stage.deploy.value && is_live(&stage, &stage.deploy.value));
}

#[test]
fn an_administrator_writes_those_of_others() {
    let stage = scheduled();
    stage.sandbox.gitlab(|gitlab| {
        let root = gitlab.add_admin("root");
        gitlab.hand_over_schedule(501, root);
    });
    said(&rotate(&stage), 3, &["belongs to @root"]);
    let (made, dies) = (stage.ago(1), stage.dies(90));
    let token = stage.sandbox.gitlab(|gitlab| {
        let root = gitlab.add_admin("root two");
        gitlab.add_personal_token(root, "wheel", &["api"], made, Some(dies))
    });
    let mut stage = stage;
    stage.environment.insert("GITLAB_REFRESHER".to_owned(), token.value);
    said(&rotate(&stage), 0, &[]);
    assert!(is_live(&stage, &value(&stage)));
}

#[test]
fn where_nobody_gives_variables_to_pipelines_it_is_refused_before_the_mint() {
    let stage = scheduled();
    stage.sandbox.gitlab(|gitlab| gitlab.nobody_sets_pipeline_variables = true);
    said(&rotate(&stage), 3, &["nothing was changed", "lets that role give variables to pipelines"]);
    assert!(is_live(&stage, &stage.deploy.value));
}

#[test]
fn a_lost_answer_to_the_write_is_written_again() {
    let stage = scheduled();
    // The first is the try, which holds no value.
    inject(&stage, Method::PUT, "/variables/DEPLOY_TOKEN", 2, What::DropAfter);
    said(&rotate(&stage), 0, &[]);
    assert!(is_live(&stage, &value(&stage)));
}

#[test]
fn a_false_200_is_found_out_by_reading_back() {
    let stage = scheduled();
    // It answers a page with 200 to the look after the write: what cannot be read is not confirmed.
    let at =
        tokenwheel_sandbox::At::Matching { method: Method::GET, path: "/pipeline_schedules/501".to_owned(), times: 1 };
    said(&rotate(&stage), 0, &[]);
    let first = value(&stage);
    stage.sandbox.inject(tokenwheel_sandbox::Fault { at, what: What::Malformed });
    let ran = rotate(&stage);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert_eq!(value(&stage), first, "{ran}");
}

#[test]
fn what_does_not_exist_is_made_only_where_that_is_said() {
    let stage = scheduled();
    let missing = SCHEDULED.replace("key: DEPLOY_TOKEN", "key: MORE");
    order(&stage, &missing);
    said(&rotate(&stage), 3, &["does not exist: create it by hand once, or say `create:`"]);
    assert!(is_live(&stage, &stage.deploy.value));
    order(&stage, &missing.replace("key: MORE", "key: MORE, create: { file: true }"));
    said(&rotate(&stage), 0, &[]);
    let made = variables(&stage).into_iter().find(|variable| variable.key == "MORE").unwrap();
    assert!(is_live(&stage, &made.value) && made.variable_type == "file");
}

#[test]
fn a_schedule_that_does_not_exist_is_not_taken_for_an_empty_one() {
    let stage = scheduled();
    order(&stage, &SCHEDULED.replace("schedule: 501", "schedule: 999"));
    said(&rotate(&stage), 3, &["the schedule does not exist, or the login may not see it"]);
    assert!(is_live(&stage, &stage.deploy.value));
}

#[test]
fn a_value_of_several_lines_is_read_back_as_it_went() {
    const KEY: &str = "-----BEGIN A KEY-----\nbm9ib2R5J3Mga2V5\n-----END A KEY-----\n";
    let stage = scheduled();
    order(
        &stage,
        "    issuer: { kind: manual/token, name: key, url: \"https://keys.example.com\" }
    destinations:
      - { kind: gitlab/pipeline-schedule-variable, project: acme/app, schedule: 501, key: DEPLOY_TOKEN }
      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_KEY }
",
    );
    open(&stage, "DEPLOY_KEY", "none yet");
    let mut command = stage.command(&["supply", "turned"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(KEY.as_bytes()).unwrap();
    let ran = stage.read(&child.wait_with_output().unwrap());
    assert_eq!((value(&stage), held(&stage, "DEPLOY_KEY")), (KEY.to_owned(), KEY.to_owned()), "{ran}");
    said(&ran, 0, &[]);
    let ran = rotate(&stage);
    assert!(!ran.to_string().contains("owed") && !ran.to_string().contains("lacks"), "{ran}");
    said(&ran, 0, &[]);
}
