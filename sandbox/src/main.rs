//! A sandbox on loopback for other people's clients: it prints where it is and what it holds, as one line of JSON, and
//! runs until its standard input is closed.
//!
//! Everything in the line is made up and worth nothing outside.

use std::io::{self, Read, Write};
use std::time::Duration;

use chrono::{DateTime, Days, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use tokenwheel_sandbox::github::{GitHub, Store};
use tokenwheel_sandbox::gitlab::{GitLab, Variable};
use tokenwheel_sandbox::kubernetes::{Kind, Kubernetes, Rule};
use tokenwheel_sandbox::signon::Token;
use tokenwheel_sandbox::styra::{Role, Styra};
use tokenwheel_sandbox::{Sandbox, Served};

const MAINTAINER: u8 = 40;
const OWNER: u8 = 50;

fn main() -> io::Result<()> {
    let now = now();
    let sandbox = Sandbox::new(1, now);
    let gitlab = sandbox.gitlab(|gitlab| furnish_gitlab(gitlab, now));
    let styra = sandbox.styra(|styra| furnish_styra(styra, now));
    let github = sandbox.github(|github| furnish_github(github, now));
    let kubernetes = sandbox.kubernetes(|cluster| furnish_kubernetes(cluster, now));
    let served = Served::start(sandbox)?;

    let line = json!({
        "now": now.to_rfc3339(),
        "gitlab": { "url": served.gitlab, "seeded": gitlab },
        "styra": { "url": served.styra, "seeded": styra },
        "github": { "url": served.github, "seeded": github },
        "kubernetes": { "url": served.kubernetes, "seeded": kubernetes },
        "signon": { "url": served.signon },
    });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(served);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "foreign clients ask for dates counted from the day it is")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A group, a project, a person and an administrator; tokens of every kind, and variables in every place.
fn furnish_gitlab(gitlab: &mut GitLab, now: DateTime<Utc>) -> Value {
    let next_month = now.date_naive().checked_add_days(Days::new(30));
    let admin = gitlab.add_admin("Root");
    let user = gitlab.add_user("Ada Maintainer");
    let group = gitlab.add_group("acme");
    let project = gitlab.add_project("acme/app");
    gitlab.add_member("acme", user, OWNER);
    let account = gitlab.add_service_account("acme", "Wheel");
    gitlab.add_member("acme", account, OWNER);
    let root = gitlab.add_personal_token(admin, "root", &["api"], now, next_month);
    let personal = gitlab.add_personal_token(user, "ada", &["api"], now, next_month);
    let narrow = gitlab.add_personal_token(user, "ada-turns-itself", &["self_rotate"], now, next_month);
    let service = gitlab.add_service_account_token(account, "wheel", &["api"], now, next_month);
    let of_project = gitlab.add_project_token("acme/app", "deploy", &["api"], MAINTAINER, now, next_month);
    let of_group = gitlab.add_group_token("acme", "deploy-all", &["read_api"], MAINTAINER, now, next_month);
    let trigger = gitlab.add_trigger("acme/app", user, "nightly");
    for place in ["projects/acme/app", "groups/acme", "admin"] {
        let (key, value) = ("DEPLOY_TOKEN".to_owned(), of_project.value.clone());
        gitlab.add_variable(place, Variable { key, value, masked: true, ..Variable::default() });
    }
    json!({
        "group": { "id": group, "path": "acme" },
        "project": { "id": project, "path": "acme/app" },
        "users": { "admin": admin, "owner": user, "service_account": account },
        "tokens": {
            "admin": { "id": root.id, "value": root.value },
            "owner": { "id": personal.id, "value": personal.value },
            "self_rotate": { "id": narrow.id, "value": narrow.value },
            "service_account": { "id": service.id, "value": service.value },
            "project": { "id": of_project.id, "value": of_project.value },
            "group": { "id": of_group.id, "value": of_group.value },
        },
        "trigger": { "id": trigger.id, "value": trigger.value },
        "variable": "DEPLOY_TOKEN",
    })
}

/// An administrator, a refresher, and a token for it to turn.
fn furnish_styra(styra: &mut Styra, now: DateTime<Utc>) -> Value {
    let day = TimeDelta::days(1);
    json!({
        "admin": styra.add_token("admin", Role::Admin, day * 30, &[], now),
        "refresher": styra.add_token("refresher", Role::WorkspaceTokenRefresher, day * 7, &["^/v1/tokens/"], now),
        "application-token": styra.add_token("application-token", Role::None, day, &[], now),
    })
}

/// An organisation with a repository, an owner with tokens of both kinds, an App, and one thing of each sort. The private
/// half of the repository's key pair is there for whoever wants to open a box.
fn furnish_github(github: &mut GitHub, now: DateTime<Utc>) -> Value {
    let then = now - TimeDelta::days(9);
    let rights: Vec<(&str, &str)> = [
        "secrets",
        "dependabot_secrets",
        "codespaces_secrets",
        "actions_variables",
        "repository_hooks",
        "environments",
        "administration",
    ]
    .iter()
    .map(|permission| (*permission, "write"))
    .collect();
    github.add_member("acme", "ada");
    let repository = github.add_repository("acme/app");
    github.add_environment("acme/app", "production");
    github.add_secret(Store::Actions, "repos/acme/app", "DEPLOY_TOKEN", "made-up", then);
    github.add_variable("repos/acme/app", "STAGE", "production", then);
    let hook = github.add_hook("repos/acme/app", "https://receiver.example/hook", "made-up-too", then);
    let app = github.add_app(77, "wheel");
    let installation = github.install(77, "acme", &rights, None);
    json!({
        "repository": { "id": repository, "path": "acme/app" },
        "hook": hook,
        "tokens": {
            "fine_grained": github.add_fine_grained_token("ada", "acme", &rights, Some(now + TimeDelta::days(30))),
            "classic": github.add_classic_token("ada", &["repo"], None),
            "job": github.add_job_token("acme/app"),
        },
        "app": { "id": app.id, "installation": installation, "key": app.private_key },
        "private_key": github.private_key(Store::Actions, "repos/acme/app"),
    })
}

/// A cluster in which Signon runs: accounts of three breadths, Secrets of several owners, one workload of each kind that
/// reads one of them, and an API user whose token is due. One CronJob fails whenever it runs.
fn furnish_kubernetes(cluster: &mut Kubernetes, now: DateTime<Utc>) -> Value {
    const USER: &str = "collections-publisher@alphagov.co.uk";
    const APP: &str = "Publishing API";
    const SYNCED: &str = "signon-token-collections-publisher-publishing-api";
    cluster.job_takes = Duration::from_millis(600);
    cluster.rollout_takes = Duration::from_millis(1200);
    cluster.broken_commands.insert("renew_expiring_internal_tokens".to_owned());
    cluster.add_secret("apps", "shared", &[("token", "from-before-0123456789")], "tokenwheel-token");
    cluster.overwrite("apps", "shared", "theirs", "stays", "kubectl");
    cluster.add_secret("apps", "synced", &[("bearer_token", "old")], "external-secrets-controller");
    cluster.add_secret("apps", "frozen", &[("token", "for-ever")], "kubectl-create");
    cluster.amend_secret("apps", "frozen", |secret| secret.immutable = true);
    for (kind, name) in [(Kind::Deployment, "web"), (Kind::StatefulSet, "store"), (Kind::DaemonSet, "agent")] {
        cluster.add_workload("apps", kind, name, &[("shared", "token")]);
    }
    cluster.add_signon_cronjobs("apps");

    let signon = &mut cluster.signon;
    let app = signon.add_application(APP);
    let other = signon.add_application("Router API");
    signon.add_api_user("Collections Publisher", USER);
    let two_years = TimeDelta::days(730);
    let due = signon.add_token(USER, APP, now - TimeDelta::days(700), two_years);
    let foreign = signon.add_token(USER, "Router API", now - TimeDelta::days(9), two_years);
    let may_not = "nobody@alphagov.co.uk";
    signon.add_api_user("Nobody", may_not);
    let unsigned = signon.add_token(may_not, APP, now - TimeDelta::days(9), two_years);
    signon.deny(may_not, APP);
    let expired = signon.add_token(may_not, "Router API", now - two_years, TimeDelta::days(1));
    let spare = signon.add_token(USER, APP, now - TimeDelta::days(705), two_years);
    let named = [("due", due), ("foreign", foreign), ("unsigned", unsigned), ("expired", expired), ("spare", spare)];
    let all = [(USER, APP), (USER, "Router API"), (may_not, APP), (may_not, "Router API")];
    let all: Vec<Token> = all.iter().flat_map(|(user, application)| signon.tokens_of(user, application)).collect();
    let shown = |(name, value): (&str, String)| {
        let token = all.iter().find(|token| token.value == value)?;
        let (made, life) = (token.created_at.timestamp(), token.life.num_seconds());
        let (user, application) = (token.user.clone(), token.application.clone());
        let token = json!({ "value": value, "user": user, "application": application, "made": made, "life": life });
        Some((name.to_owned(), token))
    };
    let tokens: Map<String, Value> = named.into_iter().filter_map(shown).collect();
    let users: Vec<Value> = [USER, may_not]
        .iter()
        .filter_map(|email| signon.api_user(email))
        .map(|user| json!({ "name": user.name, "email": user.email, "signs_in": user.signs_in }))
        .collect();
    cluster.nightly_sync("apps");

    let (look, change) = (["get"].as_slice(), ["get", "patch"].as_slice());
    let wheel = [
        Rule::new("apps", "secrets", change, &["shared", "made", SYNCED, "signon-app-publishing-api"]),
        Rule::new("apps", "secrets", &["create"], &[]),
        Rule::new("apps", "deployments", change, &["web"]),
        Rule::new("apps", "cronjobs", look, &[]),
        Rule::new("apps", "jobs", &["get", "create"], &[]),
    ];
    let signons = [Rule::new("apps", "secrets", &["patch", "create"], &[])];
    json!({
        "namespace": "apps",
        "accounts": {
            "admin": cluster.add_account("kube-system:admin", None),
            "wheel": cluster.add_account("apps:wheel", Some(&wheel)),
            "signon": cluster.add_account("apps:signon", Some(&signons)),
        },
        "signon": {
            "user": USER, "name": "Collections Publisher", "synced": SYNCED,
            "applications": [
                { "name": app.name, "id": app.oauth_id, "secret": app.oauth_secret },
                { "name": other.name, "id": other.oauth_id, "secret": other.oauth_secret },
            ],
            "users": users,
            "tokens": tokens,
        },
    })
}
