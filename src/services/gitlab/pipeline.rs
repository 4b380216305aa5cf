//! The pipeline that a job of this GitLab is part of: the schedules of its project, and what they give to their pipelines.
//!
//! Which of a project's schedules runs what is decided by its `.gitlab-ci.yml`, and told by nobody.
//! <https://docs.gitlab.com/api/pipeline_schedules/>

use std::collections::BTreeMap;

use serde::Deserialize;

use super::GitLab;
use super::wire::{Route, meaning, segment};
use crate::connection::{Job, Pipeline, Schedule};
use crate::http::Retry;
use crate::text;

#[derive(Deserialize)]
struct ScheduleJson {
    id: u64,
    #[serde(default)]
    description: String,
    #[serde(rename = "ref", default)]
    reference: String,
    cron: String,
    #[serde(default = "utc")]
    cron_timezone: String,
    #[serde(default)]
    active: bool,
    owner: Option<OwnerJson>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// <https://docs.gitlab.com/user/profile/account/user_states/> has the words for `state`.
#[derive(Deserialize)]
struct OwnerJson {
    username: String,
    #[serde(default)]
    state: String,
}

/// The variables are left out for whoever may not read them. Their values are not read here.
#[derive(Deserialize)]
struct DetailJson {
    variables: Option<Vec<NameJson>>,
}

#[derive(Deserialize)]
struct NameJson {
    key: String,
}

#[derive(Deserialize)]
struct RefJson {
    #[serde(default)]
    protected: bool,
}

/// How a schedule is named as a giver of variables.
pub(super) fn by_schedule(id: u64, project: &str) -> String {
    format!("schedule {id} of {project}")
}

/// A project's own variables beat those of its groups, of which the nearest counts, and those the instance's.
/// <https://docs.gitlab.com/ci/variables/#cicd-variable-precedence>
pub(super) fn levels(job: &Job) -> Vec<String> {
    let path = job.project.to_lowercase();
    let groups = std::iter::successors(path.rsplit_once('/'), |(group, _)| group.rsplit_once('/'));
    let groups = groups.map(|(group, _)| format!("group {group}"));
    std::iter::once(format!("project {path}")).chain(groups).chain(["instance".to_owned()]).collect()
}

impl GitLab {
    pub(super) async fn look_at_pipeline(&self, job: &Job, names: &[(String, String)]) -> anyhow::Result<Pipeline> {
        let project = format!("projects/{}", segment(&job.project));
        let listed: Vec<ScheduleJson> = self.pages(&Route::get(format!("{project}/pipeline_schedules"))).await?;
        let mut pipeline = Pipeline::default();
        let mut refs: BTreeMap<String, Option<bool>> = BTreeMap::new();
        let mut schedules = Vec::new();
        for schedule in listed {
            let name = format!("schedule {} ({})", schedule.id, text::plain(&schedule.description));
            let stopped = stopped(&schedule);
            let (mut protected, mut gives) = (None, Vec::new());
            if stopped.is_none() {
                if !refs.contains_key(&schedule.reference) {
                    let seen = self.is_protected(&project, &schedule.reference).await;
                    pipeline.unseen.extend(seen.as_ref().err().map(ToString::to_string));
                    refs.insert(schedule.reference.clone(), seen.ok());
                }
                protected = refs.get(&schedule.reference).copied().flatten();
                match self.given_by(&project, schedule.id).await {
                    Ok(names) => gives = names,
                    Err(why) => pipeline.unseen.push(format!("the variables of {name}: {why:#}")),
                }
            }
            schedules.push(Schedule {
                name,
                cron: schedule.cron,
                zone: schedule.cron_timezone,
                stopped,
                on: plain_ref(&schedule.reference).1.to_owned(),
                protected,
                by: by_schedule(schedule.id, &job.project.to_lowercase()),
                gives,
            });
        }
        pipeline.schedules = Some(schedules);
        for (level, name) in names {
            match self.has_variable(level, name).await {
                Ok(true) => pipeline.found.push((level.clone(), name.clone())),
                Ok(false) => {}
                Err(why) => pipeline.unseen.push(format!("variable {name} of {level}: {why:#}")),
            }
        }
        Ok(pipeline)
    }

    /// Whether only those who may push to a branch or tag decide what its jobs do. One request, which counts wildcards
    /// and the rules of groups as well. <https://docs.gitlab.com/api/branches/#retrieve-a-repository-branch>
    async fn is_protected(&self, project: &str, reference: &str) -> anyhow::Result<bool> {
        let (kind, name) = plain_ref(reference);
        let answer =
            self.call(&Route::get(format!("{project}/repository/{kind}/{}", segment(name))), Retry::Read).await?;
        anyhow::ensure!(answer.ok(), "whether {name} is protected: {}", answer.refused(&meaning(&answer)));
        Ok(answer.json::<RefJson>()?.protected)
    }

    async fn given_by(&self, project: &str, id: u64) -> anyhow::Result<Vec<String>> {
        let answer = self.call(&Route::get(format!("{project}/pipeline_schedules/{id}")), Retry::Read).await?;
        anyhow::ensure!(answer.ok(), answer.refused(&meaning(&answer)));
        let variables = answer.json::<DetailJson>()?.variables;
        let variables = variables.ok_or_else(|| anyhow::anyhow!("the login may not read them"))?;
        Ok(variables.into_iter().map(|variable| variable.key).collect())
    }

    /// Whether a level has a variable of that name. Several of them, of different environments, are one too many as well.
    async fn has_variable(&self, level: &str, name: &str) -> anyhow::Result<bool> {
        let base = match level.split_once(' ') {
            Some(("project", path)) => format!("projects/{}", segment(path)),
            Some((_, path)) => format!("groups/{}", segment(path)),
            None => "admin/ci".to_owned(),
        };
        let answer = self.call(&Route::get(format!("{base}/variables/{}", segment(name))), Retry::Read).await?;
        match answer.status.as_u16() {
            200 | 409 => Ok(true),
            404 if answer.word("/message").is_some_and(|message| message.contains("Variable")) => Ok(false),
            _ => Err(answer.refused(&meaning(&answer)).into()),
        }
    }
}

/// Why a schedule starts nothing. <https://docs.gitlab.com/ci/pipelines/schedules/>
fn stopped(schedule: &ScheduleJson) -> Option<String> {
    let owner = schedule.owner.as_ref();
    let owner = owner.map(|owner| (format!("@{}", text::plain(&owner.username)), text::plain(&owner.state)));
    match owner {
        None => Some("it has no owner; let somebody take it over".to_owned()),
        Some((name, state)) if !state.is_empty() && state != "active" => {
            Some(format!("its owner {name} is {state}; let somebody else take it over"))
        }
        Some((name, _)) if !schedule.active => Some(format!(
            "it is not active, as GitLab leaves one whose owner was blocked or left the project; its owner is {name}"
        )),
        Some(_) => None,
    }
}

/// A branch or tag without `refs/…`, and the collection that it is in.
fn plain_ref(reference: &str) -> (&'static str, &str) {
    match reference.strip_prefix("refs/tags/") {
        Some(tag) => ("tags", tag),
        None => ("branches", reference.strip_prefix("refs/heads/").unwrap_or(reference)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_group_comes_before_those_around_it() {
        let job = Job {
            service: "gitlab",
            host: "gitlab.example.com".to_owned(),
            project: "Acme/platform/wheel".to_owned(),
            workflow: None,
            environments: Vec::new(),
        };
        assert_eq!(levels(&job), ["project acme/platform/wheel", "group acme/platform", "group acme", "instance"]);
    }

    #[test]
    fn a_ref_is_a_branch_unless_it_says_that_it_is_a_tag() {
        assert_eq!(plain_ref("refs/heads/a/b"), ("branches", "a/b"));
        assert_eq!(plain_ref("main"), ("branches", "main"));
        assert_eq!(plain_ref("refs/tags/v1"), ("tags", "v1"));
    }
}
