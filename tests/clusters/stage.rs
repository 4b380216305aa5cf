//! The usual estate beside a cluster, in which Signon runs.

use std::time::Duration;

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::kubernetes::{Kind, Kubernetes, Rule};
use tokenwheel_sandbox::signon::Signon;
use tokenwheel_sandbox::{At, Exchange, Fault, What};

use crate::wheel::{Ran, Stage};

pub(crate) const USER: &str = "collections-publisher@alphagov.co.uk";
pub(crate) const APP: &str = "Publishing API";
pub(crate) const SYNCED: &str = "signon-token-collections-publisher-publishing-api";
pub(crate) const READER: &str = "collections-publisher";

/// The connections and their refreshers; `{tokens}` are those that a test is about.
const CONFIG: &str = r#"version: 1
every: 12h

connections:
  gitlab: { service: gitlab, url: "{gitlab}", token: env:GITLAB_REFRESHER, spare: env:GITLAB_SPARE }
  cluster: { service: kubernetes, kubeconfig: file:kubeconfig }
  signon: { service: signon, url: "{signon}", cluster: "{kubernetes}", service_account: account }

tokens:
{tokens}
  gitlab-refresher:
    refreshes: gitlab
    issuer: { kind: gitlab/personal-access-token, name: wheel, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: GITLAB_REFRESHER }]
  gitlab-spare:
    refreshes: gitlab.spare
    issuer: { kind: gitlab/personal-access-token, name: wheel-spare, ttl: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: GITLAB_SPARE }]

ledger: { kind: file, path: ledger.json }
"#;

/// A cluster, and what runs there.
pub(crate) struct House {
    pub(crate) stage: Stage,
    /// The token of the account in the cluster.
    pub(crate) account: String,
    /// The token of the API user that is due.
    pub(crate) old: String,
}

/// What the pages of the kinds ask for, and nothing else.
pub(crate) fn rules() -> Vec<Rule> {
    let (look, change) = (["get"].as_slice(), ["get", "patch"].as_slice());
    let cronjobs = ["signon-auto-rotate-internal-tokens", "signon-sync-token-secrets-to-k8s"];
    vec![
        Rule::new("opa", "secrets", change, &["das", "made"]),
        Rule::new("opa", "secrets", &["create"], &[]),
        Rule::new("opa", "deployments", change, &["opa"]),
        Rule::new("opa", "statefulsets", change, &["store"]),
        Rule::new("opa", "daemonsets", change, &["agent"]),
        Rule::new("apps", "secrets", look, &[SYNCED, "signon-app-publishing-api"]),
        Rule::new("apps", "cronjobs", look, &cronjobs),
        Rule::new("apps", "jobs", &["get", "create"], &[]),
        Rule::new("apps", "deployments", change, &[READER]),
    ]
}

impl House {
    /// An estate with these tokens. The Secret `das` holds GitLab's deploy token, which is due, and a key of others.
    pub(crate) fn set(tokens: &str) -> Self {
        let stage = Stage::set();
        let (now, deploy) = (stage.sandbox.now(), stage.deploy.value.clone());
        let (account, old) = stage.sandbox.kubernetes(|cluster| {
            cluster.job_takes = Duration::from_millis(50);
            cluster.rollout_takes = Duration::from_millis(100);
            cluster.controller_lag = Duration::from_millis(40);
            cluster.add_secret("opa", "das", &[("token", &deploy)], "tokenwheel-token");
            cluster.overwrite("opa", "das", "other", "theirs", "somebody");
            for (kind, name) in [(Kind::Deployment, "opa"), (Kind::StatefulSet, "store"), (Kind::DaemonSet, "agent")] {
                cluster.add_workload("opa", kind, name, &[("das", "token")]);
            }
            cluster.add_signon_cronjobs("apps");
            let signon = &mut cluster.signon;
            signon.add_application(APP);
            signon.add_application("Router API");
            signon.add_api_user("Collections Publisher", USER);
            let old = signon.add_token(USER, APP, now - TimeDelta::days(700), TimeDelta::days(730));
            cluster.nightly_sync("apps");
            cluster.add_workload("apps", Kind::Deployment, READER, &[(SYNCED, "bearer_token")]);
            (cluster.add_account("apps:wheel", Some(&rules())), old)
        });
        let house = Self { stage, account, old };
        std::fs::create_dir(house.stage.path("account")).unwrap();
        std::fs::write(house.stage.path("account/token"), &house.account).unwrap();
        house.write_kubeconfig(&format!("token: {}", house.account));
        house.write(&CONFIG.replace("{tokens}", tokens));
        house.pass(TimeDelta::hours(1));
        house
    }

    /// The deploy token, with one destination.
    pub(crate) fn deploying_to(place: &str) -> Self {
        let issuer = "{ kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }";
        Self::set(&format!("  deploy:\n    issuer: {issuer}\n    destinations: [{place}]"))
    }

    /// The token of the API user; `more` are further keys of its issuer.
    pub(crate) fn publishing(more: &str) -> Self {
        let keys = format!("user: {USER}, name: Collections Publisher, application: {APP}{more}");
        let place = format!("{{ kind: signon/synced-secret, name: {SYNCED}, restart: [deployment/{READER}] }}");
        let issuer = format!("{{ kind: signon/api-token, {keys} }}");
        Self::set(&format!("  publisher:\n    issuer: {issuer}\n    destinations: [{place}]"))
    }

    pub(crate) fn write_kubeconfig(&self, user: &str) {
        let server = &self.stage.served.kubernetes;
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: opa\n\
             clusters:\n- name: one\n  cluster:\n    server: {server}\n\
             contexts:\n- name: opa\n  context: {{ cluster: one, user: wheel }}\n\
             users:\n- name: wheel\n  user:\n    {user}\n"
        );
        std::fs::write(self.stage.path("kubeconfig"), text).unwrap();
    }

    /// Writes a config; the words in braces stand for addresses.
    pub(crate) fn write(&self, config: &str) {
        let served = &self.stage.served;
        let config = config.replace("{kubernetes}", &served.kubernetes).replace("{signon}", &served.signon);
        self.stage.write(&config.replace("{publishing-api}", &served.publishing_api));
    }

    /// Changes the config that was written.
    pub(crate) fn amend(&self, from: &str, to: &str) {
        let config = std::fs::read_to_string(self.stage.path("tokenwheel.yml")).unwrap();
        assert!(config.contains(from), "{from}");
        self.write(&config.replace(from, to));
    }

    /// The next job: its environment has the variables as they are now.
    pub(crate) fn run(&mut self, args: &[&str]) -> Ran {
        for key in ["GITLAB_REFRESHER", "GITLAB_SPARE"] {
            self.stage.environment.insert(key.to_owned(), self.stage.held("projects/acme/tokenwheel", key, "*"));
        }
        let ran = self.stage.run(args);
        assert_eq!(tokenwheel_sandbox::violations(&self.stage.sandbox.exchanges()), Vec::<String>::new(), "{ran}");
        ran
    }

    /// `rotate --only NAME`
    pub(crate) fn rotate(&mut self, name: &str) -> Ran {
        self.run(&["rotate", "--only", name])
    }

    /// `rotate --only NAME --force`
    pub(crate) fn force(&mut self, name: &str) -> Ran {
        self.run(&["rotate", "--only", name, "--force", "--reason", "a test asks for it"])
    }

    pub(crate) fn cluster<R>(&self, f: impl FnOnce(&mut Kubernetes) -> R) -> R {
        self.stage.sandbox.kubernetes(f)
    }

    pub(crate) fn signon<R>(&self, f: impl FnOnce(&mut Signon) -> R) -> R {
        self.stage.sandbox.signon(f)
    }

    pub(crate) fn inject(&self, method: Method, path: &str, times: usize, what: What) {
        self.stage.sandbox.inject(Fault { at: At::Matching { method, path: path.to_owned(), times }, what });
    }

    /// Time goes by where the services are.
    pub(crate) fn pass(&self, time: TimeDelta) {
        self.stage.sandbox.advance(time);
    }

    /// What was sent to the cluster, to Signon and to the application.
    pub(crate) fn sent(&self, host: &str) -> Vec<Exchange> {
        self.stage.sandbox.exchanges().into_iter().filter(|exchange| exchange.host == host).collect()
    }

    /// What a key of a Secret of `opa` holds.
    pub(crate) fn held(&self, name: &str, key: &str) -> String {
        self.cluster(|cluster| cluster.held("opa", name, key)).unwrap_or_default()
    }

    /// What Signon wrote.
    pub(crate) fn synced(&self) -> String {
        self.cluster(|cluster| cluster.held("apps", SYNCED, "bearer_token")).unwrap_or_default()
    }

    /// What the running pods of a workload of `opa` have read.
    pub(crate) fn pods_of(&self, kind: Kind, name: &str) -> String {
        self.cluster(|cluster| cluster.pods_see("opa", kind, name, "das", "token")).unwrap_or_default()
    }

    /// What the running pods of the application that reads Signon's Secret have read.
    pub(crate) fn pods(&self) -> String {
        let see = |cluster: &mut Kubernetes| cluster.pods_see("apps", Kind::Deployment, READER, SYNCED, "bearer_token");
        self.cluster(see).unwrap_or_default()
    }

    pub(crate) fn restarts(&self, namespace: &str, kind: Kind, name: &str) -> u64 {
        self.cluster(|cluster| cluster.workload(namespace, kind, name)).unwrap().restarts
    }

    /// Whether a value is live at GitLab or at Signon.
    pub(crate) fn is_live(&self, value: &str) -> bool {
        self.stage.sandbox.gitlab(|gitlab| gitlab.is_live(value)) || self.signon(|signon| signon.is_live(value))
    }

    /// GitLab's deploy token as it was before.
    pub(crate) fn deploy(&self) -> &str {
        &self.stage.deploy.value
    }

    /// How many tokens the API user has ever had.
    pub(crate) fn ever(&self) -> usize {
        self.signon(|signon| signon.tokens_of(USER, APP)).len()
    }
}
