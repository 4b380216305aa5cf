//! Looking into a GitLab after a test.

use super::GitLab;
use super::model::{Place, Token, Trigger, User, Variable};

impl GitLab {
    /// A variable by place (`projects/acme/app`, `groups/acme`, `admin`), key and environment scope.
    pub fn variable(&self, place: &str, key: &str, scope: &str) -> Option<Variable> {
        let wanted = |variable: &&Variable| variable.key == key && variable.environment_scope == scope;
        self.kept(self.place_at(place)?).iter().find(wanted).cloned()
    }

    /// The tokens of this name that work now, oldest first.
    pub fn live_tokens(&self, name: &str) -> Vec<Token> {
        let now = self.now();
        self.tokens.values().filter(|token| token.name == name && token.is_live(now)).cloned().collect()
    }

    /// A token by number.
    pub fn token(&self, id: u64) -> Option<Token> {
        self.tokens.get(&id).cloned()
    }

    /// A token by value, dead or alive.
    pub fn token_of_value(&self, value: &str) -> Option<Token> {
        self.by_value.get(value).and_then(|id| self.tokens.get(id)).cloned()
    }

    /// Whether a credential of this value works now, of whatever kind it is.
    pub fn is_live(&self, value: &str) -> bool {
        let now = self.now();
        let trigger =
            || self.trigger_of_value(value).is_some_and(|trigger| trigger.expires_at.is_none_or(|end| end > now));
        self.token_of_value(value).is_some_and(|token| token.is_live(now))
            || trigger()
            || self.deploy_token_lives(value)
            || self.agent_token_lives(value)
            || self.runner_token_lives(value)
    }

    /// Ends a token.
    pub fn revoke(&mut self, id: u64) {
        if let Some(token) = self.tokens.get_mut(&id) {
            token.revoked = true;
        }
    }

    /// The pipeline triggers of a project.
    pub fn triggers_of(&self, path: &str) -> Vec<Trigger> {
        self.project_named(path).into_iter().flat_map(|project| self.triggers_in(project)).cloned().collect()
    }

    /// A pipeline trigger by value.
    pub fn trigger_of_value(&self, value: &str) -> Option<Trigger> {
        self.triggers.values().find(|trigger| trigger.value == value).cloned()
    }

    /// A user by number.
    pub fn user(&self, id: u64) -> Option<User> {
        self.users.get(&id).cloned()
    }

    fn place_at(&self, place: &str) -> Option<Place> {
        match place.split_once('/') {
            Some(("projects", path)) => self.project_named(path).map(Place::Project),
            Some(("groups", path)) => self.group_named(path).map(Place::Group),
            Some(_) => None,
            None => Some(Place::Instance),
        }
    }
}
