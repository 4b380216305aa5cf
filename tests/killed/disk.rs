//! A disk that takes no more: `ulimit -f` refuses each write beyond so many blocks, with an error or, where the process
//! does not ignore it, with a deadly signal.

use std::process::Command;

use super::{Ended, Stage};

/// The binary, under a shell that limits the size of every file that it writes, in blocks.
fn limited(blocks: u8, deadly: bool) -> Command {
    let trap = if deadly { "" } else { "trap '' XFSZ; " };
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("{trap}ulimit -c 0; ulimit -f {blocks}; exec \"$@\""), "sh"]);
    shell.arg(env!("CARGO_BIN_EXE_tokenwheel"));
    shell
}

/// Whether every destination is as live as before, and the next run, with room again, does all that is due.
fn nothing_is_lost(stage: &Stage, full: &Ended) {
    let mut broken = stage.lies(full);
    broken.extend(stage.estate.wrong(stage.sandbox()).iter().map(|wrong| format!("{} is dead", wrong.key)));
    stage.let_the_lease_end();
    let last = stage.run(&stage.bench.job());
    broken.extend(stage.lies(&last));
    broken.extend(stage.estate.wrong(stage.sandbox()).iter().map(|wrong| format!("{} is dead", wrong.key)));
    broken.extend(stage.estate.harm(stage.sandbox()));
    if last.code != Some(0) {
        broken.push(format!("the run with room ends with {:?}", last.code));
    }
    for token in &stage.estate.tokens {
        let strays = stage.estate.strays(stage.sandbox(), token);
        if !strays.is_empty() {
            broken.push(format!("strays of {}: {strays:?}", token.name));
        }
    }
    assert!(broken.is_empty(), "{broken:?}\n{}\n---\n{}", full.said, last.said);
}

/// The tokens that are made by a run.
fn mints(stage: &Stage) -> usize {
    let exchanges = stage.sandbox().exchanges();
    exchanges.iter().filter(|exchange| exchange.target.ends_with("/rotate") && exchange.acted.is_some()).count()
}

#[test]
fn without_room_for_a_lease_nothing_is_attempted() {
    let stage = Stage::set();
    stage.sandbox().forget_exchanges();
    let full = stage.run_as(limited(0, false), &stage.bench.job(), |_| {});
    assert!(full.code.is_some_and(|code| code > 0) && full.said.contains("nothing was attempted"), "{}", full.said);
    assert_eq!(mints(&stage), 0);
    nothing_is_lost(&stage, &full);
}

#[test]
fn without_room_for_what_is_intended_nothing_is_made() {
    let stage = Stage::set();
    // The ledger of the first run outgrows a block; the lease does not.
    stage.sandbox().forget_exchanges();
    let full = stage.run_as(limited(1, false), &stage.bench.job(), |_| {});
    assert!(full.code.is_some_and(|code| code > 0) && full.said.contains("nothing was changed"), "{}", full.said);
    assert_eq!(mints(&stage), 0, "{}", full.said);
    nothing_is_lost(&stage, &full);
}

#[test]
fn a_process_that_dies_of_a_full_disk_costs_nothing() {
    for blocks in [0, 1] {
        let stage = Stage::set();
        stage.sandbox().forget_exchanges();
        let full = stage.run_as(limited(blocks, true), &stage.bench.job(), |_| {});
        assert!(full.code.is_none(), "with {blocks} blocks it ends with {:?}: {}", full.code, full.said);
        assert_eq!(mints(&stage), 0);
        nothing_is_lost(&stage, &full);
    }
}

#[test]
fn a_file_that_has_no_room_for_a_value_refuses_it_before_it_is_made() {
    let stage = Stage::set();
    let config = std::fs::read_to_string(stage.bench.config_path()).unwrap();
    let held = stage.bench.held("acme/app", "DEPLOY");
    let variable = "{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY }";
    assert!(config.contains(variable), "{config}");
    let config = config.replace(variable, "{ kind: file, path: deploy.token }");
    let ledger = "{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: TOKENWHEEL_LEDGER }";
    let config = config.replace("{ kind: file, path: ledger.json }", ledger);
    stage.bench.write_config(&config);
    let path = stage.bench.folder.path().join("deploy.token");
    std::fs::write(&path, &held).unwrap();
    stage.sandbox().forget_exchanges();
    let full = stage.run_as(limited(0, false), &stage.bench.job(), |_| {});
    assert!(full.said.contains("cannot be written"), "{}", full.said);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), held);
    assert!(stage.bench.is_live(&held), "{}", full.said);

    let last = stage.run(&stage.bench.job());
    assert_eq!(last.code, Some(0), "{}", last.said);
    let now = std::fs::read_to_string(&path).unwrap();
    assert!(now != held && stage.bench.is_live(&now));
    let left: Vec<String> = std::fs::read_dir(stage.bench.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|name| ["deploy.token", "tokenwheel.yml"].contains(&name.as_str())), "{left:?}");
}
