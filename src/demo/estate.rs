//! A small estate as a team has it before tokenwheel: tokens of various ages, kept in CI/CD variables.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::gitlab::{GitLab, Variable};
use tokenwheel_sandbox::styra::Role;

/// Fills a sandbox, and returns the environment that a job of `acme/tokenwheel` would be started with.
pub(super) fn furnish(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let now = sandbox.now();
    let day = |days: i64| (now + TimeDelta::days(days)).date_naive();
    let ago = |days: i64| now - TimeDelta::days(days);
    let styra = sandbox.styra(|styra| {
        styra.refresher_may_read = true;
        let life = TimeDelta::days(3);
        let agent =
            styra.add_token("application-token", Role::None, life, &["^/v1/data/.*"], ago(2) - TimeDelta::hours(6));
        let paths = &["^/v1/tokens/.*"];
        let refresher =
            styra.add_token("refresher", Role::WorkspaceTokenRefresher, TimeDelta::days(30), paths, ago(12));
        (agent, refresher)
    });
    sandbox.set_now(ago(50));
    let trigger = sandbox.gitlab(|gitlab| {
        gitlab.add_group("acme");
        let bot = gitlab.add_user("platform-bot");
        gitlab.add_member("acme", bot, 50);
        for project in ["acme/app", "acme/api", "acme/tokenwheel"] {
            gitlab.add_project(project);
        }
        (bot, gitlab.add_trigger("acme/app", bot, "nightly build").value)
    });
    sandbox.set_now(now);
    let env = sandbox.gitlab(|gitlab| gitlab_side(gitlab, &day, &ago, styra, trigger));
    env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

type Env = Vec<(&'static str, String)>;

fn gitlab_side(
    gitlab: &mut GitLab,
    day: &dyn Fn(i64) -> NaiveDate,
    ago: &dyn Fn(i64) -> DateTime<Utc>,
    (agent, das): (String, String),
    (bot, trigger): (u64, String),
) -> Env {
    let refresher = gitlab.add_personal_token(bot, "tokenwheel-refresher", &["api"], ago(45), Some(day(15)));
    let spare = gitlab.add_personal_token(bot, "tokenwheel-spare", &["api"], ago(15), Some(day(45)));
    let app = gitlab.add_project_token("acme/app", "deploy-bot", &["api"], 40, ago(25), Some(day(5)));
    let api = gitlab.add_project_token("acme/api", "deploy-bot", &["api"], 40, ago(3), Some(day(27)));
    let variable = |key: &str, value: &str| Variable {
        key: key.to_owned(),
        value: value.to_owned(),
        masked: true,
        protected: true,
        ..Variable::default()
    };
    let production = Variable { environment_scope: "production".to_owned(), ..variable("DAS_TOKEN", &agent) };
    gitlab.add_variable("projects/acme/app", production);
    gitlab.add_variable("projects/acme/app", variable("DEPLOY_TOKEN", &app.value));
    gitlab.add_variable("projects/acme/api", variable("DEPLOY_TOKEN", &api.value));
    gitlab.add_variable("projects/acme/api", variable("NIGHTLY_TRIGGER", &trigger));
    gitlab.add_variable("projects/acme/tokenwheel", variable("GITLAB_REFRESHER", &refresher.value));
    gitlab.add_variable("projects/acme/tokenwheel", variable("GITLAB_SPARE", &spare.value));
    gitlab.add_variable("projects/acme/tokenwheel", variable("DAS_REFRESHER", &das));
    vec![("GITLAB_REFRESHER", refresher.value), ("GITLAB_SPARE", spare.value), ("DAS_REFRESHER", das)]
}
