//! What a history is about: tokens at their issuers, in their places, and the config that turns them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokenwheel::issuer::Succession;
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::github::Store;
use tokenwheel_sandbox::gitlab::Variable;

use crate::dice::Dice;

/// Asks the sandbox, which knows everything, about a value.
pub type Ask = Arc<dyn Fn(&Sandbox, &str) -> bool + Send + Sync>;
/// Number and value of all live tokens of a subject.
pub type List = Arc<dyn Fn(&Sandbox) -> Vec<(String, String)> + Send + Sync>;
/// Ends the live token of a subject, as somebody else would.
pub type End = Arc<dyn Fn(&Sandbox, &str) + Send + Sync>;
/// Makes one by hand, as the report asks a person to; nothing where nobody can.
pub type Make = Arc<dyn Fn(&Sandbox) -> Option<String> + Send + Sync>;

/// A token of the config.
#[derive(Clone)]
pub struct Token {
    /// Its name in the config.
    pub name: String,
    /// How a new one follows the old one.
    pub succession: Succession,
    /// How long the old one lives on.
    pub overlap: TimeDelta,
    /// Where it is.
    pub spots: Vec<Spot>,
    /// The connection that its issuer needs; none where it logs in with itself or is made here.
    pub connection: Option<&'static str>,
    /// The connection that logs in with it.
    pub seat_of: Option<&'static str>,
    /// The token of the config that it is minted as.
    pub minted_as: Option<&'static str>,
    /// Whether nothing but itself can turn it.
    pub alone: bool,
    /// Whether nobody can be asked about it, so that the memory alone knows whether it lives.
    pub unasked: bool,
    /// Whether nobody but the memory of its mint says when it dies.
    pub undated: bool,
    /// Whether a value is a live one of it.
    pub live: Ask,
    /// All that live.
    pub living: List,
    /// By somebody else.
    pub end: End,
    /// By hand.
    pub make: Make,
}

/// A CI/CD variable; a secret of Actions, where the place is a repository of GitHub.
#[derive(Clone, Debug)]
pub struct Spot {
    /// `projects/acme/app`, `repos/acme/app`.
    pub place: String,
    /// Its name there.
    pub key: String,
    /// Whether nobody can read it again.
    pub hidden: bool,
}

/// A token that is none of ours, and that nobody may end.
#[derive(Clone)]
pub struct Stranger {
    /// For people.
    pub what: &'static str,
    /// Its value.
    pub value: String,
    /// Whether it has our very subject, and no place can say that it is not ours: the only one of a name that is left is
    /// taken over by a wheel without a memory.
    pub taken_over_without_memory: bool,
}

/// An estate while it is founded, and afterwards.
pub struct Estate {
    /// The services.
    pub sandbox: Sandbox,
    /// `connections:`, an entry each.
    pub connections: Vec<String>,
    /// `tokens:`
    pub config: String,
    /// The tokens of the config.
    pub tokens: Vec<Token>,
    /// Those of others.
    pub strangers: Vec<Stranger>,
    /// What every job is started with.
    pub environment: BTreeMap<String, String>,
    /// CI/CD variables that each job finds in its environment as they are when it is queued: place and key.
    pub variables: Vec<(String, String)>,
    /// The bot that owns the refreshers.
    pub bot: u64,
    /// The parts that it is made of, for the story.
    pub parts: Vec<&'static str>,
    /// Whether the ledger is kept in a variable of GitLab.
    pub ledger_in_variable: bool,
}

/// The project of an application.
pub const APP: &str = "projects/acme/app";
/// Another one.
pub const API: &str = "projects/acme/api";
/// The project of the wheel.
pub const WHEEL: &str = "projects/acme/tokenwheel";
/// The variable in which the ledger may be kept.
pub const LEDGER: &str = "TOKENWHEEL_LEDGER";

impl Estate {
    /// A GitLab with one group and three projects, owned by a bot.
    pub fn empty(seed: u64, now: DateTime<Utc>) -> Self {
        let sandbox = Sandbox::new(seed, now);
        let bot = sandbox.gitlab(|gitlab| {
            gitlab.add_group("acme");
            let bot = gitlab.add_user("platform-bot");
            gitlab.add_member("acme", bot, 50);
            for project in ["acme/app", "acme/api", "acme/tokenwheel"] {
                gitlab.add_project(project);
            }
            bot
        });
        Self {
            sandbox,
            connections: Vec::new(),
            config: String::new(),
            tokens: Vec::new(),
            strangers: Vec::new(),
            environment: BTreeMap::new(),
            variables: Vec::new(),
            bot,
            parts: Vec::new(),
            ledger_in_variable: false,
        }
    }

    /// So many hours ago.
    pub fn ago(&self, hours: i64) -> DateTime<Utc> {
        self.sandbox.now() - TimeDelta::hours(hours)
    }

    /// The day so many days from now.
    pub fn day(&self, days: i64) -> NaiveDate {
        (self.sandbox.now() + TimeDelta::days(days)).date_naive()
    }

    /// Puts a value into a variable.
    pub fn keep(&self, spot: &Spot, value: &str) {
        put(&self.sandbox, spot, value);
    }

    /// Hands a variable to each job.
    pub fn hand(&mut self, place: &str, key: &str) {
        self.variables.push((place.to_owned(), key.to_owned()));
    }

    /// The environment that a job queued now would have.
    pub fn job(&self) -> BTreeMap<String, String> {
        let mut environment = self.environment.clone();
        for (place, key) in &self.variables {
            if let Some(held) = self.sandbox.gitlab(|gitlab| gitlab.variable(place, key, "*")) {
                environment.insert(key.clone(), held.value);
            }
        }
        environment
    }

    /// The whole config.
    pub fn text(&self) -> String {
        let ledger = if self.ledger_in_variable {
            format!("{{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: {LEDGER} }}")
        } else {
            "{ kind: file, path: ledger.json }".to_owned()
        };
        let connections: Vec<String> = self.connections.iter().map(|connection| format!("  {connection}\n")).collect();
        let (connections, tokens) = (connections.concat(), &self.config);
        format!("version: 1\nevery: 12h\nconnections:\n{connections}tokens:{tokens}\nledger: {ledger}\n")
    }

    /// Number and value of the live tokens of a subject that no destination holds and that are ours.
    pub fn strays(&self, token: &Token) -> Vec<(String, String)> {
        let held: Vec<String> = token.spots.iter().map(|spot| spot.held(&self.sandbox)).collect();
        let foreign = |value: &String| self.strangers.iter().any(|stranger| stranger.value == *value);
        let living = (token.living)(&self.sandbox).into_iter();
        living.filter(|(_, value)| !held.contains(value) && !foreign(value)).collect()
    }

    /// How often a service saw a spent credential again, and how many pipelines were started by mistake.
    pub fn alarms(&self) -> usize {
        let gitlab = self.sandbox.gitlab(|gitlab| gitlab.reuse_detections + gitlab.pipelines_triggered);
        let atlassian = self.sandbox.atlassian(|atlassian| atlassian.reuse_detections);
        gitlab + atlassian + self.sandbox.oauth(|oauth| oauth.reuse_detected())
    }
}

impl Spot {
    /// A masked, protected variable.
    pub fn variable(place: &str, key: &str) -> Self {
        Self { place: place.to_owned(), key: key.to_owned(), hidden: false }
    }

    /// Its name, unique over the estate.
    pub fn name(&self) -> String {
        format!("{}/{}", self.place, self.key)
    }

    /// Whether it is a secret of GitHub.
    pub fn is_at_github(&self) -> bool {
        self.place.starts_with("repos/")
    }

    /// What it holds, hidden or not: the sandbox knows.
    pub fn held(&self, sandbox: &Sandbox) -> String {
        if self.is_at_github() {
            let held = sandbox.github(|github| github.secret(Store::Actions, &self.place, &self.key));
            return held.map(|held| held.value).unwrap_or_default();
        }
        sandbox.gitlab(|gitlab| gitlab.variable(&self.place, &self.key, "*")).map(|held| held.value).unwrap_or_default()
    }

    /// Its entry in `destinations:`.
    pub fn entry(&self) -> String {
        let (place, key) = (self.place.as_str(), &self.key);
        place.strip_prefix("repos/").map_or_else(
            || {
                let project = place.strip_prefix("projects/").unwrap_or(place);
                format!("{{ kind: gitlab/ci-variable, project: {project}, key: {key} }}")
            },
            |place| format!("{{ kind: github/actions-secret, connection: github, repository: {place}, name: {key} }}"),
        )
    }
}

/// Puts a value into a place, as a person would.
pub fn put(sandbox: &Sandbox, spot: &Spot, value: &str) {
    if spot.is_at_github() {
        let now = sandbox.now();
        sandbox.github(|github| github.add_secret(Store::Actions, &spot.place, &spot.key, value, now));
        return;
    }
    let variable = Variable {
        key: spot.key.clone(),
        value: value.to_owned(),
        masked: true,
        protected: true,
        hidden: spot.hidden,
        ..Variable::default()
    };
    sandbox.gitlab(|gitlab| gitlab.add_variable(&spot.place, variable));
}

/// Removes it, as a person would.
pub fn remove(sandbox: &Sandbox, spot: &Spot) {
    let project = spot.place.strip_prefix("projects/").unwrap_or_default().replace('/', "%2F");
    delete(sandbox, &format!("projects/{project}/variables/{}", spot.key));
}

/// Removes something of GitLab, as an administrator.
pub fn delete(sandbox: &Sandbox, path: &str) {
    let admin = sandbox.gitlab(|gitlab| {
        let root = gitlab.add_admin("root");
        gitlab.add_personal_token(root, "root", &["api"], DateTime::UNIX_EPOCH, None).value
    });
    let mut headers = http::HeaderMap::new();
    if let Ok(value) = http::HeaderValue::from_str(&admin) {
        headers.insert("private-token", value);
    }
    let (method, host) = (http::Method::DELETE, "gitlab".to_owned());
    let target = format!("/api/v4/{path}");
    let _ = sandbox.handle(&tokenwheel_sandbox::Request { method, host, target, headers, body: bytes::Bytes::new() });
}

/// What founding parts of an estate have in common.
pub struct Founding<'a> {
    /// What is founded.
    pub estate: &'a mut Estate,
    /// How.
    pub dice: &'a mut Dice,
}

impl Founding<'_> {
    /// The entry of a token in `tokens:`.
    pub fn entry(&mut self, name: &str, issuer: &str, rotate: &str, spots: &[Spot]) {
        let places: Vec<String> = spots.iter().map(|spot| format!("\n      - {}", spot.entry())).collect();
        let places = places.concat();
        let text = format!("\n  {name}:\n    issuer: {{ {issuer} }}{rotate}\n    destinations:{places}");
        self.estate.config.push_str(&text);
    }

    /// One or two places with this value; the second may be hidden, or a secret of GitHub.
    pub fn places(&mut self, key: &str, value: &str) -> Vec<Spot> {
        let mut spots = vec![Spot::variable(APP, key)];
        match self.dice.below(10) {
            0..5 => {}
            5 | 6 => spots.push(Spot::variable(API, key)),
            7 | 8 => spots.push(Spot { hidden: true, ..Spot::variable(API, &format!("{key}_HIDDEN")) }),
            _ => {
                crate::kinds::github(self);
                spots.push(Spot { hidden: true, ..Spot::variable("repos/acme/app", key) });
            }
        }
        for spot in &spots {
            self.estate.keep(spot, value);
        }
        spots
    }
}
