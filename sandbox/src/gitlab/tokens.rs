//! What all token endpoints share: making one, showing one, and the rules for its dates and scopes.

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::GitLab;
use super::model::{Kind, Place, Token};
use super::refusal::Refusal;
use crate::clock::stamp;
use crate::mint::URL_SAFE;
use crate::params::Params;

/// The scopes that a project or group token can have (`lib/gitlab/auth.rb`; terraform's documentation of 19.1).
const BOT_SCOPES: &[&str] = &[
    "api",
    "read_api",
    "read_repository",
    "write_repository",
    "read_registry",
    "write_registry",
    "create_runner",
    "manage_runner",
    "ai_features",
    "k8s_proxy",
    "read_observability",
    "write_observability",
    "self_rotate",
];

/// The scopes that only a user's own token can have.
const USER_SCOPES: &[&str] = &["read_user", "read_service_ping", "sudo", "admin_mode"];

/// The scopes that a user may give a token of their own over the API (`doc/api/user_tokens.md`).
pub(crate) const OWN_SCOPES: &[&str] = &["k8s_proxy", "self_rotate"];

/// What a new token is to be.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<NaiveDate>,
    pub(crate) user_id: u64,
    pub(crate) access_level: Option<u8>,
    pub(crate) previous: Option<u64>,
}

impl GitLab {
    /// Makes a token that is made now.
    pub(crate) fn make(&mut self, draft: Draft) -> Token {
        self.last.token += 1;
        let token = Token {
            id: self.last.token,
            value: self.mint.secret("glpat-", URL_SAFE, 20),
            name: draft.name,
            description: draft.description,
            scopes: draft.scopes,
            user_id: draft.user_id,
            created_at: self.now(),
            expires_at: draft.expires_at,
            revoked: false,
            last_used_at: None,
            access_level: draft.access_level,
            previous: draft.previous,
        };
        self.by_value.insert(token.value.clone(), token.id);
        self.by_user.entry(token.user_id).or_default().push(token.id);
        self.tokens.insert(token.id, token.clone());
        token
    }

    /// Reads what a create call asks for; `scopes` are those that this kind of token can have.
    pub(crate) fn draft(&self, params: &Params, user_id: u64, allowed: &[&[&str]]) -> Result<Draft, Refusal> {
        let name = params.text("name").filter(|name| !name.is_empty());
        let scopes = params.list("scopes")?;
        let (Some(name), Some(scopes)) = (name, &scopes) else {
            let missing = [("name", name.is_none()), ("scopes", scopes.is_none())];
            let missing: Vec<String> =
                missing.iter().filter(|(_, gone)| *gone).map(|(field, _)| format!("{field} is missing")).collect();
            return Err(Refusal::Params(missing.join(", ")));
        };
        if scopes.iter().any(|scope| !allowed.iter().any(|some| some.contains(&scope.as_str()))) {
            return Err(Refusal::Params("scopes does not have a valid value".to_owned()));
        }
        if scopes.is_empty() {
            return Err(Refusal::Bad("Scopes can't be blank".to_owned()));
        }
        if params.text("description").is_some_and(|text| text.chars().count() > 255) {
            return Err(Refusal::Bad("Description is too long (maximum is 255 characters)".to_owned()));
        }
        let expires_at = match params.day("expires_at")? {
            None if self.require_expiry && self.omitted_expiry_is_refused => {
                return Err(Refusal::Bad("Expires at can't be blank".to_owned()));
            }
            None if self.require_expiry => Some(self.last_day()),
            asked => asked,
        };
        self.check_day(expires_at)?;
        Ok(Draft {
            name: name.to_owned(),
            description: params.text("description").map(str::to_owned),
            scopes: scopes.clone(),
            expires_at,
            user_id,
            access_level: None,
            previous: None,
        })
    }

    /// The scopes of a token that belongs to a project or group.
    pub(crate) fn bot_scopes() -> [&'static [&'static str]; 1] {
        [BOT_SCOPES]
    }

    /// The scopes of a token that belongs to a user.
    pub(crate) fn user_scopes() -> [&'static [&'static str]; 2] {
        [BOT_SCOPES, USER_SCOPES]
    }

    /// Only the upper bound is checked: a day that has come makes a token that is dead on arrival
    /// (`app/models/personal_access_token.rb`; inferred, not run).
    pub(crate) fn check_day(&self, day: Option<NaiveDate>) -> Result<(), Refusal> {
        let last = self.last_day();
        match day {
            Some(day) if day > last => Err(Refusal::Bad(format!("Expires at must be before {last}"))),
            _ => Ok(()),
        }
    }

    fn last_day(&self) -> NaiveDate {
        let today = self.now().date_naive();
        today.checked_add_days(Days::new(u64::from(self.max_lifetime_days))).unwrap_or(today)
    }

    /// The token as lists show it.
    pub(crate) fn show(&self, token: &Token) -> Value {
        let mut shown = json!({
            "id": token.id,
            "name": token.name,
            "revoked": token.revoked,
            "created_at": stamp(token.created_at),
            "description": token.description,
            "scopes": token.scopes,
            "user_id": token.user_id,
            "last_used_at": token.last_used_at.map(stamp),
            "active": token.is_live(self.now()),
            "granular": false,
            "expires_at": token.expires_at.map(|day| day.to_string()),
        });
        if let (Some(level), Some(place)) = (token.access_level, self.place_of(token)) {
            put(&mut shown, "access_level", json!(level));
            put(&mut shown, "resource_type", json!(place.word()));
            put(&mut shown, "resource_id", json!(place.number()));
        }
        shown
    }

    /// The token as the answer shows it that made it: the only one that holds the value.
    pub(crate) fn show_new(&self, token: &Token) -> Value {
        let mut shown = self.show(token);
        put(&mut shown, "token", json!(token.value));
        shown
    }

    /// The tokens of a user, oldest first.
    pub(crate) fn tokens_of(&self, user: u64) -> impl Iterator<Item = &Token> {
        self.by_user.get(&user).into_iter().flatten().filter_map(|id| self.tokens.get(id))
    }

    /// The tokens of a project or group, oldest first.
    pub(crate) fn tokens_at(&self, place: Place) -> Vec<&Token> {
        let bots = self.bots.get(&place).into_iter().flatten();
        let mut tokens: Vec<&Token> = bots.flat_map(|bot| self.tokens_of(*bot)).collect();
        tokens.sort_by_key(|token| token.id);
        tokens
    }

    /// The project or group whose bot holds the token.
    pub(crate) fn place_of(&self, token: &Token) -> Option<Place> {
        match self.users.get(&token.user_id)?.kind {
            Kind::Bot(place) => Some(place),
            Kind::Human | Kind::ServiceAccount(_) => None,
        }
    }
}

/// Adds a field to an object.
pub(crate) fn put(object: &mut Value, field: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(field.to_owned(), value);
    }
}
