//! Tokens of the other services, each kept in a variable of GitLab: those that replace, one that nobody can be asked
//! about, one that is made at every run.
#![allow(dead_code, reason = "each suite uses its own part of it")]

use tokenwheel_sandbox::gitlab::Seeded;

use crate::common::{Acme, Bench};
use crate::estate::{Estate, Kept, Other, Scenario, Subject, kept};
use crate::estates::{API, APP, connected, refreshers, strangers};

/// All of them.
pub(crate) const ALL: &[Scenario] = &[RUNNER, SECRET, USER_TOKEN];

/// A pair of refreshers of GitLab, and the tokens of another service.
fn beside(
    bench: &mut Bench,
    acme: &Acme,
    connection: &str,
    others: &str,
    tokens: Vec<Kept>,
    forced: &'static [&'static [&'static str]],
) -> Estate {
    let mut all = refreshers(bench, acme, 60, Some(60));
    all.extend(tokens);
    let strangers = strangers(bench, acme);
    let config = connected(connection, others, 60, Some(60));
    Estate { config, tokens: all, strangers, forced, deferred: 0, lonely: None }
}

static RUNNERS: Other = Other {
    made: |exchange| exchange.acted.is_some() && exchange.target.ends_with("/reset_authentication_token"),
    live: |sandbox, value| sandbox.gitlab(|gitlab| gitlab.runner(901).is_some_and(|runner| runner.value == value)),
    living: |_| Vec::new(),
    ephemeral: false,
    unasked: false,
};

/// A runner's token, reset in place, in two places.
pub(crate) const RUNNER: Scenario = Scenario {
    name: "runner",
    found: |bench| {
        let acme = Acme::found(bench);
        let Seeded { id, value } = bench.sandbox.gitlab(|gitlab| gitlab.add_runner("projects/acme/app"));
        bench.keep("acme/app", "RUNNER", &value);
        bench.keep("acme/api", "RUNNER", &value);
        let others = format!(
            r"
  runner:
    issuer: {{ kind: gitlab/runner-token, runner: {id} }}
    rotate: {{ after: 6d }}
    destinations:
      - {{ kind: gitlab/ci-variable, project: acme/app, key: RUNNER }}
      - {{ kind: gitlab/ci-variable, project: acme/api, key: RUNNER }}"
        );
        let tokens = vec![kept("runner", Subject::Other(&RUNNERS), &[(APP, "RUNNER"), (API, "RUNNER")])];
        beside(bench, &acme, "", &others, tokens, &[&["runner"]])
    },
};

static SECRETS: Other = Other {
    made: |_| false,
    // Nobody but those who share it can say which one is right.
    live: |sandbox, value| {
        let held = |place: &str| sandbox.gitlab(|gitlab| gitlab.variable(place, "SHARED", "*")).map(|held| held.value);
        held(APP).as_deref() == Some(value) && held(API).as_deref() == Some(value)
    },
    living: |_| Vec::new(),
    ephemeral: false,
    unasked: true,
};

/// A secret that is made here, for a receiver and a sender.
pub(crate) const SECRET: Scenario = Scenario {
    name: "secret",
    found: |bench| {
        let acme = Acme::found(bench);
        let value = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        bench.keep("acme/app", "SHARED", value);
        bench.keep("acme/api", "SHARED", value);
        let others = r"
  shared:
    issuer: { kind: random/secret, name: orders, form: whsec, ttl: 9d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: SHARED, first: true }
      - { kind: gitlab/ci-variable, project: acme/api, key: SHARED }";
        let tokens = vec![kept("shared", Subject::Other(&SECRETS), &[(APP, "SHARED"), (API, "SHARED")])];
        beside(bench, &acme, "", others, tokens, &[&["shared"]])
    },
};

static PAIRS: Other = Other {
    made: |exchange| {
        let refreshes = String::from_utf8_lossy(&exchange.request_body).contains("grant_type=refresh_token");
        refreshes && matches!(&exchange.acted, Some((200, body)) if String::from_utf8_lossy(body).contains("ghu_"))
    },
    live: |sandbox, value| {
        let grant = sandbox.github(|github| github.grant("Iv1.a", "ada"));
        grant.is_some_and(|grant| !grant.ended && grant.refresh.0 == value)
    },
    living: |_| Vec::new(),
    ephemeral: false,
    unasked: true,
};

/// The pair of a GitHub App's user, which exchanges itself.
pub(crate) const USER_TOKEN: Scenario = Scenario {
    name: "user-token",
    found: |bench| {
        let acme = Acme::found(bench);
        let created = bench.days_ago(2);
        let (grant, login) = bench.sandbox.github(|github| {
            let grant = github.add_grant("Iv1.a", "ada", true, &[("contents", "read")], created);
            (grant, github.add_classic_token("ada", &["repo"], None))
        });
        bench.keep("acme/app", "PAIR", &grant.refresh.0);
        bench.variables.push((APP.to_owned(), "PAIR".to_owned()));
        bench.environment.insert("GITHUB_LOGIN".to_owned(), login);
        let github = "github: { service: github, url: 'https://github.sandbox', token: env:GITHUB_LOGIN }";
        let others = r"
  pair:
    issuer: { kind: github/user-token, client_id: Iv1.a, user: ada, dies_with: refresh, self: env:PAIR }
    rotate: { after: 6d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: PAIR }]";
        let tokens = vec![kept("pair", Subject::Other(&PAIRS), &[(APP, "PAIR")])];
        Estate { lonely: Some("pair"), ..beside(bench, &acme, github, others, tokens, &[&["pair"]]) }
    },
};
