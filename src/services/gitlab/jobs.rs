//! The jobs of a project that run now: each was given the project's variables when it began.
//! <https://docs.gitlab.com/api/jobs/#list-all-jobs-in-a-project>

use serde::Deserialize;

use super::GitLab;
use super::wire::{Route, meaning};
use crate::destination::Reader;
use crate::http::Retry;
use crate::text;

#[derive(Deserialize)]
struct JobJson {
    id: u64,
    name: Option<String>,
    web_url: Option<String>,
}

impl GitLab {
    /// One page of them: whether there is one is all that matters. `project` is its path below the API.
    pub(super) async fn running_jobs(&self, project: &str, name: &str) -> anyhow::Result<Vec<Reader>> {
        let route = Route::get(format!("{project}/jobs")).query("scope[]", "running").query("per_page", "100");
        let answer = self.call(&route, Retry::Read).await?;
        anyhow::ensure!(answer.ok(), answer.refused(&meaning(&answer)));
        let jobs: Vec<JobJson> = answer.json()?;
        let reader = |job: JobJson| Reader {
            what: format!("job {} ({}) of {name}", job.id, text::plain(&job.name.unwrap_or_default())),
            url: job.web_url,
        };
        Ok(jobs.into_iter().map(reader).collect())
    }
}
