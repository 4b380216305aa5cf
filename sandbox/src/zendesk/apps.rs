//! `/api/v2/apps/installations`: settings, of which the secure ones are never shown.

use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::model::Installation;
use super::oauth::number;
use super::refusal::Refusal;
use super::{Outcome, Zendesk, body};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};

impl Zendesk {
    /// Everything under `/api/v2/apps/installations`.
    pub(crate) fn installation_calls(&mut self, request: &Request, caller: &Caller, rest: &[&str]) -> Outcome {
        let reads = request.method == http::Method::GET;
        caller.administers("apps", if reads { "read" } else { "write" })?;
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let shown: Vec<Value> = self.installations.values().map(show).collect();
                Ok(Answer::json(200, &json!({ "installations": shown })))
            }
            ("GET", [id]) => {
                let found = self.installations.get(&number(id)?).ok_or(Refusal::Missing)?;
                Ok(Answer::json(200, &show(found)))
            }
            ("PUT", [id]) => {
                let body = body(request)?;
                let wish = body.get("settings").and_then(Value::as_object);
                let wish = wish.ok_or(Refusal::Record("settings is missing"))?;
                let (keeps, now) = (self.put_keeps_settings, self.now());
                let found = self.installations.get_mut(&number(id)?).ok_or(Refusal::Missing)?;
                let known = |name: &String| found.settings.contains_key(name) || found.secure.contains(name);
                if wish.keys().any(|name| !known(name)) {
                    return Err(Refusal::Record("an unknown setting"));
                }
                if !keeps {
                    found.settings.values_mut().for_each(String::clear);
                }
                for (name, value) in wish {
                    found.settings.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
                }
                found.updated_at = now;
                let found = found.clone();
                for (_, value) in found.settings.iter().filter(|(name, _)| found.secure.contains(name)) {
                    self.mint.remember(value);
                }
                Ok(Answer::json(200, &show(&found)))
            }
            _ => Err(Refusal::Missing),
        }
    }

    /// `/api/support/apps/{id}/installations/new`: which settings an app has, and which of them are secure.
    pub(crate) fn manifest(&self, caller: &Caller, app: &str) -> Outcome {
        caller.administers("apps", "read")?;
        let app = number(app)?;
        let found = self.installations.values().find(|found| found.app == app).ok_or(Refusal::Missing)?;
        let settings: Vec<Value> = found
            .settings
            .keys()
            .map(|name| json!({ "key": name, "secure": found.secure.contains(name), "required": false }))
            .collect();
        Ok(Answer::json(200, &json!({ "installation": { "app_id": app, "settings": settings } })))
    }
}

fn show(found: &Installation) -> Value {
    let visible: Map<String, Value> = found
        .settings
        .iter()
        .filter(|(name, _)| !found.secure.contains(name))
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let objects: Vec<Value> = visible.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "id": found.id,
        "app_id": found.app,
        "product": "support",
        "settings": visible,
        "settings_objects": objects,
        "enabled": true,
        "paid": false,
        "created_at": stamp(found.created_at),
        "updated_at": stamp(found.updated_at),
    })
}
