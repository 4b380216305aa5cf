//! Filling a Styra tenant before a test, and looking into it afterwards.

use chrono::{DateTime, TimeDelta, Utc};

use super::Styra;
use super::model::{Role, Secret, Token, written};

impl Styra {
    /// Adds a token with a role; gives its value.
    pub fn add_token(
        &mut self,
        id: &str,
        role: Role,
        ttl: TimeDelta,
        paths: &[&str],
        created: DateTime<Utc>,
    ) -> String {
        let value = self.mint_value();
        self.keep(Token {
            id: id.to_owned(),
            value: value.clone(),
            description: format!("{id}, kept by hand"),
            ttl: written(ttl),
            expires: created + ttl,
            allow_path_patterns: paths.iter().map(|path| (*path).to_owned()).collect(),
            uses: 0,
            created_at: created,
            modified_at: created,
        });
        self.roles.insert(id.to_owned(), role);
        value
    }

    /// A token by id, dead or alive.
    pub fn token(&self, id: &str) -> Option<Token> {
        self.tokens.get(id).cloned()
    }

    /// The role that is bound to an id.
    pub fn role(&self, id: &str) -> Role {
        self.role_of(id)
    }

    /// Whether a token of this value works now.
    pub fn is_live(&self, value: &str) -> bool {
        let now = self.now();
        let token = self.by_value.get(value).and_then(|id| self.tokens.get(id));
        token.is_some_and(|token| token.is_live(now))
    }

    /// Ends a token.
    pub fn revoke(&mut self, id: &str) {
        if let Some(token) = self.tokens.remove(id) {
            self.by_value.remove(&token.value);
        }
    }

    /// Adds a secret, or puts another in its place.
    pub fn add_secret(&mut self, id: &str, name: &str, description: &str, secret: &str) {
        self.mint.remember(secret);
        let secret = Secret {
            id: id.to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            secret: secret.to_owned(),
            modified_at: self.now(),
        };
        self.secrets.insert(id.to_owned(), secret);
    }

    /// A secret by id.
    pub fn secret_at(&self, id: &str) -> Option<Secret> {
        self.secrets.get(id).cloned()
    }
}
