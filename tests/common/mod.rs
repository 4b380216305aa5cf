//! What the suites share: a sandbox with a small estate, and a wheel over it, in process and on a paused clock.
#![allow(dead_code, reason = "each suite uses its own part of it")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokenwheel::config::{self, Config};
use tokenwheel::demo::{Mounted, SandboxClock};
use tokenwheel::http::Transport;
use tokenwheel::plan::Asked;
use tokenwheel::report::{Format, Outcome, RunReport, TokenReport};
use tokenwheel::rotation::Verb;
use tokenwheel::run::{Random, Reach, Run, Setup, Wheel, Wish, Witness, World};
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::gitlab::{Seeded, Variable};

/// The time at which every bench begins: a Monday morning.
pub(crate) fn monday() -> DateTime<Utc> {
    "2026-05-04T06:00:00Z".parse().unwrap()
}

/// A wheel over a sandbox.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    /// The folder of the config; `file` destinations and ledgers live here too.
    pub(crate) folder: tempfile::TempDir,
    /// What the next job is started with.
    pub(crate) environment: BTreeMap<String, String>,
    /// CI/CD variables that each job finds in its environment as they are at its start: (place, key).
    pub(crate) variables: Vec<(String, String)>,
    /// Everything that was narrated.
    pub(crate) told: Arc<Mutex<Vec<String>>>,
    runs: Arc<AtomicU8>,
}

impl Bench {
    /// An empty one.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            sandbox: Sandbox::new(seed, monday()),
            folder: tempfile::tempdir().unwrap(),
            environment: BTreeMap::new(),
            variables: Vec::new(),
            told: Arc::default(),
            runs: Arc::new(AtomicU8::new(1)),
        }
    }

    pub(crate) fn days_ago(&self, days: i64) -> DateTime<Utc> {
        self.sandbox.now() - TimeDelta::days(days)
    }

    pub(crate) fn in_days(&self, days: i64) -> NaiveDate {
        (self.sandbox.now() + TimeDelta::days(days)).date_naive()
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.folder.path().join("tokenwheel.yml")
    }

    pub(crate) fn write_config(&self, text: &str) {
        std::fs::write(self.config_path(), text).unwrap();
    }

    pub(crate) fn config(&self) -> Config {
        config::load(&self.config_path()).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Puts a value into a masked, protected variable of a project such as `acme/app`.
    pub(crate) fn keep(&self, project: &str, key: &str, value: &str) {
        let variable = Variable {
            key: key.to_owned(),
            value: value.to_owned(),
            masked: true,
            protected: true,
            ..Variable::default()
        };
        self.sandbox.gitlab(|gitlab| gitlab.add_variable(&format!("projects/{project}"), variable));
    }

    /// What a variable of a project holds; of the only scope there is, or of all.
    pub(crate) fn held(&self, project: &str, key: &str) -> String {
        let place = format!("projects/{project}");
        self.sandbox.gitlab(|gitlab| gitlab.variable(&place, key, "*")).map(|held| held.value).unwrap_or_default()
    }

    /// Whether a value is of a live GitLab token.
    pub(crate) fn is_live(&self, value: &str) -> bool {
        self.sandbox.gitlab(|gitlab| gitlab.is_live(value))
    }

    /// The environment that a job started now would have.
    pub(crate) fn job(&self) -> BTreeMap<String, String> {
        let mut environment = self.environment.clone();
        for (place, key) in &self.variables {
            if let Some(held) = self.sandbox.gitlab(|gitlab| gitlab.variable(place, key, "*")) {
                environment.insert(key.clone(), held.value);
            }
        }
        environment
    }

    pub(crate) fn setup(&self, environment: BTreeMap<String, String>) -> Setup {
        let sandbox = self.sandbox.clone();
        Setup {
            environment: Arc::new(move |name| environment.get(name).cloned()),
            random: self.random(),
            carrier: Arc::new(move |_: Option<&str>| Ok(Arc::new(Mounted(sandbox.clone())) as Arc<dyn Transport>)),
            offline: false,
        }
    }

    /// No two fillings of a bench are the same, and every test is.
    fn random(&self) -> Random {
        let runs = Arc::clone(&self.runs);
        Arc::new(move |buffer: &mut [u8]| {
            let filling = runs.fetch_add(1, Ordering::Relaxed);
            buffer.iter_mut().zip(0_u8..).for_each(|(byte, at)| *byte = at.wrapping_mul(37) ^ filling);
        })
    }

    pub(crate) fn world(&self) -> World {
        let told = Arc::clone(&self.told);
        World {
            clock: Arc::new(SandboxClock(self.sandbox.clone())),
            random: self.random(),
            holder: "a test".to_owned(),
            witness: Arc::new(Told(told)),
            stop: Arc::new(AtomicBool::new(false)),
        }
    }

    /// A job that looks, with that environment.
    pub(crate) async fn observe(&self, job: BTreeMap<String, String>, wish: Wish, reach: Reach) -> Result<Run, String> {
        let config = config::load(&self.config_path()).map_err(|problems| problems.to_string())?;
        let wheel = Wheel::build(&config, &self.setup(job)).map_err(|problems| problems.to_string())?;
        Run::observe(wheel, self.world(), &config, wish, reach).await.map_err(|why| why.to_string())
    }

    /// `tokenwheel plan`
    pub(crate) async fn plan(&self) -> RunReport {
        let run = self.observe(self.job(), Wish::default(), Reach::Reads).await.unwrap();
        let plans = run.plan().await;
        run.planned(&plans, "plan")
    }

    /// `tokenwheel check`
    pub(crate) async fn check(&self) -> RunReport {
        let run = self.observe(self.job(), Wish::default(), Reach::Reads).await.unwrap();
        run.check(&self.config()).await
    }

    /// `tokenwheel rotate`
    pub(crate) async fn rotate(&self) -> RunReport {
        self.rotate_with(self.job(), Wish::default()).await.unwrap()
    }

    /// `tokenwheel rotate`, with that environment and wish.
    pub(crate) async fn rotate_with(&self, job: BTreeMap<String, String>, wish: Wish) -> Result<RunReport, String> {
        let run = self.observe(job, wish, Reach::Acts).await?;
        let plans = run.plan().await;
        Ok(run.apply(plans).await)
    }
}

/// Takes down what is told, as the log of a job does.
struct Told(Arc<Mutex<Vec<String>>>);

impl Witness for Told {
    fn told(&self, token: &str, verb: Verb, detail: &str) {
        self.0.lock().unwrap().push(format!("{token}: {verb}: {detail}"));
    }

    fn sealed(&self, token: &str, block: &str, _kept: bool) {
        self.0.lock().unwrap().push(format!("{token}: sealed: {block}"));
    }
}

/// `--only NAME… --force --reason …`
pub(crate) fn force(names: &[&str]) -> Wish {
    let asked = Asked { force: true, revoke_now: false, reason: Some("a test asks for it".to_owned()) };
    Wish { only: names.iter().map(|name| (*name).to_owned()).collect(), asked, max: None }
}

/// The report of one token.
pub(crate) fn of<'a>(report: &'a RunReport, name: &str) -> &'a TokenReport {
    report.tokens.iter().find(|token| token.name == name).unwrap_or_else(|| panic!("{}", text(report)))
}

/// Whether a token was rotated.
pub(crate) fn rotated(report: &RunReport, name: &str) -> bool {
    matches!(of(report, name).outcome, Outcome::Rotated { .. })
}

/// The report as people read it.
pub(crate) fn text(report: &RunReport) -> String {
    report.render(Format::Text, false)
}

/// A GitLab with one group, three projects and a bot that owns them: `acme/app`, `acme/api`, `acme/tokenwheel`.
pub(crate) struct Acme {
    pub(crate) bot: u64,
}

impl Acme {
    pub(crate) fn found(bench: &Bench) -> Self {
        bench.sandbox.gitlab(|gitlab| {
            gitlab.add_group("acme");
            let bot = gitlab.add_user("platform-bot");
            gitlab.add_member("acme", bot, 50);
            for project in ["acme/app", "acme/api", "acme/tokenwheel"] {
                gitlab.add_project(project);
            }
            Self { bot }
        })
    }

    /// A refresher of the bot, kept in a variable of `acme/tokenwheel` and handed to each job from there.
    pub(crate) fn refresher(&self, bench: &mut Bench, name: &str, key: &str, made: i64, dies: i64) -> Seeded {
        let (created, expires) = (bench.days_ago(made), bench.in_days(dies));
        let seeded =
            bench.sandbox.gitlab(|gitlab| gitlab.add_personal_token(self.bot, name, &["api"], created, Some(expires)));
        bench.keep("acme/tokenwheel", key, &seeded.value);
        bench.variables.push(("projects/acme/tokenwheel".to_owned(), key.to_owned()));
        seeded
    }

    /// A project token kept in a variable of a project.
    #[expect(clippy::unused_self, reason = "an estate of this GitLab, like the others")]
    pub(crate) fn project_token(
        &self,
        bench: &Bench,
        project: &str,
        name: &str,
        key: &str,
        made: i64,
        dies: i64,
    ) -> Seeded {
        let (created, expires) = (bench.days_ago(made), bench.in_days(dies));
        let seeded = bench
            .sandbox
            .gitlab(|gitlab| gitlab.add_project_token(project, name, &["api"], 40, created, Some(expires)));
        bench.keep(project, key, &seeded.value);
        seeded
    }
}

/// A pair of refreshers and one project token, with the ledger in a file.
pub(crate) const PAIR: &str = r#"
version: 1
every: 12h
connections:
  gitlab: { service: gitlab, url: "https://gitlab.sandbox", token: env:REFRESHER, spare: env:SPARE }
tokens:
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
  refresher:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: REFRESHER }]
  spare:
    refreshes: gitlab.spare
    issuer: { kind: gitlab/personal-access-token, name: wheel-spare, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: SPARE }]
ledger: { kind: file, path: ledger.json }
"#;

/// The estate of [`PAIR`]: the deploy token is due, the refreshers are not.
pub(crate) fn pair() -> Bench {
    let mut bench = Bench::new(1);
    let acme = Acme::found(&bench);
    acme.refresher(&mut bench, "wheel", "REFRESHER", 10, 50);
    acme.refresher(&mut bench, "wheel-spare", "SPARE", 10, 50);
    acme.project_token(&bench, "acme/app", "deploy-bot", "DEPLOY_TOKEN", 25, 5);
    bench.write_config(PAIR);
    bench
}
