//! Deliveries: what the receivers get, what they answer, and the log of it (`lib/api/hooks/events.rb`,
//! `lib/api/hooks/trigger_test.rb`).

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::super::GitLab;
use super::super::auth::Caller;
use super::super::model::Place;
use super::super::page::paged;
use super::super::refusal::Refusal;
use super::super::route::{Outcome, number};
use super::model::{Delivery, Hook};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};
use crate::params::Params;

/// How many failures in a row switch a webhook off: for a while, and for good.
const FOR_A_WHILE: usize = 4;
const FOR_GOOD: usize = 40;

impl GitLab {
    /// Something happens in a project: every webhook that listens, of the project and of the groups around it, is
    /// called. What was delivered.
    pub fn happens(&mut self, path: &str, event: &str) -> Vec<Delivery> {
        let mut places: Vec<Place> = self.project_named(path).map(Place::Project).into_iter().collect();
        let groups = std::iter::successors(path.rsplit_once('/'), |(parent, _)| parent.rsplit_once('/'));
        places.extend(groups.filter_map(|(parent, _)| self.group_named(parent)).map(Place::Group));
        let listening: Vec<u64> = self
            .hooks
            .rows
            .values()
            .filter(|hook| {
                places.contains(&hook.place) && hook.listens_to(event) && self.alert(hook.id) == "executable"
            })
            .map(|hook| hook.id)
            .collect();
        listening.into_iter().filter_map(|id| self.deliver(id, event, false)).collect()
    }

    /// Whether it is called at all: GitLab switches off what keeps failing.
    pub(super) fn alert(&self, hook: u64) -> &'static str {
        let of_it = self.hooks.log.iter().rev().filter(|delivery| delivery.hook == hook && !delivery.test);
        match of_it.take_while(|delivery| !(200..300).contains(&delivery.status)).count() {
            failures if failures >= FOR_GOOD => "disabled",
            failures if failures >= FOR_A_WHILE => "temporarily_disabled",
            _ => "executable",
        }
    }

    fn deliver(&mut self, id: u64, event: &str, test: bool) -> Option<Delivery> {
        let hook = self.hooks.rows.get(&id)?.clone();
        let url = hook.filled_in()?;
        let delivery = Delivery {
            id: 700_000 + u64::try_from(self.hooks.log.len()).unwrap_or_default(),
            hook: id,
            event: event.to_owned(),
            test,
            status: self.answer(&hook, &url),
            shown: hook.url,
            url,
            token: hook.token,
            custom_headers: hook.custom_headers,
            at: self.now(),
        };
        self.hooks.log.push(delivery.clone());
        Some(delivery)
    }

    fn answer(&self, hook: &Hook, url: &str) -> u16 {
        let hooks = &self.hooks;
        let shown = |secret: &String| {
            url.contains(secret.as_str())
                || hook.token.as_ref() == Some(secret)
                || hook.signing_token.as_ref() == Some(secret)
                || hook.custom_headers.values().any(|value| value.contains(secret.as_str()))
        };
        if hooks.receivers_want.is_empty() || hooks.receivers_want.iter().any(shown) {
            hooks.receivers_answer
        } else {
            401
        }
    }

    /// A delivery on request. The answer is 201 only when the receiver took it.
    pub(super) fn test_hook(&mut self, caller: Caller, hook: u64, place: Place, event: &str) -> Outcome {
        let now = self.now();
        let tests = self.hooks.tests.entry((caller.user, place)).or_default();
        tests.retain(|at| now - *at < TimeDelta::minutes(1));
        if let Some(most) = self.hooks.tests_a_minute
            && u64::try_from(tests.len()).unwrap_or_default() >= most
        {
            let body =
                json!({ "message": { "error": "This endpoint has been requested too many times. Try again later." } });
            return Ok(Answer::json(429, &body));
        }
        tests.push(now);
        let row = self.hooks.rows.get(&hook).ok_or(Refusal::Missing(""))?;
        if !row.settings.contains_key(event) {
            return Err(Refusal::Params("trigger does not have a valid value".to_owned()));
        }
        if self.hooks.nothing_to_play {
            return Ok(Answer::json(422, &json!({ "message": "Ensure the project has at least one commit." })));
        }
        match self.deliver(hook, event, true) {
            Some(delivery) if (200..300).contains(&delivery.status) => {
                Ok(Answer::json(201, &json!({ "message": "201 Created" })))
            }
            // In the receiver's own words.
            _ => Ok(Answer::json(422, &json!({ "message": "the receiver's own words" }))),
        }
    }

    /// The deliveries of a webhook in the last seven days, newest first. Secrets are masked in it, bodies are not.
    pub(super) fn hook_events(&self, request: &Request, hook: u64, params: &Params) -> Outcome {
        let since = self.now() - TimeDelta::days(7);
        let rows: Vec<&Delivery> =
            self.hooks.log.iter().rev().filter(|delivery| delivery.hook == hook && delivery.at >= since).collect();
        if params.number("per_page")?.is_some_and(|size| !(1..=20).contains(&size)) {
            return Err(Refusal::Params("per_page does not have a valid value".to_owned()));
        }
        paged(request, params, &rows, |delivery| show(delivery))
    }

    /// Sends a delivery once more.
    pub(super) fn resend(&mut self, hook: u64, event: &str) -> Outcome {
        let wanted = number(event)?;
        let found = self.hooks.log.iter().find(|delivery| delivery.id == wanted && delivery.hook == hook);
        let event = found.ok_or(Refusal::Missing(""))?.event.clone();
        let status = self.deliver(hook, &event, true).map(|delivery| delivery.status);
        Ok(Answer::json(201, &json!({ "response_status": status })))
    }
}

fn show(delivery: &Delivery) -> Value {
    let token = delivery.token.is_some().then_some("X-Gitlab-Token");
    let masked = delivery.custom_headers.keys().map(String::as_str).chain(token);
    let mut headers: Map<String, Value> = masked.map(|name| (name.to_owned(), json!("[REDACTED]"))).collect();
    headers.insert("Content-Type".to_owned(), json!("application/json"));
    json!({
        "id": delivery.id,
        "url": delivery.shown,
        "trigger": delivery.event.replace("events", "hooks"),
        "request_headers": headers,
        "request_data": { "object_kind": delivery.event },
        "response_headers": {},
        "response_body": "the receiver's own words",
        "execution_duration": 0.1,
        "response_status": delivery.status.to_string(),
        "created_at": stamp(delivery.at),
    })
}
