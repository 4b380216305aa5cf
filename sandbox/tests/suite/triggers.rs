//! Pipeline trigger tokens: shown whole to their owner only, made and deleted, never turned.

use crate::common::{Acme, made};
use chrono::TimeDelta;
use serde_json::{Value, json};

const TRIGGERS: &str = "/projects/acme%2Fapp/triggers";

#[test]
fn a_trigger_is_made_with_an_end_and_belongs_to_who_made_it() {
    let acme = Acme::new();
    let body = json!({ "description": "nightly", "expires_at": "2026-06-01T00:00:00Z" });
    let answer = acme.ask(&acme.maintainer, "POST", TRIGGERS, &body);
    assert_eq!(answer.status, 201);
    let trigger = answer.value();
    assert_eq!(trigger["expires_at"], "2026-06-01T00:00:00.000Z");
    assert_eq!(trigger["owner"]["username"], "mia");
    let token = made(&answer);
    assert!(token.value.starts_with("glptt-") && token.value.len() == 46);
    assert!(acme.is_live(&token.value));
    acme.world.sandbox.advance(TimeDelta::days(40));
    assert!(!acme.is_live(&token.value));
}

#[test]
fn others_see_four_letters() {
    let acme = Acme::new();
    let seeded = acme.world.sandbox.gitlab(|gitlab| {
        let user = gitlab.token(acme.maintainer.id).unwrap().user_id;
        gitlab.add_trigger("acme/app", user, "nightly")
    });
    let one = format!("{TRIGGERS}/{}", seeded.id);
    assert_eq!(acme.get(&acme.maintainer, &one).value()["token"], json!(seeded.value));
    assert_eq!(acme.get(&acme.owner, &one).value()["token"], "glpt");
    assert_eq!(acme.get(&acme.owner, TRIGGERS).value()[0]["token"], "glpt");
    assert_eq!(acme.get(&acme.developer, TRIGGERS).status, 403);
}

#[test]
fn a_description_is_changed_by_the_owner_and_deleting_is_for_maintainers() {
    let acme = Acme::new();
    let trigger = made(&acme.ask(&acme.maintainer, "POST", TRIGGERS, &json!({ "description": "nightly" })));
    let one = format!("{TRIGGERS}/{}", trigger.id);
    assert_eq!(acme.ask(&acme.owner, "PUT", &one, &json!({ "description": "mine" })).status, 403);
    let changed = acme.ask(&acme.maintainer, "PUT", &one, &json!({ "description": "weekly" })).value();
    assert_eq!((&changed["description"], &changed["token"]), (&json!("weekly"), &json!(trigger.value)));
    assert_eq!(acme.ask(&acme.owner, "DELETE", &one, &Value::Null).status, 204);
    assert!(!acme.is_live(&trigger.value));
    assert_eq!(acme.get(&acme.maintainer, &one).value()["message"], "404 Trigger Not Found");
}

#[test]
fn using_a_trigger_starts_a_pipeline_and_it_needs_no_other_token() {
    let acme = Acme::new();
    let trigger = made(&acme.ask(&acme.maintainer, "POST", TRIGGERS, &json!({ "description": "nightly" })));
    let nobody = tokenwheel_sandbox::gitlab::Seeded { id: 0, value: String::new() };
    let start = |token: &str| {
        let body = json!({ "token": token, "ref": "main" });
        acme.ask(&nobody, "POST", "/projects/acme%2Fapp/trigger/pipeline", &body).status
    };
    assert_eq!(start("glptt-wrong"), 404);
    assert_eq!(acme.world.sandbox.gitlab(|gitlab| gitlab.pipelines_triggered), 0);
    assert_eq!(start(&trigger.value), 201);
    assert_eq!(acme.world.sandbox.gitlab(|gitlab| gitlab.pipelines_triggered), 1);
}
