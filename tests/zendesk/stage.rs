//! The usual estate beside a Zendesk: two clients that can save each other, a webhook, and an app.

use http::Method;
use serde_json::{Value, json};
use tokenwheel_sandbox::zendesk::{Role, Zendesk};
use tokenwheel_sandbox::{At, Exchange, Fault, What};

use crate::wheel::{Ran, Stage};

pub(crate) const WHEEL: &str = "projects/acme/tokenwheel";
pub(crate) const APP: &str = "projects/acme/app";

/// The connections and their refreshers; `{tokens}` are those that a test is about.
const CONFIG: &str = r#"version: 1
every: 12h

connections:
  gitlab: { service: gitlab, url: "{gitlab}", token: env:GITLAB_REFRESHER, spare: env:GITLAB_SPARE }
  zendesk:
    service: zendesk
    url: "{zendesk}"
    client_id: wheel
    token: env:ZENDESK_SECRET
    spare_client_id: wheel-spare
    spare: env:ZENDESK_SPARE

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
  zendesk-secret:
    refreshes: zendesk
    rotate: { after: 60d }
    issuer: { kind: zendesk/oauth-client-secret, client_id: wheel }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: ZENDESK_SECRET }]
  zendesk-spare:
    refreshes: zendesk.spare
    rotate: { after: 60d }
    issuer: { kind: zendesk/oauth-client-secret, client_id: wheel-spare }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: ZENDESK_SPARE }]

ledger: { kind: file, path: ledger.json }
"#;

/// What a Zendesk holds, and the number of its app's installation.
pub(crate) struct Desk {
    pub(crate) stage: Stage,
    pub(crate) admin: u64,
    pub(crate) app: u64,
}

impl Desk {
    /// An estate with these tokens; `{app}` is the number of the installation.
    pub(crate) fn set(tokens: &str) -> Self {
        let mut stage = Stage::set();
        let before = stage.deploy.value.clone();
        let (admin, app, secrets) = stage.sandbox.zendesk(|zendesk| {
            let admin = zendesk.add_user("Ada", Role::Admin);
            let secrets = ["wheel", "wheel-spare"].map(|client| zendesk.add_client(client, admin));
            zendesk.add_webhook("01HOOK", "Pager", "https://hooks.example.com/in?a=b");
            zendesk.authenticate_webhook("01HOOK", "bearer_token", "header", &json!({ "token": before }));
            let app = zendesk.install(7, &[("title", "Pager"), ("team", "one")], &[("api_token", &before)]);
            (admin, app, secrets)
        });
        for (key, secret) in ["ZENDESK_SECRET", "ZENDESK_SPARE"].iter().zip(secrets) {
            stage.keep(WHEEL, key, &secret);
            stage.environment.insert((*key).to_owned(), secret);
        }
        let desk = Self { stage, admin, app };
        desk.write(&CONFIG.replace("{tokens}", tokens));
        desk
    }

    /// The deploy token, which is due, with one destination.
    pub(crate) fn deploying_to(place: &str) -> Self {
        let issuer = "{ kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }";
        Self::set(&format!("  deploy:\n    issuer: {issuer}\n    destinations: [{place}]"))
    }

    pub(crate) fn write(&self, config: &str) {
        let config = config.replace("{app}", &self.app.to_string());
        self.stage.write(&config.replace("{zendesk}", &self.stage.served.zendesk));
    }

    /// Changes the config that was written.
    pub(crate) fn amend(&self, from: &str, to: &str) {
        let config = std::fs::read_to_string(self.stage.path("tokenwheel.yml")).unwrap();
        assert!(config.contains(from), "{from}");
        self.write(&config.replace(from, to));
    }

    /// The next job: its environment has the variables as they are now.
    pub(crate) fn run(&mut self, args: &[&str]) -> Ran {
        for key in ["GITLAB_REFRESHER", "GITLAB_SPARE", "ZENDESK_SECRET", "ZENDESK_SPARE"] {
            self.stage.environment.insert(key.to_owned(), self.stage.held(WHEEL, key, "*"));
        }
        self.run_again(args)
    }

    /// A job with the environment of the one before.
    pub(crate) fn run_again(&self, args: &[&str]) -> Ran {
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

    pub(crate) fn zendesk<R>(&self, f: impl FnOnce(&mut Zendesk) -> R) -> R {
        self.stage.sandbox.zendesk(f)
    }

    /// Whether a value is live at GitLab or at Zendesk.
    pub(crate) fn is_live(&self, value: &str) -> bool {
        self.stage.sandbox.gitlab(|gitlab| gitlab.is_live(value)) || self.zendesk(|zendesk| zendesk.is_live(value))
    }

    pub(crate) fn old(&self) -> &str {
        &self.stage.deploy.value
    }

    pub(crate) fn inject(&self, method: Method, path: &str, times: usize, what: What) {
        self.stage.sandbox.inject(Fault { at: At::Matching { method, path: path.to_owned(), times }, what });
    }

    /// What was sent to Zendesk.
    pub(crate) fn sent(&self) -> Vec<Exchange> {
        let all = self.stage.sandbox.exchanges().into_iter();
        all.filter(|exchange| exchange.host.starts_with("zendesk")).collect()
    }

    /// The scopes that were asked for, in order.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let grants = self.sent().into_iter().filter(|exchange| exchange.target == "/oauth/tokens");
        let body = |exchange: Exchange| serde_json::from_slice::<Value>(&exchange.request_body).unwrap();
        grants.map(|exchange| body(exchange)["scope"].as_str().unwrap().to_owned()).collect()
    }

    /// The credential of the webhook.
    pub(crate) fn hook(&self) -> String {
        self.zendesk(|zendesk| zendesk.webhook_secret("01HOOK")).unwrap_or_default()
    }

    /// A setting of the app.
    pub(crate) fn setting(&self, name: &str) -> String {
        self.zendesk(|zendesk| zendesk.installation(self.app)).unwrap().settings[name].clone()
    }
}
