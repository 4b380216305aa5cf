//! The workflow runs of a repository that may hold what its secrets and variables held: those in progress, and, as they
//! are handed them when they are queued, those that wait for a runner.
//! <https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository>

use http::Method;
use serde::Deserialize;

use super::place::{Level, Place};
use crate::destination::Reader;
use crate::http::Retry;
use crate::text;

#[derive(Deserialize)]
struct RunJson {
    id: u64,
    name: Option<String>,
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct RunsJson {
    workflow_runs: Vec<RunJson>,
}

impl Place {
    /// Says that runs will be looked up here, where they can be.
    pub(super) fn knows_readers(&self) -> anyhow::Result<bool> {
        if self.level == Level::Organization {
            return Ok(false);
        }
        self.needs("actions", false)?;
        Ok(true)
    }

    /// One page of each: whether there is one is all that matters. Jobs that name an environment are handed its secrets
    /// when they start, so that queued ones hold nothing of it.
    pub(super) async fn readers(&self) -> anyhow::Result<Vec<Reader>> {
        let states: &[&str] = match self.level {
            Level::Repository => &["in_progress", "queued"],
            Level::Environment => &["in_progress"],
            Level::Organization => &[],
        };
        let mut readers = Vec::new();
        for state in states {
            let path = format!("{}/actions/runs?status={state}&per_page=100", self.repository_path());
            let answer = self.github.call(Method::GET, &path, None, Retry::Read).await?;
            anyhow::ensure!(answer.ok(), self.refused(&answer));
            let RunsJson { workflow_runs } = answer.json()?;
            readers.extend(workflow_runs.into_iter().map(|run| Reader {
                what: format!("run {} ({}) of {}", run.id, text::plain(&run.name.unwrap_or_default()), self.name),
                url: run.html_url,
            }));
        }
        Ok(readers)
    }
}
