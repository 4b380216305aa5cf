//! YAML → what is wanted. Strict: an unknown key is an error that names the nearest right one, and a literal secret
//! is refused.

mod decode;
mod document;
mod forms;
mod problem;
mod schema;
mod strict;
mod tree;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde_json::Value;
use url::Url;

use crate::plan::{Rule, Seat};
use crate::token::Form;

pub use decode::{load, parse};
pub use document::schema;
pub use forms::Source;
pub(crate) use problem::nearest;
pub use problem::{Problem, Problems};

/// All that the config wants.
pub struct Config {
    /// Where it was read.
    pub path: PathBuf,
    /// How often the schedule runs.
    pub every: TimeDelta,
    /// The connections, by name.
    pub connections: BTreeMap<String, ConnectionSpec>,
    /// The tokens, by name; one for each value of `each`.
    pub tokens: BTreeMap<String, TokenSpec>,
    /// The most tokens that one run rotates, refreshers aside.
    pub max_rotations: usize,
    /// Where the ledger is kept.
    pub ledger: Option<PartSpec>,
    /// To whom new values are sealed before they are spread.
    pub rescue: Option<RescueSpec>,
}

/// To whom new values are sealed, and where they are kept until they are confirmed.
#[derive(Clone, Debug)]
pub struct RescueSpec {
    /// Public age keys.
    pub recipients: Vec<String>,
    /// The folder; a relative one starts at that of the config.
    pub path: PathBuf,
}

impl Config {
    /// The folder that relative paths start from.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

/// A document that is no config of ours, where it is as plain as those are.
pub(crate) fn yaml(text: &str) -> Option<Value> {
    tree::parse("", text).ok().map(|node| node.json())
}

/// Where something stands in the config, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file.
    pub file: String,
    /// The line.
    pub line: usize,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A connection as the config wants it.
pub struct ConnectionSpec {
    /// Where it stands.
    pub spot: Spot,
    /// Its service.
    pub service: String,
    /// Its address; `None` means that of the job's own server.
    pub url: Option<Url>,
    /// Where its credential comes from; `None` where it logs in by itself.
    pub token: Option<Source>,
    /// Where its second credential comes from.
    pub spare: Option<Source>,
    /// A private CA.
    pub ca_file: Option<PathBuf>,
    /// The keys that only its service knows.
    pub keys: Value,
}

/// An issuer, a destination or a shelf as the config wants it: its kind, and the keys of its own.
#[derive(Clone, Debug)]
pub struct PartSpec {
    /// Where it stands.
    pub spot: Spot,
    /// Its kind.
    pub kind: String,
    /// The connection it names.
    pub connection: Option<String>,
    /// The keys that only its kind knows.
    pub keys: Value,
}

/// A destination as the config wants it.
#[derive(Clone, Debug)]
pub struct PlaceSpec {
    /// Its kind and its keys.
    pub part: PartSpec,
    /// The form it gets the value in.
    pub form: Form,
    /// Whether it is given the value before the others.
    pub first: bool,
}

/// A token as the config wants it.
#[derive(Clone)]
pub struct TokenSpec {
    /// Where it stands.
    pub spot: Spot,
    /// The name it had before.
    pub was: Option<String>,
    /// Whom to ask.
    pub owner: Option<String>,
    /// What mints it.
    pub issuer: PartSpec,
    /// How long it is to live.
    pub ttl: Option<TimeDelta>,
    /// Where its own value is, when it rotates itself.
    pub own: Option<Source>,
    /// The token of this config that it is minted as.
    pub login: Option<String>,
    /// Whether one may be made where none lives.
    pub create: bool,
    /// Where it goes.
    pub destinations: Vec<PlaceSpec>,
    /// When it turns.
    pub rule: Rule,
    /// How long the old one lives on, if the config says so.
    pub overlap: Option<TimeDelta>,
    /// How long it is waited for jobs that may be using the old one.
    pub wait_for_jobs: Option<TimeDelta>,
    /// Only watched.
    pub watch: bool,
    /// The connection that logs in with it, and as which of its refreshers.
    pub refreshes: Option<(String, Seat)>,
    /// Why one refresher is enough.
    pub accept_risk: Option<String>,
    /// A digest of what is ordered.
    pub order: String,
}
