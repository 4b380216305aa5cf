//! What a scenario is made of: an estate before tokenwheel, and what has to be true of it at the end.

use tokenwheel_sandbox::Sandbox;

use crate::common::Bench;

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
}

/// A CI/CD variable.
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

impl Spot {
    /// What it holds, hidden or not: the sandbox knows.
    pub(crate) fn held(&self, sandbox: &Sandbox) -> String {
        sandbox.gitlab(|gitlab| gitlab.variable(self.place, self.key, "*")).map(|held| held.value).unwrap_or_default()
    }

    pub(crate) fn is_hidden(&self, sandbox: &Sandbox) -> bool {
        sandbox.gitlab(|gitlab| gitlab.variable(self.place, self.key, "*")).is_some_and(|held| held.hidden)
    }
}

impl Subject {
    /// Whether a value is a live token of this subject.
    pub(crate) fn is_live(self, sandbox: &Sandbox, value: &str) -> bool {
        match self {
            Self::Access(name) => sandbox.gitlab(|gitlab| {
                gitlab.token_of_value(value).is_some_and(|token| token.name == name) && gitlab.is_live(value)
            }),
            Self::Trigger(description) => sandbox.gitlab(|gitlab| {
                let trigger = gitlab.trigger_of_value(value);
                trigger.is_some_and(|trigger| trigger.description == description) && gitlab.is_live(value)
            }),
            Self::Styra(id) => sandbox.styra(|styra| {
                styra.token(id).is_some_and(|token| token.value == value) && styra.is_live(value)
            }),
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
            Self::Styra(_) => Vec::new(),
        }
    }
}
