//! The only reader of arguments and environment.

mod commands;
mod init;
mod machine;
mod offline;
mod pins;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::commands::{Fatal, Output, fatal};
use self::machine::{is_blank, is_off, variable};
use crate::config;
use crate::demo;
use crate::plan::Asked;
use crate::reference;
use crate::report::{self, Format, Level};
use crate::run::{Clock as _, Reach, SystemClock, Wish};
use crate::runner::Runner;
use crate::text;

/// Rotates API tokens: mints, delivers, proves and retires them, and turns its own refresher.
#[derive(Parser)]
#[command(name = "tokenwheel", version, about, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 all well, or what cannot be seen is named; 2 config or credentials wrong, nothing \
                        was attempted; 3 something was not done, nothing is at risk before the next run; 1 a bug; 4 a \
                        token is dead or will be before the next run: act now."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// The config.
    #[arg(long, global = true, env = "TOKENWHEEL_CONFIG", default_value = "tokenwheel.yml", value_name = "FILE")]
    config: PathBuf,

    /// The form of the result on stdout.
    #[arg(long, global = true, env = "TOKENWHEEL_FORMAT", default_value = "text")]
    format: Format,

    /// Also write the report into this folder, for a job to keep: report.md, report.json, junit.xml, metrics.txt and
    /// outputs.env.
    #[arg(long, global = true, env = "TOKENWHEEL_REPORT_DIR", value_name = "DIR")]
    report_dir: Option<PathBuf>,

    /// Whether the result is coloured; auto is on a terminal, unless `NO_COLOR` is set.
    #[arg(long, global = true, env = "TOKENWHEEL_COLOR", default_value = "auto", value_name = "WHEN")]
    color: clap::ColorChoice,

    /// Tell more on stderr; twice for every request.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    /// Show what would be done now, and why; change nothing.
    Plan {
        #[command(flatten)]
        choice: Choice,
        /// Exit with 10 when something is due.
        #[arg(long)]
        detailed_exitcode: bool,
    },
    /// Do what is due: mint, verify, deliver, confirm, retire.
    Rotate {
        #[command(flatten)]
        choice: Choice,
        /// Look and plan only; the same as `plan`.
        #[arg(long)]
        dry_run: bool,
    },
    /// Check the config, the credentials, the rights, and every rehearsal that only looks.
    Check {
        /// Without any credential, for merge requests.
        #[arg(long)]
        offline: bool,
        /// Also show what differs in meaning from this config: the one that a merge request would change.
        #[arg(long, requires = "offline", value_name = "FILE")]
        against: Option<PathBuf>,
        /// Which rights to ask for, per connection.
        #[arg(long, conflicts_with = "offline")]
        needs: bool,
    },
    /// Show every token: where it lives, its age, when it turns.
    Status {
        /// Only these tokens.
        #[arg(long, value_name = "NAME", num_args = 1..)]
        only: Vec<String>,
    },
    /// End a leaked token now, whatever stands.
    Revoke {
        /// The tokens.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Why, for whoever reads it later.
        #[arg(long, env = "TOKENWHEEL_REASON")]
        reason: String,
    },
    /// Hand over a value that only a person can mint: it is verified, delivered and confirmed.
    ///
    /// The value is read from standard input; on a terminal it is asked for and not shown.
    Supply {
        /// The token.
        #[arg(value_name = "NAME")]
        name: String,
        /// The day on which it dies, where its issuer does not say so.
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
        expires: Option<DateTime<Utc>>,
    },
    /// Deliver a sealed value that a run left which died, or could not deliver it.
    ///
    /// It is verified first, and refused where it is dead or superseded.
    Unseal {
        /// The sealed file; `-` reads from standard input the block that a job left in its log.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The age identity file of an owner, as `age-keygen` or an age plugin writes it.
        #[arg(long, short, env = "TOKENWHEEL_IDENTITY", value_name = "FILE")]
        identity: PathBuf,
    },
    /// Write tokenwheel.yml and the pipeline for this repository.
    ///
    /// Nothing that is there is overwritten. At a terminal it asks; elsewhere the flags answer, and what is safe.
    Init(init::Flags),
    /// Turn the wheel against a built-in sandbox: no account needed, and no network.
    Demo,
    /// Print the JSON Schema of the config.
    Schema,
    /// Print the reference of every kind, in Markdown.
    Reference,
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
struct Choice {
    /// Only these tokens.
    #[arg(long, env = "TOKENWHEEL_ONLY", value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// Every token, with --force.
    #[arg(long, env = "TOKENWHEEL_ALL", conflicts_with = "only")]
    all: bool,
    /// Rotate even what is not due; needs --only or --all, and --reason.
    #[arg(long, env = "TOKENWHEEL_FORCE")]
    force: bool,
    /// Why it is forced, for whoever reads it later.
    #[arg(long, env = "TOKENWHEEL_REASON")]
    reason: Option<String>,
    /// End the old one as soon as the new one is confirmed, without the overlap.
    #[arg(long, env = "TOKENWHEEL_REVOKE_NOW")]
    revoke_now: bool,
    /// The most tokens to rotate, instead of the config's `limits.max_rotations`.
    #[arg(long, env = "TOKENWHEEL_MAX", value_name = "N")]
    max: Option<usize>,
}

impl Choice {
    /// What is wished, or why it is refused.
    fn wish(self) -> Result<Wish, Fatal> {
        // In a form people put a space after a comma.
        let only: Vec<String> = self.only.iter().map(|name| name.trim().to_owned()).collect();
        if only.iter().any(String::is_empty) {
            return Err(fatal("--only has a name that is empty; between two names there is one comma"));
        }
        if self.force && self.only.is_empty() && !self.all {
            return Err(fatal("--force needs names (--only NAME…) or --all"));
        }
        if self.force && self.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
            return Err(fatal("--force needs a --reason"));
        }
        if self.all && !self.force {
            return Err(fatal("--all goes with --force; without it every token is looked at anyway"));
        }
        let asked = Asked { force: self.force, revoke_now: self.revoke_now, reason: self.reason };
        Ok(Wish { only, asked, max: self.max })
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    machine::leave_no_core();
    machine::end_on_a_bug();
    let parsed = without_blank_inputs(Cli::command()).try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Clap prints in colour where that is wanted; help goes to stdout and is no failure.
            let code = if error.use_stderr() { Level::Config } else { Level::Well };
            let _ = error.print();
            return ExitCode::from(code.code());
        }
    };
    start_log(cli.verbose);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            report::narrate(&format!("fatal: nothing was attempted: {error}"));
            return ExitCode::from(Level::Bug.code());
        }
    };
    let runner = Arc::new(Runner::find(&variable, SystemClock.now()));
    let level = runtime.block_on(run(cli, Arc::clone(&runner))).unwrap_or_else(|Fatal { why, level }| {
        runner.fatal(&why, level);
        level
    });
    ExitCode::from(level.code())
}

/// A pipeline hands over all its inputs, also those that nobody filled in: an empty one counts as none, and so does a
/// switch that is off, which would be held to exclude others.
fn without_blank_inputs(command: clap::Command) -> clap::Command {
    let named = |arg: &clap::Arg| arg.get_env().and_then(|name| name.to_str()).map(str::to_owned);
    let is_switch = |arg: &clap::Arg| matches!(arg.get_action(), clap::ArgAction::SetTrue);
    let is_none = |arg: &clap::Arg, name: &str| is_blank(name) || is_switch(arg) && is_off(name);
    command
        .mut_args(|arg| if named(&arg).is_some_and(|name| is_none(&arg, &name)) { arg.env(None) } else { arg })
        .mut_subcommands(without_blank_inputs)
}

/// `-v` tells what the program does, `-vv` every request: its method, host and path, never a body or a header.
fn start_log(verbose: u8) {
    let level = match verbose {
        0 => log::LevelFilter::Warn,
        1 => log::LevelFilter::Info,
        _ => log::LevelFilter::Debug,
    };
    env_logger::Builder::new()
        .filter_level(log::LevelFilter::Off)
        .filter_module("tokenwheel", level)
        .format(|out, record| {
            use std::io::Write as _;
            writeln!(out, "{}: {}", record.level().as_str().to_lowercase(), text::plain(&record.args().to_string()))
        })
        .init();
}

async fn run(cli: Cli, runner: Arc<Runner>) -> Result<Level, Fatal> {
    let Cli { command, config, .. } = cli;
    let painted = match cli.color {
        clap::ColorChoice::Always => true,
        clap::ColorChoice::Never => false,
        clap::ColorChoice::Auto => std::io::stdout().is_terminal() && variable("NO_COLOR").is_none(),
    };
    let out = Output { form: cli.format, painted, folder: cli.report_dir, runner };
    match command {
        Command::Schema => {
            let schema = serde_json::to_string_pretty(&config::schema()).unwrap_or_default();
            report::print(&format!("{schema}\n"));
            Ok(Level::Well)
        }
        Command::Reference => {
            report::print(&reference::render());
            Ok(Level::Well)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tokenwheel", &mut script);
            report::print(&String::from_utf8_lossy(&script));
            Ok(Level::Well)
        }
        Command::Init(flags) => init::init(&config, flags),
        Command::Demo => demo::run().await.map_err(|why| fatal(&why)),
        Command::Check { offline: true, against, .. } => offline::check(&config, &out, against.as_deref()),
        Command::Check { needs, .. } => commands::check(&config, &out, needs).await,
        Command::Plan { choice, detailed_exitcode } => {
            commands::plan(&config, &out, choice.wish()?, detailed_exitcode).await
        }
        Command::Rotate { choice, dry_run: true } => commands::plan(&config, &out, choice.wish()?, false).await,
        Command::Rotate { choice, dry_run: false } => {
            let (_, run) = commands::observe(&config, &out, choice.wish()?, Reach::Acts).await?;
            let plans = run.plan().await;
            Ok(out.show(&run.apply(plans).await))
        }
        Command::Status { only } => {
            let (_, run) = commands::observe(&config, &out, Wish { only, ..Wish::default() }, Reach::Reads).await?;
            let plans = run.plan().await;
            let report = run.planned(&plans, "status");
            run.end().await;
            Ok(out.show(&report))
        }
        Command::Revoke { names, reason } => {
            let asked = Asked { reason: Some(reason), ..Asked::default() };
            let (_, run) =
                commands::observe(&config, &out, Wish { only: names, asked, max: None }, Reach::Acts).await?;
            Ok(out.show(&run.revoke().await))
        }
        Command::Unseal { file, identity } => commands::unseal(&config, &out, &file, &identity).await,
        Command::Supply { name, expires } => commands::supply(&config, &out, name, expires).await,
    }
}

/// A day, as people write it; a token dies when it begins.
fn day(text: &str) -> Result<DateTime<Utc>, String> {
    let day = text.parse::<NaiveDate>().map_err(|_| "a day is written as 2027-04-30".to_owned())?;
    Ok(day.and_time(chrono::NaiveTime::MIN).and_utc())
}
