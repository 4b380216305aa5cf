//! Doorkeeper as Signon runs it (v5.9.6; the answers were seen at 5.5.0): who am I, introspection, revocation.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, Method, header};
use serde_json::json;

use super::{Application, Signon, Token};
use crate::exchange::{Answer, Request};
use crate::target;

const AUTHENTICATE: HeaderName = header::WWW_AUTHENTICATE;

/// Who asks.
enum Client {
    /// An application, by its id and secret.
    Application(String),
    /// The bearer of a token.
    Bearer(String),
    /// An application whose secret is wrong, or that nobody knows.
    Stranger,
    /// Nobody at all.
    Nobody,
}

impl Signon {
    /// Everything that Signon answers besides its pages for people.
    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        let path = target::path(&request.target);
        match (&request.method, path) {
            (&Method::GET, "/user.json") => self.who(request),
            (&Method::POST, "/oauth/introspect") => self.introspect(request),
            (&Method::POST, "/oauth/revoke") => self.revoke(request),
            // The pages for people want a session of theirs.
            _ => Answer::empty(404).of("text/html", "<html><body>Page not found</body></html>".to_owned()),
        }
    }

    /// Asking leaves a trace: the time at which the user was last seen.
    fn who(&mut self, request: &Request) -> Answer {
        let query: BTreeMap<String, String> =
            target::pairs(target::query(&request.target).as_bytes()).into_iter().collect();
        let value = bearer(request).unwrap_or_default();
        let application = match query.get("client_id") {
            None => None,
            Some(id) => match self.applications.iter().find(|known| known.oauth_id == *id) {
                Some(known) => Some(known.name.clone()),
                None => return unauthorized(self.why(&value)),
            },
        };
        let Some(user) = self.bearer(&value, application.as_deref()).cloned() else {
            return unauthorized(self.why(&value));
        };
        let now = self.clock.now();
        if let Some(seen) = self.users.iter_mut().find(|known| known.email == user.email) {
            seen.last_synced_at = Some(now);
        }
        let shown = json!({
            "email": user.email, "name": user.name, "uid": format!("uid-of-{}", user.email),
            "permissions": ["signin"], "organisation_slug": null,
        });
        Answer::json(200, &json!({ "user": shown }))
    }

    fn introspect(&mut self, request: &Request) -> Answer {
        let form = form(request);
        let token = form.get("token").map(String::as_str).unwrap_or_default();
        let asks = match self.client(request) {
            Client::Application(name) => name,
            Client::Bearer(value) => match self.live(&value) {
                // A token may ask about others of its application that are or were there, and not about itself.
                Some(own) if value != token && self.is_sibling(own, token) => own.application.clone(),
                None if self.tokens.iter().all(|known| known.value != value) => return malformed(),
                _ => return invalid_token(self.why(&value)),
            },
            Client::Stranger => {
                let why = "Client authentication failed due to unknown client, no client authentication included, or \
                           unsupported authentication method.";
                return challenged(401, "invalid_client", why, None);
            }
            Client::Nobody => return malformed(),
        };
        let id = self.applications.iter().find(|known| known.name == asks).map(|known| known.oauth_id.clone());
        match self.live(token).filter(|found| found.application == asks) {
            None => Answer::json(200, &json!({ "active": false })),
            Some(found) => {
                let body = json!({
                    "active": true, "scope": null, "client_id": id, "token_type": "Bearer",
                    "exp": found.expires_at().timestamp(), "iat": found.created_at.timestamp(),
                });
                Answer::json(200, &body)
            }
        }
    }

    /// 200 for a token that nobody knows, and for one that has ended: no proof of anything. Without a client that is
    /// known nothing is even looked for.
    fn revoke(&mut self, request: &Request) -> Answer {
        let form = form(request);
        let value = form.get("token").map(String::as_str).unwrap_or_default();
        let now = self.clock.now();
        let Client::Application(name) = self.client(request) else { return not_yours() };
        match self.tokens.iter_mut().find(|token| token.value == value) {
            None => Answer::json(200, &json!({})),
            Some(found) if name == found.application => {
                if !self.revokes_nothing {
                    found.revoked.get_or_insert(now);
                }
                Answer::json(200, &json!({}))
            }
            Some(_) => not_yours(),
        }
    }

    fn is_sibling(&self, own: &Token, value: &str) -> bool {
        self.tokens.iter().any(|token| token.value == value && token.application == own.application)
    }

    /// Why a bearer is refused.
    fn why(&self, value: &str) -> &'static str {
        match self.tokens.iter().find(|token| token.value == value) {
            Some(token) if token.revoked.is_some() => "The access token was revoked",
            Some(token) if token.expires_at() <= self.clock.now() => "The access token expired",
            _ => "The access token is invalid",
        }
    }

    fn client(&self, request: &Request) -> Client {
        if let Some(value) = bearer(request) {
            return Client::Bearer(value);
        }
        let Some(text) = authorization(request).and_then(|text| text.strip_prefix("Basic ")) else {
            return Client::Nobody;
        };
        let known = || {
            let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
            let (id, secret) = text.split_once(':')?;
            let matches = |known: &&Application| known.oauth_id == id && known.oauth_secret == secret;
            Some(self.applications.iter().find(matches)?.name.clone())
        };
        known().map_or(Client::Stranger, Client::Application)
    }
}

fn authorization(request: &Request) -> Option<&str> {
    request.headers.get(header::AUTHORIZATION)?.to_str().ok()
}

pub(super) fn bearer(request: &Request) -> Option<String> {
    Some(authorization(request)?.strip_prefix("Bearer ")?.trim().to_owned())
}

fn form(request: &Request) -> BTreeMap<String, String> {
    target::pairs(&request.body).into_iter().collect()
}

/// No body; the header alone says why.
fn unauthorized(why: &str) -> Answer {
    Answer::empty(401).with(AUTHENTICATE, &challenge("invalid_token", why))
}

fn invalid_token(why: &str) -> Answer {
    challenged(401, "invalid_token", why, Some("unauthorized"))
}

/// Nobody asks, or somebody with a token that nobody knows.
fn malformed() -> Answer {
    let why = "The request is missing a required parameter, includes an unsupported parameter value, or is otherwise \
               malformed.";
    challenged(400, "invalid_request", why, None)
}

fn not_yours() -> Answer {
    let why = "You are not authorized to revoke this token";
    Answer::json(403, &json!({ "error": "unauthorized_client", "error_description": why }))
}

fn challenged(status: u16, error: &str, why: &str, state: Option<&str>) -> Answer {
    let mut body = json!({ "error": error, "error_description": why });
    if let (Some(state), Some(body)) = (state, body.as_object_mut()) {
        body.insert("state".to_owned(), json!(state));
    }
    Answer::json(status, &body).with(AUTHENTICATE, &challenge(error, why))
}

fn challenge(error: &str, why: &str) -> String {
    format!("Bearer realm=\"Doorkeeper\", error=\"{error}\", error_description=\"{why}\"")
}
