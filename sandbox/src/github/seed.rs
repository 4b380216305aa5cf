//! Filling a GitHub before a test. What names a repository or organisation that was never added adds it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::GitHub;
use super::model::{Hook, Make, Place, Repository, Secret, Store, Token, Variable, Visibility};
use crate::mint::URL_SAFE;

/// Letters and digits, of which GitHub's tokens are made.
pub(crate) const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl GitHub {
    /// Adds a user, or finds the one that is there; gives the login.
    pub fn add_user(&mut self, login: &str) -> String {
        self.users.entry(login.to_owned()).or_insert_with(|| {
            self.last += 1;
            self.last
        });
        login.to_owned()
    }

    /// Adds an organisation, or finds the one that is there.
    pub fn add_organization(&mut self, login: &str) -> u64 {
        *self.organizations.entry(login.to_owned()).or_insert_with(|| {
            self.last += 1;
            self.last
        })
    }

    /// Makes a user an owner of an organisation, and so an administrator of all it has.
    pub fn add_member(&mut self, organization: &str, user: &str) {
        self.add_organization(organization);
        self.add_user(user);
        self.members.push((organization.to_owned(), user.to_owned()));
    }

    /// Adds a private repository, `acme/app`, or finds the one that is there.
    pub fn add_repository(&mut self, path: &str) -> u64 {
        if let Some(found) = self.repository_named(path) {
            return found.id;
        }
        let (owner, name) = path.split_once('/').unwrap_or(("acme", path));
        if !self.users.contains_key(owner) {
            self.add_organization(owner);
        }
        self.last += 1;
        let id = self.last;
        let (owner, name) = (owner.to_owned(), name.to_owned());
        self.repositories.insert(id, Repository { id, owner, name, private: true, environments: Vec::new() });
        id
    }

    /// Adds an environment to a repository.
    pub fn add_environment(&mut self, path: &str, name: &str) {
        let id = self.add_repository(path);
        if let Some(repository) = self.repositories.get_mut(&id)
            && !repository.environments.iter().any(|known| known == name)
        {
            repository.environments.push(name.to_owned());
        }
    }

    /// Renames a repository: its number stays, and its old path leads to the number.
    pub fn rename_repository(&mut self, from: &str, to: &str) {
        let id = self.add_repository(from);
        let (owner, name) = to.split_once('/').unwrap_or(("acme", to));
        if let Some(repository) = self.repositories.get_mut(&id) {
            (repository.owner, repository.name) = (owner.to_owned(), name.to_owned());
        }
        self.moved.insert(from.to_lowercase(), id);
    }

    /// Adds a classic personal access token.
    pub fn add_classic_token(&mut self, user: &str, scopes: &[&str], expires: Option<DateTime<Utc>>) -> String {
        self.add_user(user);
        let value = self.mint.secret("ghp_", ALNUM, 36);
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let user = Some(user.to_owned());
        let token = Token { user, scopes, expires_at: expires, ..self.blank(value, Make::Classic) };
        self.plant(token)
    }

    /// Adds a fine-grained personal access token for all repositories of one owner.
    pub fn add_fine_grained_token(
        &mut self,
        user: &str,
        owner: &str,
        permissions: &[(&str, &str)],
        expires: Option<DateTime<Utc>>,
    ) -> String {
        self.add_user(user);
        let value = self.mint.secret("github_pat_", URL_SAFE, 82);
        let token = Token {
            user: Some(user.to_owned()),
            owner: Some(owner.to_owned()),
            permissions: granted(permissions),
            expires_at: expires,
            ..self.blank(value, Make::FineGrained)
        };
        self.plant(token)
    }

    /// Adds the user token of an app.
    pub fn add_user_token(&mut self, user: &str, app: u64, permissions: &[(&str, &str)]) -> String {
        self.add_user(user);
        let value = self.mint.secret("ghu_", ALNUM, 36);
        let token = Token {
            user: Some(user.to_owned()),
            app: Some(app),
            permissions: granted(permissions),
            expires_at: Some(self.now() + TimeDelta::hours(8)),
            ..self.blank(value, Make::User)
        };
        self.plant(token)
    }

    /// Adds the `GITHUB_TOKEN` of a job of that repository. It says in itself that GitHub's own app made it.
    pub fn add_job_token(&mut self, path: &str) -> String {
        let value = self.mint.secret("ghs_15368_", URL_SAFE, 120);
        self.plant_job_token(path, value)
    }

    /// The same in the form that says nothing.
    pub fn add_older_job_token(&mut self, path: &str) -> String {
        let value = self.mint.secret("ghs_", ALNUM, 36);
        self.plant_job_token(path, value)
    }

    fn plant_job_token(&mut self, path: &str, value: String) -> String {
        let id = self.add_repository(path);
        let token = Token {
            owner: path.split_once('/').map(|(owner, _)| owner.to_owned()),
            repositories: Some(vec![id]),
            permissions: granted(&[("metadata", "read"), ("contents", "write"), ("actions", "write")]),
            expires_at: Some(self.now() + TimeDelta::hours(6)),
            ..self.blank(value, Make::Job)
        };
        self.plant(token)
    }

    /// Adds a secret, unchecked, as it was written some time ago.
    pub fn add_secret(&mut self, store: Store, place: &str, name: &str, value: &str, written: DateTime<Utc>) {
        let place = self.place_for(place);
        self.mint.remember(value);
        let visibility = usual_visibility(&place);
        let (name, value) = (name.to_uppercase(), value.to_owned());
        let secret =
            Secret { name: name.clone(), value, created_at: written, updated_at: written, visibility, writes: 0 };
        self.secrets.entry((store, place)).or_default().insert(name, secret);
    }

    /// Adds a variable, unchecked, as it was written some time ago.
    pub fn add_variable(&mut self, place: &str, name: &str, value: &str, written: DateTime<Utc>) {
        let place = self.place_for(place);
        self.mint.remember(value);
        let visibility = usual_visibility(&place);
        let (name, value) = (name.to_uppercase(), value.to_owned());
        let variable = Variable { name: name.clone(), value, created_at: written, updated_at: written, visibility };
        self.variables.entry(place).or_default().insert(name, variable);
    }

    /// Says who sees a secret of an organisation; repositories are named by path.
    pub fn show_secret_to(&mut self, store: Store, organization: &str, name: &str, word: &str, selected: &[&str]) {
        let selected = selected.iter().map(|path| self.add_repository(path)).collect();
        let spot = (store, Place::Organization(organization.to_owned()));
        if let Some(secret) = self.secrets.get_mut(&spot).and_then(|of| of.get_mut(&name.to_uppercase())) {
            secret.visibility = Some(Visibility { word: word.to_owned(), selected });
        }
    }

    /// Says who sees a variable of an organisation; repositories are named by path.
    pub fn show_variable_to(&mut self, organization: &str, name: &str, word: &str, selected: &[&str]) {
        let selected = selected.iter().map(|path| self.add_repository(path)).collect();
        let place = Place::Organization(organization.to_owned());
        if let Some(variable) = self.variables.get_mut(&place).and_then(|of| of.get_mut(&name.to_uppercase())) {
            variable.visibility = Some(Visibility { word: word.to_owned(), selected });
        }
    }

    /// Adds a webhook with a secret; gives its number. The place is `repos/acme/app` or `orgs/acme`.
    pub fn add_hook(&mut self, place: &str, url: &str, secret: &str, written: DateTime<Utc>) -> u64 {
        let place = self.place_for(place);
        self.mint.remember(secret);
        self.last += 1;
        let id = self.last;
        self.hooks.entry(place).or_default().push(Hook {
            id,
            url: url.to_owned(),
            content_type: "json".to_owned(),
            insecure_ssl: "0".to_owned(),
            secret: Some(secret.to_owned()).filter(|secret| !secret.is_empty()),
            events: vec!["push".to_owned(), "pull_request".to_owned()],
            active: true,
            created_at: written,
            updated_at: written,
            receiver_takes: None,
            deliveries: Vec::new(),
        });
        id
    }

    /// Says which secrets the receiver of a webhook takes.
    pub fn receiver_takes(&mut self, hook: u64, secrets: &[&str]) {
        let taken = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        if let Some(hook) = self.hooks.values_mut().flatten().find(|known| known.id == hook) {
            hook.receiver_takes = Some(taken);
        }
    }

    /// Changes a webhook as its page would.
    pub fn amend_hook(&mut self, id: u64, change: impl FnOnce(&mut Hook)) {
        let secret = self.hooks.values_mut().flatten().find(|hook| hook.id == id).and_then(|hook| {
            change(hook);
            hook.secret.clone()
        });
        self.mint.remember(&secret.unwrap_or_default());
    }

    /// Keeps a token; gives its value.
    pub(super) fn plant(&mut self, token: Token) -> String {
        let value = token.value.clone();
        self.by_value.insert(value.clone(), token.id);
        self.tokens.insert(token.id, token);
        value
    }

    /// A token that nobody has described yet, under a number of its own.
    pub(super) fn blank(&mut self, value: String, make: Make) -> Token {
        self.last += 1;
        Token {
            id: self.last,
            value,
            make,
            user: None,
            app: None,
            scopes: Vec::new(),
            permissions: BTreeMap::new(),
            owner: None,
            repositories: None,
            created_at: self.now(),
            expires_at: None,
            revoked: false,
            last_used_at: None,
        }
    }

    fn place_for(&mut self, place: &str) -> Place {
        match place.split_once('/') {
            Some(("repos", path)) => {
                let mut parts = path.splitn(3, '/');
                let (owner, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                let path = format!("{owner}/{name}");
                match parts.next() {
                    None => Place::Repository(self.add_repository(&path)),
                    Some(environment) => {
                        self.add_environment(&path, environment);
                        Place::Environment(self.add_repository(&path), environment.to_owned())
                    }
                }
            }
            Some((_, login)) => {
                self.add_organization(login);
                Place::Organization(login.to_owned())
            }
            None => Place::Organization(place.to_owned()),
        }
    }
}

fn usual_visibility(place: &Place) -> Option<Visibility> {
    let private = || Visibility { word: "private".to_owned(), selected: Vec::new() };
    matches!(place, Place::Organization(_)).then(private)
}

pub(super) fn granted(permissions: &[(&str, &str)]) -> BTreeMap<String, String> {
    permissions.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect()
}
