//! `demo`: turns the wheel against the built-in sandbox. No account, no network.

mod estate;
mod mounted;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use tokenwheel_sandbox::{At, Fault, Sandbox, What};

use crate::config::{self, Config};
use crate::http::Transport;
use crate::report::{self, Format, Level, RunReport};
use crate::rotation::Verb;
use crate::run::{Clock, Random, Reach, Run, Setup, Wheel, Wish, World};
pub use mounted::Mounted;

const CONFIG: &str = include_str!("demo/tokenwheel.yml");

/// The sandbox's own clock.
pub struct SandboxClock(pub Sandbox);

impl Clock for SandboxClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// The places where the demo's jobs find their credentials again at each start: CI/CD variables.
const VARIABLES: &[&str] = &["GITLAB_REFRESHER", "GITLAB_SPARE", "DAS_REFRESHER"];

struct Stage {
    sandbox: Sandbox,
    config: Config,
    environment: BTreeMap<String, String>,
}

/// Runs the demo: a plan, a rotation, a plan with nothing due; then time passes, an answer is lost, and it is healed.
pub async fn run() -> Result<Level, String> {
    let start = "2026-05-04T06:00:00Z".parse().unwrap_or_default();
    let sandbox = Sandbox::of_gitlab_and_styra(7, start);
    let environment = estate::furnish(&sandbox);
    let config = config::parse(Path::new("tokenwheel.yml"), CONFIG).map_err(|problems| problems.to_string())?;
    let mut stage = Stage { sandbox, config, environment };

    title("the config (tokenwheel.yml), over a sandbox of GitLab and Styra DAS");
    report::print(CONFIG);
    title("tokenwheel plan");
    stage.plan().await?;
    title("tokenwheel rotate");
    let first = stage.rotate().await?;
    title("tokenwheel plan, again: nothing is due");
    let second = stage.plan().await?;

    stage.sandbox.advance(TimeDelta::days(2) + TimeDelta::hours(3));
    title("two days later, the answer to a mint is lost on its way: rotate looks, and heals it");
    let at = At::Matching { method: Method::PUT, path: "/v1/tokens/application-token".to_owned(), times: 1 };
    stage.sandbox.inject(Fault { at, what: What::DropAfter });
    let third = stage.rotate().await?;
    title("tokenwheel status");
    let last = stage.look("status").await?;

    let settled = !second.anything_due() && !last.anything_due();
    let worst = [&first, &second, &third, &last].iter().fold(Level::Well, |worst, report| worst.worse(report.level()));
    if settled { Ok(worst) } else { Ok(worst.worse(Level::Bug)) }
}

fn title(text: &str) {
    report::print(&format!("\n── {text}\n\n"));
}

impl Stage {
    /// A job starts: it is given the variables as they are now.
    fn start_job(&mut self) {
        for name in VARIABLES {
            let held = self.sandbox.gitlab(|gitlab| gitlab.variable("projects/acme/tokenwheel", name, "*"));
            if let Some(held) = held {
                self.environment.insert((*name).to_owned(), held.value);
            }
        }
    }

    async fn observe(&mut self, reach: Reach) -> Result<Run, String> {
        self.start_job();
        let environment = self.environment.clone();
        let sandbox = self.sandbox.clone();
        let setup = Setup {
            environment: Arc::new(move |name| environment.get(name).cloned()),
            carrier: Arc::new(move |_| Ok(Arc::new(Mounted(sandbox.clone())) as Arc<dyn Transport>)),
            random: counted(),
            offline: false,
        };
        let wheel = Wheel::build(&self.config, &setup).map_err(|problems| problems.to_string())?;
        let world = World {
            clock: Arc::new(SandboxClock(self.sandbox.clone())),
            random: counted(),
            holder: "the demo".to_owned(),
            witness: Arc::new(|token: &str, verb: Verb, detail: &str| {
                report::print(&format!("{token}: {verb}: {detail}\n"));
            }),
            stop: Arc::new(AtomicBool::new(false)),
        };
        Run::observe(wheel, world, &self.config, Wish::default(), reach).await.map_err(|why| why.to_string())
    }

    async fn look(&mut self, verb: &'static str) -> Result<RunReport, String> {
        let run = self.observe(Reach::Reads).await?;
        let plans = run.plan().await;
        let report = run.planned(&plans, verb);
        run.end().await;
        report::print(&report.render(Format::Text, false));
        Ok(report)
    }

    async fn plan(&mut self) -> Result<RunReport, String> {
        self.look("plan").await
    }

    async fn rotate(&mut self) -> Result<RunReport, String> {
        let run = self.observe(Reach::Acts).await?;
        let plans = run.plan().await;
        let report = run.apply(plans).await;
        report::print(&format!("\n{}", report.render(Format::Text, false)));
        Ok(report)
    }
}

/// No two fillings are the same, and every demo is.
fn counted() -> Random {
    let fillings = AtomicU8::new(7);
    Arc::new(move |buffer: &mut [u8]| buffer.fill(fillings.fetch_add(1, Ordering::Relaxed)))
}
