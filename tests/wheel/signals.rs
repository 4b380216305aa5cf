//! Ctrl-C in the middle: what is in hand comes to its end, nothing new begins, and the exit code tells.

use std::process::{Command, Stdio};
use std::time::Duration;

use http::Method;
use tokenwheel_sandbox::{At, Fault, What};

use crate::stage::{CONFIG, Stage};

/// Sends a signal to a process.
fn signal(name: &str, pid: u32) {
    let sent = Command::new("/bin/sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap();
    assert!(sent.success());
}

/// Interrupts `rotate` while the answer to the mint of `deploy` is on its way.
fn interrupted(stage: &Stage, name: &str) -> crate::stage::Ran {
    let at = At::Matching { method: Method::POST, path: "/rotate".to_owned(), times: 1 };
    // Longer than a signal takes on a busy machine.
    stage.sandbox.inject(Fault { at, what: What::Delay(Duration::from_secs(2)) });
    let mut command = stage.command(&["rotate"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let minted = || stage.sandbox.exchanges().iter().any(|one| one.method == Method::POST && one.acted.is_some());
    while !minted() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    signal(name, child.id());
    stage.read(&child.wait_with_output().unwrap())
}

/// One due token, and one due refresher, which comes after it.
fn two_stages() -> Stage {
    let stage = Stage::set();
    let soon = stage.dies(10);
    let made = stage.ago(50);
    let old = stage.sandbox.gitlab(|gitlab| gitlab.add_personal_token(stage.bot, "older", &["api"], made, Some(soon)));
    stage.keep("projects/acme/tokenwheel", "OLDER", &old.value);
    let config = CONFIG.replace("name: wheel-spare", "name: older").replace("key: GITLAB_SPARE", "key: OLDER");
    let mut stage = stage;
    stage.environment.insert("GITLAB_SPARE".to_owned(), old.value);
    stage.write(&config.replace("  opa-agent:", "  opa-agent:\n    rotate: watch"));
    stage
}

#[test]
fn ctrl_c_lets_the_rotation_in_hand_come_to_its_end_and_begins_none() {
    for name in ["INT", "TERM"] {
        let stage = two_stages();
        let older = stage.environment["GITLAB_SPARE"].clone();
        let ran = interrupted(&stage, name);
        assert_eq!(ran.code, Some(3), "{ran}");
        let held = stage.held("projects/acme/app", "DEPLOY_TOKEN", "*");
        assert_ne!(held, stage.deploy.value, "{ran}");
        assert!(stage.sandbox.gitlab(|gitlab| gitlab.is_live(&held)), "{ran}");
        assert_eq!(stage.held("projects/acme/tokenwheel", "OLDER", "*"), older, "{ran}");
        assert!(stage.sandbox.gitlab(|gitlab| gitlab.is_live(&older)), "{ran}");
        // The lease is given back: the next run need not wait for its end.
        assert!(!stage.path("ledger.json.lease").exists());
        ran.is("interrupted", stage.folder.path());
    }
}
