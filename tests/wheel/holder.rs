//! Two runs at once: the one that is refused says which run the other is, so that a person can go and look.

use std::process::Stdio;
use std::time::Duration;

use http::Method;
use tokenwheel_sandbox::{At, Fault, What};

use crate::stage::Stage;

/// What a second run is told while the first, started with that environment, is at work.
fn told(environment: &[(&str, &str)]) -> String {
    let stage = Stage::set();
    let at = At::Matching { method: Method::POST, path: "/rotate".to_owned(), times: 1 };
    stage.sandbox.inject(Fault { at, what: What::Delay(Duration::from_secs(2)) });
    let mut command = stage.command(&["rotate"]);
    let mut first =
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let minted = || stage.sandbox.exchanges().iter().any(|one| one.method == Method::POST && one.acted.is_some());
    while !minted() && first.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let second = stage.run(&["rotate"]);
    assert_eq!(second.code, Some(3), "{second}");
    assert!(first.wait().unwrap().success());
    second.err
}

#[test]
fn a_run_at_github_is_named_by_its_address() {
    let job = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.example.com"),
        ("GITHUB_REPOSITORY", "acme/wheel"),
        ("GITHUB_RUN_ID", "4711"),
    ];
    let told = told(&job);
    assert!(
        told.contains(
            "another run is turning this wheel: https://github.example.com/acme/wheel/actions/runs/4711, until"
        ),
        "{told}"
    );
}

#[test]
fn a_job_at_gitlab_is_named_by_its_address() {
    let told = told(&[("GITLAB_CI", "true"), ("CI_JOB_URL", "https://gitlab.example.com/acme/wheel/-/jobs/4711")]);
    assert!(
        told.contains("another run is turning this wheel: https://gitlab.example.com/acme/wheel/-/jobs/4711, until"),
        "{told}"
    );
}
