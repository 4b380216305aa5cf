//! `zendesk/app-setting`

use http::Method;
use tokenwheel_sandbox::What;

use crate::stage::Desk;

const PLACE: &str = "{ kind: zendesk/app-setting, installation: {app}, setting: api_token }";
const DESPITE: &str =
    "{ kind: zendesk/app-setting, installation: {app}, setting: api_token, despite_other_secure_settings: true }";

/// The app has another secure setting.
fn with_another_secret(desk: &mut Desk) {
    let old = desk.old().to_owned();
    desk.app = desk.zendesk(|zendesk| {
        zendesk.install(8, &[("title", "Pager"), ("team", "one")], &[("api_token", &old), ("other", "other-secret")])
    });
}

#[test]
fn due_then_rotated_then_confirmed_and_the_old_one_dead() {
    let mut desk = Desk::deploying_to(PLACE);
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&desk.setting("api_token")) && !desk.is_live(desk.old()), "{ran}");
    assert!(ran.to_string().contains("bears the stamp of the delivery"), "{ran}");
    assert_eq!(desk.setting("team"), "one");
    let again = desk.rotate("deploy");
    assert_eq!(again.code, Some(0), "{again}");
    assert!(again.to_string().contains("bears the stamp of the last delivery"), "{again}");
}

#[test]
fn only_the_one_key_is_written() {
    let mut desk = Desk::deploying_to(PLACE);
    desk.rotate("deploy");
    let mut puts = desk.sent().into_iter().filter(|exchange| exchange.method == Method::PUT);
    let body: serde_json::Value = serde_json::from_slice(&puts.next().unwrap().request_body).unwrap();
    assert_eq!(body["settings"].as_object().unwrap().keys().collect::<Vec<_>>(), ["api_token"]);
    assert!(puts.next().is_none());
    assert!(desk.scopes().iter().all(|scope| scope == "apps:read apps:write"), "{:?}", desk.scopes());
}

#[test]
fn settings_that_zendesk_touches_are_put_back() {
    let mut desk = Desk::deploying_to(PLACE);
    desk.zendesk(|zendesk| zendesk.put_keeps_settings = false);
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&desk.setting("api_token")), "{ran}");
    assert_eq!((desk.setting("team").as_str(), desk.setting("title").as_str()), ("one", "Pager"), "{ran}");
    assert!(ran.err.contains("Zendesk changed"), "{ran}");
}

#[test]
fn several_secure_settings_are_refused_before_anything_is_minted() {
    let mut desk = Desk::deploying_to(PLACE);
    let first = desk.app.to_string();
    with_another_secret(&mut desk);
    desk.amend(&format!("installation: {first}"), "installation: {app}");
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(3), "{ran}");
    assert!(ran.to_string().contains("the app has other secure settings too (other)"), "{ran}");
    assert!(desk.is_live(desk.old()), "{ran}");
}

#[test]
fn several_secure_settings_are_written_where_the_config_says_so() {
    for keeps in [true, false] {
        let mut desk = Desk::deploying_to(DESPITE);
        let first = desk.app.to_string();
        with_another_secret(&mut desk);
        desk.amend(&format!("installation: {first}"), "installation: {app}");
        desk.zendesk(|zendesk| zendesk.put_keeps_settings = keeps);
        let ran = desk.rotate("deploy");
        assert!(desk.is_live(&desk.setting("api_token")), "{ran}");
        assert_eq!(desk.setting("team"), "one", "{ran}");
        if keeps {
            assert_eq!((ran.code, desk.setting("other").as_str()), (Some(0), "other-secret"), "{ran}");
        } else {
            assert_ne!(ran.code, Some(0), "{ran}");
            assert!(ran.to_string().contains("but other must be entered by hand"), "{ran}");
        }
    }
}

#[test]
fn a_refused_write_costs_no_token() {
    let mut desk = Desk::deploying_to(PLACE);
    desk.inject(Method::PUT, "/apps/installations/", 1, What::Refuse(403));
    let ran = desk.rotate("deploy");
    assert_ne!(ran.code, Some(0), "{ran}");
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&desk.setting("api_token")), "{ran}");
}

#[test]
fn a_lost_answer_is_written_once_more() {
    let mut desk = Desk::deploying_to(PLACE);
    desk.inject(Method::PUT, "/apps/installations/", 1, What::DropAfter);
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(desk.is_live(&desk.setting("api_token")), "{ran}");
}

#[test]
fn a_write_that_is_answered_200_and_changed_by_somebody_is_not_confirmed() {
    let mut desk = Desk::deploying_to(PLACE);
    desk.rotate("deploy");
    desk.stage.sandbox.advance(chrono::TimeDelta::minutes(1));
    desk.zendesk(|zendesk| zendesk.set(desk.app, "api_token", "somebody-elses-token"));
    let ran = desk.rotate("deploy");
    assert!(ran.to_string().contains("was changed since the last delivery"), "{ran}");
}

#[test]
fn a_setting_that_the_app_does_not_have_is_named_by_check() {
    let mut desk = Desk::deploying_to("{ kind: zendesk/app-setting, installation: {app}, setting: api_tokne }");
    let ran = desk.run(&["check"]);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.to_string().contains("the app has no such setting; it has `api_token`"), "{ran}");
    assert!(desk.sent().iter().all(|one| one.method != Method::PUT), "{ran}");
}

#[test]
fn where_the_page_of_the_app_is_not_to_be_had_the_config_must_say_so() {
    for (place, code) in [(PLACE, 3), (DESPITE, 0)] {
        let mut desk = Desk::deploying_to(place);
        desk.inject(Method::GET, "/api/support/apps/", 9, What::Refuse(404));
        let ran = desk.rotate("deploy");
        assert_eq!(ran.code, Some(code), "{ran}");
        assert_eq!(desk.is_live(desk.old()), code == 3, "{ran}");
    }
}

#[test]
fn two_settings_of_one_app_are_both_written_and_neither_puts_the_other_back() {
    let place = |setting: &str| {
        format!(
            "{{ kind: zendesk/app-setting, installation: {{app}}, setting: {setting}, despite_other_secure_settings: true }}"
        )
    };
    let mut desk = Desk::deploying_to(&format!("{}, {}, {}", place("title"), place("team"), place("api_token")));
    let ran = desk.rotate("deploy");
    assert_eq!(ran.code, Some(0), "{ran}");
    let new = desk.setting("title");
    assert!(desk.is_live(&new), "{ran}");
    assert_eq!((desk.setting("team"), desk.setting("api_token")), (new.clone(), new.clone()), "{ran}");
    let ran = desk.rotate("deploy");
    assert_eq!((ran.code, desk.setting("title")), (Some(0), new), "nothing is owed: {ran}");
}
