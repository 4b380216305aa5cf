//! A GitHub on loopback, a folder with a config, and the binary between them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use tokenwheel_sandbox::github::{DeployKey, GitHub};
use tokenwheel_sandbox::{At, Fault, Sandbox, Served, What};

/// The sandbox, its sockets, the folder of the config, and the environment of the next job.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    served: Served,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) environment: BTreeMap<String, String>,
}

/// How a run ended, and what it printed.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ends(&self, code: i32, says: &str) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        assert!(self.text.contains(says), "{says}\n\n{}", self.text);
    }
}

impl Stage {
    /// A GitHub in which `acme` has `app`, `api` and `ops`, and an App is installed that may administer them and write
    /// their secrets. Its key is in the environment as `APP_KEY`.
    pub(crate) fn set() -> Self {
        // The server's clock goes a minute ahead of ours, as clocks do.
        let sandbox = Sandbox::new(5, now() + TimeDelta::minutes(1));
        let key = sandbox.github(|github| {
            github.add_member("acme", "ada");
            for path in ["acme/app", "acme/api", "acme/ops"] {
                github.add_repository(path);
            }
            let app = github.add_app(17, "wheel");
            let granted = [("administration", "write"), ("secrets", "write"), ("contents", "write")];
            github.install(17, "acme", &granted, None);
            app.private_key
        });
        let served = Served::start(sandbox.clone()).unwrap();
        let environment = BTreeMap::from([("APP_KEY".to_owned(), key)]);
        Self { sandbox, served, folder: tempfile::tempdir().unwrap(), environment }
    }

    pub(crate) fn github<R>(&self, f: impl FnOnce(&mut GitHub) -> R) -> R {
        self.sandbox.github(f)
    }

    pub(crate) fn days_ago(&self, days: i64) -> DateTime<Utc> {
        self.sandbox.now() - TimeDelta::days(days)
    }

    /// Writes the tokens of a config, beside a connection as the App.
    pub(crate) fn write(&self, tokens: &str) {
        let head = format!(
            "version: 1\nevery: 1h\nconnections:\n  github: {{ service: github, url: \"{}\", app: \"17\", \
             installation: 1701, token: env:APP_KEY }}\ntokens:\n",
            self.served.github
        );
        let config = format!("{head}{tokens}\nledger: {{ kind: file, path: ledger.json }}\n");
        std::fs::write(self.folder.path().join("tokenwheel.yml"), config).unwrap();
    }

    pub(crate) fn keep(&self, name: &str, value: &str) {
        std::fs::write(self.folder.path().join(name), value).unwrap();
    }

    /// What a file holds, its last line break included.
    pub(crate) fn held(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Runs the binary to its end. Whatever it prints, no value is ever in it.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// The same with a text on its standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokenwheel"));
        command.env_clear().envs(&self.environment).current_dir(self.folder.path()).args(args);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        // A program that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let files =
            files.filter(|path| path.extension().is_none()).filter_map(|path| std::fs::read_to_string(path).ok());
        for value in self.sandbox.values().into_iter().chain(files) {
            // Of a key, every line is one too many.
            let secret = value.lines().filter(|line| line.len() >= 12 && !line.starts_with("-----"));
            for line in secret {
                assert!(!text.contains(line), "a value was printed:\n{}", text.replace(line, "[HERE]"));
            }
        }
        Ran { code: output.status.code(), text }
    }

    /// Lets something befall the next requests of this kind.
    pub(crate) fn befalls(&self, method: Method, path: &str, times: usize, what: What) {
        self.sandbox.inject(Fault { at: At::Matching { method, path: path.to_owned(), times }, what });
    }

    /// How many requests came in of this kind.
    pub(crate) fn sent(&self, method: &Method, path: &str) -> usize {
        let all = self.sandbox.exchanges();
        all.iter().filter(|exchange| exchange.method == *method && exchange.target.contains(path)).count()
    }

    /// The deploy keys of a title in `acme/app`, oldest first.
    pub(crate) fn keys(&self, title: &str) -> Vec<DeployKey> {
        let all = self.github(|github| github.deploy_keys_of("acme/app"));
        all.into_iter().filter(|key| key.title == title).collect()
    }
}

/// Whatever a test does, GitHub's own description must allow.
impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(tokenwheel_sandbox::violations(&self.sandbox.exchanges()), Vec::<String>::new());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the binary reads the clock of the machine, and the estate must fit it")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
