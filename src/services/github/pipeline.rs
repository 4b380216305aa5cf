//! The workflow that a job of this GitHub is part of: whether GitHub still starts it, and which secrets beat the rotated
//! ones. Its schedule is in its file.

use http::Method;
use serde::Deserialize;

use super::GitHub;
use super::wire::segment;
use crate::connection::{Job, Pipeline};
use crate::http::Retry;
use crate::text;

/// <https://docs.github.com/en/rest/actions/workflows#get-a-workflow>
#[derive(Deserialize)]
struct WorkflowJson {
    state: String,
}

/// An environment's secrets beat those of the repository, and those the organisation's.
/// <https://docs.github.com/en/actions/reference/security/secrets#naming-your-secrets>
pub(super) fn levels(job: &Job) -> Vec<String> {
    let repository = format!("repository {}", job.project.to_lowercase());
    let owner = job.project.split('/').next().unwrap_or_default().to_lowercase();
    let environments = job.environments.iter().map(|name| format!("{repository} environment {name}"));
    environments.chain([repository.clone(), format!("organisation {owner}")]).collect()
}

impl GitHub {
    pub(super) async fn look_at_pipeline(&self, job: &Job, names: &[(String, String)]) -> anyhow::Result<Pipeline> {
        let mut pipeline = Pipeline::default();
        if let Some(file) = &job.workflow {
            match self.stopped(&job.project, file).await {
                Ok(stopped) => pipeline.stopped = stopped,
                Err(why) => pipeline.unseen.push(format!("whether GitHub starts {file}: {why:#}")),
            }
        }
        for (level, name) in names {
            match self.has(level, name).await {
                Ok(true) => pipeline.found.push((level.clone(), name.clone())),
                Ok(false) => {}
                Err(why) => pipeline.unseen.push(format!("{name} of {level}: {why:#}")),
            }
        }
        Ok(pipeline)
    }

    /// Why a workflow is not started any more, if so.
    async fn stopped(&self, project: &str, file: &str) -> anyhow::Result<Option<String>> {
        let (repository, _) = self.repository(project)?;
        let name = file.rsplit('/').next().unwrap_or_default();
        let path = format!("{repository}/actions/workflows/{}", segment(name));
        let answer = self.call(Method::GET, &path, None, Retry::Read).await?;
        anyhow::ensure!(answer.ok(), self.refused(&answer));
        let why = match answer.json::<WorkflowJson>()?.state.as_str() {
            "active" => return Ok(None),
            "disabled_inactivity" => "because nothing was pushed for 60 days",
            "disabled_manually" => "because somebody switched it off",
            "disabled_fork" => "because this is a fork",
            "deleted" => "because it was deleted",
            other => return Ok(Some(format!("GitHub says that {file} of {project} is {}", text::plain(other)))),
        };
        Ok(Some(format!(
            "GitHub no longer starts {file} of {project} by itself, {why}: switch it on again on its page among the Actions"
        )))
    }

    /// Whether a level has a secret or variable of that name.
    async fn has(&self, level: &str, name: &str) -> anyhow::Result<bool> {
        let (kind, name) = name.split_once(' ').unwrap_or(("secret", name));
        let path = level.strip_prefix("repository ").unwrap_or_default();
        let (path, environment) = path.split_once(" environment ").map_or((path, None), |(path, of)| (path, Some(of)));
        let (repository, _) = self.repository(path)?;
        let below = environment.map_or_else(|| "actions".to_owned(), |of| format!("environments/{}", segment(of)));
        let path = format!("{repository}/{below}/{kind}s/{}", segment(name));
        let answer = self.call(Method::GET, &path, None, Retry::Read).await?;
        match answer.status.as_u16() {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(self.refused(&answer).into()),
        }
    }
}
