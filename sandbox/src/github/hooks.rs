//! Webhooks of repositories and organisations. One secret each, shown as stars; editing a hook's `config` without the
//! secret takes it away, the route for `config` alone does not.

use http::Method;
use serde_json::{Value, json};

use super::auth::{Caller, Need};
use super::model::{Delivery, Hook, Place};
use super::page::api;
use super::refusal::Refusal;
use super::{GitHub, Outcome, moment};
use crate::exchange::{Answer, Request};
use crate::params::Params;

const STARS: &str = "********";

impl GitHub {
    /// Everything under `…/hooks`.
    pub(super) fn hooks(
        &mut self,
        request: &Request,
        caller: Caller,
        place: &Place,
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        self.may_keep(caller, need(place, &request.method, rest), place)?;
        let base = format!("{}{}", api(request), self.hooks_base(place)?);
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let shown: Vec<Value> =
                    self.hooks.get(place).into_iter().flatten().map(|hook| show(hook, &base, place)).collect();
                Ok(Answer::json(200, &Value::Array(shown)))
            }
            ("GET", [id]) => Ok(Answer::json(200, &show(self.hook_at(place, id)?, &base, place))),
            ("PATCH", [id]) => {
                let now = self.now();
                let hook = self.hook_at(place, id)?;
                edit(hook, params)?;
                hook.updated_at = now;
                let shown = show(hook, &base, place);
                self.note_secrets(place);
                Ok(Answer::json(200, &shown))
            }
            ("DELETE", [id]) => {
                let id = self.hook_at(place, id)?.id;
                self.hooks.entry(place.clone()).or_default().retain(|hook| hook.id != id);
                Ok(Answer::empty(204))
            }
            ("GET", [id, "config"]) => Ok(Answer::json(200, &config(self.hook_at(place, id)?))),
            ("PATCH", [id, "config"]) => self.patch_config(place, id, params),
            ("POST", [id, "pings"]) => self.ping(place, id),
            ("GET", [id, "deliveries"]) => {
                let shown: Vec<Value> = self.seen_deliveries(place, id)?.iter().map(show_delivery).collect();
                Ok(Answer::json(200, &Value::Array(shown)))
            }
            _ => Err(Refusal::Missing),
        }
    }

    fn patch_config(&mut self, place: &Place, id: &str, params: &Params) -> Outcome {
        let (now, moves, ignored) = (self.now(), self.hook_config_moves_updated_at, self.hook_writes_ignored);
        let hook = self.hook_at(place, id)?;
        if !ignored {
            let text = |name: &str| params.text(name).map(str::to_owned);
            hook.url = text("url").unwrap_or_else(|| hook.url.clone());
            hook.content_type = text("content_type").unwrap_or_else(|| hook.content_type.clone());
            hook.insecure_ssl = text("insecure_ssl").unwrap_or_else(|| hook.insecure_ssl.clone());
            hook.secret = text("secret").or(hook.secret.take()).filter(|secret| !secret.is_empty());
            if moves {
                hook.updated_at = now;
            }
        }
        let shown = config(hook);
        self.note_secrets(place);
        Ok(Answer::json(200, &shown))
    }

    /// Sends the receiver a ping, signed with the secret there is: what it answers can be seen in the deliveries.
    fn ping(&mut self, place: &Place, id: &str) -> Outcome {
        self.last += 1;
        let (number, delivered_at, hidden) = (self.last, self.now(), self.deliveries_late_by);
        self.pings += 1;
        let hook = self.hook_at(place, id)?;
        let secret = hook.secret.clone().unwrap_or_default();
        let taken = hook.receiver_takes.as_ref().is_none_or(|taken| taken.contains(&secret));
        let status_code = if taken { 200 } else { 401 };
        let event = "ping".to_owned();
        hook.deliveries.push(Delivery { id: number, event, delivered_at, status_code, hidden });
        Ok(Answer::empty(204))
    }

    /// Newest first, without those that GitHub has not written down yet.
    fn seen_deliveries(&mut self, place: &Place, id: &str) -> Result<Vec<Delivery>, Refusal> {
        let hook = self.hook_at(place, id)?;
        let seen: Vec<Delivery> =
            hook.deliveries.iter().rev().filter(|delivery| delivery.hidden == 0).cloned().collect();
        for delivery in &mut hook.deliveries {
            delivery.hidden = delivery.hidden.saturating_sub(1);
        }
        Ok(seen)
    }

    fn hook_at(&mut self, place: &Place, id: &str) -> Result<&mut Hook, Refusal> {
        let id: u64 = id.parse().map_err(|_| Refusal::Missing)?;
        self.hooks.get_mut(place).and_then(|of| of.iter_mut().find(|hook| hook.id == id)).ok_or(Refusal::Missing)
    }

    fn note_secrets(&mut self, place: &Place) {
        for hook in self.hooks.get(place).into_iter().flatten() {
            self.mint.remember(hook.secret.as_deref().unwrap_or_default());
        }
    }

    fn hooks_base(&self, place: &Place) -> Result<String, Refusal> {
        match place {
            Place::Organization(login) => Ok(format!("/orgs/{login}/hooks")),
            Place::Repository(id) | Place::Environment(id, _) => {
                let repository = self.repositories.get(id).ok_or(Refusal::Missing)?;
                Ok(format!("/repos/{}/hooks", repository.full_name()))
            }
        }
    }
}

/// The whole edit: `config` is replaced, and a secret that is not sent again is gone.
fn edit(hook: &mut Hook, params: &Params) -> Result<(), Refusal> {
    if let Some(config) = params.tree().get("config") {
        let text = |name: &str| config.get(name).and_then(Value::as_str).map(str::to_owned);
        hook.url = text("url").ok_or_else(|| Refusal::Invalid("url is required".to_owned()))?;
        hook.content_type = text("content_type").unwrap_or_else(|| "form".to_owned());
        hook.insecure_ssl = text("insecure_ssl").unwrap_or_else(|| "0".to_owned());
        hook.secret = text("secret");
    }
    if let Some(events) = params.list("events")? {
        hook.events = events;
    }
    hook.active = params.flag("active")?.unwrap_or(hook.active);
    Ok(())
}

/// Reading is enough to ping a repository's hook, not an organisation's.
fn need(place: &Place, method: &Method, rest: &[&str]) -> Need {
    let write = !matches!(*method, Method::GET);
    if matches!(place, Place::Organization(_)) {
        return Need { permission: "organization_hooks", write, scopes: &["admin:org_hook"] };
    }
    let write = write && !matches!(rest, [_, "pings" | "tests"]);
    Need { permission: "repository_hooks", write, scopes: &["admin:repo_hook", "write:repo_hook", "repo"] }
}

fn config(hook: &Hook) -> Value {
    let mut config = json!({ "url": hook.url, "content_type": hook.content_type, "insecure_ssl": hook.insecure_ssl });
    if let (Some(_), Some(fields)) = (&hook.secret, config.as_object_mut()) {
        fields.insert("secret".to_owned(), json!(STARS));
    }
    config
}

fn show(hook: &Hook, base: &str, place: &Place) -> Value {
    let id = hook.id;
    let mut shown = json!({
        "type": if matches!(place, Place::Organization(_)) { "Organization" } else { "Repository" },
        "id": id,
        "name": "web",
        "active": hook.active,
        "events": hook.events,
        "config": config(hook),
        "created_at": moment(hook.created_at),
        "updated_at": moment(hook.updated_at),
        "url": format!("{base}/{id}"),
        "ping_url": format!("{base}/{id}/pings"),
        "deliveries_url": format!("{base}/{id}/deliveries"),
    });
    if let (Place::Repository(_), Some(fields)) = (place, shown.as_object_mut()) {
        let code = hook.deliveries.last().map(|delivery| delivery.status_code);
        fields.insert("test_url".to_owned(), json!(format!("{base}/{id}/tests")));
        fields.insert("last_response".to_owned(), json!({ "code": code, "status": "active", "message": null }));
    }
    shown
}

fn show_delivery(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "guid": format!("58474f00-b361-11eb-836d-{:012}", delivery.id),
        "delivered_at": moment(delivery.delivered_at),
        "redelivery": false,
        "duration": 0.03,
        "status": if delivery.status_code < 400 { "OK" } else { "Invalid HTTP Response" },
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": null,
        "installation_id": null,
        "repository_id": null,
    })
}
