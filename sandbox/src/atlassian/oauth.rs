//! The authorisation server: client credentials of service accounts, and refresh tokens that rotate
//! (developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens; support.atlassian.com/user-management,
//! OAuth 2.0 credentials for service accounts).

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::auth::bearer;
use super::model::{Access, Refresh};
use super::{Atlassian, CLOUD, Outcome, Refusal, word};
use crate::exchange::{Answer, Request};
use crate::mint::URL_SAFE;
use crate::params::Params;

const HOUR: i64 = 3600;
/// A refresh token that nobody uses dies after so many days, and its grant after so many although it is used.
const IDLE_DAYS: i64 = 90;
const GRANT_DAYS: i64 = 365;

impl Atlassian {
    pub(super) fn token(&mut self, request: &Request) -> Outcome {
        let params = Params::of(request).map_err(|_| Refusal::OAuth(400, "invalid_request", "Bad Request"))?;
        let body = Value::Object(params.tree().clone());
        let client = self.clients.get(word(&body, "client_id")).cloned();
        let client = client.filter(|client| client.secret == word(&body, "client_secret"));
        let client = client.ok_or(Refusal::OAuth(401, "access_denied", "Unauthorized"))?;
        match word(&body, "grant_type") {
            "client_credentials" => {
                let account = client.account.clone();
                let account = account.ok_or(Refusal::OAuth(403, "unauthorized_client", "Grant type not allowed"))?;
                let asked: Vec<String> = word(&body, "scope").split_whitespace().map(str::to_owned).collect();
                // What the client may not ask for is left out, and nobody is told.
                let granted = |scope: &&String| asked.is_empty() || asked.contains(scope);
                let scopes: Vec<String> = client.scopes.iter().filter(granted).cloned().collect();
                let value = self.access(account, None, scopes.clone());
                Ok(Answer::json(
                    200,
                    &json!({
                        "access_token": value, "expires_in": HOUR, "scope": scopes.join(" "), "token_type": "Bearer",
                    }),
                ))
            }
            "refresh_token" => self.refresh(&client.id, word(&body, "refresh_token")),
            _ => Err(Refusal::OAuth(403, "unsupported_grant_type", "Unsupported grant type")),
        }
    }

    fn refresh(&mut self, client: &str, value: &str) -> Outcome {
        const UNKNOWN: Refusal = Refusal::OAuth(403, "invalid_grant", "Unknown or invalid refresh token.");
        let now = self.now();
        let token = self.refresh.get(value).cloned().ok_or(UNKNOWN)?;
        let grant = self.grants.get(&token.grant).filter(|grant| grant.client == client).cloned().ok_or(UNKNOWN)?;
        if grant.ended
            || now >= grant.since + TimeDelta::days(GRANT_DAYS)
            || now >= token.made + TimeDelta::days(IDLE_DAYS)
        {
            return Err(UNKNOWN);
        }
        if token.used.is_some_and(|at| now >= at + self.reuse_leeway) {
            self.reuse_detections += 1;
            if self.replay_ends_grant {
                self.end(&grant.id);
            }
            return Err(UNKNOWN);
        }
        if let Some(token) = self.refresh.get_mut(value) {
            token.used.get_or_insert(now);
        }
        let next = self.mint.secret("eyJyZWZyZXNo.", URL_SAFE, 200);
        self.refresh.insert(next.clone(), Refresh { grant: grant.id.clone(), made: now, used: None });
        let access = self.access(grant.account, Some(grant.id), grant.scopes.clone());
        Ok(Answer::json(
            200,
            &json!({
                "access_token": access, "refresh_token": next, "expires_in": HOUR, "scope": grant.scopes.join(" "),
                "token_type": "Bearer",
            }),
        ))
    }

    pub(super) fn access(&mut self, account: String, grant: Option<String>, scopes: Vec<String>) -> String {
        let value = self.mint.secret("eyJhY2Nlc3M.", URL_SAFE, 300);
        let expires = self.now() + TimeDelta::seconds(HOUR);
        self.access.insert(value.clone(), Access { account, grant, scopes, expires });
        self.access_tokens_minted += 1;
        value
    }

    pub(super) fn end(&mut self, grant: &str) {
        if let Some(grant) = self.grants.get_mut(grant) {
            grant.ended = true;
        }
        self.access.retain(|_, access| access.grant.as_deref() != Some(grant));
    }

    /// The sites that an access token reaches.
    pub(super) fn resources(&self, request: &Request) -> Outcome {
        let now = self.now();
        let access = bearer(request).and_then(|value| self.access.get(value)).filter(|access| now < access.expires);
        let access = access.ok_or(Refusal::Gateway("Unauthorized"))?;
        Ok(Answer::json(
            200,
            &json!([{
                "id": CLOUD, "name": "acme", "url": "https://acme.atlassian.net", "scopes": access.scopes,
                "avatarUrl": "https://acme.atlassian.net/avatar.png",
            }]),
        ))
    }
}
