//! Atlassian: false 200s, revocation that takes its time, rotating refresh tokens, and tokens of a Data Center.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use tokenwheel_sandbox::atlassian::{ApiToken, CLOUD, ORG};
use tokenwheel_sandbox::{Answer, Request};

use crate::common::{World, noon};

struct Org {
    world: World,
    robot: String,
    token: ApiToken,
    admin: String,
}

const MYSELF: &str = "/rest/api/3/myself";

impl Org {
    fn new() -> Self {
        let world = World::new();
        let (robot, token, admin) = world.sandbox.atlassian(|atlassian| {
            let robot = atlassian.add_account("Robot", "robot@acme.example");
            let token = atlassian.add_api_token(&robot, "ci", noon(), noon() + TimeDelta::days(90));
            (robot, token, atlassian.add_key("wheel", &[], noon(), noon() + TimeDelta::days(90)).value)
        });
        Self { world, robot, token, admin }
    }

    fn bearer(&self, value: &str, method: Method, target: &str, body: &Value) -> Answer {
        self.world.ask("atlassian", value, method, target, body)
    }

    fn basic(&self, user: &str, secret: &str, target: &str) -> Answer {
        let mut headers = HeaderMap::new();
        let text = format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&text).unwrap());
        let (method, host, target) = (Method::GET, "atlassian".to_owned(), target.to_owned());
        self.world.send(Request { method, host, target, headers, body: bytes::Bytes::new() }).unwrap()
    }

    fn token(&self, body: &Value) -> Answer {
        self.bearer("", Method::POST, "/oauth/token", body)
    }

    fn refresh(&self, client: &tokenwheel_sandbox::atlassian::Client, value: &str) -> Answer {
        let (id, secret) = (&client.id, &client.secret);
        self.token(
            &json!({ "grant_type": "refresh_token", "client_id": id, "client_secret": secret, "refresh_token": value }),
        )
    }
}

fn text(answer: &Answer, name: &str) -> String {
    answer.value().get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn reason(answer: &Answer) -> Option<&str> {
    answer.headers.get("x-seraph-loginreason").and_then(|reason| reason.to_str().ok())
}

#[test]
fn an_api_token_says_whose_it_is_and_a_list_says_nothing() {
    let org = Org::new();
    let mine = org.basic("robot@acme.example", &org.token.value, MYSELF);
    assert_eq!((mine.status, text(&mine, "accountId")), (200, org.robot.clone()));
    assert_eq!(mine.headers["x-aaccountid"], org.robot.as_str());
    let dead = org.basic("robot@acme.example", "ATATT-nobody", MYSELF);
    assert_eq!((dead.status, reason(&dead)), (401, Some("AUTHENTICATED_FAILED")));
    let list = org.basic("robot@acme.example", "ATATT-nobody", "/rest/api/3/project");
    assert_eq!((list.status, list.value(), reason(&list)), (200, json!([]), Some("AUTHENTICATED_FAILED")));
    assert_eq!(org.basic("other@acme.example", &org.token.value, MYSELF).status, 401);
}

#[test]
fn who_am_i_can_answer_200_to_a_dead_credential() {
    let org = Org::new();
    org.world.sandbox.atlassian(|atlassian| atlassian.false_200 = true);
    for target in [MYSELF, "/rest/api/2/myself", "/rest/api/user/current", "/wiki/rest/api/user/current"] {
        let answer = org.basic("robot@acme.example", "ATATT-nobody", target);
        assert_eq!((answer.status, reason(&answer)), (200, Some("AUTHENTICATED_FAILED")), "{target}");
    }
    org.world.sandbox.atlassian(|atlassian| atlassian.anonymous_confluence = true);
    for target in ["/rest/api/user/current", "/wiki/rest/api/user/current"] {
        let answer = org.basic("robot@acme.example", "ATATT-nobody", target);
        assert_eq!((answer.status, text(&answer, "type"), reason(&answer)), (200, "anonymous".to_owned(), None));
    }
}

#[test]
fn a_scoped_token_works_through_the_gateway_only() {
    let org = Org::new();
    org.world.sandbox.atlassian(|atlassian| atlassian.scope_api_token(&org.token.id));
    assert_eq!(org.basic("robot@acme.example", &org.token.value, MYSELF).status, 401);
    let through = org.basic("robot@acme.example", &org.token.value, &format!("/ex/jira/{CLOUD}{MYSELF}"));
    assert_eq!((through.status, text(&through, "accountId")), (200, org.robot.clone()));
}

#[test]
fn what_is_revoked_is_unlisted_at_once_and_works_on_for_the_lag() {
    let org = Org::new();
    let list = format!("/admin/api-access/v1/orgs/{ORG}/api-tokens");
    let listed = |org: &Org| org.bearer(&org.admin, Method::GET, &list, &Value::Null).value()["data"].clone();
    assert_eq!(listed(&org)[0]["user"]["email"], "robot@acme.example");
    let one = format!("/users/{}/manage/api-tokens/{}", org.robot, org.token.id);
    assert_eq!(org.bearer(&org.admin, Method::DELETE, &one, &Value::Null).status, 204);
    assert_eq!(org.bearer(&org.admin, Method::DELETE, &one, &Value::Null).status, 404);
    assert_eq!(listed(&org), json!([]));
    assert_eq!(org.basic("robot@acme.example", &org.token.value, MYSELF).status, 200);
    org.world.sandbox.advance(TimeDelta::minutes(10));
    assert_eq!(org.basic("robot@acme.example", &org.token.value, MYSELF).status, 401);
}

#[test]
fn a_key_does_what_its_scopes_say_and_a_revoked_one_goes_on_too() {
    let org = Org::new();
    let keys = format!("/admin/api-access/v1/orgs/{ORG}/api-keys");
    let reads = org
        .world
        .sandbox
        .atlassian(|atlassian| atlassian.add_key("reads", &["read:keys:admin"], noon(), noon() + TimeDelta::days(7)));
    assert_eq!(org.bearer(&reads.value, Method::GET, &keys, &Value::Null).status, 200);
    let revoke = format!("{keys}/revoke/{}", reads.id);
    assert_eq!(org.bearer(&reads.value, Method::PATCH, &revoke, &Value::Null).status, 403);
    assert_eq!(org.bearer(&org.admin, Method::PATCH, &revoke, &Value::Null).status, 204);
    assert_eq!(org.bearer(&reads.value, Method::GET, &keys, &Value::Null).status, 200);
    org.world.sandbox.advance(TimeDelta::minutes(10));
    assert_eq!(org.bearer(&reads.value, Method::GET, &keys, &Value::Null).status, 401);
}

#[test]
fn a_list_goes_on_by_cursor_or_by_url() {
    let org = Org::new();
    org.world.sandbox.atlassian(|atlassian| {
        atlassian.page_size = 2;
        for label in ["a", "b", "c"] {
            atlassian.add_key(label, &[], noon(), noon() + TimeDelta::days(7));
        }
    });
    let keys = format!("/admin/api-access/v1/orgs/{ORG}/api-keys");
    let first = org.bearer(&org.admin, Method::GET, &keys, &Value::Null).value();
    assert_eq!(first["links"]["next"], "at-2");
    let second = org.bearer(&org.admin, Method::GET, &format!("{keys}?cursor=at-2"), &Value::Null).value();
    assert_eq!((second["data"].as_array().unwrap().len(), second["links"].get("next")), (2, None));
    org.world.sandbox.atlassian(|atlassian| atlassian.next_is_url = true);
    let first = org.bearer(&org.admin, Method::GET, &keys, &Value::Null).value();
    assert_eq!(first["links"]["next"], format!("https://api.atlassian.com{keys}?cursor=at-2"));
}

#[test]
fn everything_can_be_revoked_in_one_call_which_nobody_should_make() {
    let mut org = Org::new();
    org.world.lawless = true;
    let all = format!("/admin/api-access/v1/orgs/{ORG}/api-tokens");
    assert_eq!(org.bearer(&org.admin, Method::DELETE, &all, &Value::Null).status, 204);
    assert!(org.world.sandbox.atlassian(|atlassian| atlassian.bulk_revoked));
}

#[test]
fn a_service_account_gets_an_access_token_for_an_hour() {
    let org = Org::new();
    let client = org.world.sandbox.atlassian(|atlassian| atlassian.add_client(&org.robot, &["read:jira-user"]));
    let ask = |secret: &str| {
        org.token(&json!({ "grant_type": "client_credentials", "client_id": client.id, "client_secret": secret }))
    };
    let made = ask(&client.secret);
    let value = text(&made, "access_token");
    assert_eq!((made.status, &made.value()["expires_in"]), (200, &json!(3600)));
    let gateway = format!("/ex/jira/{CLOUD}{MYSELF}");
    assert_eq!(text(&org.bearer(&value, Method::GET, &gateway, &Value::Null), "accountId"), org.robot);
    assert_eq!(org.bearer(&value, Method::GET, MYSELF, &Value::Null).status, 401, "not at the site itself");
    org.world.sandbox.advance(TimeDelta::hours(1));
    assert_eq!(org.bearer(&value, Method::GET, &gateway, &Value::Null).status, 401);
    assert_eq!(ask("wrong").status, 401);
}

#[test]
fn a_token_without_the_scope_is_told_so_with_401() {
    let org = Org::new();
    let client = org.world.sandbox.atlassian(|atlassian| atlassian.add_client(&org.robot, &["read:jira-work"]));
    let made = org
        .token(&json!({ "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret }));
    let answer =
        org.bearer(&text(&made, "access_token"), Method::GET, &format!("/ex/jira/{CLOUD}{MYSELF}"), &Value::Null);
    assert_eq!((answer.status, text(&answer, "message")), (401, "Unauthorized; scope does not match".to_owned()));
}

#[test]
fn a_refresh_token_used_twice_ends_the_whole_grant() {
    let org = Org::new();
    let (client, first) = org.world.sandbox.atlassian(|atlassian| atlassian.add_grant(&org.robot, &["offline_access"]));
    let one = org.refresh(&client, &first);
    let second = text(&one, "refresh_token");
    assert_eq!(one.status, 200);
    let replayed = org.refresh(&client, &first);
    assert_eq!((replayed.status, text(&replayed, "error")), (403, "invalid_grant".to_owned()));
    assert_eq!(org.refresh(&client, &second).status, 403, "the whole grant is gone");
    assert_eq!(org.world.sandbox.atlassian(|atlassian| atlassian.reuse_detections), 1);
    assert_eq!(org.world.sandbox.atlassian(|atlassian| atlassian.live_access_tokens(&org.robot).len()), 0);
}

#[test]
fn a_replay_may_be_forgiven_and_idleness_is_not() {
    let org = Org::new();
    let (client, first) = org.world.sandbox.atlassian(|atlassian| {
        atlassian.reuse_leeway = TimeDelta::minutes(10);
        atlassian.add_grant(&org.robot, &["offline_access"])
    });
    let second = text(&org.refresh(&client, &first), "refresh_token");
    assert_eq!(org.refresh(&client, &first).status, 200);
    org.world.sandbox.atlassian(|atlassian| atlassian.replay_ends_grant = false);
    org.world.sandbox.advance(TimeDelta::minutes(11));
    assert_eq!(org.refresh(&client, &first).status, 403);
    let third = text(&org.refresh(&client, &second), "refresh_token");
    org.world.sandbox.advance(TimeDelta::days(90));
    assert_eq!(org.refresh(&client, &third).status, 403);
}

#[test]
fn a_data_center_token_makes_lists_and_ends_tokens_of_its_user() {
    let org = Org::new();
    let (robot, other) = (org.robot.clone(), "other@acme.example");
    let (pat, password, theirs) = org.world.sandbox.atlassian(|atlassian| {
        let other = atlassian.add_account("Other", other);
        let theirs = atlassian.add_pat(&other, "ci", noon(), None);
        (
            atlassian.add_pat(&robot, "ci", noon(), Some(noon() + TimeDelta::days(9))),
            atlassian.set_password(&robot),
            theirs,
        )
    });
    let made = org.bearer(
        &pat.value,
        Method::POST,
        "/rest/pat/latest/tokens",
        &json!({ "name": "ci", "expirationDuration": 30 }),
    );
    let raw = text(&made, "rawToken");
    assert_eq!((made.status, text(&made, "expiringAt")), (201, "2026-06-03T12:00:00.000+0000".to_owned()));
    assert_eq!(text(&org.bearer(&raw, Method::GET, "/rest/api/2/myself", &Value::Null), "name"), "robot");
    assert_eq!(text(&org.basic("robot", &password, "/rest/api/user/current"), "username"), "robot");
    let listed = org.bearer(&raw, Method::GET, "/rest/pat/latest/tokens", &Value::Null);
    assert_eq!(listed.value().as_array().unwrap().len(), 2);
    assert!(!String::from_utf8_lossy(&listed.body).contains(&raw));
    let end = |id: u64| org.bearer(&raw, Method::DELETE, &format!("/rest/pat/latest/tokens/{id}"), &Value::Null).status;
    assert_eq!((end(pat.id), end(pat.id), end(theirs.id)), (204, 404, 404));
    assert_eq!(org.bearer(&pat.value, Method::GET, "/rest/api/2/myself", &Value::Null).status, 401);
}

#[test]
fn a_data_center_may_answer_200_and_has_a_limit() {
    let org = Org::new();
    let pat = org.world.sandbox.atlassian(|atlassian| {
        (atlassian.created_status, atlassian.pat_limit) = (200, 2);
        atlassian.add_pat(&org.robot, "ci", noon(), None)
    });
    let make = || org.bearer(&pat.value, Method::POST, "/rest/pat/latest/tokens", &json!({ "name": "ci" })).status;
    assert_eq!((make(), make()), (200, 400));
}
