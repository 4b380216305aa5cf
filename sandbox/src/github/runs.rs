//! The workflow runs of repositories: which ones are queued or in progress.

use serde_json::{Value, json};

use super::auth::{Caller, Need};
use super::model::Repository;
use super::refusal::Refusal;
use super::{GitHub, Outcome, page};
use crate::exchange::Request;
use crate::params::Params;

/// A run of a workflow.
#[derive(Clone, Debug)]
pub struct Run {
    /// The number.
    pub id: u64,
    /// The name of the workflow.
    pub name: String,
    /// `queued`, `in_progress`, `completed` and others.
    pub status: String,
    repository: u64,
}

impl GitHub {
    /// Starts a run; gives its number.
    pub fn start_run(&mut self, path: &str, name: &str, status: &str) -> u64 {
        let repository = self.add_repository(path);
        let id = 800_001 + u64::try_from(self.runs.len()).unwrap_or_default();
        self.runs.push(Run { id, name: name.to_owned(), status: status.to_owned(), repository });
        id
    }

    /// A run goes on to another state.
    pub fn turn_run(&mut self, id: u64, status: &str) {
        for run in self.runs.iter_mut().filter(|run| run.id == id) {
            status.clone_into(&mut run.status);
        }
    }

    /// The runs of a repository, newest first.
    pub(super) fn list_runs(&self, request: &Request, caller: Caller, id: u64, params: &Params) -> Outcome {
        let repository = self.repositories.get(&id).ok_or(Refusal::Missing)?;
        let need = Need { permission: "actions", write: false, scopes: &["repo"] };
        self.allow(caller, need, &repository.owner, Some(id))?;
        let status = params.text("status");
        let of = |run: &&Run| run.repository == id && status.is_none_or(|status| status == run.status);
        let runs: Vec<&Run> = self.runs.iter().rev().filter(of).collect();
        page::paged(request, params, (30, 100), &runs, "workflow_runs", |run| show(run, repository))
    }
}

fn show(run: &Run, repository: &Repository) -> Value {
    let page = format!("https://github.sandbox/{}/actions/runs/{}", repository.full_name(), run.id);
    json!({ "id": run.id, "name": run.name, "status": run.status, "event": "push", "html_url": page })
}
