//! `/login/oauth/access_token`: user tokens of an App, each with the refresh token that makes the next pair
//! (docs.github.com, "Refreshing user access tokens").
//!
//! Using a refresh token ends it and the access token that came with it at once. Errors come with status 200, and
//! answers are forms unless JSON is asked for. Neither is in GitHub's description: this is another host.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::GitHub;
use super::model::{Make, Token};
use super::seed::{ALNUM, granted};
use crate::exchange::{Answer, Request};
use crate::params::Params;

/// What a person granted to an App: one pair of tokens lives at a time.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The App's client id.
    pub client_id: String,
    /// The App's client secret.
    pub client_secret: String,
    /// Whose rights the tokens carry.
    pub login: String,
    /// Whether it was granted by the device flow: such a pair is refreshed without the client secret.
    pub device_flow: bool,
    /// The number of the App, and what it may do for the person.
    pub app: u64,
    /// What the tokens may do.
    pub permissions: Vec<(String, String)>,
    /// The access token.
    pub access: String,
    /// The refresh token, and when it dies.
    pub refresh: (String, DateTime<Utc>),
    /// The refresh tokens that were used before, oldest first.
    pub spent: Vec<String>,
    /// Whether the pair was ended: by the person, by GitHub, or by somebody who reported it.
    pub ended: bool,
}

/// Eight hours.
const ACCESS: i64 = 28_800;
/// About six months.
const REFRESH: i64 = 15_897_600;

impl GitHub {
    /// Makes the next pair of a grant.
    pub(super) fn exchange(&mut self, request: &Request) -> Answer {
        let Ok(params) = Params::of(request) else { return Answer::empty(400) };
        let fields = match self.next_pair(&params) {
            Ok(fields) => fields,
            Err(error) => {
                let told = json!({
                    "error": error, "error_description": "The request was refused.",
                    "error_uri": "https://docs.github.com",
                });
                return written(request, if self.oauth_errors_are_200 { 200 } else { 400 }, &told);
            }
        };
        written(request, 200, &fields)
    }

    fn next_pair(&mut self, params: &Params) -> Result<Value, &'static str> {
        let now = self.now();
        let client = params.text("client_id").unwrap_or_default();
        if !self.grants.iter().any(|grant| grant.client_id == client) {
            return Err("incorrect_client_credentials");
        }
        if params.text("grant_type") != Some("refresh_token") {
            return Err("unsupported_grant_type");
        }
        let value = params.text("refresh_token").unwrap_or_default();
        let ends_all = self.refresh_reuse_ends_grant;
        let reused = |grant: &Grant| grant.client_id == client && grant.spent.iter().any(|spent| spent == value);
        if let Some(current) = self.grants.iter().find(|grant| reused(grant)).map(|grant| grant.refresh.0.clone()) {
            self.refresh_reuses += 1;
            if ends_all {
                self.end_grant_of(&current);
            }
        }
        let lives = |grant: &&Grant| {
            grant.client_id == client && grant.refresh.0 == value && grant.refresh.1 > now && !grant.ended
        };
        let grant = self.grants.iter().find(lives).ok_or("bad_refresh_token")?;
        if !grant.device_flow && params.text("client_secret") != Some(&grant.client_secret) {
            return Err("incorrect_client_credentials");
        }
        let mut grant = grant.clone();
        let fresh = self.mint.secret("ghr_", ALNUM, 76);
        let spent = std::mem::replace(&mut grant.refresh, (fresh, now + TimeDelta::seconds(REFRESH)));
        grant.spent.push(spent.0);
        self.revoke(&grant.access.clone());
        grant.access = self.access_token(&grant, now);
        let fields = json!({
            "access_token": grant.access, "expires_in": ACCESS, "refresh_token": grant.refresh.0,
            "refresh_token_expires_in": REFRESH, "scope": "", "token_type": "bearer",
        });
        if let Some(old) = self.grants.iter_mut().find(|old| old.refresh.0 == value) {
            *old = grant;
        }
        self.pairs_minted += 1;
        Ok(fields)
    }

    fn access_token(&mut self, grant: &Grant, now: DateTime<Utc>) -> String {
        let value = self.mint.secret("ghu_", ALNUM, 36);
        let permissions: Vec<(&str, &str)> =
            grant.permissions.iter().map(|(name, level)| (name.as_str(), level.as_str())).collect();
        let token = Token {
            user: Some(grant.login.clone()),
            app: Some(grant.app),
            permissions: granted(&permissions),
            expires_at: Some(now + TimeDelta::seconds(ACCESS)),
            ..self.blank(value, Make::User)
        };
        self.plant(token)
    }

    /// Adds a grant with its first pair: the access token dies after eight hours, the refresh token after six months.
    pub fn add_grant(
        &mut self,
        client_id: &str,
        login: &str,
        device_flow: bool,
        permissions: &[(&str, &str)],
        granted: DateTime<Utc>,
    ) -> Grant {
        self.add_user(login);
        let secret = self.mint.secret("", ALNUM, 40);
        let refresh = self.mint.secret("ghr_", ALNUM, 76);
        let mut grant = Grant {
            client_id: client_id.to_owned(),
            client_secret: secret,
            login: login.to_owned(),
            device_flow,
            app: 17,
            permissions: permissions.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect(),
            access: String::new(),
            refresh: (refresh, granted + TimeDelta::seconds(REFRESH)),
            spent: Vec::new(),
            ended: false,
        };
        grant.access = self.access_token(&grant, granted);
        self.grants.push(grant.clone());
        grant
    }

    /// The grant of a person to an App, as it is now.
    pub fn grant(&self, client_id: &str, login: &str) -> Option<Grant> {
        self.grants.iter().find(|grant| grant.client_id == client_id && grant.login == login).cloned()
    }

    /// Gives the client of a grant another secret.
    pub fn name_client_secret(&mut self, client_id: &str, secret: &str) {
        self.mint.remember(secret);
        for grant in self.grants.iter_mut().filter(|grant| grant.client_id == client_id) {
            secret.clone_into(&mut grant.client_secret);
        }
    }

    /// Ends a grant, as its user does on the page of applications.
    pub fn end_grant(&mut self, value: &str) {
        self.end_grant_of(value);
    }

    /// Ends the grant that a value is of; whether there was one.
    pub(super) fn end_grant_of(&mut self, value: &str) -> bool {
        let mine = |grant: &&mut Grant| grant.access == value || grant.refresh.0 == value;
        let Some(grant) = self.grants.iter_mut().find(mine) else { return false };
        grant.ended = true;
        let access = grant.access.clone();
        self.revoke(&access);
        true
    }
}

/// As JSON where that was asked for, else as the form that GitHub sends by default.
fn written(request: &Request, status: u16, fields: &Value) -> Answer {
    let accepts = request.headers.get(http::header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accepts.is_some_and(|accept| accept.contains("json")) {
        return Answer::json(status, fields);
    }
    let pairs = fields.as_object().into_iter().flat_map(Map::iter);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.map(|(name, value)| (name.as_str(), text(value))))
        .finish();
    Answer::empty(status).of("application/x-www-form-urlencoded; charset=utf-8", form)
}
