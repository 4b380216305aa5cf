//! Doorkeeper as Signon runs it (v5.9.6; the answers were seen at 5.5.0): who am I, introspection, revocation.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, Method, header};
use serde_json::{Value, json};

use super::{Application, Signon};
use crate::exchange::{Answer, Request};
use crate::target;

const AUTHENTICATE: HeaderName = header::WWW_AUTHENTICATE;

/// Who asks.
enum Client {
    /// An application, by its id and secret.
    Application(String),
    /// The bearer of a token.
    Bearer(String),
    /// Nobody that is known.
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
                None => return unauthorized(),
            },
        };
        let Some(user) = self.bearer(&value, application.as_deref()).cloned() else { return unauthorized() };
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
            // A token may not ask about itself.
            Client::Bearer(value) => match self.live(&value) {
                Some(own) if value != token => own.application.clone(),
                _ => return invalid_token(),
            },
            Client::Nobody => {
                let body = json!({ "error": "invalid_client", "error_description": "Client authentication failed" });
                return Answer::json(401, &body);
            }
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

    /// 200 for a token that nobody knows, and for one that has ended: no proof of anything.
    fn revoke(&mut self, request: &Request) -> Answer {
        let form = form(request);
        let value = form.get("token").map(String::as_str).unwrap_or_default();
        let (client, now) = (self.client(request), self.clock.now());
        let Some(found) = self.tokens.iter_mut().find(|token| token.value == value) else {
            return Answer::json(200, &json!({}));
        };
        match client {
            Client::Application(name) if name == found.application => {
                if !self.revokes_nothing {
                    found.revoked.get_or_insert(now);
                }
                Answer::json(200, &json!({}))
            }
            _ => {
                let why = "You are not authorized to revoke this token";
                Answer::json(403, &json!({ "error": "unauthorized_client", "error_description": why }))
            }
        }
    }

    fn client(&self, request: &Request) -> Client {
        if let Some(value) = bearer(request) {
            return Client::Bearer(value);
        }
        let basic = || {
            let text = authorization(request)?.strip_prefix("Basic ")?.to_owned();
            let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
            let (id, secret) = text.split_once(':')?;
            let matches = |known: &&Application| known.oauth_id == id && known.oauth_secret == secret;
            Some(self.applications.iter().find(matches)?.name.clone())
        };
        basic().map_or(Client::Nobody, Client::Application)
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

/// The same for a token that is unknown, expired, revoked, of another application, or without the right to sign in.
fn unauthorized() -> Answer {
    let header = "Bearer realm=\"Doorkeeper\", error=\"invalid_token\", \
                  error_description=\"The access token is invalid\"";
    Answer::empty(401).with(AUTHENTICATE, header)
}

fn invalid_token() -> Answer {
    let why = "The access token is invalid";
    let body: Value = json!({ "error": "invalid_token", "error_description": why, "state": "unauthorized" });
    Answer::json(401, &body).with(AUTHENTICATE, "Bearer realm=\"Doorkeeper\", error=\"invalid_token\"")
}
