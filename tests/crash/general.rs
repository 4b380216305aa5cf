//! Tokens of any OAuth server and of any API, and one that a person makes; each kept in variables of GitLab.
#![allow(dead_code, reason = "each suite uses its own part of it")]

use chrono::TimeDelta;
use tokenwheel_sandbox::http_api::Family;
use tokenwheel_sandbox::oauth::ClientAuth;

use crate::common::Acme;
use crate::estate::{Estate, Other, Scenario, Subject, kept};
use crate::estates::{API, APP};
use crate::others::beside;

static GRANTS: Other = Other {
    made: |exchange| {
        let refreshes = String::from_utf8_lossy(&exchange.request_body).contains("grant_type=refresh_token");
        refreshes && exchange.host == "oauth" && matches!(exchange.acted, Some((200, _)))
    },
    live: |sandbox, value| {
        let grant = sandbox.oauth(|oauth| oauth.grant("wheel", "ada"));
        grant.is_some_and(|grant| grant.refresh == value) && sandbox.oauth(|oauth| oauth.is_live(value))
    },
    living: |_| Vec::new(),
    ephemeral: false,
    unasked: true,
};

/// A refresh token of a server that ends the whole grant when it is shown a spent one.
pub(crate) const GRANT: Scenario = Scenario {
    name: "grant",
    found: |bench| {
        let acme = Acme::found(bench);
        let (secret, value) = bench.sandbox.oauth(|oauth| {
            let secret = oauth.add_client("wheel", ClientAuth::Post, &["api"], TimeDelta::minutes(5));
            (secret, oauth.add_grant("wheel", "ada", "api"))
        });
        bench.keep("acme/app", "GRANT", &value);
        bench.variables.push((APP.to_owned(), "GRANT".to_owned()));
        bench.environment.insert("CLIENT_SECRET".to_owned(), secret);
        let connection = "idp: { service: oauth, url: 'https://oauth.sandbox', client_id: wheel, auth: post, token: env:CLIENT_SECRET }";
        let others = r"
  grant:
    issuer: { kind: oauth/refresh-token, name: ada, self: env:GRANT }
    rotate: { after: 6d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: GRANT }]";
        let tokens = vec![kept("grant", Subject::Other(&GRANTS), &[(APP, "GRANT")])];
        Estate { lonely: Some("grant"), ..beside(bench, &acme, connection, others, tokens, &[&["grant"]]) }
    },
};

static KEYS: Other = Other {
    made: |exchange| {
        exchange.host == "http" && exchange.target.ends_with("/value") && matches!(exchange.acted, Some((200, _)))
    },
    live: |sandbox, value| sandbox.http_api(|api| api.live("7").iter().any(|key| key.value == value)),
    living: |_| Vec::new(),
    ephemeral: false,
    unasked: false,
};

/// A key of an API that makes a new value in place, by one request.
pub(crate) const KEY: Scenario = Scenario {
    name: "key",
    found: |bench| {
        let acme = Acme::found(bench);
        let made = bench.days_ago(5);
        let (admin, key) = bench.sandbox.http_api(|api| {
            let admin = api.add_key(Family::Cloudflare, ("admins", "wheel"), true, made, None);
            (admin, api.add_key(Family::Cloudflare, ("7", "live"), false, made, None))
        });
        bench.keep("acme/app", "KEY", &key.value);
        bench.keep("acme/api", "KEY", &key.value);
        bench.environment.insert("ADMIN".to_owned(), admin.value);
        let id = &key.id;
        let others = format!(
            r"
  key:
    issuer:
      kind: http/regenerate
      id: {id:?}
      succession: replaces
      value: /result
      error: /errors/0/code
      request:
        method: PUT
        path: '/client/v4/user/tokens/{{id}}/value'
        json: {{}}
        success: {{ where: {{ /success: true }} }}
      verify:
        request: {{ method: GET, path: /client/v4/user/tokens/verify }}
        id: /result/id
        identity: {{ /result/status: active }}
    rotate: {{ after: 6d }}
    destinations:
      - {{ kind: gitlab/ci-variable, project: acme/app, key: KEY }}
      - {{ kind: gitlab/ci-variable, project: acme/api, key: KEY }}"
        );
        let tokens = vec![kept("key", Subject::Other(&KEYS), &[(APP, "KEY"), (API, "KEY")])];
        let connection = "any: { service: http, url: 'https://http.sandbox', token: env:ADMIN }";
        beside(bench, &acme, connection, &others, tokens, &[&["key"]])
    },
};

/// What the person made.
const MADE: &str = "pat_by-a-person-0123456789abcdef";

static PERSONS: Other =
    Other { made: |_| false, live: |_, value| value == MADE, living: |_| Vec::new(), ephemeral: false, unasked: true };

/// A token that a person made, in two places, beside one that is turned: no crash may take it away.
pub(crate) const PERSON: Scenario = Scenario {
    name: "person",
    found: |bench| {
        let acme = Acme::found(bench);
        acme.project_token(bench, "acme/app", "deploy-bot", "DEPLOY", 5, 4);
        bench.keep("acme/app", "PARTNER", MADE);
        bench.keep("acme/api", "PARTNER", MADE);
        let others = r"
  partner:
    issuer: { kind: manual/token, name: partner, url: 'https://partner.example.com/tokens', prefix: pat_ }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: PARTNER }
      - { kind: gitlab/ci-variable, project: acme/api, key: PARTNER }
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 9d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY }]";
        let tokens = vec![
            kept("partner", Subject::Other(&PERSONS), &[(APP, "PARTNER"), (API, "PARTNER")]),
            kept("deploy", Subject::Access("deploy-bot"), &[(APP, "DEPLOY")]),
        ];
        beside(bench, &acme, "", others, tokens, &[&["deploy"]])
    },
};
