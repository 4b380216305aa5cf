//! What a scenario is made of: an estate before tokenwheel, and what has to be true of it at the end.
#![allow(dead_code, reason = "each suite uses its own part of it")]

use http::Method;
use tokenwheel_sandbox::github::Store;
use tokenwheel_sandbox::{Exchange, Sandbox};

use crate::common::Bench;

/// A destination that does not hold a live token of its subject.
pub(crate) struct Wrong {
    pub(crate) token: &'static str,
    pub(crate) key: &'static str,
    pub(crate) hidden: bool,
}

/// A scenario: an estate, and which of its tokens are turned by hand before the crash, so that a week-old memory is
/// really old.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) found: fn(&mut Bench) -> Estate,
}

/// What was seeded, and what is wanted.
pub(crate) struct Estate {
    /// `connections:` and `tokens:`; the ledger is added by the history.
    pub(crate) config: String,
    pub(crate) tokens: Vec<Kept>,
    /// Tokens that nobody may end.
    pub(crate) strangers: Vec<Stranger>,
    /// What is turned on the first day, in each of as many runs.
    pub(crate) forced: &'static [&'static [&'static str]],
    /// How many are put off to the run after, because a run turns one of a pair only.
    pub(crate) deferred: usize,
    /// The token of a single refresher, whose own turn cannot be saved once its answer is lost.
    pub(crate) lonely: Option<&'static str>,
}

/// A token of the config, and where it is.
pub(crate) struct Kept {
    pub(crate) name: &'static str,
    pub(crate) subject: Subject,
    pub(crate) spots: Vec<Spot>,
}

/// What makes it this token at its issuer.
#[derive(Clone, Copy)]
pub(crate) enum Subject {
    /// An access token of GitLab, by name.
    Access(&'static str),
    /// A trigger token of `acme/app`, by description.
    Trigger(&'static str),
    /// A token of Styra, by id.
    Styra(&'static str),
    /// A token of another service, as its scenario knows it.
    Other(&'static Other),
}

/// How a token of another service is known.
pub(crate) struct Other {
    /// Whether an exchange made one.
    pub(crate) made: fn(&Exchange) -> bool,
    /// Whether a value is a live one.
    pub(crate) live: fn(&Sandbox, &str) -> bool,
    /// Number and value of all that live, where the issuer can list or end them.
    pub(crate) living: fn(&Sandbox) -> Vec<(u64, String)>,
    /// Whether one more is made at every run.
    pub(crate) ephemeral: bool,
    /// Whether to ask is to use up, so that the memory alone knows whether it lives.
    pub(crate) unasked: bool,
}

/// A CI/CD variable; a secret of Actions, where the place is a repository of GitHub.
pub(crate) struct Spot {
    pub(crate) place: &'static str,
    pub(crate) key: &'static str,
}

/// A token that is none of ours.
pub(crate) struct Stranger {
    pub(crate) what: &'static str,
    pub(crate) value: String,
}

pub(crate) fn kept(name: &'static str, subject: Subject, spots: &[(&'static str, &'static str)]) -> Kept {
    let spots = spots.iter().map(|(place, key)| Spot { place, key }).collect();
    Kept { name, subject, spots }
}

impl Estate {
    /// Whether nobody can know that a token is not where it should be: the memory is lost, and either the answer to its
    /// own turn was lost with it, or every place of it can only be written.
    pub(crate) fn beyond_knowing(&self, token: &str, remembers: bool) -> bool {
        let Some(kept) = self.tokens.iter().find(|kept| kept.name == token).filter(|_| !remembers) else {
            return false;
        };
        let unseen = !kept.spots.is_empty() && kept.spots.iter().all(Spot::is_at_github);
        unseen || (kept.subject.is_unasked() && self.lonely == Some(token))
    }

    /// Whether one more of that token is made at every run.
    pub(crate) fn is_ephemeral(&self, token: &str) -> bool {
        self.tokens.iter().any(|kept| kept.name == token && kept.subject.is_ephemeral())
    }

    /// All destinations.
    pub(crate) fn spots(&self) -> impl Iterator<Item = &Spot> {
        self.tokens.iter().flat_map(|token| &token.spots)
    }

    /// The destinations that do not hold a live token of their subject.
    pub(crate) fn wrong(&self, sandbox: &Sandbox) -> Vec<Wrong> {
        let spots = self.tokens.iter().flat_map(|token| token.spots.iter().map(move |spot| (token, spot)));
        spots
            .filter(|(token, spot)| !token.subject.is_live(sandbox, &spot.held(sandbox)))
            .map(|(token, spot)| Wrong { token: token.name, key: spot.key, hidden: spot.is_hidden(sandbox) })
            .collect()
    }

    /// The numbers of the live tokens of a subject that no destination holds and that are ours.
    pub(crate) fn strays(&self, sandbox: &Sandbox, token: &Kept) -> Vec<u64> {
        let held: Vec<String> = token.spots.iter().map(|spot| spot.held(sandbox)).collect();
        let foreign = |value: &String| self.strangers.iter().any(|stranger| stranger.value == *value);
        let living = token.subject.living(sandbox).into_iter();
        living.filter(|(_, value)| !held.contains(value) && !foreign(value)).map(|(id, _)| id).collect()
    }

    /// What was done to others, in sentences.
    pub(crate) fn harm(&self, sandbox: &Sandbox) -> Vec<String> {
        let ended = self.strangers.iter().filter(|stranger| !sandbox.gitlab(|gitlab| gitlab.is_live(&stranger.value)));
        let mut harm: Vec<String> = ended.map(|stranger| format!("{} was ended", stranger.what)).collect();
        let (reuse, pipelines) = sandbox.gitlab(|gitlab| (gitlab.reuse_detections, gitlab.pipelines_triggered));
        if reuse + pipelines > 0 {
            harm.push(format!("{reuse} reuse detections, {pipelines} pipelines started"));
        }
        harm
    }
}

impl Spot {
    /// What it holds, hidden or not: the sandbox knows.
    pub(crate) fn held(&self, sandbox: &Sandbox) -> String {
        if self.is_at_github() {
            let held = sandbox.github(|github| github.secret(Store::Actions, self.place, self.key));
            return held.map(|held| held.value).unwrap_or_default();
        }
        sandbox.gitlab(|gitlab| gitlab.variable(self.place, self.key, "*")).map(|held| held.value).unwrap_or_default()
    }

    fn is_at_github(&self) -> bool {
        self.place.starts_with("repos/")
    }

    fn is_hidden(&self, sandbox: &Sandbox) -> bool {
        self.is_at_github()
            || sandbox.gitlab(|gitlab| gitlab.variable(self.place, self.key, "*")).is_some_and(|held| held.hidden)
    }
}

impl Subject {
    /// Whether an exchange made a token of this subject.
    pub(crate) fn is_made_by(self, exchange: &Exchange) -> bool {
        let Some((200 | 201, body)) = &exchange.acted else { return false };
        let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let made =
            |key: &str, name: &str| exchange.method == Method::POST && body[key] == name && body["token"].is_string();
        match self {
            Self::Access(name) => made("name", name),
            Self::Trigger(description) => made("description", description),
            Self::Other(other) => (other.made)(exchange),
            Self::Styra(id) => exchange.method == Method::PUT && exchange.target.ends_with(&format!("/v1/tokens/{id}")),
        }
    }

    /// Whether the memory alone knows whether it lives.
    pub(crate) fn is_unasked(self) -> bool {
        matches!(self, Self::Other(other) if other.unasked)
    }

    /// Whether one more is made at every run.
    pub(crate) fn is_ephemeral(self) -> bool {
        matches!(self, Self::Other(other) if other.ephemeral)
    }

    /// Whether a value is a live token of this subject.
    pub(crate) fn is_live(self, sandbox: &Sandbox, value: &str) -> bool {
        match self {
            Self::Other(other) => (other.live)(sandbox, value),
            Self::Access(name) => sandbox.gitlab(|gitlab| {
                gitlab.token_of_value(value).is_some_and(|token| token.name == name) && gitlab.is_live(value)
            }),
            Self::Trigger(description) => sandbox.gitlab(|gitlab| {
                let trigger = gitlab.trigger_of_value(value);
                trigger.is_some_and(|trigger| trigger.description == description) && gitlab.is_live(value)
            }),
            Self::Styra(id) => {
                sandbox.styra(|styra| styra.token(id).is_some_and(|token| token.value == value) && styra.is_live(value))
            }
        }
    }

    /// Number and value of all that live.
    pub(crate) fn living(self, sandbox: &Sandbox) -> Vec<(u64, String)> {
        match self {
            Self::Access(name) => sandbox
                .gitlab(|gitlab| gitlab.live_tokens(name))
                .into_iter()
                .map(|token| (token.id, token.value))
                .collect(),
            Self::Trigger(description) => sandbox
                .gitlab(|gitlab| gitlab.triggers_of("acme/app"))
                .into_iter()
                .filter(|trigger| trigger.description == description)
                .map(|trigger| (trigger.id, trigger.value))
                .collect(),
            Self::Other(other) => (other.living)(sandbox),
            Self::Styra(_) => Vec::new(),
        }
    }
}
