//! The commands that look at the world or act on it.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::machine::{setup, world};
use super::pins::Pins;
use crate::config::{self, Config};
use crate::ledger::LeaseError;
use crate::plan::Asked;
use crate::report::{self, Format, Level, RunReport};
use crate::rescue::{self, Envelope};
use crate::run::{self, NotBegun, Reach, Run, Supply, Wheel, Wish};
use crate::runner::Runner;
use crate::token::TokenValue;

pub(super) async fn supply(
    path: &Path,
    out: &Output,
    name: String,
    dies: Option<DateTime<Utc>>,
) -> Result<Level, Fatal> {
    out.may_hold_secrets()?;
    let config = load(path)?;
    is_token(&config, &name)?;
    let value = handed_over(&name)?;
    let supply = Supply { name: name.clone(), value, dies };
    let reason = Some("the value was supplied".to_owned());
    let asked = Asked { force: true, reason, ..Asked::default() };
    let mut wheel = Wheel::build(&config, &setup(false)).map_err(|problems| fatal(&problems.to_string()))?;
    wheel.supply(supply.clone()).map_err(|unfit| fatal(&unfit.to_string()))?;
    let wish = Wish { only: vec![name], asked, max: None };
    let run =
        Run::observe(wheel, world(&out.runner), &config, wish, Reach::Acts).await.map_err(|why| not_begun(&why))?;
    let report = run.supply(&supply).await.map_err(|unfit| fatal(&unfit.to_string()))?;
    Ok(out.show(&report))
}

pub(super) async fn unseal(path: &Path, out: &Output, file: &Path, identity: &Path) -> Result<Level, Fatal> {
    out.may_hold_secrets()?;
    let config = load(path)?;
    let unreadable = |path: &Path, error: std::io::Error| fatal(&format!("{} cannot be read: {error}", path.display()));
    let sealed = if file == Path::new("-") {
        let log = std::io::read_to_string(std::io::stdin()).map_err(|error| unreadable(Path::new("stdin"), error))?;
        block(log)?
    } else {
        std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?
    };
    let identities = std::fs::read_to_string(identity).map(zeroize::Zeroizing::new);
    let identities = identities.map_err(|error| unreadable(identity, error))?;
    let open = || Envelope::read(&rescue::open(sealed.as_bytes(), &identities, Pins)?);
    let envelope = open().map_err(|error| fatal(&format!("{}: {error:#}", file.display())))?;
    let mut wheel = Wheel::build(&config, &setup(false)).map_err(|problems| fatal(&problems.to_string()))?;
    let sealed = wheel.unseal(envelope).map_err(|unfit| fatal(&unfit.to_string()))?;
    let wish = Wish { only: vec![sealed.name.clone()], ..Wish::default() };
    let run =
        Run::observe(wheel, world(&out.runner), &config, wish, Reach::Acts).await.map_err(|why| not_begun(&why))?;
    let report = run.unseal(&sealed).await.map_err(|unfit| fatal(&unfit.to_string()))?;
    Ok(out.show(&report))
}

/// The block in what was copied from a log, where each line may stand behind a time or be indented.
fn block(log: String) -> Result<String, Fatal> {
    let (begin, end) = ("-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----");
    let Some(before) = log.lines().find_map(|line| line.find(begin)) else { return Ok(log) };
    let blocks = log.matches(begin).count();
    if blocks > 1 {
        return Err(fatal(&format!(
            "there are {blocks} sealed values on standard input: hand them over one by one; the line before each names its \
             token"
        )));
    }
    let lines = log.lines().skip_while(|line| !line.contains(begin));
    let mut out = String::new();
    for line in lines {
        out.push_str(line.get(before..).unwrap_or_default().trim());
        out.push('\n');
        if line.contains(end) {
            break;
        }
    }
    Ok(out)
}

/// The value that a person hands over: piped in, or typed where nobody sees it.
fn handed_over(name: &str) -> Result<TokenValue, Fatal> {
    let text = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(format!("the new value of {name} (it is not shown): "))
    } else {
        std::io::read_to_string(std::io::stdin())
    };
    let text = text.map(zeroize::Zeroizing::new).map_err(|error| fatal(&format!("standard input: {error}")))?;
    TokenValue::handed(&text).map_err(|why| {
        fatal(&format!("the value on standard input: {why}; hand it over alone: `tokenwheel supply {name} < FILE`"))
    })
}

fn is_token(config: &Config, name: &str) -> Result<(), Fatal> {
    if config.tokens.keys().any(|token| Wish::means(name, token)) {
        return Ok(());
    }
    let near = config::nearest(name, config.tokens.keys().map(String::as_str));
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(fatal(&format!("the config has no token `{name}`{hint}")))
}

pub(super) async fn plan(config: &Path, out: &Output, wish: Wish, detailed: bool) -> Result<Level, Fatal> {
    let (_, run) = observe(config, out, wish, Reach::Reads).await?;
    let plans = run.plan().await;
    let report = run.planned(&plans, "plan");
    run.end().await;
    let level = out.show(&report);
    Ok(if detailed && level == Level::Well && report.anything_due() { Level::Due } else { level })
}

pub(super) async fn check(path: &Path, out: &Output, needs: bool) -> Result<Level, Fatal> {
    if needs {
        report::print(&run::needs(&load(path)?));
        return Ok(Level::Well);
    }
    let (config, run) = observe(path, out, Wish::default(), Reach::Reads).await?;
    Ok(out.show(&run.check(&config).await))
}

/// Why nothing was attempted.
pub(super) struct Fatal {
    pub(super) why: String,
    pub(super) level: Level,
}

pub(super) fn fatal(why: &str) -> Fatal {
    Fatal { why: format!("fatal: nothing was attempted\n{why}"), level: Level::Config }
}

/// That another run is under way is nobody's mistake: what is due is left to that one, or to the next.
fn not_begun(why: &NotBegun) -> Fatal {
    if matches!(why, NotBegun::Lease(LeaseError::Held { .. })) {
        let next = "what is due is left to it, or to the next run";
        return Fatal { why: format!("fatal: {why}; {next}"), level: Level::Later };
    }
    Fatal { why: format!("fatal: {why}"), level: Level::Config }
}

pub(super) fn load(path: &Path) -> Result<Config, Fatal> {
    config::load(path).map_err(|problems| fatal(&problems.to_string()))
}

pub(super) async fn observe(path: &Path, out: &Output, wish: Wish, reach: Reach) -> Result<(Config, Run), Fatal> {
    out.may_hold_secrets()?;
    let config = load(path)?;
    for name in &wish.only {
        is_token(&config, name)?;
    }
    // Leases and fingerprints stand on it: better no run than one without.
    getrandom::fill(&mut [0]).map_err(|error| fatal(&format!("the system gives no random bytes: {error}")))?;
    let wheel = Wheel::build(&config, &setup(false)).map_err(|problems| fatal(&problems.to_string()))?;
    if wish.asked.reason.as_ref().is_some_and(|reason| wheel.is_given_away_by(reason)) {
        return Err(fatal("the reason has a credential in it, and would stand in every report: write it without `$`"));
    }
    let run = Run::observe(wheel, world(&out.runner), &config, wish, reach).await.map_err(|why| not_begun(&why))?;
    Ok((config, run))
}

/// Where results go.
pub(super) struct Output {
    pub(super) form: Format,
    pub(super) painted: bool,
    pub(super) folder: Option<PathBuf>,
    pub(super) runner: Arc<Runner>,
}

impl Output {
    /// Refuses a job whose log shows what it is given.
    fn may_hold_secrets(&self) -> Result<(), Fatal> {
        self.runner.refusal().map_or(Ok(()), |why| Err(fatal(why)))
    }

    /// Prints a report, tells the job, and says how bad it is.
    pub(super) fn show(&self, report: &RunReport) -> Level {
        report::print(&report.render(self.form, self.painted));
        self.runner.finish(report, self.folder.as_deref())
    }
}
