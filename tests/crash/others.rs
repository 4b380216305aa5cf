//! Tokens of the other services, each kept in a variable of GitLab: those that replace, one that nobody can be asked
//! about, one that is made at every run.
#![allow(dead_code, reason = "each suite uses its own part of it")]

use tokenwheel_sandbox::Exchange;
use tokenwheel_sandbox::gitlab::Seeded;
use tokenwheel_sandbox::zendesk::Role;

use crate::common::{Acme, Bench};
use crate::estate::{Estate, Kept, Other, Scenario, Subject, kept};
use crate::estates::{API, APP, WHEEL, connected, refreshers, strangers};
use crate::general::{GRANT, KEY, PERSON};

/// All of them.
pub(crate) const ALL: &[Scenario] =
    &[RUNNER, SECRET, USER_TOKEN, CLIENT_SECRET, CLIENT_SECRETS, ACCESS_TOKEN, REFRESH_TOKEN, GRANT, KEY, PERSON];

/// A pair of refreshers of GitLab, and the tokens of another service.
pub(crate) fn beside(
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

/// What Zendesk answers when it has made a new secret, or a token.
fn zendesk_made(exchange: &Exchange, path: &str) -> bool {
    exchange.host == "zendesk" && matches!(exchange.acted, Some((200 | 201, _))) && exchange.target.contains(path)
}

static CLIENT_SECRETS_OF_WHEEL: Other = Other {
    made: |exchange| zendesk_made(exchange, "/generate_secret"),
    live: |sandbox, value| {
        sandbox.zendesk(|zendesk| zendesk.client("wheel")).is_some_and(|client| client.secret == value)
    },
    living: |_| Vec::new(),
    ephemeral: false,
    unasked: false,
};

static CLIENT_SECRETS_OF_SPARE: Other = Other {
    made: |_| false,
    live: |sandbox, value| {
        sandbox.zendesk(|zendesk| zendesk.client("wheel-spare")).is_some_and(|client| client.secret == value)
    },
    living: |_| Vec::new(),
    ephemeral: false,
    unasked: false,
};

static ACCESS_TOKENS: Other = Other {
    made: |exchange| zendesk_made(exchange, "/oauth/tokens"),
    live: |sandbox, value| sandbox.zendesk(|zendesk| zendesk.is_live(value)),
    living: |_| Vec::new(),
    ephemeral: true,
    unasked: false,
};

/// A Zendesk with one client, and the config of its connection.
fn zendesk(bench: &mut Bench, spare: bool) -> String {
    let (secret, other) = bench.sandbox.zendesk(|zendesk| {
        let admin = zendesk.add_user("Ada", Role::Admin);
        (zendesk.add_client("wheel", admin), zendesk.add_client("wheel-spare", admin))
    });
    bench.keep("acme/tokenwheel", "ZENDESK", &secret);
    bench.variables.push((WHEEL.to_owned(), "ZENDESK".to_owned()));
    let more = if spare {
        bench.keep("acme/tokenwheel", "ZENDESK_SPARE", &other);
        bench.variables.push((WHEEL.to_owned(), "ZENDESK_SPARE".to_owned()));
        ", spare: env:ZENDESK_SPARE, spare_client_id: wheel-spare"
    } else {
        ""
    };
    format!(
        "zendesk: {{ service: zendesk, url: 'https://zendesk.sandbox', client_id: wheel, token: env:ZENDESK{more} }}"
    )
}

const CLIENT: &str = r"
  client:
    refreshes: zendesk
    accept_risk: this is what is tried here
    issuer: { kind: zendesk/oauth-client-secret, client_id: wheel }
    rotate: { after: 6d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: ZENDESK }]";

/// The only secret of a Zendesk connection turns itself.
pub(crate) const CLIENT_SECRET: Scenario = Scenario {
    name: "client-secret",
    found: |bench| {
        let acme = Acme::found(bench);
        let connection = zendesk(bench, false);
        let tokens = vec![kept("client", Subject::Other(&CLIENT_SECRETS_OF_WHEEL), &[(WHEEL, "ZENDESK")])];
        Estate { lonely: Some("client"), ..beside(bench, &acme, &connection, CLIENT, tokens, &[&["client"]]) }
    },
};

/// One of two secrets of a Zendesk connection is turned by the other.
pub(crate) const CLIENT_SECRETS: Scenario = Scenario {
    name: "client-secrets",
    found: |bench| {
        let acme = Acme::found(bench);
        let connection = zendesk(bench, true);
        let others = format!(
            "{CLIENT}{}",
            r"
  client-spare:
    refreshes: zendesk.spare
    issuer: { kind: zendesk/oauth-client-secret, client_id: wheel-spare }
    rotate: { after: 60d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/tokenwheel, key: ZENDESK_SPARE }]"
        );
        let tokens = vec![
            kept("client", Subject::Other(&CLIENT_SECRETS_OF_WHEEL), &[(WHEEL, "ZENDESK")]),
            kept("client-spare", Subject::Other(&CLIENT_SECRETS_OF_SPARE), &[(WHEEL, "ZENDESK_SPARE")]),
        ];
        beside(bench, &acme, &connection, &others, tokens, &[&["client"]])
    },
};

/// An access token of Zendesk, made at every run.
pub(crate) const ACCESS_TOKEN: Scenario = Scenario {
    name: "access-token",
    found: |bench| {
        let acme = Acme::found(bench);
        let connection = zendesk(bench, false);
        let value = bench.sandbox.zendesk(|zendesk| zendesk.add_token("wheel", &["tickets:read"], None)).value;
        bench.keep("acme/app", "TICKETS", &value);
        let others = r"
  tickets:
    issuer: { kind: zendesk/oauth-token, scopes: ['tickets:read'], ttl: 47h }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: TICKETS }]";
        let tokens = vec![kept("tickets", Subject::Other(&ACCESS_TOKENS), &[(APP, "TICKETS")])];
        beside(bench, &acme, &connection, others, tokens, &[&["tickets"]])
    },
};

static REFRESH_TOKENS: Other = Other {
    made: |exchange| {
        let refreshes = String::from_utf8_lossy(&exchange.request_body).contains("refresh_token");
        refreshes && exchange.host == "atlassian" && matches!(exchange.acted, Some((200, _)))
    },
    live: |sandbox, value| {
        sandbox.atlassian(|atlassian| atlassian.live_refresh_tokens().iter().any(|live| live == value))
    },
    living: |_| Vec::new(),
    ephemeral: false,
    unasked: true,
};

/// The refresh token of an app of Atlassian, which exchanges itself.
pub(crate) const REFRESH_TOKEN: Scenario = Scenario {
    name: "refresh-token",
    found: |bench| {
        let acme = Acme::found(bench);
        let (client, value) = bench.sandbox.atlassian(|atlassian| {
            let robot = atlassian.add_account("robot", "robot@example.com");
            atlassian.add_grant(&robot, &["offline_access", "read:jira-user"])
        });
        bench.keep("acme/app", "GRANT", &value);
        bench.variables.push((APP.to_owned(), "GRANT".to_owned()));
        bench.environment.insert("CLIENT_SECRET".to_owned(), client.secret.clone());
        let id = &client.id;
        let connection = format!(
            "atlassian: {{ service: atlassian, url: 'https://atlassian.sandbox', client_id: {id}, token: env:CLIENT_SECRET }}"
        );
        let others = r"
  grant:
    issuer: { kind: atlassian/oauth-refresh-token, name: robot, self: env:GRANT }
    rotate: { after: 6d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: GRANT }]";
        let tokens = vec![kept("grant", Subject::Other(&REFRESH_TOKENS), &[(APP, "GRANT")])];
        Estate { lonely: Some("grant"), ..beside(bench, &acme, &connection, others, tokens, &[&["grant"]]) }
    },
};
