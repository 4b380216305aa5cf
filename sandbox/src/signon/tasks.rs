//! What Signon's image does in a pod: its rake tasks, and the two things that `rails runner` is asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Signon, Token, parameterize};
use crate::mint::URL_SAFE;

/// Secrets to apply: name, data.
pub(crate) type Secrets = Vec<(String, BTreeMap<String, String>)>;

impl Signon {
    /// Runs a command. None when it fails.
    pub(crate) fn run(&mut self, command: &[String]) -> Option<Secrets> {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["rake", "kubernetes:sync_token_secrets"] => Some(self.token_secrets()),
            ["rake", "kubernetes:sync_app_secrets"] => Some(self.app_secrets()),
            ["rake", "access_tokens:renew_expiring_internal_tokens"] => {
                self.renew();
                Some(Vec::new())
            }
            ["rails", "runner", code, email, application, rest @ ..] => {
                let number: i64 = rest.first()?.parse().ok()?;
                let done = if code.contains("create!") {
                    self.create(code, email, application, TimeDelta::seconds(number))
                } else {
                    self.end(code, email, application, number)
                };
                done.then(Vec::new)
            }
            _ => None,
        }
    }

    /// Nothing here reads Ruby: that the words are there is all that is looked at.
    fn create(&mut self, code: &str, email: &str, application: &str, life: TimeDelta) -> bool {
        let now = self.clock.now();
        let known = self.user(email).is_some() && self.applications.iter().any(|one| one.name == application);
        let mut others = self.tokens.iter().filter(|token| token.user == email && token.application == application);
        let outlived = others.any(|token| token.is_live(now) && token.expires_at() >= now + life);
        if !known || (code.contains("abort") && outlived) {
            return false;
        }
        if code.contains("grant_application_signin_permission") {
            self.grant(email, application);
        }
        self.mint_token(email, application, now, life);
        true
    }

    fn end(&mut self, code: &str, email: &str, application: &str, made: i64) -> bool {
        let ours = |token: &&mut Token| {
            token.user == email && token.application == application && token.created_at.timestamp() == made
        };
        let now = self.clock.now();
        let mut these = self.tokens.iter_mut().filter(ours);
        if code.contains("&:revoke)") {
            these.for_each(|token| token.revoked = token.revoked.or(Some(now)));
            true
        } else {
            let ended = |token: &Token| token.revoked.unwrap_or(token.expires_at());
            these.all(|token| ended(token) <= now - TimeDelta::minutes(5))
        }
    }

    /// Makes a token, as the pages for people, the nightly task and a runner do.
    pub(crate) fn mint_token(&mut self, email: &str, app: &str, created_at: DateTime<Utc>, life: TimeDelta) -> String {
        let value = self.mint.secret("", URL_SAFE, 43);
        let (user, application) = (email.to_owned(), app.to_owned());
        self.tokens.push(Token { value: value.clone(), user, application, created_at, life, revoked: None });
        value
    }

    /// Renews what expires within a month and belongs to the house, and leaves the old one alive.
    fn renew(&mut self) {
        let (now, month) = (self.clock.now(), TimeDelta::days(30));
        let due: Vec<(String, String, DateTime<Utc>)> = self
            .tokens
            .iter()
            .filter(|token| token.expires_at() < now + month)
            .filter(|token| {
                ["@alphagov.co.uk", "@publishing.service.gov.uk"].iter().any(|end| token.user.ends_with(end))
            })
            .map(|token| (token.user.clone(), token.application.clone(), token.expires_at()))
            .collect();
        for (user, application, dies) in due {
            let mut others = self.tokens.iter().filter(|one| one.user == user && one.application == application);
            if !others.any(|one| one.expires_at() > dies) {
                self.mint_token(&user, &application, now, TimeDelta::days(730));
            }
        }
    }

    /// For each user and application, the token that lives longest.
    fn token_secrets(&self) -> Secrets {
        let mut secrets = Vec::new();
        for user in self.users.iter().filter(|user| !user.suspended) {
            for application in &self.applications {
                let ours = |token: &&Token| token.user == user.email && token.application == application.name;
                let newest = self.tokens.iter().filter(ours).filter(|token| token.revoked.is_none());
                if let Some(token) = newest.max_by_key(|token| token.expires_at()) {
                    let name = parameterize(&format!("signon-token-{}-{}", user.name, application.name));
                    secrets.push((name, [("bearer_token".to_owned(), token.value.clone())].into()));
                }
            }
        }
        secrets
    }

    fn app_secrets(&self) -> Secrets {
        let of = |application: &super::Application| {
            let data = [
                ("oauth_id".to_owned(), application.oauth_id.clone()),
                ("oauth_secret".to_owned(), application.oauth_secret.clone()),
            ];
            (parameterize(&format!("signon-app-{}", application.name)), data.into())
        };
        self.applications.iter().map(of).collect()
    }
}
