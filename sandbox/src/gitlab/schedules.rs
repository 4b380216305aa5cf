//! Pipeline schedules and their variables (`lib/api/ci/pipeline_schedules.rb`,
//! `app/policies/ci/pipeline_schedule_policy.rb`): read by Maintainers, written by the schedule's owner alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::GitLab;
use super::auth::Caller;
use super::model::Place;
use super::page::paged;
use super::people::brief;
use super::places::{DEVELOPER, MAINTAINER};
use super::refusal::Refusal;
use super::route::{Outcome, number};
use super::tokens::put;
use crate::exchange::{Answer, Request};
use crate::params::Params;

/// The schedules of a GitLab.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedules {
    last: u64,
    by_id: BTreeMap<u64, Schedule>,
}

/// A pipeline schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The number.
    pub id: u64,
    /// As whom its pipelines run, and who alone may change it.
    pub owner: u64,
    /// Its variables, in the order they were made.
    pub variables: Vec<ScheduleVariable>,
    /// What it is for.
    pub description: String,
    /// The branch or tag, as `refs/heads/main`.
    pub reference: String,
    /// When it starts, in five fields.
    pub cron: String,
    /// The time zone of these.
    pub timezone: String,
    /// Whether it starts anything.
    pub active: bool,
    project: u64,
}

/// A variable of a schedule: it beats those of the project, and is masked nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleVariable {
    /// The name.
    pub key: String,
    /// The value.
    pub value: String,
    /// `env_var` or `file`.
    pub variable_type: String,
    /// Whether it is not expanded.
    pub raw: bool,
}

impl GitLab {
    /// Adds a schedule to a project.
    pub fn add_schedule(&mut self, path: &str, owner: u64, variables: &[ScheduleVariable]) -> u64 {
        let project = self.add_project(path);
        self.schedules.last += 1;
        let id = 500 + self.schedules.last;
        for variable in variables {
            self.mint.remember(&variable.value);
        }
        let schedule = Schedule {
            id,
            owner,
            variables: variables.to_vec(),
            description: format!("schedule {id}"),
            reference: "refs/heads/main".to_owned(),
            cron: "0 4 * * *".to_owned(),
            timezone: "UTC".to_owned(),
            active: true,
            project,
        };
        self.schedules.by_id.insert(id, schedule);
        id
    }

    /// Changes a schedule as its page would.
    pub fn amend_schedule(&mut self, id: u64, change: impl FnOnce(&mut Schedule)) {
        if let Some(schedule) = self.schedules.by_id.get_mut(&id) {
            change(schedule);
        }
    }

    /// Blocks a user: GitLab switches their schedules off.
    pub fn block_user(&mut self, id: u64) {
        self.blocked.insert(id);
        for schedule in self.schedules.by_id.values_mut().filter(|schedule| schedule.owner == id) {
            schedule.active = false;
        }
    }

    /// Adds a branch to a project.
    pub fn add_branch(&mut self, path: &str, name: &str, protected: bool) {
        let project = self.add_project(path);
        self.branches.insert((project, name.to_owned()), protected);
    }

    /// A schedule by number.
    pub fn schedule(&self, id: u64) -> Option<Schedule> {
        self.schedules.by_id.get(&id).cloned()
    }

    /// Somebody else writes a variable of a schedule.
    pub fn set_schedule_variable(&mut self, id: u64, key: &str, value: &str) {
        let schedule = self.schedules.by_id.get_mut(&id);
        let found = schedule.and_then(|schedule| schedule.variables.iter_mut().find(|variable| variable.key == key));
        if let Some(variable) = found {
            value.clone_into(&mut variable.value);
            self.mint.remember(value);
        }
    }

    /// Gives a schedule to somebody else.
    pub fn hand_over_schedule(&mut self, id: u64, owner: u64) {
        if let Some(schedule) = self.schedules.by_id.get_mut(&id) {
            schedule.owner = owner;
        }
    }

    /// The schedules of a project, without their variables.
    pub(crate) fn pipeline_schedules(
        &self,
        request: &Request,
        caller: Caller,
        place: Place,
        params: &Params,
    ) -> Outcome {
        if !self.has_role(caller, place, DEVELOPER) {
            return Err(Refusal::Forbidden);
        }
        let of = |schedule: &&Schedule| Place::Project(schedule.project) == place;
        let listed: Vec<Schedule> = self.schedules.by_id.values().filter(of).cloned().collect();
        paged(request, params, &listed, |schedule| self.show_schedule(request, schedule, false))
    }

    /// A branch of a project. `main` is there and protected, as in a new project.
    pub(crate) fn branch(&self, caller: Caller, place: Place, name: &str) -> Outcome {
        if !self.has_role(caller, place, DEVELOPER) {
            return Err(Refusal::Forbidden);
        }
        let known = self.branches.get(&(place.number(), name.to_owned())).copied();
        let protected = known.or((name == "main").then_some(true)).ok_or(Refusal::Missing("Branch"))?;
        Ok(Answer::json(200, &json!({ "name": name, "default": name == "main", "protected": protected })))
    }

    /// Everything under `pipeline_schedules/:pipeline_schedule_id`.
    pub(crate) fn pipeline_schedule(
        &mut self,
        request: &Request,
        caller: Caller,
        place: Place,
        (id, rest): (&str, &[&str]),
        params: &Params,
    ) -> Outcome {
        let id = number(id)?;
        let schedule = self.schedules.by_id.get(&id).filter(|schedule| Place::Project(schedule.project) == place);
        let schedule = schedule.filter(|_| self.has_role(caller, place, DEVELOPER));
        let schedule = schedule.ok_or(Refusal::Missing("Pipeline Schedule"))?;
        let owns = schedule.owner == caller.user;
        let reads = owns || self.has_role(caller, place, MAINTAINER);
        // The role from which on pipelines may have variables at all; nobody's where the setting says so.
        let sets = self.has_role(caller, place, DEVELOPER) && !self.nobody_sets_pipeline_variables;
        let may = |may: bool| if may { Ok(()) } else { Err(Refusal::Forbidden) };
        match (request.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, &self.show_schedule(request, schedule, reads))),
            ("GET", ["variables", key]) => {
                may(reads)?;
                let found = schedule.variables.iter().find(|variable| variable.key == *key);
                Ok(Answer::json(200, &show(found.ok_or(MISSING)?)))
            }
            ("POST", ["variables"]) => {
                may(sets && (owns || caller.admin))?;
                self.create_schedule_variable(id, params)
            }
            ("PUT", ["variables", key]) => {
                may(sets && (owns || caller.admin))?;
                let schedule = self.schedules.by_id.get_mut(&id).ok_or(MISSING)?;
                let variable = schedule.variables.iter_mut().find(|variable| variable.key == *key).ok_or(MISSING)?;
                if let Some(value) = params.text("value") {
                    self.mint.remember(value);
                    value.clone_into(&mut variable.value);
                }
                if let Some(kind) = params.text("variable_type") {
                    kind.clone_into(&mut variable.variable_type);
                }
                Ok(Answer::json(200, &show(variable)))
            }
            _ => Err(Refusal::Missing("")),
        }
    }

    fn create_schedule_variable(&mut self, id: u64, params: &Params) -> Outcome {
        let (Some(key), Some(value)) = (params.text("key"), params.text("value")) else {
            return Err(Refusal::Params("key is missing, value is missing".to_owned()));
        };
        let schedule = self.schedules.by_id.get_mut(&id).ok_or(MISSING)?;
        if schedule.variables.iter().any(|variable| variable.key == key) {
            return Err(Refusal::Broken("key", "has already been taken".to_owned()));
        }
        self.mint.remember(value);
        let kind = params.text("variable_type").unwrap_or("env_var");
        let variable = ScheduleVariable {
            key: key.to_owned(),
            value: value.to_owned(),
            variable_type: kind.to_owned(),
            raw: false,
        };
        let shown = show(&variable);
        schedule.variables.push(variable);
        Ok(Answer::json(201, &shown))
    }

    /// Whoever may not read its variables gets an answer without them.
    fn show_schedule(&self, request: &Request, schedule: &Schedule, reads: bool) -> Value {
        let mut shown = json!({
            "id": schedule.id,
            "description": schedule.description,
            "ref": schedule.reference,
            "cron": schedule.cron,
            "cron_timezone": schedule.timezone,
            "next_run_at": null,
            "active": schedule.active,
            "owner": self.users.get(&schedule.owner).map(|owner| brief(request, owner)),
            "inputs": [],
            "last_pipeline": null,
        });
        if self.blocked.contains(&schedule.owner)
            && let Some(owner) = shown.get_mut("owner")
        {
            put(owner, "state", "blocked".into());
        }
        if reads {
            put(&mut shown, "variables", schedule.variables.iter().map(show).collect());
        }
        shown
    }
}

const MISSING: Refusal = Refusal::Missing("Pipeline Schedule Variable");

fn show(variable: &ScheduleVariable) -> Value {
    json!({
        "variable_type": variable.variable_type,
        "key": variable.key,
        "value": variable.value,
        "raw": variable.raw,
    })
}
