//! What people and machines are told: the plan, the outcome of a run, in text, Markdown, JSON, JUnit and OpenMetrics.

mod exit;
mod json;
mod junit;
mod markdown;
mod offline;
mod openmetrics;
mod outcome;
mod outputs;
mod table;

use chrono::{DateTime, Utc};

use crate::config::Source;
use crate::plan::{DEATH_UNKNOWN, Moment, Plan, Seat, Sight};
use crate::run::{ConnectionState, Observation, Wheel};
pub use exit::Level;
pub use offline::{Against, NotRead, OfflineReport};
pub use outcome::{Dates, Outcome, Retired};

/// What one run came to.
pub struct RunReport {
    /// The command.
    pub verb: &'static str,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When the next one comes.
    pub next_run: DateTime<Utc>,
    /// The connections.
    pub connections: Vec<ConnectionReport>,
    /// The tokens, in the order in which they were dealt with.
    pub tokens: Vec<TokenReport>,
    /// What is to be said besides.
    pub notes: Vec<String>,
    /// Whether something besides the tokens went wrong.
    pub troubled: bool,
}

/// How a connection stands.
pub struct ConnectionReport {
    /// Its name.
    pub name: String,
    /// The host.
    pub host: String,
    /// Who is logged in.
    pub login: Option<String>,
    /// What is wrong with its credentials, if anything.
    pub troubles: Vec<String>,
    /// Which credentials were found in their own destination, because the job was started before their last turn.
    pub moved: Vec<String>,
    /// Whether the credential that is logged in dies before the next run, and nothing turns it.
    pub expiring: bool,
    /// Whether nothing can be done over it.
    pub dead: bool,
    /// Whether that is so only because the service could not be asked: then its credentials may be well.
    pub unreachable: bool,
    /// When the credential that is logged in dies.
    pub dies: Option<DateTime<Utc>>,
}

/// What became of one token.
#[expect(clippy::struct_excessive_bools, reason = "four facts that are independent of each other")]
pub struct TokenReport {
    /// Its name.
    pub name: String,
    /// Whom to ask.
    pub owner: Option<String>,
    /// The kind of its issuer.
    pub issuer: String,
    /// How a new one follows the old one.
    pub succession: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// When it turns.
    pub due: Option<DateTime<Utc>>,
    /// When it dies.
    pub dies: Option<DateTime<Utc>>,
    /// When it was made.
    pub created: Option<DateTime<Utc>>,
    /// Whether no live token of it would be left before the next run.
    pub at_risk: bool,
    /// Whether a destination was seen to hold what is dead, and was not mended.
    pub broken: bool,
    /// Whether a destination could not be looked at, or holds nothing, or nobody knows whether a token lives.
    pub unsure: bool,
    /// Whether a `--revoke-now` is not proved.
    pub revocation_open: bool,
    /// Its destinations, and what stands there.
    pub destinations: Vec<(String, String)>,
    /// What people should know besides.
    pub notes: Vec<String>,
}

impl ConnectionReport {
    pub(crate) fn new(name: &str, state: &ConnectionState, wheel: &Wheel, moment: &Moment) -> Self {
        let linked = wheel.connections.get(name);
        let alive = state.login.and_then(|seat| Some((seat, state.alive.get(&seat)?)));
        let login = alive.map(|(seat, alive)| {
            let who = alive.login.who.clone().unwrap_or_else(|| "a live token".to_owned());
            format!("{who}, by its {}", seat.word())
        });
        // A pod's own account has no seat.
        let arrived = state.arrived.as_ref();
        let arrived = arrived.map(|login| login.who.clone().unwrap_or_else(|| "logged in by itself".to_owned()));
        let login = login.or(arrived);
        let moved = state.alive.iter().filter_map(|(seat, alive)| {
            let found = alive.found_at.as_ref()?;
            Some(format!("{}: the job was started before its last turn; the live one is in {found}", seat.word()))
        });
        let silent = silence(state, wheel, name);
        let asked = silent.is_none();
        let dead = state.dead.iter().filter(|(seat, _)| asked && !state.alive.contains_key(seat));
        let dead = dead.map(|(seat, why)| format!("{}: {why}{}", seat.word(), next_step(wheel, name, *seat)));
        let dies = alive.and_then(|(_, alive)| alive.login.record.as_ref()).and_then(|record| record.expires);
        // One that a token of the config turns is that token's matter.
        let turned = state.login.is_some_and(|seat| wheel.pair(name).seats.contains_key(&seat));
        Self {
            name: name.to_owned(),
            host: linked.map(|linked| linked.connection.host().to_owned()).unwrap_or_default(),
            login,
            troubles: dead.chain(silent).collect(),
            moved: moved.collect(),
            dead: state.login.is_none(),
            unreachable: state.unreachable,
            expiring: dies.is_some_and(|dies| dies <= moment.horizon()) && !turned,
            dies,
        }
    }
}

/// Why a service could not be asked: once, where that is the same for every credential.
fn silence(state: &ConnectionState, wheel: &Wheel, connection: &str) -> Option<String> {
    let linked = wheel.connections.get(connection).filter(|_| state.unreachable)?;
    let mut whys: Vec<&str> = state
        .dead
        .iter()
        .map(|(seat, why)| {
            let source = linked.credentials.get(seat).map(|credential| format!("{}: ", credential.source));
            source.and_then(|source| why.strip_prefix(&source)).unwrap_or(why)
        })
        .collect();
    whys.dedup();
    Some(format!("{}; its credentials may be well, and the next run asks again", whys.join("; ")))
}

/// What a person does about a dead refresher.
fn next_step(wheel: &Wheel, connection: &str, seat: Seat) -> String {
    let pair = wheel.pair(connection);
    let token = pair.seats.get(&seat).and_then(|name| wheel.tokens.get(name));
    let places: Vec<String> = token.map(|token| token.wanted.destinations.clone()).unwrap_or_default();
    let source = wheel.connections.get(connection).and_then(|linked| linked.credentials.get(&seat));
    let place = match (places.as_slice(), source.map(|credential| &credential.source)) {
        ([], Some(Source::Environment(name))) => format!("where {name} comes from"),
        ([], Some(Source::File(path))) => format!("into {}", path.display()),
        ([], Some(Source::Vault { path, .. })) => format!("into {path} in the vault"),
        // What logs in by itself, or as the job, has nothing that could be put anywhere.
        ([], Some(Source::Oidc(_)) | None) => return String::new(),
        (places, _) => format!("into {}", crate::text::list(places)),
    };
    format!("; if this job was started before its last turn, start it again; else make a new one and put it {place}")
}

impl TokenReport {
    pub(crate) fn new(
        token: &crate::run::Turning,
        plan: &Plan,
        outcome: Outcome,
        seen: Option<&Observation>,
        moment: &Moment,
        forced: bool,
    ) -> Self {
        // Refreshers are exempt from the limit. That one of a pair waits is as it should be, save where a person asked.
        let outcome = match outcome {
            Outcome::Deferred if token.spec.refreshes.is_some() && !forced => Outcome::Waits,
            outcome => outcome,
        };
        let states = token.wanted.destinations.iter().enumerate().map(|(index, address)| {
            // The address stands before the sentence, and is not repeated in it.
            let before = seen.and_then(|seen| seen.seen.sights.get(index)).map(Sight::sentence);
            let before = before.map(|told| told.replacen(&format!("{address}: "), "", 1).replacen(&**address, "it", 1));
            (address.clone(), outcome.at_destination(index).or(before).unwrap_or_default())
        });
        let ended = matches!(outcome, Outcome::Retired(_)) && plan.live.is_none();
        let states = states.map(|(to, state)| (to, if ended { "holds what was ended".to_owned() } else { state }));
        let mut notes = plan.notes.clone();
        if matches!(outcome, Outcome::Deferred) {
            let why = if token.spec.refreshes.is_some() {
                "a run turns one refresher of a pair, and logs in with the other: run it once more"
            } else {
                "the limit of this run is reached: `--max`, or `limits.max_rotations` in the config"
            };
            notes.push(why.to_owned());
        }
        let sights = seen.map(|seen| seen.seen.sights.as_slice()).unwrap_or_default();
        let left = |is: fn(&Sight) -> bool| {
            sights.iter().enumerate().any(|(index, sight)| is(sight) && !outcome.mended(index))
        };
        let Dates { created, dies, due } = outcome.dates(plan);
        // What was not known of the old one is known of the new one.
        if outcome.is_rotated() && dies.is_some() {
            notes.retain(|note| !note.starts_with(DEATH_UNKNOWN));
        }
        // What is only watched, and was never made, cannot be lost.
        let empty = !sights.is_empty() && sights.iter().all(|sight| matches!(sight, Sight::Empty));
        let unborn = token.wanted.watch && plan.live.is_none() && dies.is_none() && empty;
        if unborn {
            notes.push("there is none yet, and while it is only watched none is made".to_owned());
        }
        Self {
            broken: left(|sight| matches!(sight, Sight::Wrong(_))),
            unsure: !unborn
                && (left(|sight| matches!(sight, Sight::Unseen(_) | Sight::Empty))
                    || (plan.live.is_none() && !outcome.is_rotated() && !ended)),
            revocation_open: false,
            name: plan.name.clone(),
            owner: token.spec.owner.clone(),
            issuer: token.spec.issuer.kind.clone(),
            succession: token.wanted.succession.word(),
            due,
            dies,
            created,
            at_risk: !outcome.is_rotated() && !unborn && plan.at_risk(moment),
            destinations: states.collect(),
            notes,
            outcome,
        }
    }

    pub(crate) fn not_seen(
        name: &str,
        token: &crate::run::Turning,
        why: &str,
        dies: Option<DateTime<Utc>>,
        moment: &Moment,
    ) -> Self {
        Self {
            name: name.to_owned(),
            owner: token.spec.owner.clone(),
            issuer: token.spec.issuer.kind.clone(),
            succession: token.wanted.succession.word(),
            outcome: Outcome::NotSeen(why.to_owned()),
            due: None,
            dies,
            created: None,
            at_risk: dies.is_some_and(|dies| dies <= moment.horizon()),
            broken: false,
            unsure: true,
            revocation_open: false,
            destinations: token.wanted.destinations.iter().map(|to| (to.clone(), String::new())).collect(),
            notes: Vec::new(),
        }
    }
}

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    Text,
    /// For machines.
    Json,
    /// For a job's summary.
    Markdown,
    /// For the list of tests of a pipeline.
    Junit,
    /// For alerts.
    Openmetrics,
}

/// The files of a folder for reports, besides the facts for later jobs.
pub const FILES: &[(&str, Format)] = &[
    ("report.md", Format::Markdown),
    ("report.json", Format::Json),
    ("junit.xml", Format::Junit),
    ("metrics.txt", Format::Openmetrics),
];

impl RunReport {
    /// Writes the report in that form; text may be painted for a terminal.
    pub fn render(&self, format: Format, painted: bool) -> String {
        match format {
            Format::Text => table::render(self, painted),
            Format::Json => json::render(self),
            Format::Markdown => markdown::render(self),
            Format::Junit => junit::render(self),
            Format::Openmetrics => openmetrics::render(self),
        }
    }
}

/// Writes a result to stdout. A closed pipe is nobody's error.
pub fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes narration to stderr.
pub fn narrate(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "{text}");
}

/// Asks on stderr, and leaves the line open for the answer.
pub fn ask(question: &str) {
    use std::io::Write as _;
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(question.as_bytes()).and_then(|()| out.flush());
}
