//! Filling a cluster before a test, and looking into it afterwards.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Kubernetes;
use super::auth::{Account, Rule};
use super::jobs::Job;
use super::secrets::{Manager, Secret, Write};
use super::workloads::{Kind, Workload};
use crate::mint::URL_SAFE;

/// The CronJobs of Signon, by what they run.
const CRONJOBS: &[(&str, &str)] = &[
    ("signon-auto-rotate-internal-tokens", "access_tokens:renew_expiring_internal_tokens"),
    ("signon-sync-app-secrets-to-k8s", "kubernetes:sync_app_secrets"),
    ("signon-sync-token-secrets-to-k8s", "kubernetes:sync_token_secrets"),
];

impl Kubernetes {
    /// Adds a service account with these rules, or one that may do everything; gives its token.
    pub fn add_account(&mut self, name: &str, rules: Option<&[Rule]>) -> String {
        for rule in rules.unwrap_or_default() {
            self.namespaces.insert(rule.namespace.clone());
        }
        let token = self.mint.secret("eyJhbGciOiJSUzI1NiJ9.", URL_SAFE, 60);
        let account = Account { name: format!("system:serviceaccount:{name}"), rules: rules.map(<[_]>::to_vec) };
        self.accounts.insert(token.clone(), account);
        token
    }

    /// Gives an account another token and ends the old one, as the kubelet does about once an hour.
    pub fn renew_account(&mut self, token: &str) -> String {
        let fresh = self.mint.secret("eyJhbGciOiJSUzI1NiJ9.", URL_SAFE, 60);
        if let Some(account) = self.accounts.remove(token) {
            self.accounts.insert(fresh.clone(), account);
        }
        fresh
    }

    /// Ends an account's token.
    pub fn end_account(&mut self, token: &str) {
        self.accounts.remove(token);
    }

    /// Ends the tokens of all accounts.
    pub fn end_accounts(&mut self) {
        self.accounts.clear();
    }

    /// Adds a namespace.
    pub fn add_namespace(&mut self, name: &str) {
        self.namespaces.insert(name.to_owned());
    }

    /// Adds a Secret that this manager made.
    pub fn add_secret(&mut self, namespace: &str, name: &str, data: &[(&str, &str)], manager: &str) {
        self.add_namespace(namespace);
        let data: BTreeMap<String, String> =
            data.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        for value in data.values() {
            self.mint.remember(value);
        }
        self.revision += 1;
        let applies = manager == "signon" || manager.starts_with("tokenwheel");
        let operation = if applies { "Apply" } else { "Update" };
        let keys: BTreeSet<String> = data.keys().cloned().collect();
        let manager = Manager { name: manager.to_owned(), operation, time: self.clock.now(), keys };
        let secret = Secret {
            kind: "Opaque".to_owned(),
            data,
            immutable: false,
            labels: [("app".to_owned(), name.to_owned())].into(),
            resource_version: self.revision,
            managers: vec![manager],
        };
        self.secrets.insert((namespace.to_owned(), name.to_owned()), secret);
    }

    /// Changes a Secret as it stands.
    pub fn amend_secret(&mut self, namespace: &str, name: &str, change: impl FnOnce(&mut Secret)) {
        if let Some(secret) = self.secrets.get_mut(&(namespace.to_owned(), name.to_owned())) {
            change(secret);
        }
    }

    /// Somebody takes a key over by force.
    pub fn overwrite(&mut self, namespace: &str, name: &str, key: &str, value: &str, manager: &str) {
        self.mint.remember(value);
        let data = [(key.to_owned(), value.to_owned())].into();
        let write = Write { manager, force: true, dry: false };
        // A Secret that cannot be written stays as it is.
        let _ = self.apply_secret((namespace.to_owned(), name.to_owned()), None, &data, &write);
    }

    /// Adds a workload with two pods, which read these keys of Secrets when they start. It has just been rolled out.
    pub fn add_workload(&mut self, namespace: &str, kind: Kind, name: &str, reads: &[(&str, &str)]) {
        self.add_namespace(namespace);
        let reads: Vec<(String, String)> =
            reads.iter().map(|(secret, key)| ((*secret).to_owned(), (*key).to_owned())).collect();
        let held = |place: &(String, String)| Some((place.clone(), self.held(namespace, &place.0, &place.1)?));
        let runs_with: BTreeMap<(String, String), String> = reads.iter().filter_map(held).collect();
        let workload = Workload {
            replicas: 2,
            paused: false,
            on_delete: false,
            stuck: false,
            annotations: BTreeMap::new(),
            template: BTreeMap::new(),
            reads,
            rolls_with: runs_with.clone(),
            runs_with,
            restarts: 0,
            generation: 1,
            rollout: None,
            rolled_at: self.clock.now(),
        };
        self.workloads.insert((namespace.to_owned(), kind, name.to_owned()), workload);
    }

    /// Changes a workload as it stands.
    pub fn amend_workload(&mut self, namespace: &str, kind: Kind, name: &str, change: impl FnOnce(&mut Workload)) {
        if let Some(workload) = self.workloads.get_mut(&(namespace.to_owned(), kind, name.to_owned())) {
            change(workload);
        }
    }

    /// Adds Signon's CronJobs.
    pub fn add_signon_cronjobs(&mut self, namespace: &str) {
        self.add_namespace(namespace);
        for (name, task) in CRONJOBS {
            self.cronjobs.insert((namespace.to_owned(), (*name).to_owned()), cronjob(namespace, name, task));
        }
    }

    /// Signon's nightly sync of tokens and of applications.
    pub fn nightly_sync(&mut self, namespace: &str) {
        for (_, task) in CRONJOBS.iter().skip(1) {
            self.run(namespace, &["rake".to_owned(), (*task).to_owned()]);
        }
    }

    /// Runs a command of Signon's image at once, without a Job. Gives whether it went well.
    pub fn run_in(&mut self, namespace: &str, command: &[String]) -> bool {
        self.run(namespace, command)
    }

    /// A Secret.
    pub fn secret_at(&self, namespace: &str, name: &str) -> Option<Secret> {
        self.secrets.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// What a key of a Secret holds.
    pub fn held(&self, namespace: &str, name: &str, key: &str) -> Option<String> {
        self.secret_at(namespace, name)?.data.get(key).cloned()
    }

    /// A workload.
    pub fn workload(&self, namespace: &str, kind: Kind, name: &str) -> Option<Workload> {
        self.workloads.get(&(namespace.to_owned(), kind, name.to_owned())).cloned()
    }

    /// What the running pods of a workload read from a key of a Secret when they started.
    pub fn pods_see(&self, namespace: &str, kind: Kind, name: &str, secret: &str, key: &str) -> Option<String> {
        self.workload(namespace, kind, name)?.runs_with.get(&(secret.to_owned(), key.to_owned())).cloned()
    }

    /// The Jobs that were made, by name.
    pub fn jobs_of(&self, namespace: &str) -> Vec<(String, Job)> {
        let own = |key: &(String, String)| key.0 == namespace;
        self.jobs.iter().filter(|(key, _)| own(key)).map(|(key, job)| (key.1.clone(), job.clone())).collect()
    }
}

/// As the chart of GOV.UK's applications writes it.
fn cronjob(namespace: &str, name: &str, task: &str) -> Value {
    let labels = json!({ "app": name });
    json!({
        "kind": "CronJob", "apiVersion": "batch/v1",
        "metadata": { "name": name, "namespace": namespace, "uid": format!("uid-of-{name}") },
        "spec": {
            "schedule": "9 1 * * *", "suspend": false,
            "jobTemplate": {
                "metadata": { "name": name, "labels": labels },
                "spec": {
                    "backoffLimit": 0,
                    "template": {
                        "metadata": { "name": name, "labels": labels },
                        "spec": {
                            "serviceAccountName": "signon", "restartPolicy": "Never",
                            "containers": [{
                                "name": "cron-task", "image": "signon:latest", "command": ["rake"], "args": [task],
                                "env": [{ "name": "RAILS_ENV", "value": "production" }],
                            }],
                        },
                    },
                },
            },
        },
    })
}
