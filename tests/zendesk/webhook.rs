//! `zendesk/webhook`

use http::Method;
use serde_json::{Value, json};
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::zendesk::TestShape;

use crate::stage::Desk;

const BEARER: &str = "{ kind: zendesk/webhook, id: 01HOOK, part: bearer }";
const TESTED: &str = "{ kind: zendesk/webhook, id: 01HOOK, part: bearer, confirm: delivery }";

#[test]
fn due_then_rotated_then_confirmed_and_the_old_one_dead() {
    let mut desk = Desk::deploying_to(BEARER);
    let form = desk.zendesk(|zendesk| zendesk.webhook_form("01HOOK"));
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&desk.hook()) && !desk.is_live(desk.old()), "{ran}");
    assert!(ran.to_string().contains("bears the stamp of the delivery"), "{ran}");
    assert_eq!(desk.zendesk(|zendesk| zendesk.webhook_form("01HOOK")), form);
    let held = desk.hook();
    let again = desk.rotate("deploy");
    assert_eq!((again.code, desk.hook()), (Some(0), held), "{again}");
    assert!(again.to_string().contains("bears the stamp of the last delivery"), "{again}");
}

#[test]
fn a_patch_says_no_more_than_what_changes_and_a_put_is_never_sent() {
    let mut desk = Desk::deploying_to(BEARER);
    desk.zendesk(|zendesk| {
        zendesk.change_webhook("01HOOK", |hook| hook.custom_headers.extend([("a".into(), "b".into())]));
    });
    desk.rotate("deploy");
    let patches = desk.sent().into_iter().filter(|exchange| exchange.method == Method::PATCH);
    let bodies: Vec<Value> = patches.map(|exchange| serde_json::from_slice(&exchange.request_body).unwrap()).collect();
    let token = desk.hook();
    let whole = json!({ "type": "bearer_token", "add_position": "header", "data": { "token": token } });
    let expected = [json!({ "webhook": { "name": "Pager" } }), json!({ "webhook": { "authentication": whole } })];
    assert_eq!(bodies, expected, "a try that changes nothing, and the credential whole");
    assert_eq!(desk.zendesk(|zendesk| zendesk.webhook_puts), 0);
}

#[test]
fn a_session_has_the_least_scopes_and_is_ended() {
    let mut desk = Desk::deploying_to(BEARER);
    let ran = desk.rotate("deploy");
    assert!(desk.scopes().iter().all(|scope| scope == "webhooks:read webhooks:write"), "{:?}", desk.scopes());
    assert!(desk.zendesk(|zendesk| zendesk.live_tokens()).is_empty(), "{ran}");
}

#[test]
fn zendesk_is_asked_for_no_more_than_it_takes() {
    let mut desk = Desk::deploying_to(BEARER);
    let requests = |desk: &mut Desk| {
        desk.stage.sandbox.forget_exchanges();
        desk.rotate("deploy");
        let line =
            |one: &tokenwheel_sandbox::Exchange| format!("{} {}", one.method, one.target.split('?').next().unwrap());
        let hook = desk.sent().iter().map(line).filter(|line| line.contains("/webhooks/")).collect::<Vec<_>>();
        (hook, desk.sent().len())
    };
    let (hook, all) = requests(&mut desk);
    let (get, patch) = ("GET /api/v2/webhooks/01HOOK", "PATCH /api/v2/webhooks/01HOOK");
    assert_eq!(hook, [get, patch, patch, get, get], "look, try, write, stamp, confirm");
    // Two sessions, each opened, asked who it is and ended; the spare's secret is first tried as the other client's.
    assert_eq!(all, hook.len() + 7);
    let (hook, all) = requests(&mut desk);
    assert_eq!((hook.len(), all), (2, 9), "a look, and what was refused since");
}

#[test]
fn a_session_that_may_not_say_who_it_is_or_is_granted_with_201_serves_all_the_same() {
    let mut desk = Desk::deploying_to(BEARER);
    desk.zendesk(|zendesk| (zendesk.who_needs_read, zendesk.grant_status, zendesk.ends_itself) = (true, 201, false));
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&desk.hook()), "{ran}");
}

#[test]
fn a_refused_write_changes_nothing() {
    let mut desk = Desk::deploying_to(BEARER);
    desk.inject(Method::PATCH, "/webhooks/", 1, What::Refuse(403));
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(desk.is_live(desk.old()) && desk.hook() == desk.old(), "{ran}");
    assert!(ran.to_string().contains("nothing was changed"), "{ran}");
    assert!(ran.to_string().contains("whoever made the OAuth client is no administrator"), "{ran}");
}

#[test]
fn a_lost_answer_is_written_once_more() {
    let mut desk = Desk::deploying_to(BEARER);
    desk.inject(Method::PATCH, "/webhooks/", 2, What::DropAfter);
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&desk.hook()), "{ran}");
}

#[test]
fn a_false_200_of_a_test_is_not_believed() {
    for shape in [TestShape::Response, TestShape::Test] {
        let mut desk = Desk::deploying_to(TESTED);
        desk.zendesk(|zendesk| {
            zendesk.test_shape = shape;
            zendesk.change_webhook("01HOOK", |hook| hook.receiver = 401);
        });
        let ran = desk.rotate("deploy");
        assert_ne!(ran.code, Some(0), "{ran}");
        assert!(ran.to_string().contains("the receiver answers HTTP 401 to a test"), "{ran}");
    }
}

#[test]
fn a_test_is_sent_once_with_the_new_token_and_only_where_the_config_asks_for_it() {
    for shape in [TestShape::Response, TestShape::Test] {
        let mut desk = Desk::deploying_to(TESTED);
        desk.zendesk(|zendesk| zendesk.test_shape = shape);
        let ran = desk.rotate("deploy");
        assert_eq!(ran.code, Some(0), "{ran}");
        let sent = desk.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap().sent;
        assert_eq!(sent.len(), 1, "{ran}");
        assert_eq!(sent[0].headers["authorization"], format!("Bearer {}", desk.hook()));
    }
    let mut desk = Desk::deploying_to(BEARER);
    desk.rotate("deploy");
    assert!(desk.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap().sent.is_empty());
}

#[test]
fn a_test_whose_answer_is_of_no_known_form_proves_nothing() {
    let mut desk = Desk::deploying_to(TESTED);
    desk.zendesk(|zendesk| zendesk.test_shape = TestShape::Other);
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("what the receiver answered was not told"), "{ran}");
}

#[test]
fn another_kind_of_authentication_is_refused_before_anything_is_minted() {
    let mut desk = Desk::deploying_to("{ kind: zendesk/webhook, id: 01HOOK, part: { basic: robot } }");
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.to_string().contains("its authentication is bearer_token, not basic_auth"), "{ran}");
    assert!(desk.is_live(desk.old()), "{ran}");
}

#[test]
fn a_user_name_that_zendesk_shows_must_be_that_of_the_config() {
    let mut desk = Desk::deploying_to("{ kind: zendesk/webhook, id: 01HOOK, part: { basic: robot } }");
    let data = json!({ "username": "somebody", "password": desk.old() });
    desk.zendesk(|zendesk| {
        zendesk.shows_names = true;
        zendesk.authenticate_webhook("01HOOK", "basic_auth", "header", &data);
    });
    let ran = desk.rotate("deploy");
    assert!(ran.to_string().contains("is that of somebody, not of robot"), "{ran}");
    assert!(desk.is_live(desk.old()), "{ran}");
}

#[test]
fn what_the_receiver_refused_since_the_delivery_is_told_and_is_no_reason_to_act() {
    let mut desk = Desk::deploying_to(BEARER);
    desk.rotate("deploy");
    let held = desk.hook();
    let now = desk.stage.sandbox.now();
    desk.zendesk(|zendesk| zendesk.add_invocation("01HOOK", "client error", now));
    let ran = desk.rotate("deploy");
    assert!(ran.to_string().contains("the receiver refused 1 of what the webhook sent"), "{ran}");
    assert_eq!((ran.code, desk.hook()), (Some(0), held), "{ran}");
}

#[test]
fn where_deliveries_may_not_be_listed_the_stamp_is_all_there_is() {
    let mut desk = Desk::deploying_to(BEARER);
    desk.rotate("deploy");
    desk.inject(Method::GET, "/invocations", 9, What::Refuse(403));
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("bears the stamp of the last delivery"), "{ran}");
}

#[test]
fn a_mint_that_is_refused_after_the_try_leaves_the_webhook_as_it_was_and_is_made_up_for() {
    let mut desk = Desk::deploying_to(BEARER);
    desk.inject(Method::POST, "/rotate", 1, What::Refuse(403));
    let ran = desk.rotate("deploy");
    assert_eq!((ran.code, desk.hook().as_str()), (Some(3), desk.old()), "{ran}");
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&desk.hook()), "{ran}");
}

#[test]
fn a_lost_mint_is_healed_and_the_webhook_holds_what_lives() {
    let mut desk = Desk::deploying_to(BEARER);
    desk.inject(Method::POST, "/rotate", 1, What::DropAfter);
    let ran = desk.rotate("deploy");
    if !desk.is_live(&desk.hook()) {
        let again = desk.rotate("deploy");
        assert_eq!(again.code, Some(0), "{ran}{again}");
    }
    assert!(desk.is_live(&desk.hook()) && !desk.is_live(desk.old()), "{ran}");
}

#[test]
fn what_somebody_changed_by_hand_is_told_and_nothing_is_minted_for_it() {
    let mut desk = Desk::deploying_to(BEARER);
    desk.rotate("deploy");
    let held = desk.hook();
    desk.stage.sandbox.advance(chrono::TimeDelta::minutes(1));
    let now = desk.stage.sandbox.now();
    desk.zendesk(|zendesk| {
        zendesk.change_webhook("01HOOK", |hook| (hook.name, hook.updated_at) = ("Renamed".to_owned(), now));
    });
    let ran = desk.rotate("deploy");
    assert!(ran.to_string().contains("was changed since the last delivery"), "{ran}");
    assert_eq!(desk.hook(), held, "{ran}");
}

#[test]
fn a_password_and_an_api_key_are_written_with_the_names_that_are_there() {
    for (part, kind, data, expected) in [
        ("basic: robot", "basic_auth", json!({ "username": "robot", "password": "" }), "password"),
        ("api_key: x-key", "api_key", json!({ "name": "x-key", "value": "" }), "value"),
    ] {
        let mut desk = Desk::deploying_to(&format!("{{ kind: zendesk/webhook, id: 01HOOK, part: {{ {part} }} }}"));
        desk.zendesk(|zendesk| zendesk.authenticate_webhook("01HOOK", kind, "query_string", &data));
        let ran = desk.rotate("deploy");
        assert_eq!(ran.code, Some(0), "{ran}");
        let kept = desk.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap().authentication.unwrap();
        assert_eq!((kept.kind.as_str(), kept.position.as_str()), (kind, "query_string"), "{ran}");
        let (mut before, token) = (data.clone(), desk.hook());
        before[expected] = json!(token);
        assert!(desk.is_live(&token) && kept.data == before, "{ran}");
    }
}

#[test]
fn a_parameter_of_the_address_is_read_back_and_the_rest_of_the_address_kept() {
    let mut desk = Desk::deploying_to("{ kind: zendesk/webhook, id: 01HOOK, part: { url_parameter: token } }");
    let address = |token: &str| format!("https://gitlab.example.com/{{{{ticket.id}}}}?token={token}&ref=main");
    let before = address(desk.old());
    desk.zendesk(|zendesk| zendesk.change_webhook("01HOOK", |hook| hook.endpoint = before));
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    let endpoint = desk.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap().endpoint;
    let token = endpoint.split_once("token=").unwrap().1.split('&').next().unwrap().to_owned();
    assert!(desk.is_live(&token) && endpoint == address(&token), "{ran}");
    assert_eq!(desk.hook(), desk.old(), "the credential beside it is another matter");
}

#[test]
fn a_header_is_written_alone_read_back_and_warned_of() {
    let mut desk = Desk::deploying_to("{ kind: zendesk/webhook, id: 01HOOK, part: { custom_header: private-token } }");
    let old = desk.old().to_owned();
    desk.zendesk(|zendesk| {
        zendesk.change_webhook("01HOOK", |hook| {
            hook.custom_headers.insert("PRIVATE-TOKEN".to_owned(), old);
            hook.custom_headers.insert("x-team".to_owned(), "one".to_owned());
        });
    });
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    let headers = desk.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap().custom_headers;
    assert!(desk.is_live(&headers["PRIVATE-TOKEN"]) && headers["x-team"] == "one" && headers.len() == 2, "{ran}");
    assert!(ran.err.contains("Zendesk shows a webhook's own headers"), "{ran}");
}

#[test]
fn a_parameter_that_somebody_put_a_dead_token_into_is_mended() {
    let both = "{ kind: zendesk/webhook, id: 01HOOK, part: { url_parameter: token } }, \
                { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }";
    let mut desk = Desk::deploying_to(both);
    let dead = format!("https://gitlab.example.com/in?token={}", desk.old());
    desk.zendesk(|zendesk| zendesk.change_webhook("01HOOK", |hook| hook.endpoint = dead.clone()));
    assert_eq!(desk.rotate("deploy").code, Some(0));
    desk.zendesk(|zendesk| zendesk.change_webhook("01HOOK", |hook| hook.endpoint = dead));
    let ran = desk.rotate("deploy");
    let endpoint = desk.zendesk(|zendesk| zendesk.webhook("01HOOK")).unwrap().endpoint;
    assert!(endpoint.ends_with(&desk.stage.held("projects/acme/app", "DEPLOY_TOKEN", "*")), "{ran}");
    assert_eq!(ran.code, Some(0), "{ran}");
}

#[test]
fn check_only_reads_and_names_a_webhook_that_is_not_there() {
    let mut desk = Desk::deploying_to("{ kind: zendesk/webhook, id: 01NONE, part: bearer }");
    let ran = desk.run(&["check"]);
    assert!(ran.to_string().contains("there is no such webhook"), "{ran}");
    assert!(desk.sent().iter().all(|one| one.method != Method::PATCH && one.method != Method::PUT), "{ran}");
}

#[test]
fn a_part_that_is_none_is_named_offline() {
    let mut desk = Desk::deploying_to("{ kind: zendesk/webhook, id: 01HOOK, part: { bearre: x } }");
    let ran = desk.run(&["check", "--offline"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.to_string().contains("part"), "{ran}");
}

#[test]
fn two_parts_of_one_webhook_are_both_written_and_neither_takes_the_other_back() {
    let hook = |part: &str| format!("{{ kind: zendesk/webhook, id: 01HOOK, part: {part} }}");
    let places = format!("{}, {}, {}", hook("bearer"), hook("{ url_parameter: a }"), hook("{ url_parameter: c }"));
    let mut desk = Desk::deploying_to(&places);
    desk.zendesk(|zendesk| zendesk.add_webhook("01HOOK", "Pager", "https://hooks.example.com/in?a=b&c=d"));
    let before = desk.old().to_owned();
    desk.zendesk(|zendesk| {
        zendesk.authenticate_webhook("01HOOK", "bearer_token", "header", &serde_json::json!({ "token": before }));
    });
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    let new = desk.hook();
    assert!(desk.is_live(&new), "{ran}");
    let ran = desk.rotate("deploy");
    assert_eq!((ran.code, desk.hook()), (Some(0), new), "nothing is owed: {ran}");
}
