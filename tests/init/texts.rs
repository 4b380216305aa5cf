//! All that is written and printed, as it is.

use std::sync::Arc;

use tokenwheel::http::Transport;
use tokenwheel::init::{Forge, Start};
use tokenwheel::run::Setup;

use crate::stage::Stage;

/// No environment, no network.
pub(crate) fn setup() -> Setup {
    Setup {
        environment: Arc::new(|_| None),
        carrier: Arc::new(|_: Option<&str>| -> anyhow::Result<Arc<dyn Transport>> {
            Ok(Arc::new(tokenwheel::demo::Mounted(tokenwheel_sandbox::Sandbox::new(1, chrono::DateTime::UNIX_EPOCH))))
        }),
        random: Arc::new(|buffer: &mut [u8]| buffer.fill(7)),
        offline: true,
    }
}

#[track_caller]
pub(crate) fn is(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// What was printed, and each file.
fn whole(stage: &Stage, args: &[&str]) -> String {
    let said = stage.run(args).well();
    assert_eq!(said.err, "", "{said}");
    let files = stage.files().into_iter().map(|name| format!("── {name} ──\n{}", stage.read(&name)));
    format!("{}\n{}", said.out, files.collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_project_at_gitlab() {
    is("gitlab", &whole(&Stage::of("git@gitlab.com:acme/app.git"), &["init"]));
}

#[test]
fn a_repository_at_github() {
    is("github", &whole(&Stage::of("https://github.com/acme/app"), &["init"]));
}

#[test]
fn everything_at_gitlab_turned_from_the_first_day() {
    let kinds = Start::of(Forge::GitLab).map(|start| start.kind).collect::<Vec<_>>().join(",");
    let stage = Stage::of("ssh://git@git.example.com:2222/acme/platform/app.git");
    let args =
        ["init", "--forge", "gitlab", "--token", &kinds, "--watch=false", "--owner", "@platform", "--ledger", "file"];
    is("gitlab_all", &whole(&stage, &args));
}

#[test]
fn everything_at_github_turned_from_the_first_day() {
    let kinds = Start::of(Forge::GitHub).map(|start| start.kind).collect::<Vec<_>>().join(",");
    let stage = Stage::of("git@github.example.com:acme/app.git");
    is("github_all", &whole(&stage, &["init", "--token", &kinds, "--watch=false", "--every", "30m"]));
}

#[test]
fn a_pipeline_that_is_there_is_left_alone_and_what_to_add_is_told() {
    let stage = Stage::of("git@gitlab.com:acme/app.git");
    stage.put(".gitlab-ci.yml", "build:\n  script: make\n");
    let said = stage.run(&["init"]).well();
    assert_eq!(stage.read(".gitlab-ci.yml"), "build:\n  script: make\n");
    is("gitlab_with_a_pipeline", said.out.split("By hand").next().unwrap());
}

#[test]
fn a_dry_run_prints_what_a_run_would_write() {
    let stage = Stage::of("git@gitlab.com:acme/app.git");
    let dry = stage.run(&["init", "--dry-run"]).well();
    assert_eq!(stage.files(), Vec::<String>::new(), "a dry run wrote");
    let wet = stage.run(&["init"]).well();
    for name in ["tokenwheel.yml", ".gitlab-ci.yml"] {
        assert!(dry.out.contains(&format!("── {name}\n\n{}", stage.read(name))), "{dry}");
    }
    let steps = wet.out.split_once("By hand").unwrap().1;
    assert!(dry.out.ends_with(steps), "{dry}");
}
