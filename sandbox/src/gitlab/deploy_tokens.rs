//! Deploy tokens of projects and groups (`lib/api/deploy_tokens.rb`, `app/models/deploy_token.rb`), and the one door
//! that knows any of them: `/jwt/auth`, where a container client changes its credential for one of the registry
//! (`app/controllers/jwt_controller.rb`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, NaiveTime, Utc};
use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::GitLab;
use super::auth::Caller;
use super::model::{Place, Seeded};
use super::page::paged;
use super::places::{MAINTAINER, OWNER};
use super::refusal::Refusal;
use super::route::{Outcome, number};
use super::tokens::put;
use crate::clock::stamp;
use crate::exchange::{Answer, Request};
use crate::mint::URL_SAFE;
use crate::params::Params;
use crate::target;

const SCOPES: &[&str] = &[
    "read_repository",
    "read_registry",
    "write_registry",
    "read_package_registry",
    "write_package_registry",
    "read_virtual_registry",
    "write_virtual_registry",
];

/// The deploy tokens of a GitLab.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeployTokens {
    last: u64,
    by_id: BTreeMap<u64, DeployToken>,
}

/// A deploy token. GitLab tells nobody when it was made.
#[derive(Clone, Debug)]
pub struct DeployToken {
    /// The number.
    pub id: u64,
    /// The secret itself.
    pub value: String,
    /// What it is called; several may have one name.
    pub name: String,
    /// The other half of the credential; several may have one.
    pub username: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it dies; none: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether somebody ended it without deleting it, as the web page does.
    pub revoked: bool,
    place: Place,
}

impl DeployToken {
    /// Whether it still works (`scope :active`).
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        !self.revoked && self.expires_at.is_none_or(|end| end >= now)
    }
}

impl GitLab {
    /// Adds a deploy token; the place is `projects/acme/app` or `groups/acme`, and an empty user name the usual one.
    pub fn add_deploy_token(
        &mut self,
        place: &str,
        name: &str,
        username: &str,
        scopes: &[&str],
        expires_at: Option<DateTime<Utc>>,
    ) -> Seeded {
        let place = match place.split_once('/') {
            Some(("projects", path)) => Place::Project(self.add_project(path)),
            _ => Place::Group(self.add_group(place.trim_start_matches("groups/"))),
        };
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let token = self.make_deploy_token(place, name, username, scopes, expires_at);
        Seeded { id: token.id, value: token.value }
    }

    /// The deploy tokens of this name, or of a name that begins with it and a space, that work now, oldest first.
    pub fn live_deploy_tokens(&self, name: &str) -> Vec<DeployToken> {
        let now = self.now();
        let called = |token: &&DeployToken| token.name == name || token.name.starts_with(&format!("{name} "));
        self.deploy_tokens.by_id.values().filter(called).filter(|token| token.is_live(now)).cloned().collect()
    }

    /// Ends a deploy token as the web page does: it goes on being listed.
    pub fn revoke_deploy_token(&mut self, id: u64) {
        if let Some(token) = self.deploy_tokens.by_id.get_mut(&id) {
            token.revoked = true;
        }
    }

    /// Whether a deploy token of this value works now.
    pub(crate) fn deploy_token_lives(&self, value: &str) -> bool {
        let now = self.now();
        self.deploy_tokens.by_id.values().any(|token| token.value == value && token.is_live(now))
    }

    /// Everything under `deploy_tokens` of a project or a group. A group's are listed for Maintainers, and made and
    /// ended by Owners.
    pub(crate) fn deploy_tokens(
        &mut self,
        request: &Request,
        caller: Caller,
        place: Place,
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        let changes = matches!(place, Place::Group(_)) && request.method != Method::GET;
        if !self.has_role(caller, place, if changes { OWNER } else { MAINTAINER }) {
            return Err(Refusal::Forbidden);
        }
        let now = self.now();
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let only_live = params.flag("active")? == Some(true);
                let tokens = self.deploy_tokens.by_id.values();
                let tokens = tokens.filter(|token| token.place == place && (!only_live || token.is_live(now)));
                paged(request, params, &tokens.collect::<Vec<_>>(), |token| show(token, now))
            }
            ("GET", [id]) => Ok(Answer::json(200, &show(self.deploy_token(place, id)?, now))),
            ("POST", []) => self.create_deploy_token(place, params),
            ("DELETE", [id]) => {
                let id = self.deploy_token(place, id)?.id;
                self.deploy_tokens.by_id.remove(&id);
                Ok(Answer::empty(204))
            }
            _ => Err(Refusal::Missing("")),
        }
    }

    fn create_deploy_token(&mut self, place: Place, params: &Params) -> Outcome {
        let scopes = params.list("scopes")?;
        let name = params.text("name").filter(|name| !name.is_empty());
        let (Some(name), Some(scopes)) = (name, scopes) else {
            return Err(Refusal::Params("name is missing, scopes is missing".to_owned()));
        };
        if !scopes.iter().all(|scope| SCOPES.contains(&scope.as_str())) {
            return Err(Refusal::Params("scopes does not have a valid value".to_owned()));
        }
        if scopes.is_empty() {
            return Err(Refusal::Bad("Scopes can't be blank".to_owned()));
        }
        let username = params.text("username").unwrap_or_default();
        if !username.chars().all(|mark| mark.is_ascii_alphanumeric() || "._+-".contains(mark)) {
            let why = "Username can contain only letters, digits, '_', '-', '+', and '.'";
            return Err(Refusal::Bad(why.to_owned()));
        }
        let dies = params.moment("expires_at")?;
        let dies = if self.deploy_tokens_die_at_midnight {
            dies.map(|dies| dies.date_naive().and_time(NaiveTime::MIN).and_utc())
        } else {
            dies
        };
        let token = self.make_deploy_token(place, name, username, scopes, dies);
        let mut shown = show(&token, self.now());
        put(&mut shown, "token", json!(token.value));
        Ok(Answer::json(201, &shown))
    }

    fn make_deploy_token(
        &mut self,
        place: Place,
        name: &str,
        username: &str,
        scopes: Vec<String>,
        expires_at: Option<DateTime<Utc>>,
    ) -> DeployToken {
        self.deploy_tokens.last += 1;
        let id = 60_000 + self.deploy_tokens.last;
        let usual = format!("gitlab+deploy-token-{id}");
        let token = DeployToken {
            id,
            value: self.mint.secret("gldt-", URL_SAFE, 20),
            name: name.to_owned(),
            username: if username.is_empty() { usual } else { username.to_owned() },
            scopes,
            expires_at,
            revoked: false,
            place,
        };
        self.deploy_tokens.by_id.insert(id, token.clone());
        token
    }

    fn deploy_token(&self, place: Place, id: &str) -> Result<&DeployToken, Refusal> {
        let token = self.deploy_tokens.by_id.get(&number(id)?).filter(|token| token.place == place);
        token.ok_or(Refusal::Missing(""))
    }

    /// `GET /jwt/auth`: who the credential is comes before what it wants. A wrong one is 401; one without rights to the
    /// registry 403; a registry that is switched off 404.
    pub(crate) fn jwt_auth(&mut self, request: &Request) -> Answer {
        let now = self.now();
        let Some((login, password)) = basic(request) else { return denied(403, "DENIED", "access forbidden") };
        if self.address_is_banned {
            return denied(403, "DENIED", "Forbidden");
        }
        let mut known = self.deploy_tokens.by_id.values();
        let token = known.find(|token| token.value == password && token.username == login && token.is_live(now));
        let id = token.map(|token| token.id);
        let registry = token.map(|token| token.scopes.iter().any(|scope| scope.ends_with("_registry")));
        // Any other live credential of this GitLab will do as well, whatever the login.
        let other = || self.token_of_value(&password).filter(|token| token.is_live(now)).map(|_| true);
        let Some(registry) = registry.or_else(other) else {
            return denied(
                401,
                "UNAUTHORIZED",
                "HTTP Basic: Access denied. The provided password or token is incorrect",
            );
        };
        if !target::pairs(target::query(&request.target).as_bytes()).iter().any(|(key, _)| key == "service") {
            return Answer::empty(404);
        }
        if !self.registry_is_on {
            return denied(404, "UNAVAILABLE", "registry not enabled");
        }
        if !registry {
            return denied(403, "DENIED", "access forbidden");
        }
        let info = json!({ "user_info": { "token_type": "deploy_token", "username": login, "deploy_token_id": id } });
        let mut claims = json!({ "iss": "gitlab-issuer", "aud": "container_registry", "access": [] });
        if self.door_names_the_token {
            put(&mut claims, "user", json!(self.jwt(&info)));
        }
        let token = self.jwt(&claims);
        self.mint.remember(&token);
        Answer::json(200, &json!({ "token": token }))
    }

    fn jwt(&mut self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{}", part(&json!({ "typ": "JWT" })), part(claims), self.mint.letters(URL_SAFE, 43))
    }
}

fn denied(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "errors": [{ "code": code, "message": message }] }))
}

fn basic(request: &Request) -> Option<(String, String)> {
    let header = request.headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(header).ok()?).ok()?;
    text.split_once(':').map(|(login, password)| (login.to_owned(), password.to_owned()))
}

/// `lib/api/entities/deploy_token.rb`: no word of when it was made or last used.
fn show(token: &DeployToken, now: DateTime<Utc>) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "username": token.username,
        "expires_at": token.expires_at.map(stamp),
        "scopes": token.scopes,
        "revoked": token.revoked,
        "expired": token.expires_at.is_some_and(|end| end < now),
    })
}
