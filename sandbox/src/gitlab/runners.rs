//! Runners (`lib/api/ci/runners.rb`, `lib/api/ci/runner.rb`): the token is a column of the runner, so that a reset ends
//! the old value at once, and nobody can ask when that was.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::GitLab;
use super::auth::Caller;
use super::model::{Place, Seeded};
use super::places::{DEVELOPER, MAINTAINER, OWNER};
use super::refusal::Refusal;
use super::route::{Outcome, number};
use crate::clock::stamp;
use crate::exchange::Answer;
use crate::fault;
use crate::mint::URL_SAFE;
use crate::params::Params;

/// The runners of a GitLab.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runners {
    last: u64,
    by_id: BTreeMap<u64, Runner>,
}

/// A runner.
#[derive(Clone, Debug)]
pub struct Runner {
    /// The number, which stays.
    pub id: u64,
    /// The secret itself.
    pub value: String,
    /// When it dies; none: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// How often it was reset.
    pub resets: usize,
    place: Place,
}

impl Runner {
    fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }

    fn has(&self, value: &str, now: DateTime<Utc>) -> bool {
        self.value == value && self.is_live(now)
    }
}

impl GitLab {
    /// Adds a runner to `projects/acme/app`, `groups/acme` or the `admin`'s instance.
    pub fn add_runner(&mut self, place: &str) -> Seeded {
        let place = match place.split_once('/') {
            Some(("projects", path)) => Place::Project(self.add_project(path)),
            Some((_, path)) => Place::Group(self.add_group(path)),
            None => Place::Instance,
        };
        self.runners.last += 1;
        let id = 900 + self.runners.last;
        let (value, expires_at) = self.runner_token();
        self.runners.by_id.insert(id, Runner { id, value: value.clone(), expires_at, resets: 0, place });
        Seeded { id, value }
    }

    /// A runner by number.
    pub fn runner(&self, id: u64) -> Option<Runner> {
        self.runners.by_id.get(&id).cloned()
    }

    /// Somebody resets a runner on the web page; gives the new value.
    pub fn reset_runner_by_hand(&mut self, id: u64) -> String {
        let _ = self.reset_runner(id);
        self.runner(id).map(|runner| runner.value).unwrap_or_default()
    }

    /// Whether a runner's token of this value works now.
    pub(crate) fn runner_token_lives(&self, value: &str) -> bool {
        let now = self.now();
        self.runners.by_id.values().any(|runner| runner.has(value, now))
    }

    /// What runners ask for without any other login: the token in the body is all. A wrong one is 403.
    pub(crate) fn as_runner(&mut self, what: &str, params: &Params) -> Outcome {
        let now = self.now();
        if self.runners_are_guarded {
            return Ok(fault::page(403));
        }
        let value = params.text("token").ok_or_else(|| Refusal::Params("token is missing".to_owned()))?;
        let found = self.runners.by_id.values().find(|runner| runner.has(value, now));
        let runner = found.ok_or(Refusal::Forbidden)?.clone();
        match what {
            "verify" if self.verify_names_the_runner => {
                let dies = runner.expires_at.map(stamp);
                Ok(Answer::json(200, &json!({ "id": runner.id, "token": runner.value, "token_expires_at": dies })))
            }
            // Before 15.8 or so: the number of the status, as JSON.
            "verify" => Ok(Answer::json(200, &json!("200"))),
            _ => self.reset_runner(runner.id),
        }
    }

    /// Everything under `runners/:id`. Those of the instance are read by everybody.
    pub(crate) fn runner_by_id(&mut self, caller: Caller, method: &str, (id, rest): (&str, &[&str])) -> Outcome {
        let runner = self.runners.by_id.get(&number(id)?).ok_or(Refusal::Missing("Runner"))?;
        let (id, place) = (runner.id, runner.place);
        let (reads, manages) = match place {
            Place::Project(_) => (self.has_role(caller, place, MAINTAINER), self.has_role(caller, place, MAINTAINER)),
            Place::Group(_) => (self.has_role(caller, place, DEVELOPER), self.has_role(caller, place, OWNER)),
            Place::Instance => (true, caller.admin),
        };
        match (method, rest) {
            ("GET", []) if reads => Ok(Answer::json(200, &show(runner))),
            ("POST", ["reset_authentication_token"]) if manages => self.reset_runner(id),
            ("GET", []) | ("POST", ["reset_authentication_token"]) => Err(Refusal::Forbidden),
            _ => Err(Refusal::Missing("")),
        }
    }

    fn reset_runner(&mut self, id: u64) -> Outcome {
        let (value, expires_at) = self.runner_token();
        let runner = self.runners.by_id.get_mut(&id).ok_or(Refusal::Missing("Runner"))?;
        runner.value.clone_from(&value);
        runner.expires_at = expires_at;
        runner.resets += 1;
        Ok(Answer::json(201, &json!({ "token": value, "token_expires_at": expires_at.map(stamp) })))
    }

    fn runner_token(&mut self) -> (String, Option<DateTime<Utc>>) {
        let life = self.runner_token_days.map(|days| TimeDelta::days(i64::from(days)));
        (self.mint.secret("glrt-t1_", URL_SAFE, 20), life.map(|life| self.now() + life))
    }
}

/// `lib/api/entities/ci/runner_details.rb`, without its many fields about machines.
fn show(runner: &Runner) -> Value {
    let kind = match runner.place {
        Place::Project(_) => "project_type",
        Place::Group(_) => "group_type",
        Place::Instance => "instance_type",
    };
    json!({
        "id": runner.id,
        "description": format!("runner {}", runner.id),
        "paused": false,
        "is_shared": kind == "instance_type",
        "runner_type": kind,
        "name": "gitlab-runner",
        "online": true,
        "status": "online",
        "tag_list": [],
        "run_untagged": true,
        "locked": false,
        "access_level": "not_protected",
    })
}
