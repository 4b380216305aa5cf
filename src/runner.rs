//! The job we run in: GitLab, GitHub, or a terminal.
//!
//! It all goes to stderr, for stdout is the result, in the form that was asked for. GitHub reads commands from both:
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>; a section of GitLab is made of
//! control characters: <https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections>.

mod commands;
mod offline;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use self::commands::{command, trimmed};
use crate::report::{self, FILES, Format, Level, RunReport};
use crate::rotation::Verb;
use crate::run::Witness;
use crate::text;
use crate::token::TokenValue;

/// The most annotations of one kind that GitHub shows of a step.
const ANNOTATIONS: usize = 10;
/// Half of what GitHub takes as the summary of a step; other programs of the step may write there too.
const SUMMARY: usize = 512 * 1024;

/// The job we run in.
pub struct Runner {
    home: Home,
    /// Whether the narration is in a group that is still open.
    open: AtomicBool,
    /// When the job began, for GitLab's sections.
    began: DateTime<Utc>,
}

enum Home {
    GitLab {
        url: Option<String>,
        /// Whether the job's log shows every variable.
        traced: bool,
    },
    GitHub {
        url: Option<String>,
        summary: Option<PathBuf>,
        outputs: Option<PathBuf>,
        /// Whether what we say goes to the runner, and nowhere else first: then it can be told what to hide.
        heard: bool,
    },
    Terminal,
}

impl Runner {
    /// Finds out where we are. `lookup` reads a variable of the environment.
    pub fn find(lookup: &dyn Fn(&str) -> Option<String>, began: DateTime<Utc>) -> Self {
        let is = |name: &str| lookup(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
        let home = if is("GITHUB_ACTIONS") {
            let run = ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"].map(lookup);
            let url = match run {
                [Some(server), Some(repository), Some(run)] => {
                    Some(format!("{server}/{repository}/actions/runs/{run}"))
                }
                _ => None,
            };
            let path = |name: &str| lookup(name).map(PathBuf::from);
            let (summary, outputs) = (path("GITHUB_STEP_SUMMARY"), path("GITHUB_OUTPUT"));
            Home::GitHub { url, summary, outputs, heard: is_pipe() }
        } else if is("GITLAB_CI") {
            // GitLab's runner takes these for yes: they are Go's.
            let is_yes = |value: String| ["true", "t", "1"].contains(&value.trim().to_lowercase().as_str());
            Home::GitLab { url: lookup("CI_JOB_URL"), traced: lookup("CI_DEBUG_TRACE").is_some_and(is_yes) }
        } else {
            Home::Terminal
        };
        Self { home, open: AtomicBool::new(false), began }
    }

    /// Why nothing secret is to be done here.
    pub const fn refusal(&self) -> Option<&'static str> {
        match self.home {
            Home::GitLab { traced: true, .. } => Some(
                "CI_DEBUG_TRACE is on: GitLab writes every variable of this job into its log, the refreshers among \
                 them; switch it off, and rotate with `--force` whatever was in the log of this job",
            ),
            _ => None,
        }
    }

    /// Who this run is, for whoever finds its lease: the page of the job.
    pub fn holder(&self) -> Option<String> {
        let (Home::GitLab { url, .. } | Home::GitHub { url, .. }) = &self.home else { return None };
        url.as_deref().map(text::plain)
    }

    /// Says why nothing was attempted.
    pub fn fatal(&self, why: &str, level: Level) {
        self.close();
        report::narrate(&text::harmless_lines(why));
        let told = text::harmless(&why.replace('\n', "; "));
        let facts = [("exit-code", level.code().to_string()), ("summary", told.clone())];
        for kept in
            [self.summarise(&format!("### tokenwheel\n\n```\n{}\n```\n", told.replace('`', "'"))), self.put_out(&facts)]
        {
            kept.unwrap_or_else(|why| report::narrate(&text::harmless_lines(&why)));
        }
        self.annotate(level, None, &why.replace('\n', "; "));
    }

    /// Tells the job what a run came to, beside the result on stdout: annotations, the page of the step, its outputs,
    /// and the folder for reports. What could not be kept is told, and makes the run a worse one.
    pub fn finish(&self, report: &RunReport, folder: Option<&Path>) -> Level {
        self.close();
        let mut ill: Vec<(Level, String, String)> = Vec::new();
        for connection in report.connections.iter().filter(|connection| connection.level() != Level::Well) {
            ill.push((connection.level(), connection.name.clone(), connection.troubles.join("; ")));
        }
        for token in report.tokens.iter().filter(|token| !matches!(token.level(), Level::Well | Level::Due)) {
            ill.push((token.level(), token.name.clone(), token.lines(report).first().cloned().unwrap_or_default()));
        }
        for (errors, kind) in [(true, "errors"), (false, "warnings")] {
            let all: Vec<_> = ill.iter().filter(|(level, ..)| errors == is_error(*level)).collect();
            let room = if all.len() > ANNOTATIONS { ANNOTATIONS - 1 } else { ANNOTATIONS };
            all.iter().take(room).for_each(|(level, name, why)| self.annotate(*level, Some(name), why));
            if let Some((level, ..)) = all.get(room) {
                let more = format!("{} more {kind}: the report names them", all.len() - room);
                self.annotate(*level, None, &more);
            }
        }
        let page = report.render(Format::Markdown, false);
        let kept = [
            self.summarise(&page),
            self.put_out(&report.outputs()),
            folder.map_or(Ok(()), |folder| keep(report, folder)),
        ];
        kept.into_iter().filter_map(Result::err).fold(report.level(), |level, why| {
            report::narrate(&text::harmless_lines(&why));
            level.worse(Level::Later)
        })
    }

    /// A line beside the step on the job's page.
    fn annotate(&self, level: Level, of: Option<&str>, message: &str) {
        if matches!(self.home, Home::GitHub { .. }) {
            let kind = if is_error(level) { "error" } else { "warning" };
            let title = of.map_or_else(|| "tokenwheel".to_owned(), |of| format!("tokenwheel: {}", text::plain(of)));
            report::narrate(&command(kind, Some(&title), &text::harmless(message)));
        }
    }

    fn summarise(&self, page: &str) -> Result<(), String> {
        let Home::GitHub { summary: Some(path), .. } = &self.home else { return Ok(()) };
        append(path, trimmed(page, SUMMARY)).map_err(|error| format!("the summary of this step: {error}"))
    }

    fn put_out(&self, facts: &[(&str, String)]) -> Result<(), String> {
        let Home::GitHub { outputs: Some(path), .. } = &self.home else { return Ok(()) };
        let lines: Vec<String> = facts.iter().map(|(name, fact)| format!("{name}={fact}\n")).collect();
        append(path, &lines.concat()).map_err(|error| format!("the outputs of this step: {error}"))
    }

    /// Begins the group of the narration, at its first line.
    fn open(&self) {
        if self.open.swap(true, Ordering::Relaxed) {
            return;
        }
        match self.home {
            Home::GitHub { .. } => report::narrate(&command("group", None, "what was done, verb by verb")),
            Home::GitLab { .. } => {
                let at = self.began.timestamp();
                report::narrate(&format!(
                    "\x1b[0Ksection_start:{at}:tokenwheel_verbs[collapsed=true]\r\x1b[0Kwhat was done, verb by verb"
                ));
            }
            Home::Terminal => {}
        }
    }

    fn close(&self) {
        if !self.open.swap(false, Ordering::Relaxed) {
            return;
        }
        match self.home {
            Home::GitHub { .. } => report::narrate(&command("endgroup", None, "")),
            Home::GitLab { .. } => {
                report::narrate(&format!("\x1b[0Ksection_end:{}:tokenwheel_verbs\r\x1b[0K", self.began.timestamp()));
            }
            Home::Terminal => {}
        }
    }
}

impl Witness for Runner {
    fn told(&self, token: &str, verb: Verb, detail: &str) {
        self.open();
        report::narrate(&text::harmless(&format!("{token}: {verb}: {detail}")));
    }

    /// Shows the sealed block in a job, whose machine may be gone a moment later; at a terminal the file is
    /// enough, where there is one.
    fn sealed(&self, token: &str, block: &str, kept: bool) {
        if kept && matches!(self.home, Home::Terminal) {
            return;
        }
        self.open();
        let keep = "keep this until the run is over; `tokenwheel unseal -` takes it";
        let told = format!("{token}: sealed to its owners: {keep}\n{}", block.trim_end());
        report::narrate(&text::harmless_lines(&told));
    }

    /// Tells GitHub to hide it, in every form: its runner derives base64 and the like by itself. GitLab's runner knows
    /// only what the job began with, and is told nothing. A value is never written where it could stay: into a file,
    /// or onto a screen.
    fn minted(&self, value: &TokenValue) {
        if let Home::GitHub { heard: true, .. } = self.home {
            let line = Zeroizing::new(command("add-mask", None, value.expose()));
            report::narrate(&line);
        }
    }
}

/// What is only left to do is a warning.
fn is_error(level: Level) -> bool {
    level != Level::Later
}

/// Whether stderr is a pipe, as it is below a runner.
fn is_pipe() -> bool {
    let kind = rustix::fs::fstat(std::io::stderr()).map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Ok(rustix::fs::FileType::Fifo | rustix::fs::FileType::Socket))
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

/// Writes the report into a folder, in every form.
fn keep(report: &RunReport, folder: &Path) -> Result<(), String> {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text);
    std::fs::create_dir_all(folder)
        .and_then(|()| FILES.iter().try_for_each(|(name, form)| write(name, report.render(*form, false))))
        .and_then(|()| write("outputs.env", report.dotenv()))
        .map_err(|error| format!("the report could not be kept in {}: {error}", folder.display()))
}
