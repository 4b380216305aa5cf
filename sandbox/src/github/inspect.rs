//! Looking into a GitHub after a test.

use super::GitHub;
use super::model::{Hook, Make, Place, Repository, Secret, Store, Token, Variable};

impl GitHub {
    /// A repository by path.
    pub fn repository_named(&self, path: &str) -> Option<&Repository> {
        self.repositories.values().find(|repository| repository.full_name().eq_ignore_ascii_case(path))
    }

    /// A secret by store, place (`repos/acme/app`, `repos/acme/app/production`, `orgs/acme`) and name.
    pub fn secret(&self, store: Store, place: &str, name: &str) -> Option<Secret> {
        self.secrets.get(&(store, self.place_at(place)?))?.get(&name.to_uppercase()).cloned()
    }

    /// A variable by place and name.
    pub fn variable(&self, place: &str, name: &str) -> Option<Variable> {
        self.variables.get(&self.place_at(place)?)?.get(&name.to_uppercase()).cloned()
    }

    /// A webhook by number.
    pub fn hook(&self, id: u64) -> Option<Hook> {
        self.hooks.values().flatten().find(|hook| hook.id == id).cloned()
    }

    /// A token by value, dead or alive.
    pub fn token_of_value(&self, value: &str) -> Option<Token> {
        self.by_value.get(value).and_then(|id| self.tokens.get(id)).cloned()
    }

    /// Whether a token of this value works now.
    pub fn is_live(&self, value: &str) -> bool {
        let now = self.now();
        self.token_of_value(value).is_some_and(|token| token.is_live(now))
    }

    /// Every token of one make, dead or alive, oldest first.
    pub fn tokens_of(&self, make: Make) -> Vec<Token> {
        self.tokens.values().filter(|token| token.make == make).cloned().collect()
    }

    /// Ends a token.
    pub fn revoke(&mut self, value: &str) {
        if let Some(token) = self.by_value.get(value).and_then(|id| self.tokens.get_mut(id)) {
            token.revoked = true;
        }
    }

    pub(super) fn place_at(&self, place: &str) -> Option<Place> {
        let (kind, path) = place.split_once('/')?;
        if kind != "repos" {
            return Some(Place::Organization(path.to_owned()));
        }
        let mut parts = path.splitn(3, '/');
        let id = self.repository_named(&format!("{}/{}", parts.next()?, parts.next()?))?.id;
        Some(match parts.next() {
            None => Place::Repository(id),
            Some(environment) => Place::Environment(id, environment.to_owned()),
        })
    }
}
