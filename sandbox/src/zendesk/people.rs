//! `/api/v2/users/me`, which knows nobody, and the tokens of the old kind.

use serde_json::{Value, json};

use super::auth::{Caller, works};
use super::model::{ApiToken, Role};
use super::oauth::number;
use super::refusal::Refusal;
use super::{Outcome, Zendesk};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};

impl Zendesk {
    /// Who a credential belongs to. A wrong one is nobody, with 200 (recorded of a real account).
    pub(crate) fn me(&mut self, request: &Request) -> Outcome {
        let caller = match self.authenticate(request) {
            Err(Refusal::Unauthorized) => {
                let nobody = json!({ "id": null, "name": "Anonymous user", "role": "end-user" });
                return Ok(Answer::json(200, &json!({ "user": nobody })));
            }
            other => other?,
        };
        caller.scoped("users", "read")?;
        let user = self.users.get(&caller.user).ok_or(Refusal::Missing)?;
        let role = if user.role == Role::Admin { "admin" } else { "agent" };
        let shown = json!({ "id": user.id, "name": user.name, "email": user.email, "role": role });
        Ok(Answer::json(200, &json!({ "user": shown })))
    }

    /// The tokens of the old kind: listed, and deleted for good. None is made any more.
    pub(crate) fn api_token_calls(&mut self, request: &Request, caller: &Caller, rest: &[&str]) -> Outcome {
        if self.api_tokens_off {
            return Err(Refusal::Missing);
        }
        let reads = request.method == http::Method::GET;
        caller.administers("api_tokens", if reads { "read" } else { "write" })?;
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let shown: Vec<Value> = self.api_tokens.values().map(|token| self.show_api_token(token)).collect();
                Ok(Answer::json(200, &json!({ "api_tokens": shown, "count": shown.len() })))
            }
            ("DELETE", [id]) => {
                self.api_tokens.remove(&number(id)?).ok_or(Refusal::Missing)?;
                self.api_tokens_deleted += 1;
                Ok(Answer::empty(204))
            }
            ("POST", []) => Err(Refusal::Forbidden),
            _ => Err(Refusal::Missing),
        }
    }

    fn show_api_token(&self, token: &ApiToken) -> Value {
        json!({
            "id": token.id,
            "description": token.description,
            "user_id": token.user,
            "assigned_user_id": null,
            "active": works(token, self.now()),
            "visible_token": format!("{}...", token.value.chars().take(4).collect::<String>()),
            "created_at": stamp(token.created_at),
            "updated_at": stamp(token.created_at),
            "last_used": token.last_used.map(stamp),
        })
    }
}
