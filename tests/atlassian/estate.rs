//! The usual stage, with an organisation, a Data Center and a vault beside its GitLab.

use chrono::TimeDelta;
use tokenwheel_sandbox::atlassian::{ApiToken, Atlassian, Client, Key, Pat};
use tokenwheel_sandbox::vault::Vault;
use tokenwheel_sandbox::violations;

use crate::stage::{Ran, Stage};

/// The example of the runbook.
const EXAMPLE: &str = include_str!("../../examples/atlassian.yml");
const SUBJECT: &str = "project_path:acme/tokenwheel:ref_type:branch:ref:main";
pub(super) const EMAIL: &str = "robot@acme.example";

/// A stage, and what was seeded besides.
pub(super) struct Estate {
    pub(super) stage: Stage,
    pub(super) robot: String,
    pub(super) client: Client,
    pub(super) app: Client,
    /// The Jira token that is due, and the one that the wheel logs in with.
    pub(super) pat: Pat,
    pub(super) wheel: Pat,
    pub(super) legacy: ApiToken,
    pub(super) key: Key,
    /// The refresh token that a person allowed.
    pub(super) first: String,
}

impl Estate {
    /// Everything that the example names, and the example.
    pub(super) fn set() -> Self {
        let mut stage = Stage::set();
        let now = stage.sandbox.now();
        let (ago, dies) = (|days| now - TimeDelta::days(days), |days| now + TimeDelta::days(days));
        let (robot, client, app, first, pat, wheel, legacy, key) = stage.sandbox.atlassian(|atlassian| {
            let robot = atlassian.add_account("Robot", EMAIL);
            let client = atlassian.add_client(&robot, &["read:jira-user", "write:jira-work"]);
            let (app, first) = atlassian.add_grant(&robot, &["offline_access", "read:jira-work"]);
            let pat = atlassian.add_pat(&robot, "ci", ago(25), Some(dies(5)));
            let wheel = atlassian.add_pat(&robot, "tokenwheel", ago(10), Some(dies(50)));
            let legacy = atlassian.add_api_token(&robot, "legacy-script", ago(100), dies(200));
            let key = atlassian.add_key("tokenwheel", &SCOPES, ago(10), dies(200));
            (robot, client, app, first, pat, wheel, legacy, key)
        });
        let jwt = stage.sandbox.vault(|vault| {
            vault.add_mount("secret", 2);
            vault.put(
                "secret",
                "ci/wheel",
                &[
                    ("ATLASSIAN_ADMIN_KEY", &key.value),
                    ("ATLASSIAN_CLIENT_SECRET", &client.secret),
                    ("DESK_APP_SECRET", &app.secret),
                    ("JIRA_REFRESHER", &wheel.value),
                ],
            );
            vault.put("secret", "ci/desk", &[("REFRESH_TOKEN", &first), ("OWNER", "desk")]);
            let held = [("JIRA_TOKEN", pat.value.as_str()), ("JIRA_API_TOKEN", &legacy.value), ("OWNER", "app")];
            vault.put("secret", "ci/app", &held);
            let policy: &[(&str, &[&str])] = &[("secret/data/ci/*", &["read", "update"])];
            vault.add_jwt_role("jwt", "tokenwheel", SUBJECT, policy, TimeDelta::minutes(20));
            vault.add_jwt(SUBJECT, TimeDelta::hours(1))
        });
        stage.keep("projects/acme/app", "JIRA_ACCESS_TOKEN", "none-was-made-yet");
        stage.environment.insert("VAULT_ID_TOKEN".to_owned(), jwt);
        let estate = Self { stage, robot, client, app, pat, wheel, legacy, key, first };
        estate.write(EXAMPLE);
        estate
    }

    /// The same with another config.
    pub(super) fn with(config: &str) -> Self {
        let estate = Self::set();
        estate.write(config);
        estate
    }

    /// Writes a config, its addresses and names being those of the sandbox.
    pub(super) fn write(&self, config: &str) {
        let served = &self.stage.served;
        let hosts = ["https://api.atlassian.com", "https://auth.atlassian.com", "https://jira.example.com"];
        let mut config = config.to_owned();
        for host in hosts.into_iter().chain(["https://acme.atlassian.net"]) {
            config = config.replace(host, &served.atlassian);
        }
        let names = [
            ("https://gitlab.example.com", &served.gitlab),
            ("https://vault.example.com", &served.vault),
            ("robot-client", &self.client.id),
            ("desk-app", &self.app.id),
            ("712020:robot", &self.robot),
        ];
        for (name, real) in names {
            config = config.replace(name, real);
        }
        self.stage.write(&config);
    }

    /// Runs it. Whatever it prints, no value is in it; whatever it sends, the services know.
    pub(super) fn run(&self, args: &[&str]) -> Ran {
        self.stage.sandbox.forget_exchanges();
        let ran = self.stage.run(args);
        assert_eq!(violations(&self.stage.sandbox.exchanges()), Vec::<String>::new(), "{ran}");
        assert_eq!(self.vault(|vault| vault.sessions()), 0, "a session was left open:\n{ran}");
        assert!(!self.atlassian(|atlassian| atlassian.bulk_revoked), "everything was revoked:\n{ran}");
        ran
    }

    pub(super) fn vault<R>(&self, look: impl FnOnce(&mut Vault) -> R) -> R {
        self.stage.sandbox.vault(look)
    }

    pub(super) fn atlassian<R>(&self, look: impl FnOnce(&mut Atlassian) -> R) -> R {
        self.stage.sandbox.atlassian(look)
    }

    /// What a key of a secret holds.
    pub(super) fn held(&self, path: &str, key: &str) -> String {
        self.vault(|vault| vault.held("secret", path, key)).unwrap_or_default()
    }

    pub(super) fn is_live(&self, value: &str) -> bool {
        self.atlassian(|atlassian| atlassian.is_live(value))
    }
}

const SCOPES: [&str; 4] = ["read:tokens:admin", "delete:tokens:admin", "read:keys:admin", "delete:keys:admin"];
