//! Webhooks of projects and groups (`lib/api/project_hooks.rb`, `doc/api/group_webhooks.md`). Their secrets go in and
//! never come out again; a new address takes most of them away.

mod deliveries;
mod model;
mod rules;

use http::Method;
use serde_json::{Map, Value, json};

use super::GitLab;
use super::auth::Caller;
use super::model::Place;
use super::page::paged;
use super::places::{MAINTAINER, OWNER};
use super::refusal::Refusal;
use super::route::{Outcome, number};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};
use crate::params::Params;
pub use model::{Delivery, Hook, Hooks};
use rules::Wrong;

impl GitLab {
    /// Everything under `hooks` of a project or a group.
    pub(crate) fn hooks(
        &mut self,
        request: &Request,
        caller: Caller,
        place: Place,
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        let role = if matches!(place, Place::Group(_)) { OWNER } else { MAINTAINER };
        if !self.has_role(caller, place, role) {
            return Err(Refusal::Forbidden);
        }
        if rest.is_empty() {
            return match request.method {
                Method::GET => {
                    let rows: Vec<&Hook> = self.hooks_in(place).collect();
                    paged(request, params, &rows, |hook| self.show_hook(hook))
                }
                Method::POST => self.create_hook(place, params),
                _ => Err(Refusal::Missing("")),
            };
        }
        let [id, rest @ ..] = rest else { return Err(Refusal::Missing("")) };
        let id = number(id)?;
        let hook = self.hooks.rows.get(&id).filter(|hook| hook.place == place).ok_or(Refusal::Missing(""))?.clone();
        match (request.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, &self.show_hook(&hook))),
            ("PUT", []) => self.update_hook(&hook, params),
            ("DELETE", []) => {
                self.hooks.rows.remove(&id);
                Ok(Answer::empty(204))
            }
            ("PUT", [list @ ("url_variables" | "custom_headers"), key]) => self.set_in_hook(&hook, list, key, params),
            ("DELETE", [list @ ("url_variables" | "custom_headers"), key]) => self.unset_in_hook(&hook, list, key),
            ("GET", ["events"]) => self.hook_events(request, id, params),
            ("POST", ["events", event, "resend"]) => self.resend(id, event),
            ("POST", ["test", event]) => self.test_hook(caller, id, place, event),
            _ => Err(Refusal::Missing("")),
        }
    }

    /// Adds a webhook with these settings besides the usual ones, unchecked. The place is `projects/acme/app` or
    /// `groups/acme`.
    pub fn add_hook(&mut self, place: &str, hook: &Hook) -> u64 {
        let place = match place.split_once('/') {
            Some(("projects", path)) => Place::Project(self.add_project(path)),
            _ => Place::Group(self.add_group(place.split_once('/').map_or(place, |(_, path)| path))),
        };
        let mut settings = rules::defaults(place, self.hooks.described);
        settings.extend(hook.settings.clone());
        self.keep_hook(Hook { place, settings, created_at: self.now(), ..hook.clone() })
    }

    /// A webhook to begin with: this address, and nothing else.
    pub fn plain_hook(url: &str) -> Hook {
        Hook {
            id: 0,
            place: Place::Instance,
            url: url.to_owned(),
            token: None,
            signing_token: None,
            url_variables: std::collections::BTreeMap::new(),
            custom_headers: std::collections::BTreeMap::new(),
            settings: Map::new(),
            created_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    /// The webhooks of a place, oldest first.
    pub fn hooks_of(&self, place: &str) -> Vec<Hook> {
        let place = match place.split_once('/') {
            Some(("projects", path)) => self.project_named(path).map(Place::Project),
            Some((_, path)) => self.group_named(path).map(Place::Group),
            None => None,
        };
        place.into_iter().flat_map(|place| self.hooks_in(place)).cloned().collect()
    }

    /// Every delivery that ever was, oldest first.
    pub fn deliveries(&self) -> &[Delivery] {
        &self.hooks.log
    }

    /// Somebody else changes a webhook.
    pub fn amend_hook(&mut self, id: u64, change: impl FnOnce(&mut Hook)) {
        if let Some(hook) = self.hooks.rows.get_mut(&id) {
            change(hook);
        }
    }

    fn hooks_in(&self, place: Place) -> impl Iterator<Item = &Hook> {
        self.hooks.rows.values().filter(move |hook| hook.place == place)
    }

    fn keep_hook(&mut self, mut hook: Hook) -> u64 {
        if hook.id == 0 {
            self.hooks.last_hook += 1;
            hook.id = self.hooks.last_hook;
        }
        let secrets = hook.token.iter().chain(&hook.signing_token);
        for secret in secrets.chain(hook.url_variables.values()).chain(hook.custom_headers.values()) {
            self.mint.remember(secret);
        }
        let id = hook.id;
        self.hooks.rows.insert(id, hook);
        id
    }

    fn create_hook(&mut self, place: Place, params: &Params) -> Outcome {
        let Some(url) = params.text("url") else { return Err(Refusal::Params("url is missing".to_owned())) };
        let mut hook = Hook {
            place,
            settings: rules::defaults(place, self.hooks.described),
            created_at: self.now(),
            ..Self::plain_hook(url)
        };
        rules::assign(&self.hooks, &mut hook, params)?;
        if let Err(wrong) = rules::check(&self.hooks, &mut hook) {
            return Ok(refused(wrong));
        }
        if self.hooks_in(place).count() >= self.hooks.most {
            let why = format!("Maximum number of {} hooks ({}) exceeded", place.word(), self.hooks.most);
            return Ok(Answer::json(422, &json!({ "message": { "base": [why] } })));
        }
        let id = self.keep_hook(hook);
        self.answer_hook(201, id)
    }

    fn update_hook(&mut self, old: &Hook, params: &Params) -> Outcome {
        if self.hooks.wants_the_address && !params.has("url") {
            return Err(Refusal::Params("url is missing".to_owned()));
        }
        let mut new = old.clone();
        if rules::assign(&self.hooks, &mut new, params)? == 0 {
            return Ok(Answer::json(400, &json!({ "error": "No parameters provided" })));
        }
        let signing_token_sent = self.hooks.signs && params.has("signing_token");
        rules::reset(&self.hooks, old, &mut new, params.has("token"), signing_token_sent);
        if let Err(wrong) = rules::check(&self.hooks, &mut new) {
            return Ok(refused(wrong));
        }
        let id = self.keep_hook(new);
        self.answer_hook(200, id)
    }

    fn set_in_hook(&mut self, old: &Hook, list: &str, key: &str, params: &Params) -> Outcome {
        let Some(value) = params.text("value") else { return Err(Refusal::Params("value is missing".to_owned())) };
        if list == "custom_headers" && !self.hooks.described {
            return Err(Refusal::Missing(""));
        }
        let mut new = old.clone();
        let values = if list == "url_variables" { &mut new.url_variables } else { &mut new.custom_headers };
        values.insert(key.to_owned(), value.to_owned());
        rules::reset(&self.hooks, old, &mut new, false, false);
        if rules::check(&self.hooks, &mut new).is_err() {
            return Ok(said(422, "Illegal key or value"));
        }
        self.keep_hook(new);
        Ok(Answer::empty(204))
    }

    fn unset_in_hook(&mut self, old: &Hook, list: &str, key: &str) -> Outcome {
        let mut new = old.clone();
        let (values, what) = match list {
            "url_variables" => (&mut new.url_variables, "URL variable"),
            _ => (&mut new.custom_headers, "Custom header"),
        };
        values.remove(key).ok_or(Refusal::Missing(what))?;
        rules::reset(&self.hooks, old, &mut new, false, false);
        if rules::check(&self.hooks, &mut new).is_err() {
            return Ok(said(422, "Could not unset variable"));
        }
        self.keep_hook(new);
        Ok(Answer::empty(204))
    }

    fn answer_hook(&self, status: u16, id: u64) -> Outcome {
        let hook = self.hooks.rows.get(&id).ok_or(Refusal::Missing(""))?;
        Ok(Answer::json(status, &self.show_hook(hook)))
    }

    fn show_hook(&self, hook: &Hook) -> Value {
        let keys = |names: Vec<&String>| names.into_iter().map(|name| json!({ "key": name })).collect::<Vec<_>>();
        let mut shown = hook.settings.clone();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("id", json!(hook.id));
        put("url", json!(hook.url));
        put(if matches!(hook.place, Place::Group(_)) { "group_id" } else { "project_id" }, json!(hook.place.number()));
        put("created_at", json!(stamp(hook.created_at)));
        put("repository_update_events", json!(false));
        put("alert_status", json!(self.alert(hook.id)));
        put("disabled_until", Value::Null);
        put("url_variables", json!(keys(hook.url_variables.keys().collect())));
        if self.hooks.described {
            put("custom_headers", json!(keys(hook.custom_headers.keys().collect())));
        }
        if self.hooks.tells_of_tokens {
            put("token_present", json!(hook.token.is_some()));
            put("signing_token_present", json!(hook.signing_token.is_some()));
        }
        Value::Object(shown)
    }
}

/// GitLab's errors of a webhook are short, and say nothing of the value.
fn said(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": why }))
}

fn refused(wrong: Wrong) -> Answer {
    match wrong {
        Wrong::Url => said(422, "Invalid url given"),
        Wrong::Headers => said(422, "Custom headers validation failed"),
        Wrong::Variables => {
            Answer::json(422, &json!({ "message": { "url_variables": ["must be a valid json schema"] } }))
        }
        Wrong::Field(name) => {
            let mut fields = Map::new();
            fields.insert(name.to_owned(), json!(["is invalid"]));
            Answer::json(422, &json!({ "message": fields }))
        }
    }
}
