//! The usual stage with a GitHub beside its GitLab: a project token of GitLab is due, and lives at GitHub.

use chrono::TimeDelta;
use tokenwheel_sandbox::github::{App, Make, Secret, Store, Token};
use tokenwheel_sandbox::violations;

use crate::stage::{Ran, Stage};

/// What one destination of the token says; the connection stands above.
pub(super) const SECRET: &str = "{ kind: github/actions-secret, repository: acme/app, name: DEPLOY_TOKEN }";

/// What an App needs for everything but Codespaces.
const GRANTED: &[(&str, &str)] = &[
    ("secrets", "write"),
    ("environments", "write"),
    ("actions_variables", "write"),
    ("dependabot_secrets", "write"),
    ("repository_hooks", "write"),
    ("organization_secrets", "write"),
    ("organization_actions_variables", "write"),
    ("organization_hooks", "write"),
    ("contents", "write"),
];

/// A stage, and what was seeded at GitHub.
pub(super) struct Estate {
    pub(super) stage: Stage,
    /// The login of the connection, as keys of the config.
    login: String,
    /// The webhook of the repository, whose receiver takes everything.
    pub(super) hook: u64,
}

impl Estate {
    /// Logged in with the key of an App.
    pub(super) fn with_app() -> Self {
        let mut estate = Self::bare();
        let (app, installation) = estate
            .stage
            .sandbox
            .github(|github| (github.add_app(77, "wheel"), github.install(77, "acme", GRANTED, None)));
        estate.logs_in_as(&app, installation);
        estate
    }

    /// Logs in with the key of that App from now on.
    pub(super) fn logs_in_as(&mut self, app: &App, installation: u64) {
        self.stage.environment.insert("GITHUB_LOGIN".to_owned(), app.private_key.clone());
        self.login = format!("token: env:GITHUB_LOGIN, app: {}, installation: {installation}", app.client_id);
    }

    /// Logged in with a token.
    pub(super) fn with_token(value: impl FnOnce(&mut tokenwheel_sandbox::github::GitHub) -> String) -> Self {
        let mut estate = Self::bare();
        let value = estate.stage.sandbox.github(value);
        estate.stage.environment.insert("GITHUB_LOGIN".to_owned(), value);
        estate
    }

    fn bare() -> Self {
        let stage = Stage::set();
        let then = stage.ago(9);
        let old = stage.deploy.value.clone();
        let hook = stage.sandbox.github(|github| {
            github.add_member("acme", "ada");
            github.add_repository("acme/app");
            github.add_repository("acme/other");
            for place in ["repos/acme/app", "repos/acme/app/prod/eu", "orgs/acme"] {
                github.add_secret(Store::Actions, place, "DEPLOY_TOKEN", &old, then);
            }
            github.show_secret_to(Store::Actions, "acme", "DEPLOY_TOKEN", "selected", &["acme/app", "acme/other"]);
            github.add_secret(Store::Dependabot, "repos/acme/app", "DEPLOY_TOKEN", &old, then);
            github.add_secret(Store::Codespaces, "repos/acme/app", "DEPLOY_TOKEN", &old, then);
            github.add_variable("repos/acme/app", "DEPLOY_TOKEN", &old, then);
            github.add_hook("repos/acme/app", "https://receiver.example/hook", &old, then)
        });
        Self { stage, login: "token: env:GITHUB_LOGIN".to_owned(), hook }
    }

    /// Writes the config, with these destinations of the token that is due.
    pub(super) fn goes_to(&self, destinations: &[&str]) {
        let places: Vec<String> = destinations.iter().map(|place| format!("      - {place}\n")).collect();
        let url = format!("{}/api/v3", self.stage.served.github);
        let config = crate::stage::CONFIG
            .replace(
                "connections:\n",
                &format!("connections:\n  github: {{ service: github, url: \"{url}\", {} }}\n", self.login),
            )
            .replace("      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }\n", &places.concat());
        self.stage.write(&config);
    }

    /// `tokenwheel rotate --only deploy`. Whatever went over the wire, the description allows it.
    pub(super) fn rotate(&self) -> Ran {
        self.stage.sandbox.forget_exchanges();
        let ran = self.stage.run(&["rotate", "--only", "deploy"]);
        let exchanges = self.stage.sandbox.exchanges();
        let github: Vec<_> = exchanges.into_iter().filter(|exchange| exchange.host == "github").collect();
        assert_eq!(violations(&github), Vec::<String>::new(), "{ran}");
        ran
    }

    /// The value of the one live deploy token.
    pub(super) fn live(&self) -> String {
        let live = self.stage.sandbox.gitlab(|gitlab| gitlab.live_tokens("deploy-bot"));
        assert_eq!(live.len(), 1, "one lives, whatever befell it");
        live.into_iter().map(|token| token.value).collect()
    }

    pub(super) fn secret(&self, store: Store, place: &str) -> Secret {
        self.stage.sandbox.github(|github| github.secret(store, place, "DEPLOY_TOKEN")).unwrap()
    }

    /// Every session that the App was given.
    pub(super) fn sessions(&self) -> Vec<Token> {
        self.stage.sandbox.github(|github| github.tokens_of(Make::Installation))
    }

    /// How many requests went there since the last rotation began.
    pub(super) fn count(&self, method: &str, path: &str) -> usize {
        let exchanges = self.stage.sandbox.exchanges();
        exchanges.iter().filter(|one| one.host == "github" && one.method == method && one.target.contains(path)).count()
    }

    /// A while passes, so that what is written next is written at another time.
    pub(super) fn wait(&self) {
        self.stage.sandbox.advance(TimeDelta::seconds(5));
    }
}
