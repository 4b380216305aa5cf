//! Filling an authorisation server before a test, and looking into it afterwards.

use chrono::TimeDelta;

use super::OAuth;
use super::model::{Access, Client, ClientAuth, Grant};
use crate::mint::URL_SAFE;

impl OAuth {
    /// Adds a client whose access tokens live that long and whose refresh tokens live for 90 days; gives its secret.
    pub fn add_client(&mut self, id: &str, auth: ClientAuth, scopes: &[&str], life: TimeDelta) -> String {
        let secret = self.mint.secret("", URL_SAFE, 40);
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let refresh_life = TimeDelta::days(90);
        let client = Client { id: id.to_owned(), secret: secret.clone(), auth, scopes, life, refresh_life };
        self.clients.insert(id.to_owned(), client);
        secret
    }

    /// A person allowed a client something; gives the refresh token.
    pub fn add_grant(&mut self, client: &str, subject: &str, scope: &str) -> String {
        let refresh = self.mint_value();
        let life = self.clients.get(client).map_or(TimeDelta::days(90), |client| client.refresh_life);
        self.grants.push(Grant {
            client: client.to_owned(),
            subject: subject.to_owned(),
            scope: scope.to_owned(),
            refresh: refresh.clone(),
            expires: self.now() + life,
            used: Vec::new(),
            ended: false,
        });
        refresh
    }

    /// Sets how long refresh tokens of a client live from now on.
    pub fn set_refresh_life(&mut self, client: &str, life: TimeDelta) {
        if let Some(client) = self.clients.get_mut(client) {
            client.refresh_life = life;
        }
    }

    /// Makes an access token as the client would be given one.
    pub fn add_access(&mut self, client: &str) -> Option<Access> {
        let client = self.clients.get(client)?.clone();
        let scope = client.scopes.join(" ");
        Some(self.make_access(&client, scope, None))
    }

    /// Whether an access token or a refresh token of this value works now.
    pub fn is_live(&self, value: &str) -> bool {
        let now = self.now();
        self.access.get(value).is_some_and(|access| access.is_live(now))
            || self.grants.iter().any(|grant| grant.refresh == value && grant.is_live(now))
    }

    /// The access tokens of a client that work now, oldest first.
    pub fn live_access(&self, client: &str) -> Vec<Access> {
        let now = self.now();
        let mine = |access: &&Access| access.client == client && access.is_live(now);
        let mut live: Vec<Access> = self.access.values().filter(mine).cloned().collect();
        live.sort_by_key(|access| access.created);
        live
    }

    /// What a person allowed a client.
    pub fn grant(&self, client: &str, subject: &str) -> Option<Grant> {
        self.grants.iter().find(|grant| grant.client == client && grant.subject == subject).cloned()
    }

    /// How often a refresh token was used a second time while its grant lived.
    pub fn reuse_detected(&self) -> usize {
        self.reuse
    }

    /// How many access tokens were ever made.
    pub fn minted(&self) -> usize {
        self.minted
    }

    /// Ends a token, and the whole grant of a refresh token.
    pub fn end(&mut self, value: &str) {
        if let Some(access) = self.access.get_mut(value) {
            access.revoked = true;
        }
        if let Some(at) = self.grants.iter().position(|grant| grant.refresh == value) {
            self.end_grant(at);
        }
    }
}
