//! Whoever can look at the machine.

use std::process::Stdio;
use std::time::Duration;

use http::Method;
use tokenwheel_sandbox::{At, Fault, What};

use crate::stage::Stage;

#[test]
fn the_process_leaves_no_image_of_its_memory_behind() {
    let stage = Stage::set();
    let at = At::Matching { method: Method::POST, path: "/rotate".to_owned(), times: 1 };
    stage.sandbox.inject(Fault { at, what: What::Delay(Duration::from_secs(2)) });
    let mut child = stage.command(&["rotate"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let minted = || stage.sandbox.exchanges().iter().any(|one| one.method == Method::POST);
    while !minted() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words.get(4..6), Some(&["1", "1"][..]), "{core}");
}

#[cfg(unix)]
#[test]
fn what_a_run_remembers_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::set();
    assert_eq!(stage.run(&["rotate"]).code, Some(0));
    let mode = std::fs::metadata(stage.path("ledger.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
