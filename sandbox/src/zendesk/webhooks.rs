//! `/api/v2/webhooks` (developer.zendesk.com, webhooks API). A credential goes in and never comes out; a PATCH merges,
//! a PUT replaces, and what it leaves out is gone, the credential first of all.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::model::{Authentication, Invocation, Sent, Webhook};
use super::page::paged;
use super::refusal::Refusal;
use super::{Outcome, TestShape, Zendesk, body};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};
use crate::params::Params;

const REQUIRED: [&str; 5] = ["name", "status", "endpoint", "http_method", "request_format"];

impl Zendesk {
    /// Everything under `/api/v2/webhooks`.
    pub(crate) fn webhook_calls(&mut self, request: &Request, caller: &Caller, rest: &[&str]) -> Outcome {
        let reads = request.method == http::Method::GET;
        caller.administers("webhooks", if reads { "read" } else { "write" })?;
        let found = |hooks: &BTreeMap<String, Webhook>, id: &str| hooks.get(id).cloned().ok_or(Refusal::Missing);
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let params = Params::of(request).map_err(|_| Refusal::Invalid("query"))?;
                let shown = self.webhooks.values().map(|hook| self.show(hook)).collect();
                paged("webhooks", shown, &params)
            }
            ("GET", [id]) => {
                let hook = found(&self.webhooks, id)?;
                Ok(Answer::json(200, &json!({ "webhook": self.show(&hook) })))
            }
            ("GET", [id, "invocations"]) => invocations(&found(&self.webhooks, id)?, request),
            ("POST", ["test"]) => self.test(request),
            ("PATCH" | "PUT", [id]) => {
                let mut hook = found(&self.webhooks, id)?;
                let body = body(request)?;
                let wish = body.get("webhook").and_then(Value::as_object);
                let wish = wish.ok_or(Refusal::Invalid("webhook is missing"))?;
                if wish.contains_key("external_source") || wish.contains_key("signing_secret") {
                    return Err(Refusal::Invalid("external_source and signing_secret cannot be set"));
                }
                if request.method == http::Method::PUT {
                    self.webhook_puts += 1;
                    if REQUIRED.iter().any(|name| !wish.contains_key(*name)) {
                        return Err(Refusal::Invalid("a required field is missing"));
                    }
                    hook.authentication = None;
                    hook.custom_headers.clear();
                }
                self.merge(&mut hook, wish)?;
                (hook.updated_at, hook.updated_by) = (self.now(), caller.user);
                self.webhooks.insert(hook.id.clone(), hook);
                Ok(Answer::empty(204))
            }
            _ => Err(Refusal::Missing),
        }
    }

    /// What is sent replaces what was there, save that headers are merged one by one, and null takes away.
    fn merge(&mut self, hook: &mut Webhook, wish: &Map<String, Value>) -> Result<(), Refusal> {
        for (name, value) in wish {
            let field = match name.as_str() {
                "name" => &mut hook.name,
                "description" => &mut hook.description,
                "status" => &mut hook.status,
                "endpoint" => &mut hook.endpoint,
                "http_method" => &mut hook.http_method,
                "request_format" => &mut hook.request_format,
                "authentication" => {
                    hook.authentication = authentication(value)?;
                    self.remember_secrets(hook);
                    continue;
                }
                "custom_headers" => {
                    for (header, text) in value.as_object().ok_or(Refusal::Invalid("custom_headers"))? {
                        match text.as_str() {
                            Some(text) => hook.custom_headers.insert(header.clone(), text.to_owned()),
                            None => hook.custom_headers.remove(header),
                        };
                    }
                    continue;
                }
                "subscriptions" => continue,
                _ => return Err(Refusal::Invalid("an unknown field")),
            };
            value.as_str().ok_or(Refusal::Invalid("a field is no text"))?.clone_into(field);
        }
        Ok(())
    }

    pub(crate) fn remember_secrets(&mut self, hook: &Webhook) {
        for name in ["token", "password", "value"] {
            let text = hook.authentication.as_ref().and_then(|kept| kept.data.get(name)?.as_str());
            self.mint.remember(text.unwrap_or_default());
        }
    }

    /// Sends a request to the receiver. It answers 200 whatever the receiver said. The stored credential goes along only
    /// where the same type and position are named; headers only where they are named.
    fn test(&mut self, request: &Request) -> Outcome {
        let params = Params::of(request).map_err(|_| Refusal::Invalid("body"))?;
        let hook = params.text("webhook_id").and_then(|id| self.webhooks.get_mut(id)).ok_or(Refusal::Missing)?;
        let tree = params.tree();
        let wish = match self.test_shape {
            TestShape::Response => tree.get("request"),
            TestShape::Test => tree.get("webhook"),
            TestShape::Other => tree.get("webhook").or_else(|| tree.get("request")),
        };
        let wish = wish.and_then(Value::as_object);
        let wish = wish.ok_or(Refusal::Invalid("webhook is missing"))?;
        let text = |of: &Map<String, Value>, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut sent = Sent { endpoint: hook.endpoint.clone(), headers: BTreeMap::new() };
        if let Some(endpoint) = text(wish, "endpoint") {
            sent.endpoint = endpoint;
        }
        for (name, value) in wish.get("custom_headers").and_then(Value::as_object).into_iter().flatten() {
            sent.headers.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
        }
        let named = wish.get("authentication").and_then(Value::as_object);
        let same = |kept: &&Authentication| {
            named.is_some_and(|named| {
                text(named, "type").as_ref() == Some(&kept.kind)
                    && text(named, "add_position").as_ref() == Some(&kept.position)
            })
        };
        if let Some(kept) = hook.authentication.as_ref().filter(same) {
            let part = |name: &str| kept.data.get(name).and_then(Value::as_str).unwrap_or_default();
            let (name, value) = match kept.kind.as_str() {
                "bearer_token" => ("authorization", format!("Bearer {}", part("token"))),
                "basic_auth" => ("authorization", format!("Basic {}:{}", part("username"), part("password"))),
                _ => (part("name"), part("value").to_owned()),
            };
            sent.headers.insert(name.to_owned(), value);
        }
        let carries = |secret: &String| {
            sent.endpoint.contains(secret.as_str())
                || sent.headers.values().any(|value| value.contains(secret.as_str()))
        };
        let status = if hook.refused.iter().any(carries) { 401 } else { hook.receiver };
        hook.sent.push(sent);
        Ok(Answer::json(200, &self.test_shape.answer(status)))
    }

    /// A webhook, without its secrets.
    fn show(&self, hook: &Webhook) -> Value {
        let authentication = hook.authentication.as_ref().map(|kept| {
            let mut shown = json!({ "type": kept.kind, "add_position": kept.position });
            let named = match kept.kind.as_str() {
                "basic_auth" => "username",
                _ => "name",
            };
            if let (true, Some(name)) = (self.shows_names, kept.data.get(named)) {
                shown = json!({ "type": kept.kind, "add_position": kept.position, "data": { named: name } });
            }
            shown
        });
        let mut shown = json!({
            "id": hook.id,
            "name": hook.name,
            "description": hook.description,
            "status": hook.status,
            "endpoint": hook.endpoint,
            "http_method": hook.http_method,
            "request_format": hook.request_format,
            "subscriptions": hook.subscriptions,
            "created_at": stamp(hook.created_at),
            "created_by": "1",
            "updated_at": stamp(hook.updated_at),
            "updated_by": hook.updated_by.to_string(),
        });
        if let Some(shown) = shown.as_object_mut() {
            if let Some(authentication) = authentication {
                shown.insert("authentication".to_owned(), authentication);
            }
            if !hook.custom_headers.is_empty() {
                shown.insert("custom_headers".to_owned(), json!(hook.custom_headers));
            }
            if let Some(app) = &hook.external_source {
                shown.insert("external_source".to_owned(), json!({ "name": app, "version": "1" }));
            }
        }
        shown
    }
}

impl TestShape {
    fn answer(self, status: u16) -> Value {
        let text = if status < 400 { "ok" } else { "no" };
        match self {
            Self::Response => json!({ "response": { "status": status, "headers": [], "payload": text } }),
            Self::Test => json!({ "test": {
                "status": if status < 400 { "success" } else { "failed" }, "response_code": status, "response_body": text,
            } }),
            Self::Other => json!({ "outcome": { "code": status } }),
        }
    }
}

/// Null takes it away; all else must be whole.
fn authentication(value: &Value) -> Result<Option<Authentication>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let kind = text("type").ok_or(Refusal::Invalid("authentication has no type"))?;
    let needed: &[&str] = match kind {
        "bearer_token" => &["token"],
        "basic_auth" => &["username", "password"],
        "api_key" => &["name", "value"],
        _ => return Err(Refusal::Invalid("an unknown type of authentication")),
    };
    let data = value.get("data").cloned().unwrap_or_default();
    if needed.iter().any(|name| data.get(name).and_then(Value::as_str).is_none_or(str::is_empty)) {
        return Err(Refusal::Invalid("authentication has no data"));
    }
    let position = text("add_position").unwrap_or("header").to_owned();
    Ok(Some(Authentication { kind: kind.to_owned(), position, data }))
}

fn invocations(hook: &Webhook, request: &Request) -> Outcome {
    let params = Params::of(request).map_err(|_| Refusal::Invalid("query"))?;
    let status = params.inner("filter", "status");
    let from = params.inner("filter", "from_ts").map(str::parse::<chrono::DateTime<chrono::Utc>>);
    let from = from.transpose().map_err(|_| Refusal::Invalid("from_ts"))?;
    let wanted = |one: &&Invocation| {
        status.is_none_or(|status| status == one.status) && from.is_none_or(|from| from <= one.created_at)
    };
    let shown = hook.invocations.iter().filter(wanted).map(|one| {
        json!({
            "id": one.id, "webhook_id": hook.id, "status": one.status, "created_at": stamp(one.created_at),
            "latest_completed_at": stamp(one.created_at),
        })
    });
    paged("invocations", shown.collect(), &params)
}
