//! Pipeline trigger tokens (`lib/api/ci/triggers.rb`). They cannot be rotated: a new one is made and the old one deleted.

use serde_json::{Value, json};

use super::GitLab;
use super::auth::Caller;
use super::model::{Place, Trigger};
use super::page::paged;
use super::people::brief;
use super::places::MAINTAINER;
use super::refusal::Refusal;
use super::route::{Outcome, number};
use crate::clock::stamp;
use crate::exchange::{Answer, Request};
use crate::mint::HEX;
use crate::params::Params;

impl GitLab {
    /// Everything under `triggers` of a project.
    pub(crate) fn triggers(
        &mut self,
        request: &Request,
        caller: Caller,
        place: Place,
        rest: &[&str],
        params: &Params,
    ) -> Outcome {
        let Place::Project(project) = place else { return Err(Refusal::Missing("")) };
        if !self.has_role(caller, place, MAINTAINER) {
            return Err(Refusal::Forbidden);
        }
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let found: Vec<&Trigger> = self.triggers_in(project).collect();
                paged(request, params, &found, |trigger| self.show_trigger(request, trigger, caller))
            }
            ("GET", [id]) => {
                let at = self.trigger(project, id)?;
                self.answer_trigger(200, at, request, caller)
            }
            ("POST", []) => {
                let description = params.text("description");
                let description =
                    description.ok_or_else(|| Refusal::Params("description is missing".to_owned()))?.to_owned();
                let expires_at = params.moment("expires_at")?;
                let at = (project, self.make_trigger(project, caller.user, &description).id);
                if let Some(trigger) = self.triggers.get_mut(&at) {
                    trigger.expires_at = expires_at;
                }
                self.answer_trigger(201, at, request, caller)
            }
            ("PUT", [id]) => {
                let (at, now) = (self.trigger(project, id)?, self.now());
                if let Some(trigger) = self.triggers.get_mut(&at) {
                    if trigger.owner != caller.user {
                        return Err(Refusal::Forbidden);
                    }
                    if let Some(description) = params.text("description") {
                        description.clone_into(&mut trigger.description);
                        trigger.updated_at = now;
                    }
                }
                self.answer_trigger(200, at, request, caller)
            }
            ("DELETE", [id]) => {
                let at = self.trigger(project, id)?;
                self.triggers.remove(&at);
                Ok(Answer::empty(204))
            }
            _ => Err(Refusal::Missing("")),
        }
    }

    /// Using a trigger token has an effect, so it can never be tried out: a pipeline starts.
    pub(crate) fn trigger_pipeline(&mut self, project: &str, params: &Params) -> Outcome {
        let now = self.now();
        let (Some(value), Some(git_ref)) = (params.text("token"), params.text("ref")) else {
            return Err(Refusal::Params("ref is missing, token is missing".to_owned()));
        };
        let project = self.project_named(project).ok_or(Refusal::Missing(""))?;
        let mut inside = self.triggers.range_mut((project, 0)..=(project, u64::MAX)).map(|(_, trigger)| trigger);
        let trigger = inside.find(|trigger| trigger.value == value && trigger.expires_at.is_none_or(|end| end > now));
        trigger.ok_or(Refusal::Missing(""))?.last_used = Some(now);
        self.pipelines_triggered += 1;
        let number = self.pipelines_triggered;
        Ok(Answer::json(
            201,
            &json!({ "id": number, "iid": number, "project_id": project, "ref": git_ref, "status": "created", "source": "trigger" }),
        ))
    }

    /// Makes a trigger token that never expires.
    pub(crate) fn make_trigger(&mut self, project: u64, owner: u64, description: &str) -> &Trigger {
        self.last.trigger += 1;
        let (id, now) = (self.last.trigger, self.now());
        let value = self.mint.secret("glptt-", HEX, 40);
        self.triggers.entry((project, id)).or_insert(Trigger {
            id,
            project,
            value,
            description: description.to_owned(),
            owner,
            created_at: now,
            updated_at: now,
            last_used: None,
            expires_at: None,
        })
    }

    /// The trigger tokens of a project, oldest first.
    pub(crate) fn triggers_in(&self, project: u64) -> impl Iterator<Item = &Trigger> {
        self.triggers.range((project, 0)..=(project, u64::MAX)).map(|(_, trigger)| trigger)
    }

    fn trigger(&self, project: u64, id: &str) -> Result<(u64, u64), Refusal> {
        let at = (project, number(id)?);
        if self.triggers.contains_key(&at) { Ok(at) } else { Err(Refusal::Missing("Trigger")) }
    }

    fn answer_trigger(&self, status: u16, at: (u64, u64), request: &Request, caller: Caller) -> Outcome {
        let trigger = self.triggers.get(&at).ok_or(Refusal::Missing("Trigger"))?;
        Ok(Answer::json(status, &self.show_trigger(request, trigger, caller)))
    }

    /// The owner sees the whole value, always; anybody else its first four letters (`lib/api/entities/trigger.rb`).
    fn show_trigger(&self, request: &Request, trigger: &Trigger, caller: Caller) -> Value {
        let value =
            if trigger.owner == caller.user { trigger.value.clone() } else { trigger.value.chars().take(4).collect() };
        json!({
            "id": trigger.id,
            "token": value,
            "description": trigger.description,
            "created_at": stamp(trigger.created_at),
            "updated_at": stamp(trigger.updated_at),
            "last_used": trigger.last_used.map(stamp),
            "expires_at": trigger.expires_at.map(stamp),
            "owner": self.users.get(&trigger.owner).map(|owner| brief(request, owner)),
        })
    }
}
