//! The jobs of projects (`lib/api/ci/jobs.rb`): which ones run.

use serde_json::{Value, json};

use super::GitLab;
use super::auth::Caller;
use super::model::Place;
use super::page::paged;
use super::places::{REPORTER, origin};
use super::refusal::Refusal;
use super::route::Outcome;
use crate::exchange::Request;
use crate::params::Params;

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// The number.
    pub id: u64,
    /// The name.
    pub name: String,
    /// `running`, `success` and others.
    pub status: String,
    project: u64,
}

impl GitLab {
    /// Starts a job; gives its number.
    pub fn start_job(&mut self, path: &str, name: &str) -> u64 {
        let project = self.add_project(path);
        let id = 90_001 + u64::try_from(self.jobs.len()).unwrap_or_default();
        self.jobs.push(Job { id, name: name.to_owned(), status: "running".to_owned(), project });
        id
    }

    /// A job comes to its end.
    pub fn finish_job(&mut self, id: u64) {
        for job in self.jobs.iter_mut().filter(|job| job.id == id) {
            "success".clone_into(&mut job.status);
        }
    }

    /// The jobs of a project, newest first.
    pub(crate) fn list_jobs(&self, request: &Request, caller: Caller, place: Place, params: &Params) -> Outcome {
        let Place::Project(project) = place else { return Err(Refusal::Missing("")) };
        if !self.has_role(caller, place, REPORTER) {
            return Err(Refusal::Forbidden);
        }
        let scopes = params.list("scope")?.unwrap_or_default();
        let of = |job: &&Job| job.project == project && (scopes.is_empty() || scopes.contains(&job.status));
        let jobs: Vec<&Job> = self.jobs.iter().rev().filter(of).collect();
        let path = self.projects.get(&project).cloned().unwrap_or_default();
        paged(request, params, &jobs, |job| show(job, &format!("{}/{path}", origin(request))))
    }
}

fn show(job: &Job, project: &str) -> Value {
    json!({
        "id": job.id, "name": job.name, "status": job.status, "stage": "deploy", "ref": "main", "tag": false,
        "web_url": format!("{project}/-/jobs/{}", job.id),
    })
}
