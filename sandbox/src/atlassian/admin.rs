//! The admin API of an organisation: lists and revokes, and makes nothing (developer.atlassian.com/cloud/admin:
//! api-access/rest/api-group-api-token, api-group-api-key; user-management/rest/api-group-api-tokens).

use http::{HeaderName, Method};
use serde_json::{Value, json};

use super::model::{ApiToken, Key};
use super::{Atlassian, ORG, Outcome, Refusal};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};
use crate::target;

impl Atlassian {
    pub(super) fn admin(&mut self, request: &Request, org: &str, rest: &[&str]) -> Outcome {
        let (tokens, keys) = (["read:tokens:admin", "delete:tokens:admin"], ["read:keys:admin", "delete:keys:admin"]);
        let scope = match (&request.method, rest) {
            (&Method::GET, ["api-tokens"]) => tokens[0],
            (&Method::DELETE, ["api-tokens"]) => tokens[1],
            (&Method::GET, ["api-keys"]) => keys[0],
            (&Method::PATCH, ["api-keys", "revoke", _]) => keys[1],
            _ => return Err(Refusal::Missing),
        };
        self.administrator(request, scope)?;
        if org != ORG {
            return Err(Refusal::Forbidden);
        }
        let now = self.now();
        match (&request.method, rest) {
            (&Method::GET, ["api-tokens"]) => {
                let listed = self.api_tokens.values().filter(|token| token.revoked.is_none() && now < token.expires);
                let listed = listed.map(|token| self.show_token(token)).collect();
                Ok(self.page(request, listed))
            }
            (&Method::GET, ["api-keys"]) => {
                let live = |key: &&Key| now < key.expires && (self.lists_revoked_keys || key.revoked.is_none());
                let listed = self.keys.values().filter(live).map(show_key).collect();
                Ok(self.page(request, listed))
            }
            (&Method::DELETE, _) => {
                self.bulk_revoked = true;
                for token in self.api_tokens.values_mut() {
                    token.revoked.get_or_insert(now);
                }
                Ok(Answer::empty(204))
            }
            (_, ["api-keys", _, id]) => {
                let key = self.keys.get_mut(*id).filter(|key| key.revoked.is_none()).ok_or(Refusal::Missing)?;
                key.revoked = Some(now);
                Ok(Answer::empty(204))
            }
            _ => Err(Refusal::Missing),
        }
    }

    /// The tokens of one managed account.
    pub(super) fn managed(&mut self, request: &Request, method: &Method, account: &str, id: Option<&str>) -> Outcome {
        let scope = if method == Method::GET { "read:tokens:admin" } else { "delete:tokens:admin" };
        self.administrator(request, scope)?;
        let now = self.now();
        match (method, id) {
            (&Method::GET, None) => {
                let of = self.api_tokens.values().filter(|token| token.account == account && token.revoked.is_none());
                let of = of.filter(|token| now < token.expires);
                Ok(Answer::json(
                    200,
                    &of.map(|token| {
                        json!({
                            "id": token.id, "label": token.label, "createdAt": stamp(token.created),
                            "lastAccess": token.last_active.map(stamp), "expiry": stamp(token.expires),
                        })
                    })
                    .collect(),
                ))
            }
            (&Method::DELETE, Some(id)) => {
                let token = self.api_tokens.get_mut(id).filter(|token| token.account == account);
                let token = token.filter(|token| token.revoked.is_none()).ok_or(Refusal::Missing)?;
                token.revoked = Some(now);
                Ok(Answer::empty(204))
            }
            _ => Err(Refusal::Missing),
        }
    }

    /// One page; what comes next is told by a cursor.
    fn page(&self, request: &Request, all: Vec<Value>) -> Answer {
        let asked = target::pairs(target::query(&request.target).as_bytes());
        let text = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let start: usize = text("cursor").and_then(|cursor| cursor.strip_prefix("at-")?.parse().ok()).unwrap_or(0);
        let end = start + self.page_size;
        let next = (end < all.len()).then(|| format!("at-{end}"));
        let whole =
            |cursor: String| format!("https://api.atlassian.com{}?cursor={cursor}", target::path(&request.target));
        let next = next.map(|cursor| if self.next_is_url { whole(cursor) } else { cursor });
        let data: Vec<Value> = all.into_iter().skip(start).take(self.page_size).collect();
        let this = format!("at-{start}");
        let links = next.map_or_else(|| json!({ "self": this }), |next| json!({ "self": this, "next": next }));
        Answer::json(200, &json!({ "data": data, "links": links }))
            .with(HeaderName::from_static("x-ratelimit-limit"), "500")
            .with(HeaderName::from_static("x-ratelimit-remaining"), "499")
    }

    fn show_token(&self, token: &ApiToken) -> Value {
        let account = self.accounts.get(&token.account);
        json!({
            "id": token.id, "label": token.label, "status": "ALLOWED", "createdAt": stamp(token.created),
            "expiresAt": stamp(token.expires), "lastActiveAt": token.last_active.map(stamp),
            "user": {
                "id": token.account, "orgId": ORG, "name": account.map(|account| account.name.as_str()),
                "email": account.map(|account| account.email.as_str()),
            },
        })
    }
}

fn show_key(key: &Key) -> Value {
    json!({
        "id": key.id, "label": key.label, "createdAt": stamp(key.created), "expiresAt": stamp(key.expires),
        "lastActiveAt": key.last_active.map(stamp), "orgId": ORG, "scopes": key.scopes,
        "createdBy": { "id": "admin", "name": "Ada Admin", "email": "ada@acme.example" },
    })
}
