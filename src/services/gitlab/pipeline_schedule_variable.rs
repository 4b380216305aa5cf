//! `gitlab/pipeline-schedule-variable`: a variable of one pipeline schedule, which beats those of the project. Every
//! Maintainer may read it, and only the schedule's owner may write it. Only its value is ever written.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::GitLab;
use super::pipeline::by_schedule;
use super::variables::value as held;
use super::wire::{Route, meaning, segment};
use crate::connection::own;
use crate::destination::{Address, Ask, Assurance, Depth, Destination, DestinationKind, Given, Holding, Receipt, Site};
use crate::http::{Answer, Retry};
use crate::token::{TokenValue, ValueShape};

pub(crate) const KIND: DestinationKind = DestinationKind {
    kind: "gitlab/pipeline-schedule-variable",
    about: "A variable of a pipeline schedule, where it beats the project's; masked in no job log",
    confirms: "read back",
    needs: "scope `api` of the user who owns the schedule, with role Developer or the one that the project demands of \
            those who give variables to pipelines",
    schema: || schema_for!(Config).to_value(),
    build,
};

/// The keys of the config.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The project: its path, or its number in quotes.
    project: String,
    /// The schedule's number, as its address in the browser has it.
    schedule: u64,
    /// The variable's key.
    key: String,
    /// Create it with this where it does not exist.
    create: Option<Create>,
}

/// What a variable that does not exist yet is created with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// Given to jobs as a file.
    #[serde(default)]
    file: bool,
}

/// No `Debug`: it holds values. <https://docs.gitlab.com/api/pipeline_schedules/#get-a-single-pipeline-schedule>
#[derive(Clone, Deserialize)]
struct ScheduleJson {
    owner: Option<OwnerJson>,
    /// Left out for whoever may not read them.
    variables: Option<Vec<VariableJson>>,
}

#[derive(Clone, Deserialize)]
struct OwnerJson {
    id: u64,
    username: String,
}

#[derive(Clone, Deserialize)]
struct VariableJson {
    key: String,
    value: Option<String>,
    #[serde(default = "env_var")]
    variable_type: String,
    #[serde(default)]
    raw: bool,
}

fn env_var() -> String {
    "env_var".to_owned()
}

struct ScheduleVariable {
    gitlab: Arc<GitLab>,
    key: String,
    create: Option<Create>,
    base: String,
    address: Address,
    /// What gives it to its pipelines.
    by: String,
    /// What was seen of the schedule in this run.
    seen: OnceCell<ScheduleJson>,
}

fn build(keys: Value, site: &Site) -> anyhow::Result<Box<dyn Destination>> {
    let Config { project, schedule, key, create } = serde_json::from_value(keys)?;
    let gitlab: Arc<GitLab> = own(site.connection()?)?;
    anyhow::ensure!(
        !key.is_empty() && key.len() <= 255 && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
        "a variable's key has letters, digits and `_`"
    );
    let (base, place) = gitlab.place("projects", &project);
    let (base, by) = (format!("{base}/pipeline_schedules/{schedule}"), by_schedule(schedule, &place));
    let address = Address::new(format!("{} {place} schedule {schedule} variable {key}", gitlab.host));
    Ok(Box::new(ScheduleVariable { gitlab, key, create, base, address, by, seen: OnceCell::new() }))
}

impl ScheduleVariable {
    /// Looks, once a run.
    async fn look(&self) -> anyhow::Result<&ScheduleJson> {
        self.seen.get_or_try_init(|| self.get()).await
    }

    async fn get(&self) -> anyhow::Result<ScheduleJson> {
        let answer = self.gitlab.call(&Route::get(self.base.clone()), Retry::Read).await?;
        match answer.status.as_u16() {
            200 => Ok(answer.json()?),
            404 => anyhow::bail!("{}: the schedule does not exist, or the login may not see it", self.address),
            _ => Err(answer.refused(&meaning(&answer)).into()),
        }
    }

    fn find<'a>(&self, schedule: &'a ScheduleJson) -> Option<&'a VariableJson> {
        schedule.variables.as_ref()?.iter().find(|variable| variable.key == self.key)
    }

    fn missing(&self) -> anyhow::Error {
        anyhow::anyhow!("{} does not exist: create it by hand once, or say `create:`", self.address)
    }

    /// Only the owner of a schedule may write its variables, and administrators.
    async fn may_write(&self, schedule: &ScheduleJson) -> anyhow::Result<()> {
        let owner = schedule.owner.as_ref();
        let me = self.gitlab.me().await?;
        if owner.is_some_and(|owner| me.user_id == Some(owner.id)) {
            return Ok(());
        }
        let answer = self.gitlab.call(&Route::get("user".to_owned()), Retry::Read).await?;
        let administers = answer.json::<Value>().is_ok_and(|user| user.get("is_admin") == Some(&Value::Bool(true)));
        let whose =
            owner.map_or_else(|| "nobody".to_owned(), |owner| format!("@{}", crate::text::plain(&owner.username)));
        anyhow::ensure!(
            administers,
            "{} cannot be written: the schedule belongs to {whose}, and only its owner may change its variables; let the \
             login's user take it over (its pipelines then run as that user), or log in as its owner",
            self.address
        );
        Ok(())
    }

    fn takes(&self, shape: &ValueShape, raw: bool) -> anyhow::Result<()> {
        anyhow::ensure!(
            raw || !shape.marks.contains('$'),
            "{} would spoil the value: GitLab expands references in it, and this one may have `$`",
            self.address
        );
        Ok(())
    }

    fn variable(&self) -> String {
        format!("{}/variables/{}", self.base, segment(&self.key))
    }

    async fn put(&self, fields: Value) -> anyhow::Result<Answer> {
        Ok(self.gitlab.call(&Route::put(self.variable(), fields), Retry::Put).await?)
    }

    /// A refusal in words: GitLab says 403 for two reasons.
    fn refused(&self, what: &str, answer: &Answer) -> anyhow::Error {
        let why = match answer.status.as_u16() {
            403 => answer.refused(
                "only the schedule's owner may, and only where the project lets that role give variables to pipelines \
                 (CI/CD settings, Variables)",
            ),
            _ => answer.refused(&meaning(answer)),
        };
        anyhow::anyhow!("{} {what}: {why}", self.address)
    }
}

#[async_trait]
impl Destination for ScheduleVariable {
    fn address(&self) -> &Address {
        &self.address
    }

    async fn rehearse(&self, ask: &Ask<'_>) -> anyhow::Result<()> {
        let schedule = self.look().await?;
        self.may_write(schedule).await?;
        let found = self.find(schedule);
        if found.is_none() && self.create.is_none() {
            return Err(self.missing());
        }
        if let Some(shape) = ask.shape {
            self.takes(shape, found.is_some_and(|variable| variable.raw))?;
        }
        if let (Some(variable), Depth::Try) = (found, ask.depth) {
            // Its type as it is: a write that changes nothing and holds no value.
            let answer = self.put(json!({ "variable_type": variable.variable_type })).await?;
            if !answer.ok() {
                return Err(self.refused("cannot be written", &answer));
            }
        }
        Ok(())
    }

    async fn deliver(&self, value: &TokenValue, _last: Option<&Receipt>) -> anyhow::Result<Receipt> {
        let new = json!({ "value": value.expose() });
        let answer = match (self.find(self.look().await?), &self.create) {
            (Some(_), _) => self.put(new).await?,
            (None, Some(create)) => {
                let kind = if create.file { "file" } else { "env_var" };
                let body = json!({ "key": self.key, "value": value.expose(), "variable_type": kind });
                let made = self.gitlab.call(&Route::post(format!("{}/variables", self.base), body), Retry::Put).await?;
                // It was made meanwhile, or our own first try was answered by nobody: then there is one to write to.
                if made.status.as_u16() == 400 { self.put(new).await? } else { made }
            }
            (None, None) => return Err(self.missing()),
        };
        if answer.ok() { Ok(Receipt::default()) } else { Err(self.refused("refused the value", &answer)) }
    }

    async fn confirm(&self, value: &TokenValue, _receipt: &Receipt) -> anyhow::Result<Assurance> {
        let now = self.get().await?;
        let found = self.find(&now).ok_or_else(|| self.missing())?;
        if let Some(before) = self.find(self.look().await?) {
            let kept = (&before.variable_type, before.raw) == (&found.variable_type, found.raw);
            anyhow::ensure!(kept, "{} has other attributes than before the write", self.address);
        }
        anyhow::ensure!(
            found.value.as_deref().and_then(held).is_some_and(|held| held.same_as(value)),
            "{} holds another value than was just written",
            self.address
        );
        Ok(Assurance::ReadBack)
    }

    async fn holds(&self, _last: Option<&Receipt>) -> anyhow::Result<Holding> {
        let schedule = self.look().await?;
        if schedule.variables.is_none() {
            return Ok(Holding::Unknowable("the login may not read the schedule's variables".to_owned()));
        }
        let found = self.find(schedule).and_then(|variable| held(variable.value.as_deref()?));
        Ok(found.map_or(Holding::Nothing, Holding::Lent))
    }

    fn gives(&self) -> Option<Given> {
        Some(Given { name: self.key.clone(), by: self.by.clone(), protected: false })
    }

    fn exposure(&self) -> Option<String> {
        Some(format!("{} is masked in no job log, and every Maintainer can read it", self.address))
    }
}
