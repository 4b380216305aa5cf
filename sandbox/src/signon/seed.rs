//! Filling a Signon before a test, and looking into it afterwards.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Application, Signon, Token, User};
use crate::mint::URL_SAFE;

impl Signon {
    /// Adds an application.
    pub fn add_application(&mut self, name: &str) -> Application {
        let oauth_id = self.mint.letters(URL_SAFE, 43);
        let oauth_secret = self.mint.secret("", URL_SAFE, 43);
        let application = Application { name: name.to_owned(), oauth_id, oauth_secret };
        self.applications.push(application.clone());
        application
    }

    /// Adds an API user, who may not sign in anywhere yet.
    pub fn add_api_user(&mut self, name: &str, email: &str) {
        self.users.push(User {
            name: name.to_owned(),
            email: email.to_owned(),
            suspended: false,
            signs_in: BTreeSet::new(),
            last_synced_at: None,
        });
    }

    /// Adds a token, as a person would: its user may sign in.
    pub fn add_token(&mut self, email: &str, application: &str, made: DateTime<Utc>, life: TimeDelta) -> String {
        self.grant(email, application);
        self.mint_token(email, application, made, life)
    }

    /// Adds a token of a value that was made elsewhere.
    pub fn plant_token(&mut self, email: &str, app: &str, value: &str, made: DateTime<Utc>, life: TimeDelta) {
        self.add_token(email, app, made, life);
        self.mint.remember(value);
        if let Some(token) = self.tokens.last_mut() {
            value.clone_into(&mut token.value);
        }
    }

    /// Lets a user sign in to an application.
    pub fn grant(&mut self, email: &str, application: &str) {
        if let Some(user) = self.users.iter_mut().find(|user| user.email == email) {
            user.signs_in.insert(application.to_owned());
        }
    }

    /// Takes that right away.
    pub fn deny(&mut self, email: &str, application: &str) {
        if let Some(user) = self.users.iter_mut().find(|user| user.email == email) {
            user.signs_in.remove(application);
        }
    }

    /// Suspends a user, and so ends all its tokens.
    pub fn suspend(&mut self, email: &str) {
        self.users.iter_mut().filter(|user| user.email == email).for_each(|user| user.suspended = true);
        let now = self.clock.now();
        let theirs = self.tokens.iter_mut().filter(|token| token.user == email);
        theirs.for_each(|token| token.revoked = token.revoked.or(Some(now)));
    }

    /// Ends a token, as the button for people does.
    pub fn end_token(&mut self, value: &str) {
        let now = self.clock.now();
        let these = self.tokens.iter_mut().filter(|token| token.value == value);
        these.for_each(|token| token.revoked = token.revoked.or(Some(now)));
    }

    /// Every token of a user for an application, in the order in which they were made.
    pub fn tokens_of(&self, email: &str, application: &str) -> Vec<Token> {
        let ours = |token: &&Token| token.user == email && token.application == application;
        self.tokens.iter().filter(ours).cloned().collect()
    }

    /// The values of those that work now.
    pub fn working(&self, email: &str, application: &str) -> Vec<String> {
        let now = self.clock.now();
        let live = |token: &Token| token.is_live(now);
        self.tokens_of(email, application).into_iter().filter(live).map(|token| token.value).collect()
    }

    /// Whether a token of this value works now.
    pub fn is_live(&self, value: &str) -> bool {
        self.live(value).is_some()
    }

    /// Whether the application remembers a token as good.
    pub fn is_remembered(&self, value: &str) -> bool {
        self.cache.get(value).is_some_and(|until| *until > self.clock.now())
    }

    /// A user by its address.
    pub fn api_user(&self, email: &str) -> Option<User> {
        self.user(email).cloned()
    }
}
