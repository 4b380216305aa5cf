//! CronJobs, and Jobs made of their templates. What a Job does is done when its time is over.

use serde_json::{Value, json};

use super::Kubernetes;
use super::moment::Moment;
use super::refusal::Refusal;
use super::secrets::Write;
use crate::exchange::Answer;

/// A Job, and what became of it.
#[derive(Clone, Debug)]
pub struct Job {
    /// What its first container runs: command and arguments.
    pub command: Vec<String>,
    /// How it ended: `Complete`, `Failed`; none while it runs.
    pub ended: Option<&'static str>,
    /// How many pods it ran.
    pub pods: u64,
    pub(crate) body: Value,
    pub(crate) began: Moment,
}

fn words(container: Option<&Value>, key: &str) -> Vec<String> {
    let list = container.and_then(|container| container.get(key)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Kubernetes {
    /// Makes a Job; a second one of its name is refused.
    pub(crate) fn post_job(&mut self, namespace: &str, body: &Value) -> Result<Answer, Refusal> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let name = match (text("/metadata/name"), text("/metadata/generateName")) {
            (Some(name), _) => name.to_owned(),
            (None, Some(start)) => format!("{start}{}", self.mint.letters(b"bcdfghjklmnpqrstvwxz2456789", 5)),
            (None, None) => return Err(Refusal::invalid("Job.batch \"\"", "metadata.name: Required value")),
        };
        let told = format!("Job.batch {name:?}");
        let fits = name.len() <= 63 && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
        if !fits || name.starts_with('-') || name.ends_with('-') {
            return Err(Refusal::invalid(&told, "metadata.name: Invalid value"));
        }
        if !matches!(text("/spec/template/spec/restartPolicy"), Some("Never" | "OnFailure")) {
            return Err(Refusal::invalid(&told, "spec.template.spec.restartPolicy: Required value"));
        }
        let key = (namespace.to_owned(), name.clone());
        if self.jobs.contains_key(&key) {
            return Err(Refusal::new(409, "AlreadyExists", format!("jobs.batch {name:?} already exists")));
        }
        let container = body.pointer("/spec/template/spec/containers/0");
        let command = [words(container, "command"), words(container, "args")].concat();
        let began = Moment::now(&self.clock);
        self.jobs.insert(key.clone(), Job { command, ended: None, pods: 0, body: body.clone(), began });
        let shown = self.show_job(&key)?;
        self.work();
        Ok(Answer::json(201, &shown))
    }

    /// As it is shown now.
    pub(crate) fn show_job(&self, key: &(String, String)) -> Result<Value, Refusal> {
        let job = self.jobs.get(key).ok_or_else(|| Refusal::missing("jobs.batch", &key.1))?;
        let status = match job.ended {
            None => json!({ "active": 1 }),
            Some("Complete") => json!({ "succeeded": 1, "conditions": [{ "type": "Complete", "status": "True" }] }),
            Some(failed) => json!({
                "failed": job.pods,
                "conditions": [{
                    "type": failed, "status": "True", "reason": "BackoffLimitExceeded",
                    "message": "Job has reached the specified backoff limit",
                }],
            }),
        };
        let mut shown = job.body.clone();
        if let Some(shown) = shown.as_object_mut() {
            let mut metadata = shown.get("metadata").cloned().unwrap_or_default();
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.insert("name".to_owned(), json!(key.1));
                metadata.insert("namespace".to_owned(), json!(key.0));
            }
            shown.insert("metadata".to_owned(), metadata);
            shown.insert("kind".to_owned(), json!("Job"));
            shown.insert("apiVersion".to_owned(), json!("batch/v1"));
            shown.insert("status".to_owned(), status);
        }
        Ok(shown)
    }

    /// As it is shown now.
    pub(crate) fn show_cronjob(&self, key: &(String, String)) -> Result<Value, Refusal> {
        self.cronjobs.get(key).cloned().ok_or_else(|| Refusal::missing("cronjobs.batch", &key.1))
    }

    /// Does what is due by now: Jobs, then what Reloader would do, then rollouts.
    pub(crate) fn work(&mut self) {
        let due = |job: &Job, takes| job.ended.is_none() && job.began.elapsed(&self.clock) >= takes;
        let keys: Vec<(String, String)> =
            self.jobs.iter().filter(|(_, job)| due(job, self.job_takes)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            let Some(job) = self.jobs.get(&key).cloned() else { continue };
            let tries = job.body.pointer("/spec/backoffLimit").and_then(Value::as_u64).unwrap_or(6) + 1;
            let mut pods = 0;
            let mut well = false;
            while pods < tries && !well {
                pods += 1;
                well = self.run(&key.0, &job.command);
            }
            if let Some(job) = self.jobs.get_mut(&key) {
                job.pods = pods;
                job.ended = Some(if well { "Complete" } else { "Failed" });
            }
        }
        self.reload();
        self.finish_rollouts();
    }

    /// Runs one pod of Signon's image. Gives whether it ended well.
    pub(crate) fn run(&mut self, namespace: &str, command: &[String]) -> bool {
        let broken =
            self.broken_commands.iter().any(|broken| command.iter().any(|word| word.contains(broken.as_str())));
        if broken && !self.broken_after {
            return false;
        }
        let Some(secrets) = self.signon.run(command) else { return false };
        for (name, data) in secrets {
            // kubeclient applies with force unless it is told otherwise.
            let write = Write { manager: "signon", force: true, dry: false };
            if self.apply_secret((namespace.to_owned(), name), None, &data, &write).is_err() {
                return false;
            }
        }
        !broken
    }

    /// What Stakater's Reloader does: workloads that ask for it are rolled once a Secret of theirs has changed.
    fn reload(&mut self) {
        if !self.reloader {
            return;
        }
        let mut changed = Vec::new();
        for (key, workload) in &mut self.workloads {
            let wants = workload.annotations.get("reloader.stakater.com/auto").is_some_and(|text| text == "true");
            let versions: Vec<String> = workload
                .reads
                .iter()
                .filter_map(|(secret, _)| self.secrets.get(&(key.0.clone(), secret.clone())))
                .map(|secret| secret.resource_version.to_string())
                .collect();
            let mark = Some(versions.join("-"));
            let name = "reloader.stakater.com/last-reloaded-from".to_owned();
            match workload.template.get(&name) {
                // It begins to watch.
                None if wants => workload.template.extend(mark.map(|mark| (name, mark))),
                Some(seen) if wants && Some(seen) != mark.as_ref() => {
                    changed.push((key.clone(), [(name, mark)].into()));
                }
                _ => {}
            }
        }
        for (key, annotations) in changed {
            self.roll(&key, &annotations);
        }
    }
}
