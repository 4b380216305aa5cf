//! Filling a GitLab before a test.
//!
//! A group or project is named by its path; groups around it come into being with it. What names a place that was
//! never added adds it, so that a test says no more than it needs to.

use chrono::{DateTime, NaiveDate, Utc};

use super::GitLab;
use super::model::{Kind, Place, Seeded, Variable};
use super::tokens::Draft;
use crate::mint::HEX;

impl GitLab {
    /// Adds a person.
    pub fn add_user(&mut self, name: &str) -> u64 {
        self.enrol(&slug(name), name, false, Kind::Human)
    }

    /// Adds an administrator.
    pub fn add_admin(&mut self, name: &str) -> u64 {
        self.enrol(&slug(name), name, true, Kind::Human)
    }

    /// Adds a group, or finds the one that is there.
    pub fn add_group(&mut self, path: &str) -> u64 {
        if let Some(id) = self.group_named(path) {
            return id;
        }
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.add_group(parent);
        }
        self.last.group += 1;
        let id = self.last.group;
        self.groups.insert(id, path.to_owned());
        self.paths.insert(path.to_owned(), Place::Group(id));
        id
    }

    /// Adds a project, or finds the one that is there.
    pub fn add_project(&mut self, path: &str) -> u64 {
        if let Some(id) = self.project_named(path) {
            return id;
        }
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.add_group(parent);
        }
        self.last.project += 1;
        let id = self.last.project;
        self.projects.insert(id, path.to_owned());
        self.paths.insert(path.to_owned(), Place::Project(id));
        id
    }

    /// Moves a project: its number stays, and its old path leads to the number.
    pub fn move_project(&mut self, from: &str, to: &str) {
        let id = self.add_project(from);
        self.moved.insert(from.to_owned(), id);
        self.projects.insert(id, to.to_owned());
        self.paths.remove(from);
        self.paths.insert(to.to_owned(), Place::Project(id));
    }

    /// Makes a user a member of a project or group, at one of the levels 10 to 50; of a group when both have the path.
    pub fn add_member(&mut self, path: &str, user: u64, level: u8) {
        let group = self.group_named(path).map(Place::Group);
        let known = group.or_else(|| self.project_named(path).map(Place::Project));
        let place = match known {
            Some(place) => place,
            None if path.contains('/') => Place::Project(self.add_project(path)),
            None => Place::Group(self.add_group(path)),
        };
        self.members.insert((place, user), level);
    }

    /// Adds a personal access token.
    pub fn add_personal_token(
        &mut self,
        user: u64,
        name: &str,
        scopes: &[&str],
        created: DateTime<Utc>,
        expires: Option<NaiveDate>,
    ) -> Seeded {
        self.plant(draft(user, name, scopes, expires), created)
    }

    /// Adds a project access token and its bot.
    pub fn add_project_token(
        &mut self,
        path: &str,
        name: &str,
        scopes: &[&str],
        level: u8,
        created: DateTime<Utc>,
        expires: Option<NaiveDate>,
    ) -> Seeded {
        let place = Place::Project(self.add_project(path));
        let bot = self.add_bot(place, name, level);
        self.plant(Draft { access_level: Some(level), ..draft(bot, name, scopes, expires) }, created)
    }

    /// Adds a group access token and its bot.
    pub fn add_group_token(
        &mut self,
        path: &str,
        name: &str,
        scopes: &[&str],
        level: u8,
        created: DateTime<Utc>,
        expires: Option<NaiveDate>,
    ) -> Seeded {
        let place = Place::Group(self.add_group(path));
        let bot = self.add_bot(place, name, level);
        self.plant(Draft { access_level: Some(level), ..draft(bot, name, scopes, expires) }, created)
    }

    /// Adds a service account of a group. It is not a member of anything yet.
    pub fn add_service_account(&mut self, group: &str, name: &str) -> u64 {
        let place = Place::Group(self.add_group(group));
        let letters = self.mint.letters(HEX, 32);
        let username = format!("service_account_{}_{}_{letters}", place.word(), place.number());
        self.enrol(&username, name, false, Kind::ServiceAccount(place))
    }

    /// Adds a token of a service account.
    pub fn add_service_account_token(
        &mut self,
        account: u64,
        name: &str,
        scopes: &[&str],
        created: DateTime<Utc>,
        expires: Option<NaiveDate>,
    ) -> Seeded {
        self.add_personal_token(account, name, scopes, created, expires)
    }

    /// Adds a pipeline trigger token that never expires.
    pub fn add_trigger(&mut self, path: &str, owner: u64, description: &str) -> Seeded {
        let project = self.add_project(path);
        let trigger = self.make_trigger(project, owner, description);
        Seeded { id: trigger.id, value: trigger.value.clone() }
    }

    /// Adds a variable, unchecked, in the place of one of the same key and scope. The place is `projects/acme/app`, `groups/acme` or `admin`.
    pub fn add_variable(&mut self, place: &str, variable: Variable) {
        let place = match place.split_once('/') {
            Some(("projects", path)) => Place::Project(self.add_project(path)),
            Some((_, path)) => Place::Group(self.add_group(path)),
            None => Place::Instance,
        };
        self.note_secret(&variable);
        let there = self.variables.entry(place).or_default();
        there.retain(|old| (&old.key, &old.environment_scope) != (&variable.key, &variable.environment_scope));
        there.push(variable);
    }

    fn plant(&mut self, draft: Draft, created: DateTime<Utc>) -> Seeded {
        let token = self.make(draft);
        if let Some(token) = self.tokens.get_mut(&token.id) {
            token.created_at = created;
        }
        Seeded { id: token.id, value: token.value }
    }
}

fn draft(user: u64, name: &str, scopes: &[&str], expires: Option<NaiveDate>) -> Draft {
    Draft {
        name: name.to_owned(),
        description: None,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: expires,
        user_id: user,
        access_level: None,
        previous: None,
    }
}

fn slug(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }).collect()
}
