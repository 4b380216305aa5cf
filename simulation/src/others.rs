//! The parts that an estate is mixed from: tokens of the other services, each kept in a variable of GitLab.

use std::sync::Arc;

use chrono::TimeDelta;
use tokenwheel::issuer::Succession;
use tokenwheel_sandbox::Sandbox;
use tokenwheel_sandbox::http_api::Family;
use tokenwheel_sandbox::oauth::ClientAuth;
use tokenwheel_sandbox::zendesk::Role;

use crate::estate::{API, APP, Ask, Founding, List, Spot, Token, WHEEL};
use crate::kinds::{Part, token, unlisted};

/// All parts of this file.
pub const PARTS: &[Part] = &[
    ("zendesk-client", |to| client(to, false)),
    ("zendesk-clients", |to| client(to, true)),
    ("zendesk-access", access),
    ("github-pair", user_token),
    ("atlassian-grant", refresh_token),
    ("oauth-grant", grant),
    ("key", key),
    ("secret", secret),
];

fn after(to: &mut Founding<'_>) -> String {
    format!("\n    rotate: {{ after: {}h }}", to.dice.span(14, 60))
}

fn has(to: &Founding<'_>, connection: &str) -> bool {
    to.estate.connections.iter().any(|known| known.starts_with(connection))
}

/// A secret of a client of Zendesk.
fn client_secret(name: &str, known: &'static str, spots: Vec<Spot>) -> Token {
    let live: Ask = Arc::new(move |sandbox: &Sandbox, value: &str| {
        sandbox.zendesk(|zendesk| zendesk.client(known)).is_some_and(|client| client.secret == value)
    });
    Token { connection: Some("zendesk"), seat_of: Some("zendesk"), ..token(name, spots, live, unlisted()) }
}

/// The clients of a Zendesk that it is logged in to as; one turns itself, of two each turns the other.
fn client(to: &mut Founding<'_>, spare: bool) {
    if has(to, "zendesk:") {
        return;
    }
    let (first, second) = to.estate.sandbox.zendesk(|zendesk| {
        let admin = zendesk.add_user("Ada", Role::Admin);
        (zendesk.add_client("wheel", admin), zendesk.add_client("wheel-spare", admin))
    });
    let mut seats = vec![("client", "wheel", "ZENDESK", "zendesk", first)];
    let mut more = "";
    if spare {
        more = ", spare: env:ZENDESK_SPARE, spare_client_id: wheel-spare";
        seats.push(("client-spare", "wheel-spare", "ZENDESK_SPARE", "zendesk.spare", second));
    }
    let url = "url: 'https://zendesk.sandbox'";
    let connection = format!("zendesk: {{ service: zendesk, {url}, client_id: wheel, token: env:ZENDESK{more} }}");
    to.estate.connections.push(connection);
    for (name, known, key, of, value) in seats {
        let spots = vec![Spot::variable(WHEEL, key)];
        for spot in &spots {
            to.estate.keep(spot, &value);
        }
        to.estate.hand(WHEEL, key);
        let risk = if spare { "" } else { "\n    accept_risk: this is what is tried here" };
        let rotate = format!("\n    refreshes: {of}{risk}{}", after(to));
        to.entry(name, &format!("kind: zendesk/oauth-client-secret, client_id: {known}"), &rotate, &spots);
        let made = Arc::new(move |sandbox: &Sandbox| {
            let fresh = format!("{:064x}", sandbox.now().timestamp());
            sandbox.zendesk(|zendesk| zendesk.change_client(known, |client| client.secret.clone_from(&fresh)));
            Some(fresh)
        });
        let ended = Arc::clone(&made);
        to.estate.tokens.push(Token {
            alone: !spare,
            end: Arc::new(move |sandbox, _| {
                ended(sandbox);
            }),
            make: made,
            ..client_secret(name, known, spots)
        });
    }
}

/// An access token of Zendesk, made at every run.
fn access(to: &mut Founding<'_>) {
    client(to, true);
    let value = to.estate.sandbox.zendesk(|zendesk| zendesk.add_token("wheel", &["tickets:read"], None)).value;
    let spots = vec![Spot::variable(APP, "TICKETS")];
    for spot in &spots {
        to.estate.keep(spot, &value);
    }
    to.entry("tickets", "kind: zendesk/oauth-token, scopes: ['tickets:read'], ttl: 47h", "", &spots);
    let live: Ask = Arc::new(|sandbox: &Sandbox, value: &str| sandbox.zendesk(|zendesk| zendesk.is_live(value)));
    to.estate.tokens.push(Token {
        succession: Succession::Ephemeral,
        connection: Some("zendesk"),
        ..token("tickets", spots, live, unlisted())
    });
}

/// A token that exchanges itself, and that nobody can be asked about.
fn exchanged(to: &mut Founding<'_>, name: &str, key: &str, value: &str, issuer: &str, live: Ask) {
    let spots = vec![Spot::variable(APP, key)];
    for spot in &spots {
        to.estate.keep(spot, value);
    }
    to.estate.hand(APP, key);
    let rotate = after(to);
    to.entry(name, &format!("{issuer}, self: env:{key}"), &rotate, &spots);
    to.estate.tokens.push(Token { alone: true, unasked: true, ..token(name, spots, live, unlisted()) });
}

/// The pair of a GitHub App's user.
fn user_token(to: &mut Founding<'_>) {
    let created = to.estate.ago(20);
    let (grant, login) = to.estate.sandbox.github(|github| {
        let grant = github.add_grant("Iv1.a", "ada", true, &[("contents", "read")], created);
        (grant, github.add_classic_token("ada", &["repo"], None))
    });
    to.estate.environment.insert("GITHUB_LOGIN".to_owned(), login);
    let hub = "hub: { service: github, url: 'https://github.sandbox', token: env:GITHUB_LOGIN }";
    to.estate.connections.push(hub.to_owned());
    let live: Ask = Arc::new(|sandbox: &Sandbox, value: &str| {
        let grant = sandbox.github(|github| github.grant("Iv1.a", "ada"));
        grant.is_some_and(|grant| !grant.ended && grant.refresh.0 == value)
    });
    let issuer = "kind: github/user-token, connection: hub, client_id: Iv1.a, user: ada, dies_with: refresh";
    exchanged(to, "pair", "PAIR", &grant.refresh.0, issuer, live);
}

/// The refresh token of an app of Atlassian.
fn refresh_token(to: &mut Founding<'_>) {
    let (client, value) = to.estate.sandbox.atlassian(|atlassian| {
        let robot = atlassian.add_account("robot", "robot@example.com");
        atlassian.add_grant(&robot, &["offline_access", "read:jira-user"])
    });
    to.estate.environment.insert("ATLASSIAN_SECRET".to_owned(), client.secret.clone());
    let (id, url) = (&client.id, "url: 'https://atlassian.sandbox'");
    let connection =
        format!("atlassian: {{ service: atlassian, {url}, client_id: {id}, token: env:ATLASSIAN_SECRET }}");
    to.estate.connections.push(connection);
    let live: Ask = Arc::new(|sandbox: &Sandbox, value: &str| {
        sandbox.atlassian(|atlassian| atlassian.live_refresh_tokens().iter().any(|live| live == value))
    });
    exchanged(to, "app-grant", "APP_GRANT", &value, "kind: atlassian/oauth-refresh-token, name: robot", live);
}

/// A refresh token of a server that ends the whole grant when it is shown a spent one.
fn grant(to: &mut Founding<'_>) {
    let (secret, value) = to.estate.sandbox.oauth(|oauth| {
        let secret = oauth.add_client("wheel", ClientAuth::Post, &["api"], TimeDelta::minutes(5));
        (secret, oauth.add_grant("wheel", "ada", "api"))
    });
    to.estate.environment.insert("IDP_SECRET".to_owned(), secret);
    let url = "url: 'https://oauth.sandbox'";
    let connection = format!("idp: {{ service: oauth, {url}, client_id: wheel, auth: post, token: env:IDP_SECRET }}");
    to.estate.connections.push(connection);
    let live: Ask = Arc::new(|sandbox: &Sandbox, value: &str| {
        let grant = sandbox.oauth(|oauth| oauth.grant("wheel", "ada"));
        grant.is_some_and(|grant| grant.refresh == value) && sandbox.oauth(|oauth| oauth.is_live(value))
    });
    exchanged(to, "grant", "GRANT", &value, "kind: oauth/refresh-token, name: ada", live);
}

/// A key of an API that makes a new value in place, by one request.
fn key(to: &mut Founding<'_>) {
    let made = to.estate.ago(to.dice.span(1, 40));
    let (admin, key) = to.estate.sandbox.http_api(|api| {
        let admin = api.add_key(Family::Cloudflare, ("admins", "wheel"), true, made, None);
        (admin, api.add_key(Family::Cloudflare, ("7", "live"), false, made, None))
    });
    to.estate.environment.insert("ADMIN".to_owned(), admin.value);
    to.estate.connections.push("any: { service: http, url: 'https://http.sandbox', token: env:ADMIN }".to_owned());
    let spots = to.places("KEY", &key.value);
    let rotate = after(to);
    let (request, verify) = (
        "method: PUT, path: '/client/v4/user/tokens/{id}/value', json: {}, success: { where: { /success: true } }",
        "request: { method: GET, path: /client/v4/user/tokens/verify }, id: /result/id, identity: { /result/status: active }",
    );
    let issuer = format!(
        "kind: http/regenerate, id: {:?}, succession: replaces, value: /result, error: /errors/0/code, request: {{ {request} }}, verify: {{ {verify} }}",
        key.id
    );
    to.entry("key", &issuer, &rotate, &spots);
    let living: List = Arc::new(|_: &Sandbox| Vec::new());
    let live: Ask = Arc::new(|sandbox: &Sandbox, value: &str| {
        sandbox.http_api(|api| api.live("7").iter().any(|key| key.value == value))
    });
    to.estate.tokens.push(Token { connection: Some("any"), ..token("key", spots, live, living) });
}

/// A secret that is made here, for a receiver and a sender.
fn secret(to: &mut Founding<'_>) {
    let spots = vec![Spot::variable(APP, "SHARED"), Spot::variable(API, "SHARED")];
    for spot in &spots {
        to.estate.keep(spot, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }
    let rotate = after(to);
    to.entry("shared", "kind: random/secret, name: orders, form: whsec, ttl: 9d", &rotate, &spots);
    // Nobody but those who share it can say which one is right.
    let places = spots.clone();
    let live: Ask =
        Arc::new(move |sandbox: &Sandbox, value: &str| places.iter().all(|spot| spot.held(sandbox) == value));
    to.estate.tokens.push(Token { unasked: true, ..token("shared", spots, live, unlisted()) });
}
