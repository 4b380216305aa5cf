//! `/oauth/tokens` and `/api/v2/oauth` (Support API 2.0.0; developer.zendesk.com, grant type tokens).

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::auth::{Caller, is_scope};
use super::model::{AccessToken, Client};
use super::page::paged;
use super::refusal::Refusal;
use super::{Outcome, Zendesk, body};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};
use crate::mint::HEX;
use crate::params::Params;

/// The page says more than 300 seconds and less than two days.
const LIFETIMES: std::ops::Range<i64> = 301..172_800;

impl Zendesk {
    /// Exchanges a client's secret for an access token. A scope that means nothing is no reason to refuse.
    pub(crate) fn grant(&mut self, request: &Request) -> Outcome {
        let body = body(request)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if text("grant_type") != "client_credentials" {
            return Err(Refusal::Grant(400, "unsupported_grant_type"));
        }
        let (identifier, secret) = (text("client_id"), text("client_secret"));
        let lives_on = self.former_secrets_work;
        let right = |client: &&Client| client.secret == secret || (lives_on && client.former.contains(&secret));
        let mut clients = self.clients.values().filter(|client| client.identifier == identifier);
        let client = clients.next().filter(right).ok_or(Refusal::Grant(401, "invalid_client"))?.clone();
        if !client.confidential {
            return Err(Refusal::Grant(400, "unauthorized_client"));
        }
        let asked = body.get("expires_in").and_then(Value::as_i64);
        if asked.is_some_and(|seconds| !LIFETIMES.contains(&seconds)) {
            return Err(Refusal::Grant(400, "invalid_request"));
        }
        let asked = asked.filter(|_| !self.lifetimes_ignored).map(TimeDelta::seconds);
        let lifetime = asked.or(self.default_lifetime.filter(|_| !self.lifetimes_ignored));
        let mut scopes: Vec<String> = text("scope").split_whitespace().map(str::to_owned).collect();
        if self.unknown_scopes_are_dropped {
            scopes.retain(|scope| is_scope(scope));
        }
        let token = self.make_token(&client, &scopes, lifetime);
        let answer = json!({
            "access_token": token.value,
            "token_type": "bearer",
            "scope": scopes.join(" "),
            "expires_in": lifetime.map(|lifetime| lifetime.num_seconds()),
        });
        Ok(Answer::json(self.grant_status, &answer))
    }

    /// Everything under `/api/v2/oauth`.
    pub(crate) fn oauth(&mut self, request: &Request, caller: &Caller, rest: &[&str]) -> Outcome {
        let params = Params::of(request).map_err(|_| Refusal::Invalid("body"))?;
        match (request.method.as_str(), rest) {
            ("GET", ["tokens", "current"]) => {
                if self.who_needs_read {
                    caller.scoped("oauth", "read")?;
                }
                let id = caller.token.ok_or(Refusal::Missing)?;
                Ok(Answer::json(200, &json!({ "token": self.show_token(id)? })))
            }
            ("GET", ["tokens"]) => {
                caller.administers("oauth", "read")?;
                let of_client = params.number("client_id").unwrap_or_default();
                let all = params.flag("all").ok().flatten().unwrap_or_default();
                let wanted = |token: &&AccessToken| {
                    of_client.is_none_or(|client| client == token.client) && (all || token.user == caller.user)
                };
                let found: Vec<u64> = self.tokens.values().filter(wanted).map(|token| token.id).collect();
                let shown = found.iter().map(|id| self.show_token(*id)).collect::<Result<Vec<_>, _>>()?;
                paged("tokens", shown, &params)
            }
            ("DELETE", ["tokens", id]) => {
                let id = number(id)?;
                let token = self.tokens.get(&id).ok_or(Refusal::Missing)?;
                if token.user == caller.user {
                    // That one without the scope may still end itself is not confirmed.
                    if caller.token != Some(id) || !self.ends_itself {
                        caller.scoped("oauth", "write")?;
                    }
                } else {
                    caller.administers("oauth", "write")?;
                }
                self.tokens.remove(&id);
                Ok(Answer::empty(204))
            }
            ("GET", ["clients"]) => {
                caller.administers("oauth", "read")?;
                let shown = self.clients.values().map(|client| show_client(client, false)).collect();
                paged("clients", shown, &params)
            }
            ("GET", ["clients", id]) => {
                caller.administers("oauth", "read")?;
                let client = self.clients.get(&number(id)?).ok_or(Refusal::Missing)?;
                Ok(Answer::json(200, &json!({ "client": show_client(client, false) })))
            }
            ("PUT", ["clients", id, "generate_secret"]) => {
                caller.administers("oauth", "write")?;
                let (now, secret) = (self.now(), self.mint.secret("", HEX, 64));
                let ignored = self.generate_ignored;
                let client = self.clients.get_mut(&number(id)?).ok_or(Refusal::Missing)?;
                if ignored {
                    return Ok(Answer::json(200, &json!({ "client": show_client(client, false) })));
                }
                client.former.push(std::mem::replace(&mut client.secret, secret));
                client.updated_at = now;
                self.secrets_generated += 1;
                Ok(Answer::json(200, &json!({ "client": show_client(client, true) })))
            }
            _ => Err(Refusal::Missing),
        }
    }

    pub(crate) fn make_token(
        &mut self,
        client: &Client,
        scopes: &[String],
        lifetime: Option<TimeDelta>,
    ) -> AccessToken {
        let (id, now) = (self.number(), self.now());
        let token = AccessToken {
            id,
            value: self.mint.secret("", HEX, 64),
            client: client.id,
            user: client.user,
            scopes: scopes.to_vec(),
            created_at: now,
            expires_at: lifetime.map(|lifetime| now + lifetime),
            used_at: None,
        };
        self.tokens.insert(id, token.clone());
        token
    }

    /// A token, with no more than its first ten letters.
    fn show_token(&self, id: u64) -> Result<Value, Refusal> {
        let token = self.tokens.get(&id).ok_or(Refusal::Missing)?;
        Ok(json!({
            "id": token.id,
            "client_id": token.client,
            "user_id": token.user,
            "scopes": token.scopes,
            "token": token.value.chars().take(10).collect::<String>(),
            "created_at": stamp(token.created_at),
            "expires_at": token.expires_at.map(stamp),
            "refresh_token_expires_at": null,
            "used_at": token.used_at.map(stamp),
            "url": format!("https://zendesk.sandbox/api/v2/oauth/tokens/{}.json", token.id),
        }))
    }
}

/// A client; its secret is whole only in the answer that made it.
fn show_client(client: &Client, whole: bool) -> Value {
    let shown = || format!("{}...", client.secret.chars().take(10).collect::<String>());
    json!({
        "id": client.id,
        "identifier": client.identifier,
        "name": client.identifier,
        "kind": if client.confidential { "confidential" } else { "public" },
        "global": false,
        "redirect_uri": [],
        "secret": if whole { client.secret.clone() } else { shown() },
        "user_id": client.user,
        "created_at": stamp(client.created_at),
        "updated_at": stamp(client.updated_at),
        "url": format!("https://zendesk.sandbox/api/v2/oauth/clients/{}.json", client.id),
    })
}

pub(crate) fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::Missing)
}
