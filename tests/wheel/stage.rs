//! A folder with a config, a sandbox that listens, and the binary between them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use http::Method;
use tokenwheel_sandbox::gitlab::{Seeded, Variable};
use tokenwheel_sandbox::styra::Role;
use tokenwheel_sandbox::{Exchange, Sandbox, Served};

/// The config of the usual estate: one token that is due and one that is not, and all that they depend on.
pub(crate) const CONFIG: &str = r#"version: 1
every: 12h

connections:
  gitlab: { service: gitlab, url: "{gitlab}", token: env:GITLAB_REFRESHER, spare: env:GITLAB_SPARE }
  das: { service: styra, url: "{styra}", token: env:DAS_REFRESHER }

defaults:
  owner: "@platform"

tokens:
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }

  opa-agent:
    issuer: { kind: styra/token, id: application-token, ttl: 3d, paths: ["^/v1/data/.*"] }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: DAS_TOKEN, environment_scope: production }

  gitlab-refresher:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/tokenwheel, key: GITLAB_REFRESHER }

  gitlab-spare:
    refreshes: gitlab.spare
    issuer: { kind: gitlab/personal-access-token, name: wheel-spare, ttl: 60d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/tokenwheel, key: GITLAB_SPARE }

  das-refresher:
    refreshes: das
    accept_risk: DAS gives us one refresher only
    issuer: { kind: styra/token, id: refresher, ttl: 30d, paths: ["^/v1/tokens/.*"] }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/tokenwheel, key: DAS_REFRESHER }

ledger: { kind: file, path: ledger.json }
rescue: { recipients: [age19ggd2mqpf9awyurvt3lxumuaqgph95yma3dv9rnk42n84x7jpp7spsh050] }
"#;

/// The usual config without its rescue.
pub(crate) fn unsealed() -> String {
    CONFIG.lines().filter(|line| !line.starts_with("rescue:")).flat_map(|line| [line, "\n"]).collect()
}

/// The sandbox, its sockets, the folder of the config, and what the next job finds in its environment.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) served: Served,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) environment: BTreeMap<String, String>,
    /// The user of the refreshers.
    pub(crate) bot: u64,
    pub(crate) refresher: Seeded,
    pub(crate) spare: Seeded,
    pub(crate) deploy: Seeded,
}

/// What every test may ask afterwards: was anything changed?
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Estate {
    values: Vec<String>,
    live: Vec<bool>,
    variables: Vec<Option<String>>,
}

/// The places of the usual estate.
const PLACES: &[(&str, &str, &str)] = &[
    ("projects/acme/app", "DEPLOY_TOKEN", "*"),
    ("projects/acme/app", "DAS_TOKEN", "production"),
    ("projects/acme/tokenwheel", "GITLAB_REFRESHER", "*"),
    ("projects/acme/tokenwheel", "GITLAB_SPARE", "*"),
    ("projects/acme/tokenwheel", "DAS_REFRESHER", "*"),
];

impl Stage {
    /// The usual estate, and the config that turns it. `deploy` and `opa-agent` are due.
    pub(crate) fn set() -> Self {
        // The issuer's clock goes a minute ahead of ours, as clocks do.
        let now = now() + TimeDelta::minutes(1);
        let sandbox = Sandbox::new(1, now);
        // Half days, so that an age is the same a minute later.
        let ago = |days: i64| now - TimeDelta::days(days) - TimeDelta::hours(12);
        let dies = |days: i64| Some((now + TimeDelta::days(days)).date_naive());
        let (bot, refresher, spare, deploy) = sandbox.gitlab(|gitlab| {
            gitlab.add_group("acme");
            let bot = gitlab.add_user("platform-bot");
            gitlab.add_member("acme", bot, 50);
            gitlab.add_project("acme/app");
            gitlab.add_project("acme/tokenwheel");
            let refresher = gitlab.add_personal_token(bot, "wheel", &["api"], ago(10), dies(50));
            let spare = gitlab.add_personal_token(bot, "wheel-spare", &["api"], ago(20), dies(40));
            let deploy = gitlab.add_project_token("acme/app", "deploy-bot", &["api"], 40, ago(25), dies(5));
            (bot, refresher, spare, deploy)
        });
        let (agent, das) = sandbox.styra(|styra| {
            styra.refresher_may_read = true;
            let (life, made) = (TimeDelta::days(3), now - TimeDelta::hours(50));
            let agent = styra.add_token("application-token", Role::None, life, &["^/v1/data/.*"], made);
            let paths = &["^/v1/tokens/.*"];
            let das = styra.add_token("refresher", Role::WorkspaceTokenRefresher, TimeDelta::days(30), paths, ago(12));
            (agent, das)
        });
        let served = Served::start(sandbox.clone()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut stage = Self { sandbox, served, folder, environment: BTreeMap::new(), bot, refresher, spare, deploy };
        stage.keep("projects/acme/app", "DEPLOY_TOKEN", &stage.deploy.value.clone());
        let production = Variable { environment_scope: "production".to_owned(), ..variable("DAS_TOKEN", &agent) };
        stage.sandbox.gitlab(|gitlab| gitlab.add_variable("projects/acme/app", production));
        let values = [stage.refresher.value.clone(), stage.spare.value.clone(), das];
        for (key, value) in ["GITLAB_REFRESHER", "GITLAB_SPARE", "DAS_REFRESHER"].iter().zip(values) {
            stage.keep("projects/acme/tokenwheel", key, &value);
            stage.environment.insert((*key).to_owned(), value);
        }
        stage.write(CONFIG);
        stage
    }

    /// Writes the config; `{gitlab}` and `{styra}` stand for the sandbox's addresses.
    pub(crate) fn write(&self, config: &str) {
        let config = config.replace("{gitlab}", &self.served.gitlab).replace("{styra}", &self.served.styra);
        std::fs::write(self.path("tokenwheel.yml"), config).unwrap();
    }

    /// The usual config with one thing changed; it must be there.
    pub(crate) fn amend(&self, from: &str, to: &str) {
        assert!(CONFIG.contains(from), "{from}");
        self.write(&CONFIG.replace(from, to));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a value into a masked, protected variable.
    pub(crate) fn keep(&self, place: &str, key: &str, value: &str) {
        self.sandbox.gitlab(|gitlab| gitlab.add_variable(place, variable(key, value)));
    }

    pub(crate) fn held(&self, place: &str, key: &str, scope: &str) -> String {
        self.sandbox.gitlab(|gitlab| gitlab.variable(place, key, scope)).map(|held| held.value).unwrap_or_default()
    }

    pub(crate) fn ago(&self, days: i64) -> DateTime<Utc> {
        self.sandbox.now() - TimeDelta::days(days) - TimeDelta::hours(12)
    }

    pub(crate) fn dies(&self, days: i64) -> NaiveDate {
        (self.sandbox.now() + TimeDelta::days(days)).date_naive()
    }

    /// A job starts: its environment has the variables as they are now.
    pub(crate) fn start_job(&mut self) {
        for key in ["GITLAB_REFRESHER", "GITLAB_SPARE", "DAS_REFRESHER"] {
            self.environment.insert(key.to_owned(), self.held("projects/acme/tokenwheel", key, "*"));
        }
    }

    /// The binary with these arguments: an empty environment but for the job's own, in the folder of the config.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokenwheel"));
        self.furnish(&mut command).args(args);
        command
    }

    /// Gives a command the environment and the folder of the job.
    pub(crate) fn furnish<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env_clear().envs(&self.environment).current_dir(self.folder.path()).stdin(Stdio::null())
    }

    /// Runs it to its end. Whatever it prints, no value is ever in it.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.read(&self.command(args).output().unwrap())
    }

    /// The same where no file grows beyond so many blocks of 512 bytes: writes fail as on a full disk. A pipe still
    /// takes everything.
    ///
    /// The signal that the kernel sends besides is ignored, for a full disk sends none.
    pub(crate) fn run_on_a_full_disk(&self, blocks: u32, args: &[&str]) -> Ran {
        let mut shell = Command::new("/bin/sh");
        self.furnish(&mut shell).args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]);
        self.read(&shell.arg(env!("CARGO_BIN_EXE_tokenwheel")).args(args).output().unwrap())
    }

    pub(crate) fn read(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let ran = Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) };
        let whole = ran.to_string();
        for value in self.sandbox.values() {
            assert!(!whole.contains(&value), "a value was printed:\n{}", whole.replace(&value, "[HERE]"));
        }
        ran
    }

    /// Runs it, and holds against it that it changed nothing.
    pub(crate) fn run_in_vain(&self, args: &[&str]) -> Ran {
        let before = self.estate();
        self.sandbox.forget_exchanges();
        let ran = self.run(args);
        self.assert_untouched(&before, &ran);
        ran
    }

    pub(crate) fn assert_untouched(&self, before: &Estate, ran: &Ran) {
        assert_eq!(&self.estate(), before, "something was changed:\n{ran}");
        let changes: Vec<String> = self.sandbox.exchanges().iter().filter(|one| changes(one)).map(line).collect();
        assert!(changes.is_empty(), "{changes:#?}\n{ran}");
    }

    /// Every value there is, which of them live, and what the variables hold.
    pub(crate) fn estate(&self) -> Estate {
        let values = self.sandbox.values();
        let alive = |value: &String| {
            self.sandbox.gitlab(|gitlab| gitlab.is_live(value)) || self.sandbox.styra(|styra| styra.is_live(value))
        };
        let live = values.iter().map(alive).collect();
        let held = |(place, key, scope): &(&str, &str, &str)| {
            self.sandbox.gitlab(|gitlab| gitlab.variable(place, key, scope)).map(|held| held.value)
        };
        Estate { live, variables: PLACES.iter().map(held).collect(), values }
    }
}

/// Whether an exchange changed something: all but reads, and writes of a description that is there already.
fn changes(exchange: &Exchange) -> bool {
    let acted = exchange.acted.as_ref().is_some_and(|(status, _)| *status < 300);
    let body: serde_json::Value = serde_json::from_slice(&exchange.request_body).unwrap_or_default();
    let harmless = exchange.method == Method::PUT && body.get("value").is_none() && body.get("description").is_some();
    acted && exchange.method != Method::GET && !(harmless && exchange.target.contains("/variables/"))
}

/// An exchange in one line, without its secrets.
pub(crate) fn line(exchange: &Exchange) -> String {
    let path = exchange.target.split('?').next().unwrap_or_default();
    format!("{} {} {path}", exchange.host, exchange.method)
}

fn variable(key: &str, value: &str) -> Variable {
    let (key, value) = (key.to_owned(), value.to_owned());
    Variable { key, value, masked: true, protected: true, ..Variable::default() }
}

#[expect(clippy::disallowed_methods, reason = "the binary reads the clock of the machine, and the estate must fit it")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// What a run printed, and how it ended.
pub(crate) struct Ran {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        // Tokens turn side by side: what is told of one has an order, what is told of two has none.
        let mut told: Vec<&str> = self.err.split_inclusive('\n').collect();
        told.sort_by_key(|line| line.split(": ").next().filter(|name| names_a_token(name)));
        write!(f, "exit: {code}\n── stdout ──\n{}── stderr ──\n{}", self.out, told.concat())
    }
}

fn names_a_token(start: &str) -> bool {
    ["deploy", "opa-agent", "das-refresher", "gitlab-refresher", "gitlab-spare"].contains(&start)
}

impl Ran {
    /// Holds what was printed against the snapshot of that name.
    #[track_caller]
    pub(crate) fn is(&self, name: &str, folder: &Path) {
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.add_filter(&regex_of(folder), "[folder]");
        settings.add_filter(r"(127\.0\.0\.1|localhost):\d+", "$1:[port]");
        settings.add_filter(r"\d{1,2} [A-Z][a-z]{2} (\d{4} )?\d\d:\d\d UTC", "[time]");
        settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]");
        settings.add_filter(r"process \d+", "process [id]");
        settings.add_filter(r"(tokens?) \d+", "$1 [id]");
        // The columns of a table are as wide as its dates.
        settings.add_filter(r"([^\s]) {2,}", "$1  ");
        settings.bind(|| insta::assert_snapshot!(name, self.to_string()));
    }
}

fn regex_of(folder: &Path) -> String {
    folder.display().to_string().replace('.', r"\.")
}
