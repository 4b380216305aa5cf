//! The authorisation server: tokens of a client, refresh tokens that rotate, and answers that prove nothing.

use base64::Engine as _;
use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use tokenwheel_sandbox::Answer;
use tokenwheel_sandbox::oauth::ClientAuth;

use crate::common::World;

/// A server with one client, whose access tokens live for five minutes, and what a person allowed it.
struct Server {
    world: World,
    secret: String,
    refresh: String,
}

const REFRESH: &str = "grant_type=refresh_token&refresh_token=";

impl Server {
    fn new() -> Self {
        let world = World::new();
        let (secret, refresh) = world.sandbox.oauth(|oauth| {
            let secret = oauth.add_client("wheel", ClientAuth::Either, &["api", "read"], TimeDelta::minutes(5));
            (secret, oauth.add_grant("wheel", "ada", "api"))
        });
        Self { world, secret, refresh }
    }

    fn post(&self, path: &str, form: &str) -> Answer {
        self.post_as("wheel", &self.secret, path, form)
    }

    fn post_as(&self, id: &str, secret: &str, path: &str, form: &str) -> Answer {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        let mut request = crate::common::request("oauth", "", Method::POST, path, &Value::Null);
        if let Ok(basic) = format!("Basic {pair}").parse() {
            request.headers.insert(header::AUTHORIZATION, basic);
        }
        let media = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(header::CONTENT_TYPE, media);
        request.body = form.to_owned().into();
        let lost = Answer { status: 0, headers: HeaderMap::new(), body: bytes::Bytes::new() };
        self.world.send(request).unwrap_or(lost)
    }

    fn token(&self) -> String {
        text(&self.post("/oauth/token", "grant_type=client_credentials&scope=api"), "access_token")
    }

    fn refreshed(&self, value: &str) -> Answer {
        self.post("/oauth/token", &format!("{REFRESH}{value}"))
    }

    fn active(&self, value: &str) -> bool {
        self.post("/oauth/introspect", &format!("token={value}")).value().get("active") == Some(&Value::Bool(true))
    }

    fn is_live(&self, value: &str) -> bool {
        self.world.sandbox.oauth(|oauth| oauth.is_live(value))
    }
}

fn text(answer: &Answer, name: &str) -> String {
    answer.value().get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[test]
fn a_client_is_given_a_token_that_dies_by_itself() {
    let server = Server::new();
    let answer = server.post("/oauth/token", "grant_type=client_credentials&scope=api");
    assert_eq!((answer.status, &answer.value()["expires_in"]), (200, &Value::from(300)));
    let value = text(&answer, "access_token");
    let shown = server.post("/oauth/introspect", &format!("token={value}")).value();
    assert_eq!((&shown["active"], &shown["client_id"]), (&Value::from(true), &Value::from("wheel")));
    server.world.sandbox.advance(TimeDelta::minutes(5));
    assert!(!server.active(&value) && !server.is_live(&value));
    assert!(server.world.sandbox.values().contains(&value));
}

#[test]
fn a_refresh_gives_another_refresh_token_and_ends_the_old_one() {
    let server = Server::new();
    let answer = server.refreshed(&server.refresh);
    let next = text(&answer, "refresh_token");
    assert_ne!(next, server.refresh);
    assert!(server.is_live(&next) && !server.is_live(&server.refresh));
    assert!(server.active(&text(&answer, "access_token")));
    assert_eq!(server.refreshed(&next).status, 200);
}

#[test]
fn a_refresh_token_used_twice_ends_the_whole_grant() {
    for ends in [true, false] {
        let server = Server::new();
        server.world.sandbox.oauth(|oauth| oauth.reuse_ends_the_grant = ends);
        let first = server.refreshed(&server.refresh);
        let replay = server.refreshed(&server.refresh);
        assert_eq!((replay.status, text(&replay, "error").as_str()), (400, "invalid_grant"));
        assert_eq!(server.world.sandbox.oauth(|oauth| oauth.reuse_detected()), 1);
        let next = text(&first, "refresh_token");
        assert_eq!(server.is_live(&next), !ends);
        assert_eq!(server.is_live(&text(&first, "access_token")), !ends);
        assert_eq!(server.refreshed(&next).status, if ends { 400 } else { 200 });
    }
}

#[test]
fn a_server_may_keep_the_refresh_token() {
    let server = Server::new();
    server.world.sandbox.oauth(|oauth| oauth.rotates = false);
    for _ in 0..2 {
        let answer = server.refreshed(&server.refresh);
        assert_eq!((answer.status, answer.value().get("refresh_token")), (200, None));
    }
}

#[test]
fn a_dead_refresh_token_is_refused_with_the_status_of_the_house() {
    let server = Server::new();
    assert_eq!(server.refreshed("nobody-knows-this").status, 400);
    server.world.sandbox.oauth(|oauth| oauth.invalid_grant_status = 403);
    server.world.sandbox.advance(TimeDelta::days(90));
    let late = server.refreshed(&server.refresh);
    assert_eq!((late.status, text(&late, "error").as_str()), (403, "invalid_grant"));
}

#[test]
fn revoking_answers_200_to_anything_and_may_do_nothing() {
    let server = Server::new();
    assert_eq!(server.post("/oauth/revoke", "token=nobody-knows-this").status, 200);
    let value = server.token();
    server.world.sandbox.oauth(|oauth| oauth.revoking_works = false);
    assert_eq!(server.post("/oauth/revoke", &format!("token={value}")).status, 200);
    assert!(server.active(&value), "a false 200");
    server.world.sandbox.oauth(|oauth| oauth.revoking_works = true);
    assert_eq!(server.post("/oauth/revoke", &format!("token={value}")).status, 200);
    assert!(!server.active(&value));
}

#[test]
fn the_end_of_a_refresh_token_ends_what_came_from_it() {
    let server = Server::new();
    let answer = server.refreshed(&server.refresh);
    let (access, next) = (text(&answer, "access_token"), text(&answer, "refresh_token"));
    assert_eq!(server.post("/oauth/revoke", &format!("token={next}")).status, 200);
    assert!(!server.is_live(&access) && !server.is_live(&next));
}

#[test]
fn a_token_of_another_client_is_not_shown_and_not_ended() {
    let server = Server::new();
    let other = server
        .world
        .sandbox
        .oauth(|oauth| oauth.add_client("other", ClientAuth::Basic, &["api"], TimeDelta::minutes(5)));
    let value = server.token();
    let form = format!("token={value}");
    assert_eq!(server.post_as("other", &other, "/oauth/introspect", &form).value()["active"], false);
    assert_eq!(server.post_as("other", &other, "/oauth/revoke", &form).status, 403);
    assert!(server.is_live(&value));
    assert_eq!(server.post_as("other", &other, "/oauth/token", &format!("{REFRESH}{}", server.refresh)).status, 400);
}

#[test]
fn a_client_says_who_it_is_in_its_one_way_and_once() {
    let server = Server::new();
    let secret =
        server.world.sandbox.oauth(|oauth| oauth.add_client("post", ClientAuth::Post, &["api"], TimeDelta::minutes(5)));
    let both = format!("grant_type=client_credentials&client_id=post&client_secret={secret}");
    let twice = server.post_as("post", &secret, "/oauth/token", &both);
    assert_eq!((twice.status, text(&twice, "error").as_str()), (400, "invalid_request"));
    let basic = server.post_as("post", &secret, "/oauth/token", "grant_type=client_credentials");
    assert_eq!((basic.status, text(&basic, "error").as_str()), (401, "invalid_client"));
    let wrong = server.post_as("wheel", "wrong", "/oauth/token", "grant_type=client_credentials");
    assert_eq!(wrong.value(), basic.value(), "an unknown client and a wrong secret are one answer");
}

#[test]
fn a_scope_that_nobody_may_have_is_refused_or_granted_in_vain() {
    let server = Server::new();
    let form = "grant_type=client_credentials&scope=root";
    assert_eq!(text(&server.post("/oauth/token", form), "error"), "invalid_scope");
    server.world.sandbox.oauth(|oauth| oauth.grants_any_scope = true);
    assert_eq!(text(&server.post("/oauth/token", form), "scope"), "root");
}

#[test]
fn endpoints_that_a_server_lacks_are_404() {
    let server = Server::new();
    server.world.sandbox.oauth(|oauth| (oauth.introspects, oauth.revokes) = (false, false));
    assert_eq!(server.post("/oauth/introspect", "token=x").status, 404);
    assert_eq!(server.post("/oauth/revoke", "token=x").status, 404);
}

#[test]
fn introspection_may_call_every_refresh_token_inactive() {
    let server = Server::new();
    assert!(server.active(&server.refresh));
    server.world.sandbox.oauth(|oauth| oauth.introspects_refresh = false);
    assert!(!server.active(&server.refresh) && server.active(&server.token()));
}
