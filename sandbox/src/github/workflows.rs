//! `/repos/{owner}/{repo}/actions/workflows/{file}`: whether GitHub starts a workflow.

use serde_json::json;

use super::auth::{Caller, Need};
use super::refusal::Refusal;
use super::{GitHub, Outcome};
use crate::exchange::Answer;

impl GitHub {
    /// Adds a workflow, by its file's name, in one of GitHub's states: `active`, `disabled_manually`,
    /// `disabled_inactivity` and the like.
    pub fn add_workflow(&mut self, repository: &str, file: &str, state: &str) {
        let id = self.add_repository(repository);
        self.workflows.insert((id, file.to_owned()), state.to_owned());
    }

    pub(super) fn workflow(&self, caller: Caller, repository: u64, file: &str) -> Outcome {
        let owner = self.repositories.get(&repository).ok_or(Refusal::Missing)?.owner.clone();
        let need = Need { permission: "actions", write: false, scopes: &["repo"] };
        self.allow(caller, need, &owner, Some(repository))?;
        let spot = (repository, file.to_owned());
        let state = self.workflows.get(&spot).ok_or(Refusal::Missing)?;
        let number = self.workflows.keys().position(|known| *known == spot).unwrap_or_default();
        let path = format!(".github/workflows/{file}");
        Ok(Answer::json(200, &json!({ "id": 700 + number, "name": file, "path": path, "state": state })))
    }
}
