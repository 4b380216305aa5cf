//! Filling Atlassian before a test, and looking into it afterwards.

use chrono::{DateTime, TimeDelta, Utc};

use super::Atlassian;
use super::model::{Account, ApiToken, Client, Grant, Key, Pat, Refresh};
use crate::mint::{HEX, URL_SAFE};

/// Letters of a Data Center's token.
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Atlassian {
    /// Adds a person or a service account; gives the account id. The user name at the Data Center is what stands before
    /// the `@`, and there is no password.
    pub fn add_account(&mut self, name: &str, email: &str) -> String {
        let letters = self.mint.letters(HEX, 24);
        let id = format!("712020:{letters}");
        let username = email.split('@').next().unwrap_or(email).to_owned();
        let (email, name, password) = (email.to_owned(), name.to_owned(), String::new());
        self.accounts.insert(id.clone(), Account { id: id.clone(), email, username, name, password });
        id
    }

    /// Gives an account a password at the Data Center.
    pub fn set_password(&mut self, account: &str) -> String {
        let password = self.mint.secret("pw-", URL_SAFE, 20);
        if let Some(account) = self.accounts.get_mut(account) {
            account.password.clone_from(&password);
        }
        password
    }

    /// Adds an API token of an account, as its owner makes one by hand.
    pub fn add_api_token(
        &mut self,
        account: &str,
        label: &str,
        created: DateTime<Utc>,
        expires: DateTime<Utc>,
    ) -> ApiToken {
        let value = self.mint.secret("ATATT3xFfGF0", URL_SAFE, 160);
        let id = format!("token-{}", self.next_id());
        let (account, label) = (account.to_owned(), label.to_owned());
        let token = ApiToken {
            id: id.clone(),
            account,
            label,
            value,
            scoped: false,
            created,
            expires,
            last_active: None,
            revoked: None,
        };
        self.api_tokens.insert(id, token.clone());
        token
    }

    /// Makes it a token with scopes, which works through the gateway only.
    pub fn scope_api_token(&mut self, id: &str) {
        if let Some(token) = self.api_tokens.get_mut(id) {
            token.scoped = true;
        }
    }

    /// An API token by its id, dead or alive.
    pub fn api_token(&self, id: &str) -> Option<ApiToken> {
        self.api_tokens.get(id).cloned()
    }

    /// Adds an admin API key, as an administrator makes one by hand; without scopes it may do everything.
    pub fn add_key(&mut self, label: &str, scopes: &[&str], created: DateTime<Utc>, expires: DateTime<Utc>) -> Key {
        let value = self.mint.secret("ATCTT3xFfGN0", URL_SAFE, 160);
        let id = format!("key-{}", self.next_id());
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let key = Key {
            id: id.clone(),
            label: label.to_owned(),
            value,
            scopes,
            created,
            expires,
            last_active: None,
            revoked: None,
        };
        self.keys.insert(id, key.clone());
        key
    }

    /// Adds a personal access token of the Data Center; gives its number and value.
    pub fn add_pat(
        &mut self,
        account: &str,
        name: &str,
        created: DateTime<Utc>,
        expires: Option<DateTime<Utc>>,
    ) -> Pat {
        let value = self.pat_value();
        let id = self.next_id();
        let (account, name) = (account.to_owned(), name.to_owned());
        let pat = Pat { id, account, name, value, created, expires, last_used: None };
        self.pats.insert(id, pat.clone());
        pat
    }

    /// The tokens of that name that work now, oldest first.
    pub fn live_pats(&self, name: &str) -> Vec<Pat> {
        let now = self.now();
        self.pats.values().filter(|pat| pat.name == name && pat.is_live(now)).cloned().collect()
    }

    /// Adds an OAuth client of a service account; gives its id and secret.
    pub fn add_client(&mut self, account: &str, scopes: &[&str]) -> Client {
        self.enrol(Some(account.to_owned()), scopes)
    }

    /// Adds an app, and lets it act as a person; gives the app and its first refresh token.
    pub fn add_grant(&mut self, account: &str, scopes: &[&str]) -> (Client, String) {
        let client = self.enrol(None, scopes);
        let (id, since) = (self.mint.letters(HEX, 16), self.now());
        let grant = Grant {
            id: id.clone(),
            client: client.id.clone(),
            account: account.to_owned(),
            scopes: client.scopes.clone(),
            since,
            ended: false,
        };
        self.grants.insert(id.clone(), grant);
        let value = self.mint.secret("eyJyZWZyZXNo.", URL_SAFE, 200);
        self.refresh.insert(value.clone(), Refresh { grant: id, made: since, used: None });
        (client, value)
    }

    /// Adds an access token of an account, as a client gets one.
    pub fn add_access_token(&mut self, account: &str, scopes: &[&str]) -> String {
        self.access(account.to_owned(), None, scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    /// Gives a client another secret.
    pub fn change_secret(&mut self, client: &str) -> String {
        let secret = self.mint.secret("ATOA", URL_SAFE, 60);
        if let Some(client) = self.clients.get_mut(client) {
            client.secret.clone_from(&secret);
        }
        secret
    }

    /// Ends a person's leave for every app.
    pub fn end_grants(&mut self, account: &str) {
        let of = |grant: &&Grant| grant.account == account;
        let ids: Vec<String> = self.grants.values().filter(of).map(|grant| grant.id.clone()).collect();
        for id in ids {
            self.end(&id);
        }
    }

    /// The API tokens and admin keys of that label that work now.
    pub fn live_labelled(&self, label: &str) -> Vec<String> {
        let (now, lag) = (self.now(), self.revocation_lag);
        let tokens = self.api_tokens.values().filter(|token| token.label == label && token.works(now, lag));
        let keys = self.keys.values().filter(|key| key.label == label && key.works(now, lag));
        tokens.map(|token| token.value.clone()).chain(keys.map(|key| key.value.clone())).collect()
    }

    /// The account of that e-mail address.
    pub fn account_of(&self, email: &str) -> Option<Account> {
        self.accounts.values().find(|account| account.email == email).cloned()
    }

    /// The clients and apps.
    pub fn clients(&self) -> Vec<Client> {
        self.clients.values().cloned().collect()
    }

    /// The refresh tokens that could be used now.
    pub fn live_refresh_tokens(&self) -> Vec<String> {
        let live = |refresh: &Refresh| {
            refresh.used.is_none() && self.grants.get(&refresh.grant).is_some_and(|grant| !grant.ended)
        };
        self.refresh.iter().filter(|(_, refresh)| live(refresh)).map(|(value, _)| value.clone()).collect()
    }

    /// The access tokens of an account that work now.
    pub fn live_access_tokens(&self, account: &str) -> Vec<String> {
        let live = |access: &super::model::Access| access.account == account && self.now() < access.expires;
        self.access.iter().filter(|(_, access)| live(access)).map(|(value, _)| value.clone()).collect()
    }

    /// Ends whatever has this value, at once.
    pub fn revoke(&mut self, value: &str) {
        let long_ago = self.now() - self.revocation_lag - TimeDelta::days(1);
        for token in self.api_tokens.values_mut().filter(|token| token.value == value) {
            token.revoked = Some(long_ago);
        }
        for key in self.keys.values_mut().filter(|key| key.value == value) {
            key.revoked = Some(long_ago);
        }
        self.pats.retain(|_, pat| pat.value != value);
        self.access.remove(value);
    }

    /// Whether a value of any kind works now; a refresh token is one that could be used.
    pub fn is_live(&self, value: &str) -> bool {
        let (now, lag) = (self.now(), self.revocation_lag);
        self.api_tokens.values().any(|token| token.value == value && token.works(now, lag))
            || self.keys.values().any(|key| key.value == value && key.works(now, lag))
            || self.pats.values().any(|pat| pat.value == value && pat.is_live(now))
            || self.access.get(value).is_some_and(|access| now < access.expires)
            || self.live_refresh_tokens().iter().any(|live| live == value)
    }

    fn enrol(&mut self, account: Option<String>, scopes: &[&str]) -> Client {
        let id = self.mint.letters(URL_SAFE, 32);
        let secret = self.mint.secret("ATOA", URL_SAFE, 60);
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let client = Client { id: id.clone(), secret, account, scopes };
        self.clients.insert(id, client.clone());
        client
    }

    pub(super) fn pat_value(&mut self) -> String {
        self.mint.secret("MDk", BASE64, 41)
    }
}
