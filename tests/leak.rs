//! Every value that ever was in the sandbox is searched in everything that tokenwheel says and keeps: plain, in base64,
//! percent-encoded, escaped for JSON. The only place where it may be is its destination.

#[cfg(test)]
mod common;
#[cfg(test)]
#[path = "crash/estate.rs"]
mod estate;
#[cfg(test)]
#[path = "crash/estates.rs"]
mod estates;
#[cfg(test)]
#[path = "crash/general.rs"]
mod general;
#[cfg(test)]
#[path = "leak/needle.rs"]
mod needle;
#[cfg(test)]
#[path = "crash/others.rs"]
mod others;
#[cfg(test)]
#[path = "leak/stage.rs"]
mod stage;

#[cfg(test)]
mod leak {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::process::{Command, Stdio};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};
    use tokenwheel::rotation::Verb;
    use tokenwheel_sandbox::{At, Fault, Served, What};

    use crate::common::Bench;
    use crate::needle::Needles;
    use crate::stage::{Ledger, Stage};

    /// Everything that can happen to a request, save the death of the process, after which nothing is said.
    fn faults() -> Vec<What> {
        vec![
            What::Delay(Duration::from_mins(3)),
            What::RateLimited { retry_after: 3600 },
            What::Refuse(401),
            What::Refuse(403),
            What::Refuse(500),
            What::FailAfter(502),
            What::DropBefore,
            What::DropAfter,
            What::Truncate,
            What::Malformed,
            What::Redirect("https://elsewhere.sandbox/?token=taken".to_owned()),
        ]
    }

    /// Plays a run with each fault at every third request, and one more run, and searches what was said and kept.
    #[expect(clippy::print_stdout, reason = "what was searched is shown with --nocapture")]
    fn search(ledger: Ledger) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let requests = runtime.block_on(async {
            let stage = Stage::set(ledger);
            stage.bench.sandbox.forget_exchanges();
            stage.turn().await;
            stage.search("undisturbed");
            let told = stage.bench.told.lock().unwrap().join("\n");
            assert_eq!(told.matches(": confirm: ").count(), 3, "{told}");
            stage.bench.sandbox.exchanges().len()
        });
        assert!(requests > 20, "{requests}");
        let mut runs = 0;
        for (number, fault) in faults().into_iter().enumerate() {
            // Each fault at every third request, beginning with another one each time.
            let first = 1 + (number + usize::from(ledger == Ledger::Variable)) % 3;
            for at in (first..=requests).step_by(3) {
                runtime.block_on(async {
                    let stage = Stage::set(ledger);
                    stage.bench.sandbox.forget_exchanges();
                    stage.bench.sandbox.inject(Fault { at: At::Nth(at), what: fault.clone() });
                    stage.turn().await;
                    stage.bench.sandbox.advance(TimeDelta::hours(12));
                    stage.turn().await;
                    stage.search(&format!("{fault:?} at {at}"));
                });
                runs += 2;
            }
        }
        let place = format!("{ledger:?}");
        println!("{place}: {runs} runs searched, with {} kinds of fault over {requests} requests", faults().len());
    }

    #[test]
    fn no_value_leaks_with_the_ledger_in_a_file() {
        search(Ledger::File);
    }

    #[test]
    fn no_value_leaks_with_the_ledger_in_a_variable() {
        search(Ledger::Variable);
    }

    /// The same over the estates of the other services, each fault at every eleventh request.
    #[test]
    #[expect(clippy::print_stdout, reason = "what was searched is shown with --nocapture")]
    fn no_value_leaks_of_any_succession_or_service() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        for scenario in crate::others::ALL.iter().chain([&crate::estates::SEVERAL]) {
            let requests = runtime.block_on(async {
                let stage = Stage::of(scenario, Ledger::File);
                stage.turn().await;
                stage.search(&format!("{}, undisturbed", scenario.name));
                let told = stage.bench.told.lock().unwrap().join("\n");
                assert!(told.contains(": confirm: "), "{}: {told}", scenario.name);
                stage.bench.sandbox.exchanges().len()
            });
            let mut runs = 0;
            for (number, fault) in faults().into_iter().enumerate() {
                for at in (1 + number..=requests).step_by(11) {
                    runtime.block_on(async {
                        let stage = Stage::of(scenario, Ledger::File);
                        stage.bench.sandbox.forget_exchanges();
                        stage.bench.sandbox.inject(Fault { at: At::Nth(at), what: fault.clone() });
                        stage.turn().await;
                        stage.bench.sandbox.advance(TimeDelta::hours(12));
                        stage.turn().await;
                        stage.search(&format!("{}, {fault:?} at {at}", scenario.name));
                    });
                    runs += 2;
                }
            }
            println!("{}: {runs} runs searched over {requests} requests", scenario.name);
        }
    }

    #[test]
    fn no_value_leaks_when_a_run_panics() {
        let heard: Arc<Mutex<String>> = Arc::default();
        let hook = Arc::clone(&heard);
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let backtrace = std::backtrace::Backtrace::force_capture();
            let panicked = format!("{info}\n{info:?}\n{backtrace}\n");
            hook.lock().unwrap().push_str(&panicked);
        }));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let mut panics = 0;
        for verb in [Verb::Rehearse, Verb::Mint, Verb::Verify, Verb::Deliver, Verb::Confirm] {
            let stage = Stage::set(Ledger::File);
            let fell = catch_unwind(AssertUnwindSafe(|| runtime.block_on(stage.turn_until(verb))));
            panics += usize::from(fell.is_err());
            stage.search(&format!("a panic at {verb}"));
            stage.search_in("a panic", &heard.lock().unwrap());
        }
        std::panic::set_hook(usual);
        assert_eq!(panics, 5);
        assert!(heard.lock().unwrap().contains("fell over"));
    }

    #[expect(clippy::disallowed_methods, reason = "the binary under test reads this clock too")]
    fn now() -> DateTime<Utc> {
        Utc::now()
    }

    #[test]
    fn no_value_leaks_from_the_binary_at_its_most_talkative() {
        let faults = [
            None,
            Some((Verb::Mint, What::Refuse(500))),
            Some((Verb::Mint, What::DropAfter)),
            Some((Verb::Mint, What::Truncate)),
            Some((Verb::Mint, What::Malformed)),
            Some((Verb::Mint, What::Redirect("https://elsewhere.invalid/".to_owned()))),
            Some((Verb::Deliver, What::Refuse(403))),
            Some((Verb::Deliver, What::Refuse(400))),
        ];
        for fault in &faults {
            let mut bench = Bench::new(1);
            bench.sandbox.set_now(now() - TimeDelta::days(1));
            let estate = (crate::estates::PRIMARY_DUE.found)(&mut bench);
            bench.sandbox.set_now(now());
            let served = Served::start(bench.sandbox.clone()).unwrap();
            let config = estate.config.replace("https://gitlab.sandbox", &served.gitlab);
            bench.write_config(&format!(
                "version: 1\nevery: 12h\n{config}ledger: {{ kind: file, path: ledger.json }}\n"
            ));
            if let Some((verb, what)) = fault {
                let (method, path) = match verb {
                    Verb::Mint => (http::Method::POST, "/rotate"),
                    _ => (http::Method::PUT, "/variables/"),
                };
                let at = At::Matching { method, path: path.to_owned(), times: 1 };
                bench.sandbox.inject(Fault { at, what: what.clone() });
            }
            for format in ["text", "json", "markdown", "junit", "openmetrics"] {
                for command in ["rotate", "status", "check", "plan"] {
                    let ran = Command::new(env!("CARGO_BIN_EXE_tokenwheel"))
                        .args([command, "-vv", "--format", format, "--config"])
                        .arg(bench.config_path())
                        .env_clear()
                        .env("RUST_BACKTRACE", "full")
                        .envs(bench.job())
                        .stdin(Stdio::null())
                        .output()
                        .unwrap();
                    let needles = Needles::of(&bench.sandbox.values());
                    let what = format!("{command} --format {format} with {fault:?}");
                    assert!(!ran.stdout.is_empty(), "{what}: {}", String::from_utf8_lossy(&ran.stderr));
                    needles.none_in(&format!("stdout of {what}"), &String::from_utf8_lossy(&ran.stdout));
                    needles.none_in(&format!("stderr of {what}"), &String::from_utf8_lossy(&ran.stderr));
                    let ledger = std::fs::read_to_string(bench.folder.path().join("ledger.json")).unwrap();
                    needles.none_in(&format!("the ledger after {what}"), &ledger);
                }
            }
        }
    }
}
