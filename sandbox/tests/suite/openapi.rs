//! The descriptions bite: what they do not allow is named, by client and by service.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use tokenwheel_sandbox::{Exchange, violations};

fn exchange(method: Method, host: &str, target: &str, body: &Value, acted: Option<(u16, Value)>) -> Exchange {
    let text = |value: &Value| if value.is_null() { Bytes::new() } else { Bytes::from(value.to_string()) };
    let mut request_headers = HeaderMap::new();
    request_headers.insert("content-type", HeaderValue::from_static("application/json"));
    Exchange {
        number: 1,
        method,
        host: host.to_owned(),
        target: target.to_owned(),
        request_headers,
        request_body: text(body),
        status: None,
        acted: acted.map(|(status, body)| (status, text(&body))),
        response_body: Bytes::new(),
    }
}

fn complaint(method: Method, host: &str, target: &str, body: &Value, acted: Option<(u16, Value)>) -> String {
    let mut found = violations(&[exchange(method, host, target, body, acted)]);
    assert!(found.len() <= 1, "{found:?}");
    found.pop().unwrap_or_default()
}

const VARIABLE: &str = "/api/v4/projects/acme%2Fapp/variables/KEY";

#[test]
fn what_is_declared_is_not_complained_of() {
    let kept = json!({ "variable_type": "env_var", "key": "KEY", "value": null, "protected": false, "masked": true, "raw": false });
    assert_eq!(complaint(Method::PUT, "gitlab", VARIABLE, &json!({ "value": "x" }), Some((200, kept))), "");
    assert_eq!(complaint(Method::DELETE, "gitlab.sandbox", VARIABLE, &Value::Null, Some((204, Value::Null))), "");
    assert_eq!(complaint(Method::GET, "gitlab", VARIABLE, &Value::Null, None), "");
}

#[test]
fn an_unknown_path_method_or_host_is_named() {
    assert!(complaint(Method::GET, "gitlab", "/api/v4/nowhere", &Value::Null, None).contains("path is not declared"));
    assert!(complaint(Method::PATCH, "gitlab", VARIABLE, &Value::Null, None).contains("PATCH is not declared"));
    assert!(complaint(Method::GET, "elsewhere", "/", &Value::Null, None).contains("no description"));
}

#[test]
fn the_query_is_checked_by_name_and_type() {
    let list = "/api/v4/personal_access_tokens";
    let found = |query: &str| complaint(Method::GET, "gitlab", &format!("{list}?{query}"), &Value::Null, None);
    assert_eq!(found("state=active&page=2&created_after=2026-01-01T00:00:00Z"), "");
    assert!(found("status=active").contains("status is not declared"));
    assert!(found("state=alive").contains("query state"));
    assert!(found("page=two").contains("query page"));
    assert!(found("expires_before=tomorrow").contains("query expires_before"));
}

#[test]
fn a_path_parameter_has_a_type_and_a_word_of_its_own_wins() {
    let get = |target: &str| complaint(Method::GET, "gitlab", target, &Value::Null, None);
    assert_eq!(get("/api/v4/personal_access_tokens/self"), "");
    assert!(get("/api/v4/personal_access_tokens/mine").contains("path id"));
}

#[test]
fn a_body_is_checked_and_its_values_are_not_repeated() {
    let put = |body: &Value| complaint(Method::PUT, "gitlab", VARIABLE, body, None);
    assert!(put(&json!({ "vlaue": "s3cret-value" })).contains("vlaue"));
    let wrong = put(&json!({ "masked": "s3cret-value" }));
    assert!(wrong.contains("body/masked") && !wrong.contains("s3cret-value"), "{wrong}");
    assert!(complaint(Method::POST, "gitlab", "/api/v4/projects/1/variables", &Value::Null, None).contains("missing"));
    assert!(complaint(Method::GET, "gitlab", VARIABLE, &json!({}), None).contains("none is declared"));
}

#[test]
fn a_form_is_checked_as_what_it_means() {
    let form = |text: &'static str| {
        let mut exchange = exchange(Method::PUT, "gitlab", VARIABLE, &Value::Null, None);
        exchange.request_headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        exchange.request_body = Bytes::from_static(text.as_bytes());
        violations(&[exchange]).concat()
    };
    assert_eq!(form("value=x&masked=true&filter%5Benvironment_scope%5D=production"), "");
    assert!(form("value=x&masked=perhaps").contains("body/masked"));
    assert!(form("filter%5Bscope%5D=production").contains("body/filter"));
}

#[test]
fn an_answer_needs_a_declared_status_and_a_valid_body() {
    let answer =
        |status: u16, body: Value| complaint(Method::GET, "gitlab", VARIABLE, &Value::Null, Some((status, body)));
    let nameless = json!({ "variable_type": "env_var", "protected": false, "masked": true, "raw": false });
    assert!(answer(202, json!({})).contains("status 202 is not declared"));
    assert!(answer(200, nameless).contains("answer 200"));
    assert!(answer(200, Value::Null).contains("not JSON"));
    for general in [301, 401, 403, 429, 500, 503] {
        assert_eq!(answer(general, json!({})), "");
    }
    let deleted = complaint(Method::DELETE, "gitlab", VARIABLE, &Value::Null, Some((204, json!({}))));
    assert!(deleted.contains("has a body"));
}

#[test]
fn an_id_of_styra_may_hold_slashes() {
    let body = json!({ "description": "d", "allow_path_patterns": [], "regenerate": true, "ttl": "24h" });
    for id in ["app", "systems/abc/opa", "systems%2Fabc%2Fopa"] {
        assert_eq!(complaint(Method::PUT, "styra", &format!("/v1/tokens/{id}"), &body, None), "");
    }
    let short = json!({ "regenerate": true, "ttl": "24h" });
    let found = violations(&[exchange(Method::PUT, "styra", "/v1/tokens/app", &short, None)]);
    assert_eq!(found.len(), 2, "the description and the path patterns are required: {found:?}");
}
