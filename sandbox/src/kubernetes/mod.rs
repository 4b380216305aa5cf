//! A fake of one cluster's API server: Secrets with server-side apply, workloads that roll out over time, CronJobs and
//! the Jobs made of them, each in as far as a rotation needs it. Signon runs in this cluster.
//!
//! What it answers was seen at a real API server (v1.20.2) unless a comment says otherwise.

mod auth;
mod jobs;
mod moment;
mod refusal;
mod secrets;
mod seed;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::{Method, header};
use serde_json::{Value, json};

use crate::clock::{self, Clock};
use crate::exchange::{Answer, Request};
use crate::fault;
use crate::mint::Mint;
use crate::params;
use crate::service::Service;
use crate::signon::Signon;
use crate::target;
pub use auth::Rule;
use auth::{Account, Wanted};
pub use jobs::Job;
use refusal::Refusal;
pub use secrets::{Manager, Secret};
use secrets::{Write, decoded};
pub use workloads::{Kind, Workload};

/// The state of one cluster.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    /// How long a rollout takes.
    pub rollout_takes: Duration,
    /// How long after a change the status is still the old one.
    pub controller_lag: Duration,
    /// How long a Job takes.
    pub job_takes: Duration,
    /// Whether Stakater's Reloader is installed.
    pub reloader: bool,
    /// Whether it is new enough (1.28) to tell who somebody is.
    pub tells_who: bool,
    /// Pods that run a command with one of these words in it fail.
    pub broken_commands: BTreeSet<String>,
    /// Whether they fail only once they have done their work.
    pub broken_after: bool,
    /// Signon, whose Jobs run here.
    pub signon: Signon,
    clock: Clock,
    mint: Mint,
    revision: u64,
    namespaces: BTreeSet<String>,
    accounts: BTreeMap<String, Account>,
    secrets: BTreeMap<(String, String), Secret>,
    workloads: BTreeMap<(String, Kind, String), Workload>,
    cronjobs: BTreeMap<(String, String), Value>,
    jobs: BTreeMap<(String, String), Job>,
}

type Outcome = Result<Answer, Refusal>;

impl Kubernetes {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            rollout_takes: Duration::from_secs(3),
            controller_lag: Duration::from_millis(300),
            job_takes: Duration::from_secs(2),
            reloader: false,
            tells_who: true,
            broken_commands: BTreeSet::new(),
            broken_after: false,
            signon: Signon::new(seed, clock.clone()),
            clock,
            mint: Mint::new(seed, "kubernetes"),
            revision: 200,
            namespaces: BTreeSet::new(),
            accounts: BTreeMap::new(),
            secrets: BTreeMap::new(),
            workloads: BTreeMap::new(),
            cronjobs: BTreeMap::new(),
            jobs: BTreeMap::new(),
        }
    }

    /// The same cluster, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        let copy = self.clone();
        Self { signon: self.signon.copied(clock.clone()), clock, ..copy }
    }

    fn route(&mut self, request: &Request) -> Outcome {
        let account = self.authenticate(request)?;
        let segments = target::segments(target::path(&request.target));
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["api"] if request.method == Method::GET => {
                let versions = json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] });
                Ok(Answer::json(200, &versions))
            }
            ["apis", "authentication.k8s.io", "v1", "selfsubjectreviews"]
                if request.method == Method::POST && self.tells_who =>
            {
                let who = json!({ "username": account.name, "groups": ["system:authenticated"] });
                let review = json!({
                    "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {},
                    "status": { "userInfo": who },
                });
                Ok(Answer::json(201, &review))
            }
            ["api", "v1", "namespaces", namespace, "secrets", name] => self.secret(&account, namespace, name, request),
            ["apis", "apps", "v1", "namespaces", namespace, resource, name] => {
                let kind = Kind::of(resource).ok_or_else(Refusal::nowhere)?;
                let key = ((*namespace).to_owned(), kind, (*name).to_owned());
                let verb = verb(&request.method)?;
                account.may(&Wanted { verb, group: "apps", resource, namespace, name })?;
                match verb {
                    "get" => Ok(Answer::json(200, &self.show_workload(&key)?)),
                    "patch" if media(request).ends_with("merge-patch+json") => {
                        self.show_workload(&key)?;
                        let body = body(request)?;
                        Ok(Answer::json(200, &self.patch_workload(&key, &body)?))
                    }
                    "patch" => Err(Refusal::media()),
                    _ => Err(Refusal::nowhere()),
                }
            }
            ["apis", "batch", "v1", "namespaces", namespace, resource, rest @ ..] => {
                let name = rest.first().copied().unwrap_or_default();
                let verb = verb(&request.method)?;
                account.may(&Wanted { verb, group: "batch", resource, namespace, name })?;
                let key = ((*namespace).to_owned(), name.to_owned());
                match (*resource, verb, rest) {
                    ("cronjobs", "get", [_]) => Ok(Answer::json(200, &self.show_cronjob(&key)?)),
                    ("jobs", "get", [_]) => Ok(Answer::json(200, &self.show_job(&key)?)),
                    ("jobs", "create", []) => {
                        self.exists(namespace)?;
                        let body = body(request)?;
                        self.post_job(namespace, &body)
                    }
                    _ => Err(Refusal::nowhere()),
                }
            }
            _ => Err(Refusal::nowhere()),
        }
    }

    fn exists(&self, namespace: &str) -> Result<(), Refusal> {
        if self.namespaces.contains(namespace) { Ok(()) } else { Err(Refusal::missing("namespaces", namespace)) }
    }

    fn secret(&mut self, account: &Account, namespace: &str, name: &str, request: &Request) -> Outcome {
        let verb = verb(&request.method)?;
        let wanted = |verb| Wanted { verb, group: "", resource: "secrets", namespace, name };
        account.may(&wanted(verb))?;
        let key = (namespace.to_owned(), name.to_owned());
        let found = self.secrets.contains_key(&key);
        let query: BTreeMap<String, String> =
            target::pairs(target::query(&request.target).as_bytes()).into_iter().collect();
        let manager = query.get("fieldManager").map(String::as_str);
        let dry = query.get("dryRun").is_some_and(|dry| dry == "All");
        match verb {
            "get" => {
                let secret = self.secrets.get(&key).ok_or_else(|| Refusal::missing("secrets", name))?;
                Ok(Answer::json(200, &secret.show(namespace, name)))
            }
            "patch" if media(request) == "application/apply-patch+yaml" => {
                let manager = manager.filter(|manager| !manager.is_empty()).ok_or_else(|| {
                    let why = "fieldManager: Required value: is required for apply patch";
                    Refusal::invalid("PatchOptions.meta.k8s.io \"\"", why)
                })?;
                if manager.len() > 128 {
                    let why = "fieldManager: Too long: may not be more than 128 bytes";
                    return Err(Refusal::invalid("PatchOptions.meta.k8s.io \"\"", why));
                }
                if !found {
                    account.may(&wanted("create"))?;
                    self.exists(namespace)?;
                }
                let body = body(request)?;
                let data = decoded(body.get("data"))?.into_iter().filter_map(|(key, value)| Some((key, value?)));
                let data: BTreeMap<String, String> = data.collect();
                let force = query.get("force").is_some_and(|force| force == "true");
                let kind = body.get("type").and_then(Value::as_str);
                let (secret, fresh) = self.apply_secret(key, kind, &data, &Write { manager, force, dry })?;
                Ok(Answer::json(if fresh { 201 } else { 200 }, &secret.show(namespace, name)))
            }
            "patch" if media(request).ends_with("merge-patch+json") => {
                let body = body(request)?;
                let read = body.pointer("/metadata/resourceVersion").and_then(Value::as_str);
                let current = self.secrets.get(&key).map(|secret| secret.resource_version.to_string());
                if read.is_some() && current.is_some() && read != current.as_deref() {
                    return Err(Refusal::stale("secrets", name));
                }
                let data = decoded(body.get("data"))?;
                let secret = self.update_secret(key, &data, manager.unwrap_or("unknown"), dry)?;
                Ok(Answer::json(200, &secret.show(namespace, name)))
            }
            "patch" => Err(Refusal::media()),
            _ => Err(Refusal::nowhere()),
        }
    }
}

impl Service for Kubernetes {
    fn label(&self) -> &'static str {
        "kubernetes"
    }

    fn act(&mut self, request: &Request) -> Answer {
        self.work();
        let answer = self.route(request).unwrap_or_else(Refusal::answer);
        answer.with(header::DATE, &clock::http_date(self.clock.now()))
    }

    fn values(&self) -> Vec<String> {
        [self.mint.secrets(), self.signon.values()].concat()
    }

    fn refuse(&self, status: u16, retry_after: Option<u64>) -> Answer {
        let answer = match status {
            502..=504 => fault::page(status),
            _ => Refusal::new(status, "Refused", fault::reason(status)).answer(),
        };
        match retry_after {
            Some(seconds) => answer.with(header::RETRY_AFTER, &seconds.to_string()),
            None => answer,
        }
    }
}

fn verb(method: &Method) -> Result<&'static str, Refusal> {
    match method.as_str() {
        "GET" => Ok("get"),
        "POST" => Ok("create"),
        "PATCH" => Ok("patch"),
        _ => Err(Refusal::new(405, "MethodNotAllowed", "the server does not allow this method here")),
    }
}

fn media(request: &Request) -> &str {
    params::media(&request.headers).unwrap_or_default()
}

fn body(request: &Request) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body)
        .map_err(|_| Refusal::new(400, "BadRequest", "the body of the request is not JSON"))
}
