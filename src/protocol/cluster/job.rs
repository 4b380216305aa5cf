//! Jobs made of a CronJob's template, as `kubectl create job --from` makes them, and waited for: Complete or Failed.
//! <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/>

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::Method;
use http::header::DATE;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Ask, Cluster, FIRST_PAUSE, LAST_PAUSE, meaning};
use crate::http::Retry;
use crate::token::TokenValue;

/// How long a Job is waited for: Rails alone takes a minute to start.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long a finished one stays, for those who want to read its log.
const KEPT: u32 = 3600;

/// <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/cron-job-v1/>
#[derive(Deserialize, Clone)]
pub(crate) struct CronJobJson {
    metadata: Metadata,
    spec: CronJobSpec,
}

#[derive(Deserialize, Clone)]
struct Metadata {
    name: String,
    #[serde(default)]
    uid: String,
}

#[derive(Deserialize, Clone)]
struct CronJobSpec {
    #[serde(rename = "jobTemplate")]
    template: JobTemplate,
}

#[derive(Deserialize, Clone)]
struct JobTemplate {
    #[serde(default)]
    metadata: TemplateMetadata,
    spec: Map<String, Value>,
}

#[derive(Deserialize, Clone, Default)]
struct TemplateMetadata {
    #[serde(default)]
    labels: Map<String, Value>,
}

#[derive(Deserialize)]
struct JobJson {
    metadata: Metadata,
    #[serde(default)]
    status: JobStatus,
}

#[derive(Deserialize, Default)]
struct JobStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

/// How a Job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All of it was done.
    Complete,
    /// Some of it was not.
    Failed,
    /// It goes on, longer than anyone waits.
    NotYet,
}

/// A Job to make.
pub(crate) struct NewJob<'a> {
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// Its name: two of one name are refused, so that a second request makes no second Job.
    pub(crate) name: &'a str,
    /// The CronJob whose template it is made of.
    pub(crate) from: &'a CronJobJson,
    /// What its container runs instead, once and never again.
    pub(crate) command: Option<Vec<&'a str>>,
}

impl NewJob<'_> {
    fn body(&self) -> anyhow::Result<Value> {
        let from = &self.from.metadata;
        let mut spec = self.from.spec.template.spec.clone();
        spec.entry("ttlSecondsAfterFinished").or_insert(json!(KEPT));
        if let Some(command) = &self.command {
            // A pod that is tried again would do it twice.
            spec.insert("backoffLimit".to_owned(), json!(0));
            let pod = spec.get_mut("template").and_then(|template| template.get_mut("spec"));
            let pod = pod.and_then(Value::as_object_mut);
            let pod = pod.ok_or_else(|| anyhow::anyhow!("CronJob {} has no pod template", from.name))?;
            pod.insert("restartPolicy".to_owned(), json!("Never"));
            let containers = pod.get_mut("containers").and_then(Value::as_array_mut);
            let Some([Value::Object(container)]) = containers.map(Vec::as_mut_slice) else {
                anyhow::bail!("the pods of CronJob {} have not just one container: which one is meant?", from.name)
            };
            container.insert("command".to_owned(), json!(command));
            container.remove("args");
        }
        Ok(json!({
            "apiVersion": "batch/v1", "kind": "Job", "spec": spec,
            "metadata": {
                "name": self.name, "namespace": self.namespace, "labels": self.from.spec.template.metadata.labels,
                "annotations": { "cronjob.kubernetes.io/instantiate": "manual" },
                "ownerReferences": [
                    { "apiVersion": "batch/v1", "kind": "CronJob", "name": from.name, "uid": from.uid },
                ],
            },
        }))
    }
}

/// What came of making a Job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// It is there now.
    New,
    /// It was there before.
    Before,
}

impl Cluster {
    /// Reads a CronJob.
    pub(crate) async fn cron_job(
        &self,
        lent: Option<TokenValue>,
        namespace: &str,
        name: &str,
    ) -> anyhow::Result<CronJobJson> {
        let path = format!("apis/batch/v1/namespaces/{namespace}/cronjobs/{name}");
        let answer = self.call(lent, Method::GET, Ask::of(path), Retry::Read).await?;
        if answer.ok() {
            return Ok(answer.json()?);
        }
        let error = anyhow::Error::from(answer.refused(&meaning(&answer)));
        Err(error.context(format!("CronJob {namespace}/{name} cannot be read")))
    }

    /// Makes a Job, with one request that is never sent again. An error in [`Result::Err`] says whether it is in doubt.
    pub(crate) async fn make_job(
        &self,
        lent: Option<TokenValue>,
        job: &NewJob<'_>,
    ) -> Result<Made, crate::issuer::MintError> {
        use crate::issuer::MintError;
        let body = job.body().map_err(MintError::Refused)?;
        let path = format!("apis/batch/v1/namespaces/{}/jobs", job.namespace);
        let ask = Ask { body: Some(("application/json", body)), ..Ask::of(path) };
        let answer = self.call(lent, Method::POST, ask, Retry::Once).await?;
        if answer.status.as_u16() == 409 && answer.word("/reason").as_deref() == Some("AlreadyExists") {
            return Ok(Made::Before);
        }
        if !answer.ok() {
            return Err(MintError::from(answer.refused(&meaning(&answer))));
        }
        let made: JobJson = answer.json()?;
        if made.metadata.name == job.name {
            return Ok(Made::New);
        }
        Err(MintError::InDoubt(anyhow::anyhow!("the API server answers with another Job than was ordered")))
    }

    /// Waits for a Job to end, one way or the other; says also what time it is there.
    pub(crate) async fn wait_for_job(
        &self,
        lent: Option<TokenValue>,
        namespace: &str,
        name: &str,
    ) -> anyhow::Result<(Ended, Option<DateTime<Utc>>)> {
        let (mut waited, mut pause) = (Duration::ZERO, FIRST_PAUSE);
        loop {
            let path = format!("apis/batch/v1/namespaces/{namespace}/jobs/{name}");
            let answer = self.call(lent.clone(), Method::GET, Ask::of(path), Retry::Read).await?;
            anyhow::ensure!(answer.ok(), answer.refused(&meaning(&answer)));
            let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
            let now = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc());
            let job: JobJson = answer.json()?;
            let is = |kind: &str| job.status.conditions.iter().any(|one| one.kind == kind && one.status == "True");
            if is("Complete") {
                return Ok((Ended::Complete, now));
            }
            if is("Failed") {
                return Ok((Ended::Failed, now));
            }
            if waited >= PATIENCE {
                return Ok((Ended::NotYet, now));
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}
