//! `demo` needs nothing: no environment, no network, no folder that can be written.

use std::process::{Command, Stdio};

use crate::stage::{Ran, Stage};

#[test]
fn the_demo_turns_the_wheel_twice_and_heals_one_failure() {
    let stage = Stage::set();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenwheel"));
    command.arg("demo").env_clear().current_dir("/proc").stdin(Stdio::null());
    let output = command.output().unwrap();
    let ran: Ran = stage.read(&output);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(ran.err, "");
    for verb in ["rehearse", "mint", "verify", "deliver", "confirm"] {
        assert!(ran.out.contains(&format!(": {verb}: ")), "{verb}: {ran}");
    }
    ran.is("demo", stage.folder.path());
}
