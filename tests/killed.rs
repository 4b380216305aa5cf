//! The built binary is killed at every request of a run, before the service acts and after; the runs after it put
//! everything right. The same laws as in `crash`, with a real process, real sockets and a real `kill`.

#[cfg(test)]
mod common;
#[cfg(test)]
#[path = "crash/estate.rs"]
mod estate;
#[cfg(test)]
#[path = "crash/estates.rs"]
mod estates;

#[cfg(test)]
mod killed {
    use std::collections::BTreeMap;
    use std::io::Read as _;
    use std::process::{Child, Command, Stdio};
    use std::sync::{Arc, Mutex};

    mod disk;
    mod signals;

    use chrono::{DateTime, TimeDelta, Utc};
    use tokenwheel_sandbox::{At, Exchange, Fault, Sandbox, Served, What, violations};

    use crate::common::Bench;
    use crate::estate::Estate;

    /// The binary reads the clock of the machine, so the sandbox stands at that time.
    #[expect(clippy::disallowed_methods, reason = "the binary under test reads this clock too")]
    fn now() -> DateTime<Utc> {
        Utc::now()
    }

    struct Stage {
        bench: Bench,
        estate: Estate,
        /// Listens until it is dropped.
        _served: Served,
    }

    /// What came of one run; the code is none when it was killed.
    struct Ended {
        code: Option<i32>,
        said: String,
    }

    impl Stage {
        /// A pair of refreshers, of which one is due, and a token that is due.
        fn set() -> Self {
            let mut bench = Bench::new(1);
            // A day later they are due.
            bench.sandbox.set_now(now() - TimeDelta::days(1));
            let estate = (crate::estates::PRIMARY_DUE.found)(&mut bench);
            bench.sandbox.set_now(now());
            let served = Served::start(bench.sandbox.clone()).unwrap();
            let config = estate.config.replace("https://gitlab.sandbox", &served.gitlab);
            bench.write_config(&format!(
                "version: 1\nevery: 12h\n{config}ledger: {{ kind: file, path: ledger.json }}\n"
            ));
            Self { bench, estate, _served: served }
        }

        fn sandbox(&self) -> &Sandbox {
            &self.bench.sandbox
        }

        /// `tokenwheel rotate` with that environment and no other.
        fn run(&self, job: &BTreeMap<String, String>) -> Ended {
            self.run_as(Command::new(env!("CARGO_BIN_EXE_tokenwheel")), job, |_| {})
        }

        /// The same, started otherwise; what is to be done with it is told its number.
        fn run_as(&self, mut command: Command, job: &BTreeMap<String, String>, started_as: impl FnOnce(u32)) -> Ended {
            let child: Arc<Mutex<Option<Child>>> = Arc::default();
            let victim = Arc::clone(&child);
            self.sandbox().on_kill(Box::new(move || {
                if let Some(child) = victim.lock().unwrap().as_mut() {
                    child.kill().unwrap();
                }
            }));
            let (mut out, mut err) = {
                // Held while it starts, so that no request comes before there is a process to kill.
                let mut place = child.lock().unwrap();
                let mut started = command
                    .args(["rotate", "-vv", "--config"])
                    .arg(self.bench.config_path())
                    .env_clear()
                    .envs(job)
                    .stdin(Stdio::null())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
                let pipes = (started.stdout.take().unwrap(), started.stderr.take().unwrap());
                started_as(started.id());
                *place = Some(started);
                pipes
            };
            let errors = std::thread::spawn(move || {
                let mut text = String::new();
                err.read_to_string(&mut text).map(|_| text)
            });
            let mut said = String::new();
            out.read_to_string(&mut said).unwrap();
            said.push_str(&errors.join().unwrap().unwrap());
            let status = child.lock().unwrap().take().unwrap().wait().unwrap();
            Ended { code: status.code(), said }
        }

        /// What is wrong after a run of this code.
        fn lies(&self, ended: &Ended) -> Vec<String> {
            let mut broken = Vec::new();
            if ended.code == Some(0) {
                broken.extend(
                    self.estate.wrong(self.sandbox()).iter().map(|wrong| format!("exit 0: {} is not live", wrong.key)),
                );
            }
            let ledger = std::fs::read_to_string(self.bench.folder.path().join("ledger.json")).unwrap_or_default();
            let leaks = |value: &String| ended.said.contains(value.as_str()) || ledger.contains(value.as_str());
            if self.sandbox().values().iter().any(leaks) {
                broken.push("a value leaked".to_owned());
            }
            broken
        }

        /// No time passes between the runs here, and the lease of a killed run would last for half an hour.
        fn let_the_lease_end(&self) {
            let _ = std::fs::remove_file(self.bench.folder.path().join("ledger.json.lease"));
        }
    }

    /// Plays one history: what is wrong with it, what was said, and what went over the wire.
    fn play(at: usize, what: &What, stale: bool) -> (Vec<String>, String, Vec<Exchange>) {
        let stage = Stage::set();
        let before = stage.bench.job();
        stage.sandbox().forget_exchanges();
        stage.sandbox().inject(Fault { at: At::Nth(at), what: what.clone() });
        let killed = stage.run(&before);
        let mut broken = stage.lies(&killed);
        if killed.code.is_some() {
            broken.push(format!("it was not killed: {:?}", killed.code));
        }
        stage.let_the_lease_end();
        let first = stage.run(&if stale { before } else { stage.bench.job() });
        broken.extend(stage.lies(&first));
        let last = stage.run(&stage.bench.job());
        broken.extend(stage.lies(&last));
        broken.extend(stage.estate.wrong(stage.sandbox()).iter().map(|wrong| format!("{} is not live", wrong.key)));
        broken.extend(stage.estate.harm(stage.sandbox()));
        for token in &stage.estate.tokens {
            let strays = stage.estate.strays(stage.sandbox(), token);
            if !strays.is_empty() {
                broken.push(format!("strays of {}: {strays:?}", token.name));
            }
        }
        if last.code != Some(0) {
            broken.push(format!("the last run ends with {:?}", last.code));
        }
        let said = format!("{}\n---\n{}\n---\n{}", killed.said, first.said, last.said);
        (broken, said, stage.sandbox().exchanges())
    }

    #[test]
    fn a_process_killed_before_any_request_costs_nothing() {
        play_all(&What::KillBefore);
    }

    #[test]
    fn a_process_killed_after_any_request_costs_nothing() {
        play_all(&What::KillAfter);
    }

    #[expect(clippy::print_stdout, reason = "what was played is shown with --nocapture")]
    fn play_all(what: &What) {
        let stage = Stage::set();
        stage.sandbox().forget_exchanges();
        let undisturbed = stage.run(&stage.bench.job());
        assert_eq!(undisturbed.code, Some(0), "{}", undisturbed.said);
        assert!(stage.estate.wrong(stage.sandbox()).is_empty());
        let requests = stage.sandbox().exchanges().len();
        let (mut wrong, mut wire) = (Vec::new(), Vec::new());
        for at in 1..=requests {
            // The job that comes next was queued before every second death.
            let (broken, said, exchanges) = play(at, what, at % 2 == 0);
            wire.extend(exchanges);
            if !broken.is_empty() {
                wrong.push(format!("{what:?} at {at}: {}\n{said}", broken.join("; ")));
            }
        }
        let death = format!("{what:?}");
        println!("{death}: {requests} histories, {} violations; {} exchanges", wrong.len(), wire.len());
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        let described = violations(&wire);
        assert!(described.is_empty(), "{described:#?}");
    }
}
