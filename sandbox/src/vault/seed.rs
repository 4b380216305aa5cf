//! Filling a server before a test, and looking into it afterwards.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::{Mount, Policy, Role, Token, Vault};
use crate::mint::{HEX, URL_SAFE};

impl Vault {
    /// Adds a KV engine of version 2, or 1.
    pub fn add_mount(&mut self, name: &str, version: u8) {
        self.mounts.insert(name.to_owned(), Mount { version, cas_required: false });
    }

    /// Lets an engine of version 2 refuse writes without check-and-set.
    pub fn require_cas(&mut self, name: &str) {
        if let Some(mount) = self.mounts.get_mut(name) {
            mount.cas_required = true;
        }
    }

    /// Adds a token that may do that: paths, of which a last `*` stands for any rest, and the capabilities there.
    pub fn add_token(&mut self, policy: &[(&str, &[&str])], ttl: Option<TimeDelta>) -> String {
        self.plant(self::policy(policy), false, ttl)
    }

    /// Adds a token that may do everything.
    pub fn add_root(&mut self) -> String {
        self.plant(Vec::new(), true, None)
    }

    /// Adds a role that JWTs of that subject log in to.
    pub fn add_jwt_role(&mut self, mount: &str, role: &str, subject: &str, policy: &[(&str, &[&str])], ttl: TimeDelta) {
        let made = Role { subject: subject.to_owned(), policy: self::policy(policy), ttl };
        self.roles.insert((mount.to_owned(), role.to_owned()), made);
    }

    /// Makes a JWT of that subject, as a job gets one.
    pub fn add_jwt(&mut self, subject: &str, ttl: TimeDelta) -> String {
        let value = self.mint.secret("eyJhbGciOiJSUzI1NiJ9.", URL_SAFE, 120);
        self.jwts.insert(value.clone(), (subject.to_owned(), self.now() + ttl));
        value
    }

    /// Writes a version of a secret, unchecked.
    pub fn put(&mut self, mount: &str, path: &str, data: &[(&str, &str)]) {
        let data: Map<String, Value> = data.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        self.write((mount.to_owned(), path.to_owned()), data);
    }

    /// Deletes the last version of a secret, which can be undone.
    pub fn delete(&mut self, mount: &str, path: &str) {
        let now = self.now();
        let versions = self.secrets.get_mut(&(mount.to_owned(), path.to_owned()));
        if let Some(last) = versions.and_then(|versions| versions.last_mut()) {
            last.deleted = Some(now);
        }
    }

    /// What a key of a secret holds now.
    pub fn held(&self, mount: &str, path: &str, key: &str) -> Option<String> {
        let last = self.secrets.get(&(mount.to_owned(), path.to_owned()))?.last()?;
        let live = last.deleted.is_none().then_some(last)?;
        live.data.get(key)?.as_str().map(str::to_owned)
    }

    /// The whole of a secret, as it is now.
    pub fn secret(&self, mount: &str, path: &str) -> Value {
        let last = self.secrets.get(&(mount.to_owned(), path.to_owned())).and_then(|versions| versions.last());
        last.filter(|last| last.deleted.is_none()).map(|last| json!(last.data)).unwrap_or_default()
    }

    /// How many versions a secret has had.
    pub fn versions(&self, mount: &str, path: &str) -> usize {
        self.secrets.get(&(mount.to_owned(), path.to_owned())).map_or(0, Vec::len)
    }

    /// Whether a token of this value works now.
    pub fn is_live(&self, value: &str) -> bool {
        self.tokens.get(value).is_some_and(|token| self.lives(token))
    }

    /// How many tokens that logins gave work now.
    pub fn sessions(&self) -> usize {
        self.tokens.values().filter(|token| token.by_login && self.lives(token)).count()
    }

    /// Ends a token.
    pub fn revoke(&mut self, value: &str) {
        self.tokens.remove(value);
    }

    fn plant(&mut self, policy: Policy, root: bool, ttl: Option<TimeDelta>) -> String {
        let value = self.mint.secret("hvs.", URL_SAFE, 24);
        let created = self.now();
        let accessor = self.mint.letters(HEX, 24);
        let expires = ttl.map(|ttl| created + ttl);
        self.tokens.insert(value.clone(), Token { accessor, policy, root, by_login: false, created, expires });
        value
    }
}

fn policy(of: &[(&str, &[&str])]) -> Policy {
    let owned = |capabilities: &[&str]| capabilities.iter().map(|one| (*one).to_owned()).collect();
    of.iter().map(|(path, capabilities)| ((*path).to_owned(), owned(capabilities))).collect()
}
