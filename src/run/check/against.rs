//! What changes from one config to another, in meaning: for whoever reviews a merge request.
//!
//! Typed things are compared one by one, the keys of kinds as they stand, so that no change is ever passed over. What a
//! reviewer must not overlook comes first.

mod keys;
mod token;

use chrono::TimeDelta;
use serde_json::{Value, json};
use url::Url;

use super::super::setup::Wheel;
use crate::config::{Config, ConnectionSpec, PartSpec, RescueSpec};
use crate::text;

/// What a difference is about, the most dangerous first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// A credential would be sent to a host to which it was not sent before.
    Host,
    /// Something logs in with another credential.
    Credential,
    /// A token would come to a place or a reader that did not have it, or another token is turned.
    Place,
    /// A token may do more, or for longer.
    Rights,
    /// Something that protected a token is gone, or weaker.
    Guard,
    /// All else.
    Other,
}

impl Grade {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [Self::Host, Self::Credential, Self::Place, Self::Rights, Self::Guard, Self::Other];

    /// The word for machines.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Credential => "credential",
            Self::Place => "place",
            Self::Rights => "rights",
            Self::Guard => "guard",
            Self::Other => "other",
        }
    }

    /// The heading for people.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Host => "a credential goes to a new host",
            Self::Credential => "another credential is used",
            Self::Place => "a token goes to a new place",
            Self::Rights => "wider rights",
            Self::Guard => "less protection",
            Self::Other => "other changes",
        }
    }
}

/// One difference between two configs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub grade: Grade,
    /// What differs: a connection, a token, or a part of the config.
    pub of: String,
    /// The sentence.
    pub what: String,
}

/// A config, and what was built of it.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The config.
    pub config: &'a Config,
    /// What was built of it.
    pub wheel: &'a Wheel,
}

/// What changes when `after` takes the place of `before`, which there may not have been.
pub fn differences(before: Option<Side<'_>>, after: Side<'_>) -> Vec<Difference> {
    let mut comparison = Comparison { before, after, found: Vec::new() };
    comparison.connections();
    comparison.tokens();
    comparison.rescue();
    comparison.rest();
    let mut found = comparison.found;
    found.sort_by_key(|difference| difference.grade);
    told_once(found)
}

struct Comparison<'a> {
    before: Option<Side<'a>>,
    after: Side<'a>,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn say(&mut self, grade: Grade, of: &str, what: impl Into<String>) {
        self.found.push(Difference { grade, of: text::harmless(of), what: text::harmless(&what.into()) });
    }

    /// The keys of a part. Without an old part only what matters by itself is told.
    fn keys(&mut self, of: &str, before: Option<&Value>, after: &Value) {
        self.keys_besides(of, (before, ""), (after, ""));
    }

    /// The same without what two sentences about the part, as it was and as it is, have said already.
    fn keys_besides(&mut self, of: &str, before: (Option<&Value>, &str), after: (&Value, &str)) {
        for change in keys::changes(before.0, after.0) {
            let said = before.1 != after.1 && change.is_in(before.1, after.1);
            if !said && (before.0.is_some() || change.grade < Grade::Other) {
                self.say(change.grade, of, change.what);
            }
        }
    }

    fn connections(&mut self) {
        let after = self.after;
        for (name, spec) in &after.config.connections {
            let of = format!("connection {name}");
            let old = self.before.and_then(|side| Some((side, side.config.connections.get(name)?)));
            if let Some((side, old)) = old {
                self.connection(&of, name, (side, old), spec);
            } else {
                let to = host(after, name, spec);
                self.say(Grade::Host, &of, format!("new: {} would be sent to {to}", credentials(spec)));
                self.trust(&of, (None, None), (Some(after), Some(spec)));
                self.keys(&of, None, &spec.keys);
            }
        }
        let gone = |name: &&String| !after.config.connections.contains_key(*name);
        let old = self.before.into_iter().flat_map(|side| side.config.connections.keys());
        for name in old.filter(gone).collect::<Vec<_>>() {
            self.say(Grade::Other, &format!("connection {name}"), "it is gone");
        }
    }

    fn connection(&mut self, of: &str, name: &str, before: (Side<'_>, &ConnectionSpec), spec: &ConnectionSpec) {
        let (side, old) = before;
        let (from, to) = (host(side, name, old), host(self.after, name, spec));
        if from != to {
            let what = format!("{} would be sent to {to}, no longer to {from}", credentials(spec));
            self.say(Grade::Host, of, what);
        } else if old.url != spec.url {
            self.say(Grade::Other, of, changed("url", old.url.as_ref(), spec.url.as_ref()));
        }
        if old.service != spec.service {
            self.say(Grade::Credential, of, format!("it is of service {}, no longer {}", spec.service, old.service));
        }
        if old.token != spec.token {
            self.say(Grade::Credential, of, changed("token", old.token.as_ref(), spec.token.as_ref()));
        }
        match (&old.spare, &spec.spare) {
            (Some(_), None) => self.say(Grade::Guard, of, "it has no spare any more"),
            (old, new) if old != new => {
                self.say(Grade::Credential, of, changed("spare", old.as_ref(), new.as_ref()));
            }
            _ => {}
        }
        self.trust(of, (Some(side), Some(old)), (Some(self.after), Some(spec)));
        self.keys(of, Some(&old.keys), &spec.keys);
    }

    /// Whoever holds the key of a CA that is trusted can be any host.
    fn trust(
        &mut self,
        of: &str,
        before: (Option<Side<'_>>, Option<&ConnectionSpec>),
        after: (Option<Side<'_>>, Option<&ConnectionSpec>),
    ) {
        let file = |(side, spec): (Option<Side<'_>>, Option<&ConnectionSpec>)| {
            Some(local(side?.config, &spec?.ca_file.as_ref()?.display().to_string()))
        };
        let (old, new) = (file(before), file(after));
        if old == new {
            return;
        }
        let grade = if new.is_some() { Grade::Host } else { Grade::Other };
        self.say(grade, of, changed("ca_file", old.as_ref(), new.as_ref()));
    }

    /// To whom new values are sealed: whoever is named there can read every one of them.
    fn rescue(&mut self) {
        let keys = |rescue: &RescueSpec| json!({ "recipients": rescue.recipients, "path": rescue.path });
        let old = self.before.and_then(|side| side.config.rescue.as_ref()).map(keys);
        match self.after.config.rescue.as_ref().map(keys) {
            Some(new) => self.keys("rescue", old.as_ref(), &new),
            None if old.is_some() => {
                self.say(Grade::Guard, "rescue", "it is gone: what a run mints that dies is kept nowhere");
            }
            None => {}
        }
    }

    /// What is neither a connection nor a token. Of a config that is new there is nothing to be told.
    fn rest(&mut self) {
        let Some(before) = self.before else { return };
        let (old, new) = (before.config, self.after.config);
        if old.every != new.every {
            let grade = if new.every > old.every { Grade::Guard } else { Grade::Other };
            self.say(grade, "every", from_to(span(old.every), span(new.every)));
        }
        if old.max_rotations != new.max_rotations {
            let grade = if new.max_rotations > old.max_rotations { Grade::Guard } else { Grade::Other };
            let what = format!("`max_rotations` {}", from_to(old.max_rotations, new.max_rotations));
            self.say(grade, "limits", what);
        }
        match (&old.ledger, &new.ledger) {
            (None, None) => {}
            (None, Some(new)) => self.say(Grade::Other, "ledger", format!("new: {}", new.kind)),
            (Some(_), None) => {
                self.say(Grade::Guard, "ledger", "it is gone: what is to be retired is remembered nowhere");
            }
            (Some(was), Some(is)) => {
                let moved = was.kind != is.kind || over(old, was) != over(new, is) || was.keys != is.keys;
                if moved {
                    let what = "what it remembers stays behind, unless it is moved along";
                    self.say(Grade::Guard, "ledger", format!("it moves from {} to {}: {what}", part(was), part(is)));
                }
            }
        }
    }
}

/// A part in short: its kind and its keys.
fn part(spec: &PartSpec) -> String {
    format!("{} {}", spec.kind, keys::shown(&spec.keys))
}

/// The credentials of a connection, in words.
fn credentials(spec: &ConnectionSpec) -> String {
    let named: Vec<String> = spec.token.iter().chain(&spec.spare).map(ToString::to_string).collect();
    if named.is_empty() { "its own login".to_owned() } else { text::list(&named) }
}

/// Where a connection leads: scheme, host and port.
fn host(side: Side<'_>, name: &str, spec: &ConnectionSpec) -> String {
    let origin = |url: &Url| url.origin().ascii_serialization();
    let built = || side.wheel.connections.get(name).map(|linked| linked.connection.host().to_owned());
    spec.url.as_ref().map(origin).or_else(built).filter(|host| !host.is_empty()).unwrap_or_else(|| "itself".to_owned())
}

/// The connection of a part: the one it names, or the only one of its service.
fn over<'c>(config: &'c Config, part: &'c PartSpec) -> Option<&'c str> {
    let service = part.kind.split('/').next().unwrap_or_default();
    let only = || config.connections.iter().find(|(_, spec)| spec.service == service).map(|(name, _)| name.as_str());
    part.connection.as_deref().or_else(only)
}

/// A path without the folder of its config: the two configs stand in different ones.
fn local(config: &Config, path: &str) -> String {
    let folder: std::path::PathBuf = config.folder().components().collect();
    let folder = format!("{}/", folder.display());
    if folder == "/" { path.to_owned() } else { path.replacen(&folder, "", 1) }
}

fn span(length: TimeDelta) -> String {
    text::span(length)
}

fn from_to(old: impl std::fmt::Display, new: impl std::fmt::Display) -> String {
    format!("from {old} to {new}")
}

/// A key that stood there, stands there, or both.
fn changed(key: &str, old: Option<&impl ToString>, new: Option<&impl ToString>) -> String {
    match (old, new) {
        (Some(old), Some(new)) => format!("`{key}` {}", from_to(old.to_string(), new.to_string())),
        (None, Some(new)) => format!("`{key}` is new: {}", new.to_string()),
        (Some(old), None) => format!("`{key}` is gone; it was {}", old.to_string()),
        (None, None) => format!("`{key}` changes"),
    }
}

/// How many are named where many differ in the same way.
const NAMED: usize = 3;

/// The same sentence of many, told once: one entry of `each` makes many tokens.
fn told_once(found: Vec<Difference>) -> Vec<Difference> {
    let mut groups: Vec<(Difference, Vec<String>)> = Vec::new();
    for difference in found {
        let same = |(first, _): &&mut (Difference, Vec<String>)| {
            (first.grade, &first.what) == (difference.grade, &difference.what)
        };
        match groups.iter_mut().find(same) {
            Some((_, others)) if others.contains(&difference.of) => {}
            Some((_, others)) => others.push(difference.of),
            None => groups.push((difference.clone(), vec![difference.of])),
        }
    }
    let joined = |(first, mut of): (Difference, Vec<String>)| {
        let more = of.len().saturating_sub(NAMED);
        of.truncate(NAMED);
        if more > 0 {
            of.push(format!("{more} more"));
        }
        Difference { of: text::list(&of), ..first }
    };
    groups.into_iter().map(joined).collect()
}
