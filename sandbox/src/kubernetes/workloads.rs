//! Deployments, StatefulSets and DaemonSets: what a restart looks like from outside while it goes on.
//!
//! Seen at a real API server: straight after the patch the old status still stands, with `Progressing` true and
//! `NewReplicaSetAvailable`; only `observedGeneration` tells that nobody has looked at it yet.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::Kubernetes;
use super::moment::Moment;
use super::refusal::Refusal;

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `apps/v1 Deployment`
    Deployment,
    /// `apps/v1 StatefulSet`
    StatefulSet,
    /// `apps/v1 DaemonSet`
    DaemonSet,
}

impl Kind {
    pub(crate) fn of(resource: &str) -> Option<Self> {
        match resource {
            "deployments" => Some(Self::Deployment),
            "statefulsets" => Some(Self::StatefulSet),
            "daemonsets" => Some(Self::DaemonSet),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        }
    }
}

/// A workload, and the pods that it runs.
#[derive(Clone, Debug)]
pub struct Workload {
    /// How many pods it should have.
    pub replicas: u64,
    /// Whether it is paused, and so never rolls.
    pub paused: bool,
    /// Whether pods are replaced only when somebody deletes them.
    pub on_delete: bool,
    /// Whether new pods never become ready.
    pub stuck: bool,
    /// Its own annotations.
    pub annotations: BTreeMap<String, String>,
    /// Those of its pod template.
    pub template: BTreeMap<String, String>,
    /// The keys of Secrets that its pods read when they start: as environment, so never again.
    pub reads: Vec<(String, String)>,
    /// What its running pods have read.
    pub runs_with: BTreeMap<(String, String), String>,
    /// How often its pods were replaced.
    pub restarts: u64,
    pub(crate) generation: u64,
    pub(crate) rollout: Option<Moment>,
    pub(crate) rolled_at: DateTime<Utc>,
    pub(crate) rolls_with: BTreeMap<(String, String), String>,
}

/// How far a rollout has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is going on.
    Still,
    /// Nobody has looked at the change yet.
    Unseen,
    /// Old and new pods live side by side.
    Rolling,
    /// Its time is over.
    Failed,
    /// It was seen, and nothing comes of it.
    Ignored,
}

/// How long a Deployment waits for its pods by default: `progressDeadlineSeconds`.
const DEADLINE: Duration = Duration::from_mins(10);

impl Workload {
    fn phase(&self, elapsed: Option<Duration>, lag: Duration) -> Phase {
        match elapsed {
            None => Phase::Still,
            Some(elapsed) if elapsed < lag => Phase::Unseen,
            Some(_) if self.paused || self.on_delete => Phase::Ignored,
            Some(elapsed) if self.stuck && elapsed >= DEADLINE => Phase::Failed,
            Some(_) => Phase::Rolling,
        }
    }
}

impl Kubernetes {
    /// Changes the pod template, if this is a change: new pods begin to start.
    pub(crate) fn roll(&mut self, key: &(String, Kind, String), annotations: &BTreeMap<String, Option<String>>) {
        let now = Moment::now(&self.clock);
        let Some(workload) = self.workloads.get_mut(key) else { return };
        let before = workload.template.clone();
        for (name, value) in annotations {
            match value {
                Some(value) => workload.template.insert(name.clone(), value.clone()),
                None => workload.template.remove(name),
            };
        }
        if workload.template == before {
            return;
        }
        workload.generation += 1;
        workload.rollout = Some(now);
        let held = |place: &(String, String)| {
            let secret = self.secrets.get(&(key.0.clone(), place.0.clone()))?;
            Some((place.clone(), secret.data.get(&place.1)?.clone()))
        };
        workload.rolls_with = workload.reads.iter().filter_map(held).collect();
    }

    /// Ends the rollouts whose time is over.
    pub(crate) fn finish_rollouts(&mut self) {
        for workload in self.workloads.values_mut() {
            let Some(began) = workload.rollout else { continue };
            let over = began.elapsed(&self.clock) >= self.rollout_takes;
            if over && !workload.stuck && !workload.paused && !workload.on_delete {
                workload.rollout = None;
                workload.restarts += 1;
                workload.runs_with = workload.rolls_with.clone();
                workload.rolled_at = began.at();
            }
        }
    }

    /// A patch of the pod template's annotations: all that this fake takes.
    pub(crate) fn patch_workload(&mut self, key: &(String, Kind, String), body: &Value) -> Result<Value, Refusal> {
        let annotations = body.pointer("/spec/template/metadata/annotations").and_then(Value::as_object);
        let annotations = annotations
            .ok_or_else(|| Refusal::invalid(key.1.word(), "the sandbox takes annotations of the pod template only"))?;
        let text = |(name, value): (&String, &Value)| (name.clone(), value.as_str().map(str::to_owned));
        let annotations = annotations.iter().map(text).collect();
        self.roll(key, &annotations);
        self.show_workload(key)
    }

    /// As it is shown now.
    pub(crate) fn show_workload(&self, key: &(String, Kind, String)) -> Result<Value, Refusal> {
        let (namespace, kind, name) = key;
        let resource = format!("{}s.apps", kind.word().to_lowercase());
        let workload = self.workloads.get(key).ok_or_else(|| Refusal::missing(&resource, name))?;
        let phase = workload.phase(workload.rollout.map(|began| began.elapsed(&self.clock)), self.controller_lag);
        let unseen = u64::from(phase == Phase::Unseen);
        let observed = workload.generation - unseen;
        let strategy = if workload.on_delete { "OnDelete" } else { "RollingUpdate" };
        let (mut spec, status) = match kind {
            Kind::Deployment => (json!({ "replicas": workload.replicas }), deployment(workload, phase, observed)),
            Kind::StatefulSet => (
                json!({ "replicas": workload.replicas, "updateStrategy": { "type": strategy } }),
                stateful_set(workload, phase, observed),
            ),
            Kind::DaemonSet => {
                (json!({ "updateStrategy": { "type": strategy } }), daemon_set(workload, phase, observed))
            }
        };
        if let Some(spec) = spec.as_object_mut() {
            if workload.paused {
                spec.insert("paused".to_owned(), json!(true));
            }
            // No API server gives a workload without these, and clients refuse one.
            let labels = json!({ "app": name });
            spec.insert("selector".to_owned(), json!({ "matchLabels": labels }));
            let template = json!({
                "metadata": { "labels": labels, "annotations": workload.template },
                "spec": { "containers": [{ "name": name, "image": "made-up:1" }] },
            });
            spec.insert("template".to_owned(), template);
        }
        Ok(json!({
            "kind": kind.word(), "apiVersion": "apps/v1", "spec": spec, "status": status,
            "metadata": {
                "name": name, "namespace": namespace, "generation": workload.generation,
                "annotations": workload.annotations,
            },
        }))
    }
}

fn deployment(workload: &Workload, phase: Phase, observed: u64) -> Value {
    let n = workload.replicas;
    let (replicas, updated, available, progressing, reason) = match phase {
        Phase::Still | Phase::Unseen => (n, n, n, "True", "NewReplicaSetAvailable"),
        Phase::Rolling => (n + 1, 1, n, "True", "ReplicaSetUpdated"),
        Phase::Failed => (n + 1, 1, n, "False", "ProgressDeadlineExceeded"),
        Phase::Ignored => (n, 0, n, "Unknown", "DeploymentPaused"),
    };
    let changed = workload.rolled_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    json!({
        "observedGeneration": observed, "replicas": replicas, "updatedReplicas": updated, "readyReplicas": available,
        "availableReplicas": available,
        "conditions": [
            { "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable" },
            { "type": "Progressing", "status": progressing, "reason": reason, "lastUpdateTime": changed },
        ],
    })
}

fn stateful_set(workload: &Workload, phase: Phase, observed: u64) -> Value {
    let n = workload.replicas;
    let (updated, ready, update) = match phase {
        Phase::Still | Phase::Unseen => (n, n, "rev-1"),
        Phase::Rolling | Phase::Failed => (n.saturating_sub(1), n.saturating_sub(1), "rev-2"),
        Phase::Ignored => (0, n, "rev-2"),
    };
    json!({
        "observedGeneration": observed, "replicas": n, "updatedReplicas": updated, "readyReplicas": ready,
        "availableReplicas": ready, "currentRevision": "rev-1", "updateRevision": update,
    })
}

fn daemon_set(workload: &Workload, phase: Phase, observed: u64) -> Value {
    let n = workload.replicas;
    let (updated, available) = match phase {
        Phase::Still | Phase::Unseen => (n, n),
        Phase::Rolling | Phase::Failed => (n.saturating_sub(1), n.saturating_sub(1)),
        Phase::Ignored => (0, n),
    };
    json!({
        "observedGeneration": observed, "desiredNumberScheduled": n, "currentNumberScheduled": n,
        "numberMisscheduled": 0, "updatedNumberScheduled": updated, "numberAvailable": available, "numberReady": available,
    })
}
