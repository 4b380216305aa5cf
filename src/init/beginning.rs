//! What is known, what is wished, and what both settle.

use std::path::PathBuf;

use clap::ValueEnum;

use super::cron::Every;
use super::{Forge, Start};

/// What was found out about the folder.
pub struct Facts {
    /// The root of the repository; the folder itself where there is none.
    pub root: PathBuf,
    /// The address of its remote. It may hold a password, and is printed nowhere.
    pub remote: Option<String>,
}

/// What the flags say.
#[derive(Default)]
pub struct Wishes {
    /// The forge.
    pub forge: Option<Forge>,
    /// The address of its web pages.
    pub url: Option<String>,
    /// The path of the project.
    pub project: Option<String>,
    /// The kinds to begin with.
    pub tokens: Vec<String>,
    /// How often the schedule runs.
    pub every: Option<String>,
    /// Whom to ask.
    pub owner: Option<String>,
    /// Whether everything is only watched at first.
    pub watch: Option<bool>,
    /// Where the ledger is.
    pub ledger: Option<Ledger>,
    /// The public age keys that new values are sealed to.
    pub rescue: Vec<String>,
    /// The client id of the GitHub App.
    pub app: Option<String>,
    /// The number of its installation.
    pub installation: Option<u64>,
}

/// Where the ledger is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Ledger {
    /// In a variable of the project, where the next job finds it.
    #[default]
    #[value(name = "variable")]
    Forge,
    /// In a file, for a machine that is kept.
    File,
}

/// All that the texts are made of.
pub struct Beginning {
    pub(super) forge: Forge,
    /// Of the web pages, without a slash at its end.
    pub(super) url: String,
    pub(super) project: String,
    pub(super) starts: Vec<&'static Start>,
    pub(super) every: Every,
    pub(super) owner: Option<String>,
    pub(super) watch: bool,
    pub(super) ledger: Ledger,
    pub(super) rescue: Vec<String>,
    pub(super) app: Option<String>,
    pub(super) installation: Option<u64>,
}
