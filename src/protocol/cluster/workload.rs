//! Deployments, StatefulSets and DaemonSets: restarted as `kubectl rollout restart` does it, and waited for.
//!
//! The annotation is the time at which the Secret changed, so that what is done twice restarts once. Done is not what a
//! condition says, for straight after the patch it still says so of the last rollout: the controller must have seen this
//! generation, and all pods must be new and available.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Ask, Cluster, FIRST_PAUSE, LAST_PAUSE, is_name, meaning};
use crate::http::{Answer, Retry};
use crate::token::TokenValue;

/// How long a rollout is waited for: `progressDeadlineSeconds` is as long by default, and a lease three times that.
const PATIENCE: Duration = Duration::from_mins(10);
/// What kubectl writes; rules that let others change it are usually written for this name.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// A workload of the config: `deployment/opa`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    kind: Kind,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Deployment, Self::StatefulSet, Self::DaemonSet];

    const fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.word(), self.name)
    }
}

impl Workload {
    /// Reads the form of the config.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let told =
            || anyhow::anyhow!("`restart`: {text:?} is not one of deployment/NAME, statefulset/NAME, daemonset/NAME");
        let (word, name) = text.split_once('/').ok_or_else(told)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word).ok_or_else(told)?;
        anyhow::ensure!(is_name(name), told());
        Ok(Self { kind, name: name.to_owned() })
    }
}

/// The parts of a workload that matter here. <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/>
#[derive(Deserialize)]
pub(crate) struct WorkloadJson {
    metadata: Metadata,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Spec {
    replicas: Option<i64>,
    #[serde(default)]
    paused: bool,
    #[serde(rename = "updateStrategy")]
    strategy: Option<Strategy>,
    template: Template,
}

#[derive(Deserialize)]
struct Strategy {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(rename = "rollingUpdate")]
    rolling: Option<Rolling>,
}

#[derive(Deserialize)]
struct Rolling {
    #[serde(default)]
    partition: i64,
}

#[derive(Deserialize)]
struct Template {
    #[serde(default)]
    metadata: TemplateMetadata,
}

#[derive(Deserialize, Default)]
struct TemplateMetadata {
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: i64,
    replicas: i64,
    updated_replicas: i64,
    ready_replicas: i64,
    available_replicas: i64,
    current_revision: String,
    update_revision: String,
    desired_number_scheduled: i64,
    updated_number_scheduled: i64,
    number_available: i64,
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    reason: String,
    last_update_time: Option<DateTime<Utc>>,
}

/// The rows of what the config wants restarted once a key of a Secret has changed.
pub(crate) struct Restart<'a> {
    /// The cluster.
    pub(crate) cluster: &'a Cluster,
    /// The credential of the config, if it names one.
    pub(crate) lent: Option<TokenValue>,
    /// The namespace.
    pub(crate) namespace: &'a str,
    /// The name of the Secret.
    pub(crate) secret: &'a str,
}

impl WorkloadJson {
    /// When it was last restarted on request, as far as its annotation says.
    fn restarted(&self) -> Option<DateTime<Utc>> {
        self.spec.template.metadata.annotations.get(RESTARTED)?.parse().ok()
    }

    /// Whether Stakater's Reloader restarts it by itself. <https://github.com/stakater/Reloader>
    fn is_reloaded(&self, secret: &str) -> bool {
        let own = &self.metadata.annotations;
        let listed = own.get("secret.reloader.stakater.com/reload");
        own.get("reloader.stakater.com/auto").is_some_and(|auto| auto == "true")
            || listed.is_some_and(|names| names.split(',').any(|name| name.trim() == secret))
    }

    /// Whether a restart of it would ever come to an end.
    fn rolls(&self) -> Result<(), &'static str> {
        let strategy = self.spec.strategy.as_ref();
        if self.spec.paused {
            return Err("is paused, so that no restart would ever begin: `kubectl rollout resume`");
        }
        if strategy.is_some_and(|strategy| strategy.kind == "OnDelete") {
            return Err("replaces its pods only when somebody deletes them (OnDelete)");
        }
        if strategy.and_then(|strategy| strategy.rolling.as_ref()).is_some_and(|rolling| rolling.partition > 0) {
            return Err("restarts only a part of its pods (`partition`)");
        }
        Ok(())
    }

    /// Whether all of its pods are of this generation, and available.
    fn settled(&self, kind: Kind) -> Result<bool, &'static str> {
        let Status { replicas, updated_replicas, available_replicas, ready_replicas, .. } = self.status;
        if self.status.observed_generation < self.metadata.generation {
            return Ok(false);
        }
        let over = |condition: &Condition| condition.kind == "Progressing" && condition.status == "False";
        if self
            .status
            .conditions
            .iter()
            .any(|condition| over(condition) && condition.reason == "ProgressDeadlineExceeded")
        {
            return Err("its new pods did not become ready in time");
        }
        let wanted = self.spec.replicas.unwrap_or(1);
        Ok(match kind {
            Kind::Deployment => [replicas, updated_replicas, available_replicas].iter().all(|count| *count == wanted),
            Kind::StatefulSet => {
                let same = self.status.current_revision == self.status.update_revision;
                same && [replicas, updated_replicas, ready_replicas].iter().all(|count| *count == wanted)
            }
            Kind::DaemonSet => {
                let wanted = self.status.desired_number_scheduled;
                self.status.updated_number_scheduled >= wanted && self.status.number_available >= wanted
            }
        })
    }

    /// Whether its rollout began after that time, whoever began it. A Deployment alone says.
    fn rolled_since(&self, since: DateTime<Utc>) -> bool {
        let rolled = |condition: &Condition| {
            condition.kind == "Progressing" && condition.last_update_time.is_some_and(|time| time >= since)
        };
        self.status.conditions.iter().any(rolled)
    }
}

impl Restart<'_> {
    fn path(&self, workload: &Workload) -> String {
        format!("apis/apps/v1/namespaces/{}/{}s/{}", self.namespace, workload.kind.word(), workload.name)
    }

    fn told(&self, workload: &Workload) -> String {
        format!("{workload} of namespace {}", self.namespace)
    }

    fn read(&self, workload: &Workload, answer: &Answer, does: &str) -> anyhow::Result<WorkloadJson> {
        if answer.ok() {
            return Ok(answer.json()?);
        }
        let error = anyhow::Error::from(answer.refused(&meaning(answer)));
        Err(error.context(format!("{} cannot be {does}", self.told(workload))))
    }

    async fn look(&self, workload: &Workload) -> anyhow::Result<WorkloadJson> {
        let ask = Ask::of(self.path(workload));
        let answer = self.cluster.call(self.lent.clone(), Method::GET, ask, Retry::Read).await?;
        self.read(workload, &answer, "read")
    }

    /// Shows that a restart of it would come to an end.
    pub(crate) async fn rehearse(&self, workload: &Workload) -> anyhow::Result<()> {
        let now = self.look(workload).await?;
        now.rolls().map_err(|why| anyhow::anyhow!("{} {why}", self.told(workload)))
    }

    /// Whether it was restarted after that time, by us or by anyone.
    pub(crate) async fn is_restarted(&self, workload: &Workload, since: DateTime<Utc>) -> anyhow::Result<bool> {
        let now = self.look(workload).await?;
        let reloaded = workload.kind == Kind::Deployment && now.is_reloaded(self.secret);
        Ok(now.restarted().is_some_and(|at| at >= since) || (reloaded && now.rolled_since(since)))
    }

    /// Restarts it, unless that was done since the Secret changed, or Reloader does it.
    pub(crate) async fn restart(&self, workload: &Workload, changed: DateTime<Utc>) -> anyhow::Result<()> {
        let now = self.look(workload).await?;
        let reloaded = workload.kind == Kind::Deployment && now.is_reloaded(self.secret);
        // A later time may be that of a machine whose clock is ahead: once more does no harm.
        if reloaded || now.restarted() == Some(changed) {
            return Ok(());
        }
        let at = changed.to_rfc3339_opts(SecondsFormat::Secs, true);
        let body: Value = json!({ "spec": { "template": { "metadata": { "annotations": { RESTARTED: at } } } } });
        let ask = Ask {
            query: vec![("fieldManager", "tokenwheel".to_owned())],
            body: Some(("application/strategic-merge-patch+json", body)),
            ..Ask::of(self.path(workload))
        };
        // The same annotation twice is one restart.
        let answer = self.cluster.call(self.lent.clone(), Method::PATCH, ask, Retry::Put).await?;
        self.read(workload, &answer, "restarted").map(drop)
    }

    /// Waits until all of its pods have started after that time.
    pub(crate) async fn wait(&self, workload: &Workload, changed: DateTime<Utc>) -> anyhow::Result<()> {
        let (mut waited, mut pause) = (Duration::ZERO, FIRST_PAUSE);
        loop {
            let now = self.look(workload).await?;
            let told = || self.told(workload);
            let reloaded = workload.kind == Kind::Deployment && now.is_reloaded(self.secret);
            let begun =
                if reloaded { now.rolled_since(changed) } else { now.restarted().is_some_and(|at| at >= changed) };
            if !begun && !reloaded {
                anyhow::bail!("{} was not restarted after the Secret changed", told());
            }
            if begun && now.settled(workload.kind).map_err(|why| anyhow::anyhow!("{}: {why}", told()))? {
                return Ok(());
            }
            if waited >= PATIENCE {
                let what = if begun { "is not done" } else { "was not begun by Reloader" };
                anyhow::bail!("the restart of {} {what} after {} min", told(), PATIENCE.as_secs() / 60);
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}
