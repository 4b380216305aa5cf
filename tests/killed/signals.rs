//! SIGTERM at every request of a run: what is in hand comes to its end, nothing begins after it, nobody is left with a
//! dead token.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokenwheel_sandbox::{At, Fault, What};

use super::Stage;

/// Long enough for a signal to arrive while the service takes its time.
const WHILE: Duration = Duration::from_millis(150);

/// Plays one history: what is wrong with it, and whether the run said that it stops.
fn play(at: usize) -> (Vec<String>, bool) {
    let stage = Stage::set();
    let sandbox = stage.sandbox().clone();
    sandbox.forget_exchanges();
    sandbox.inject(Fault { at: At::Nth(at), what: What::Delay(WHILE) });
    let over = AtomicBool::new(false);
    let stopped = thread::scope(|scope| {
        let ended = stage.run_as(Command::new(env!("CARGO_BIN_EXE_tokenwheel")), &stage.bench.job(), |number| {
            let (sandbox, over) = (&sandbox, &over);
            scope.spawn(move || {
                while sandbox.exchanges().len() < at && !over.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(1));
                }
                let status = Command::new("sh").args(["-c", &format!("kill -TERM {number}")]).status().unwrap();
                assert!(status.success() || over.load(Ordering::Relaxed));
            });
        });
        over.store(true, Ordering::Relaxed);
        ended
    });
    let mut broken = stage.lies(&stopped);
    if stopped.code.is_none() {
        broken.push("it died of the signal".to_owned());
    }
    let wrong = stage.estate.wrong(&sandbox);
    broken.extend(wrong.iter().map(|wrong| format!("{} is dead after a run that was asked to stop", wrong.key)));
    // It gave its lease back: the next run begins at once.
    let last = stage.run(&stage.bench.job());
    broken.extend(stage.lies(&last));
    broken.extend(stage.estate.harm(&sandbox));
    if last.code != Some(0) {
        broken.push(format!("the run after it ends with {:?}: {}", last.code, last.said));
    }
    for token in &stage.estate.tokens {
        let strays = stage.estate.strays(&sandbox, token);
        if !strays.is_empty() {
            broken.push(format!("strays of {}: {strays:?}", token.name));
        }
    }
    (broken, stopped.said.contains("stopping: no new rotation is begun"))
}

#[test]
#[expect(clippy::print_stdout, reason = "what was played is shown with --nocapture")]
fn a_process_asked_to_stop_at_any_request_leaves_nobody_with_a_dead_token() {
    let stage = Stage::set();
    stage.sandbox().forget_exchanges();
    assert_eq!(stage.run(&stage.bench.job()).code, Some(0));
    let requests = stage.sandbox().exchanges().len();
    let (mut wrong, mut heard) = (Vec::new(), 0);
    for at in 1..=requests {
        let (broken, stopping) = play(at);
        heard += usize::from(stopping);
        if !broken.is_empty() {
            wrong.push(format!("SIGTERM at {at}: {}", broken.join("; ")));
        }
    }
    println!("SIGTERM: {requests} histories, {heard} said that they stop, {} violations", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(heard * 10 >= requests * 9, "{heard} of {requests} were asked while they ran");
}
