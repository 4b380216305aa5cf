//! The rows of GitLab's webhook tables, and what an administrator or a version decides about them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::super::model::Place;

/// A webhook of a project or a group. `Debug` shows its secrets: it is a fake's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The number; one that is made anew has another.
    pub id: u64,
    /// Where it hangs.
    pub place: Place,
    /// The address, with `{names}` where the URL variables go.
    pub url: String,
    /// What the receiver gets as `X-Gitlab-Token`.
    pub token: Option<String>,
    /// What the deliveries are signed with.
    pub signing_token: Option<String>,
    /// What the address is filled in with.
    pub url_variables: BTreeMap<String, String>,
    /// What is sent along.
    pub custom_headers: BTreeMap<String, String>,
    /// Everything else that can be set and is shown again: events, filters, name.
    pub settings: Map<String, Value>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// One delivery, as the receiver saw it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The number.
    pub id: u64,
    /// Of which webhook.
    pub hook: u64,
    /// Of what event: `push_events`.
    pub event: String,
    /// Whether somebody asked for it, and nothing had happened.
    pub test: bool,
    /// The address as the log shows it.
    pub shown: String,
    /// The address that was called.
    pub url: String,
    /// The webhook's token then.
    pub token: Option<String>,
    /// The webhook's custom headers then.
    pub custom_headers: BTreeMap<String, String>,
    /// What the receiver answered.
    pub status: u16,
    /// When.
    pub at: DateTime<Utc>,
}

/// All webhooks of one GitLab, and the choices about them.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a version or an open question of its own")]
pub struct Hooks {
    /// Whether a webhook has a name, a description and custom headers, as since 17.1.
    pub described: bool,
    /// Whether a webhook tells if it has a token and a signing token, as since 19.0.
    pub tells_of_tokens: bool,
    /// Whether `signing_token` is taken, as since 19.0 while the flag `webhook_signing_token` is on. Where not it is
    /// ignored without a word.
    pub signs: bool,
    /// Whether a change of an ignored field alone is answered 200; where not it is 400, for nothing was sent.
    pub what_is_ignored_counts: bool,
    /// Whether a change must name the address, as the documentation says and older versions ask for.
    pub wants_the_address: bool,
    /// Whether a new address takes the signing token away as it does the token: the source that was read is older.
    pub address_clears_signing_token: bool,
    /// The longest value of a URL variable: 100 in the schema that was read, and no newer one was seen.
    pub longest_variable: usize,
    /// How many webhooks a place may have: 100 for a project of GitLab.com, 50 for a group.
    pub most: usize,
    /// Test deliveries a minute, for each user and place.
    pub tests_a_minute: Option<u64>,
    /// Whether the project is too young to play any event: no commit, no issue.
    pub nothing_to_play: bool,
    /// The secrets of which the receivers want one in each delivery; none: they take everything.
    pub receivers_want: Vec<String>,
    /// What the receivers answer to a delivery that they want.
    pub receivers_answer: u16,
    pub(super) rows: BTreeMap<u64, Hook>,
    pub(super) log: Vec<Delivery>,
    pub(super) last_hook: u64,
    /// When each user tested in each place, within the minute.
    pub(super) tests: BTreeMap<(u64, Place), Vec<DateTime<Utc>>>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            described: true,
            tells_of_tokens: true,
            signs: true,
            what_is_ignored_counts: true,
            wants_the_address: false,
            address_clears_signing_token: true,
            longest_variable: 2048,
            most: 100,
            tests_a_minute: Some(5),
            nothing_to_play: false,
            receivers_want: Vec::new(),
            receivers_answer: 200,
            rows: BTreeMap::new(),
            log: Vec::new(),
            last_hook: 6_000,
            tests: BTreeMap::new(),
        }
    }
}

impl Hook {
    /// The names that the address uses, in order.
    pub fn used(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut rest = self.url.as_str();
        while let Some((_, after)) = rest.split_once('{') {
            let Some((name, behind)) = after.split_once('}') else { break };
            let letters = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(letters) {
                names.push(name);
                rest = behind;
            } else {
                rest = after;
            }
        }
        names
    }

    /// The address as it is called; none where a variable is missing.
    pub fn filled_in(&self) -> Option<String> {
        self.used().into_iter().try_fold(self.url.clone(), |url, name| {
            Some(url.replacen(&format!("{{{name}}}"), self.url_variables.get(name)?, 1))
        })
    }

    /// Whether it listens to an event.
    pub fn listens_to(&self, event: &str) -> bool {
        self.settings.get(event) == Some(&Value::Bool(true))
    }
}
