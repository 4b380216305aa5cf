//! Filling the services before a test, and looking into them afterwards.

use chrono::{DateTime, Utc};

use super::HttpApi;
use super::model::{Family, Key, Sink};
use crate::mint::{HEX, URL_SAFE};

impl HttpApi {
    /// Adds a key, by its owner and name; an administrator's may make others.
    pub fn add_key(
        &mut self,
        family: Family,
        (owner, name): (&str, &str),
        admin: bool,
        created: DateTime<Utc>,
        expires: Option<DateTime<Utc>>,
    ) -> Key {
        let (id, value) = self.mint_key(family);
        let (owner, name) = (owner.to_owned(), name.to_owned());
        let key = Key { family, id, owner, name, value, admin, created, expires, revoked: false };
        self.keys.push(key.clone());
        key
    }

    /// An id and a value in the manner of a family.
    pub(crate) fn mint_key(&mut self, family: Family) -> (String, String) {
        let number = self.keys.len() + 1;
        match family {
            Family::Grafana => (number.to_string(), self.mint.secret("glsa_", URL_SAFE, 41)),
            Family::Cloudflare => (self.mint.letters(HEX, 32), self.mint.secret("", URL_SAFE, 40)),
            Family::Terraform => (format!("at-{number}"), self.mint.secret("", URL_SAFE, 90)),
            Family::Slack => (format!("K{number:06}"), self.mint.secret("xoxe-", URL_SAFE, 60)),
        }
    }

    /// Adds a place that takes a value.
    pub fn add_sink(&mut self, name: &str, sink: Sink) {
        self.mint.remember(&sink.value);
        self.sinks.insert(name.to_owned(), sink);
    }

    /// A place that takes a value.
    pub fn sink(&self, name: &str) -> Option<Sink> {
        self.sinks.get(name).cloned()
    }

    /// Whether a key of this value works now.
    pub fn is_live(&self, value: &str) -> bool {
        let now = self.now();
        self.keys.iter().any(|key| key.value == value && key.is_live(now))
    }

    /// The keys of an owner that work now, oldest first.
    pub fn live(&self, owner: &str) -> Vec<Key> {
        let now = self.now();
        self.keys.iter().filter(|key| key.owner == owner && key.is_live(now)).cloned().collect()
    }

    /// How many secrets were made on request.
    pub fn minted(&self) -> usize {
        self.minted
    }

    /// Ends a key.
    pub fn end(&mut self, value: &str) {
        for key in self.keys.iter_mut().filter(|key| key.value == value) {
            key.revoked = true;
        }
    }
}
