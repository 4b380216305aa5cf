//! `init`: what this repository is, what the flags say, and whoever sits at the terminal.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use super::commands::{Fatal, fatal};
use super::machine::setup;
use crate::init::{self, Draft, Facts, Forge, Ledger, Person, Wishes, files};
use crate::report::{self, Level};

#[derive(Args)]
pub(super) struct Flags {
    /// Where the repository is; told by the host of its remote where that says so.
    #[arg(long, value_name = "FORGE")]
    forge: Option<Forge>,
    /// The address of its remote, instead of that of `origin`; what logs in is left out.
    #[arg(long, value_name = "URL")]
    remote: Option<String>,
    /// The address of the forge's web pages, such as `https://gitlab.example.com`.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The path of the project there, such as `acme/app`.
    #[arg(long, value_name = "PATH")]
    project: Option<String>,
    /// The kinds of tokens to begin with, such as `gitlab/project-access-token` or `styra/token`.
    #[arg(long = "token", value_name = "KIND", num_args = 1.., value_delimiter = ',')]
    tokens: Vec<String>,
    /// How often the schedule runs, such as `12h`.
    #[arg(long, value_name = "LENGTH")]
    every: Option<String>,
    /// Whom to ask about the tokens, such as `@platform`.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Only watch at first, and change nothing; `--watch=false` turns from the first run on. True without a terminal.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    watch: Option<bool>,
    /// Where the ledger is kept: in a variable of the project, or in a file of a machine that stays.
    #[arg(long, value_name = "PLACE")]
    ledger: Option<Ledger>,
    /// Public age keys of the owners: each new value is sealed to them before it is spread.
    #[arg(long, value_name = "AGE-KEY", num_args = 1.., value_delimiter = ',')]
    rescue: Vec<String>,
    /// GitHub: the client id of the App to log in as.
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// GitHub: the number of the App's installation.
    #[arg(long, value_name = "NUMBER")]
    installation: Option<u64>,
    /// Ask nothing: flags, what the remote tells, and what is safe.
    #[arg(short, long)]
    yes: bool,
    /// Print what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn init(config: &Path, flags: Flags) -> Result<Level, Fatal> {
    if config != Path::new(init::CONFIG) {
        return Err(unwritten(&format!(
            "`init` writes {} at the root of the repository: leave --config out",
            init::CONFIG
        )));
    }
    let facts = look(flags.remote).map_err(|error| unwritten(&format!("this folder: {error}")))?;
    let wishes = Wishes {
        forge: flags.forge,
        url: flags.url,
        project: flags.project,
        tokens: flags.tokens,
        every: flags.every,
        owner: flags.owner,
        watch: flags.watch,
        ledger: flags.ledger,
        rescue: flags.rescue,
        app: flags.app,
        installation: flags.installation,
    };
    let sits_there = !flags.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    let person: Option<&mut dyn Person> = if sits_there { Some(&mut Terminal) } else { None };
    let beginning = init::settle(&facts, wishes, person).map_err(|why| unwritten(&why))?;
    let draft = init::draft(&beginning, &setup(true)).map_err(|why| unwritten(&why))?;
    if flags.dry_run {
        for (name, text) in [(init::CONFIG, &draft.config), (draft.pipeline.path, &draft.pipeline.text)] {
            report::print(&format!("── {name}\n\n{text}\n"));
        }
    } else {
        write(&facts.root, &draft)?;
    }
    report::print(&draft.steps);
    Ok(Level::Well)
}

fn write(root: &Path, draft: &Draft) -> Result<(), Fatal> {
    for (name, fate) in files::write(root, draft).map_err(|why| unwritten(&why))? {
        let addition = draft.pipeline.addition.as_deref().unwrap_or_default();
        report::print(&match fate {
            files::Fate::Written => format!("{name}: written\n"),
            files::Fate::Same => format!("{name}: there already, as it would be written\n"),
            files::Fate::Joined => format!("{name}: there already, and turns the wheel\n"),
            files::Fate::Kept => format!(
                "{name}: there already, and left alone; add this to it, beside what its `include:` has:\n\n{addition}"
            ),
        });
    }
    report::print("\n");
    Ok(())
}

fn unwritten(why: &str) -> Fatal {
    let Fatal { level, .. } = fatal(why);
    Fatal { why: format!("fatal: nothing was written\n{why}"), level }
}

/// What this folder is, and where its remote is.
fn look(remote: Option<String>) -> io::Result<Facts> {
    let here = std::env::current_dir()?;
    // In a worktree, and in a submodule, `.git` is a file.
    let root = here.ancestors().find(|folder| folder.join(".git").exists()).map(PathBuf::from);
    let remote = remote.or_else(|| root.as_deref().and_then(origin));
    Ok(Facts { root: root.unwrap_or(here), remote })
}

/// The address of `origin`, as git would use it: with its `insteadOf` applied.
fn origin(root: &Path) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["remote", "get-url", "origin"]).stdin(Stdio::null()).stderr(Stdio::null());
    let said = git.output().ok().filter(|said| said.status.success())?;
    String::from_utf8(said.stdout).ok().map(|address| address.trim().to_owned()).filter(|address| !address.is_empty())
}

/// Questions go to stderr, so that stdout holds the result alone.
struct Terminal;

impl Person for Terminal {
    fn tell(&mut self, line: &str) {
        report::narrate(line);
    }

    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        report::ask(question);
        let mut line = String::new();
        Ok((io::stdin().read_line(&mut line)? > 0).then_some(line))
    }
}
