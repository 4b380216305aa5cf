//! `styra/secret`: written whole, never shown; that somebody else changed it is seen.

use chrono::TimeDelta;
use http::Method;
use tokenwheel_sandbox::What;
use tokenwheel_sandbox::styra::Role;

use crate::stage::{inject, is_live, order, rotate, said, staged};
use crate::wheel::Stage;

const SECRET: &str = r"    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations:
      - { kind: styra/secret, id: rules/git }
      - { kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }
";

/// An estate in which DAS keeps the deploy token for a library, and in which its login may write secrets.
fn secret() -> Stage {
    let mut stage = staged(SECRET);
    let (life, made, value) = (TimeDelta::days(30), stage.ago(2), stage.deploy.value.clone());
    let admin = stage.sandbox.styra(|styra| {
        styra.add_secret("rules/git", "deploy-bot", "clones the rules", &value);
        styra.add_token("refresher", Role::Admin, life, &[], made)
    });
    stage.environment.insert("DAS_REFRESHER".to_owned(), admin);
    stage
}

fn kept(stage: &Stage) -> (String, String, String) {
    let secret = stage.sandbox.styra(|styra| styra.secret_at("rules/git")).unwrap();
    (secret.name, secret.description, secret.secret)
}

#[test]
fn due_then_rotated_then_said_to_be_unseen_and_its_name_is_kept() {
    let stage = secret();
    let ran = rotate(&stage);
    said(&ran, 0, &["DAS never shows a secret"]);
    let (name, description, value) = kept(&stage);
    assert_eq!((name.as_str(), description.as_str()), ("deploy-bot", "clones the rules"));
    assert!(is_live(&stage, &value) && !is_live(&stage, &stage.deploy.value), "{ran}");
    let again = rotate(&stage);
    said(&again, 0, &[]);
    assert_eq!(kept(&stage).2, value);
}

#[test]
fn what_somebody_else_wrote_there_is_seen() {
    let stage = secret();
    said(&rotate(&stage), 0, &[]);
    stage.sandbox.advance(TimeDelta::minutes(5));
    stage.sandbox.styra(|styra| styra.add_secret("rules/git", "deploy-bot", "clones the rules", "by-somebody-else"));
    said(&rotate(&stage), 0, &["secret rules/git: was changed since the last delivery"]);
}

#[test]
fn one_that_cannot_be_read_needs_its_name_and_description_said() {
    let stage = secret();
    stage.sandbox.styra(|styra| styra.secrets_may_be_read = false);
    said(&rotate(&stage), 3, &["a write replaces its name and its description: say `name` and `description`"]);
    assert!(is_live(&stage, &stage.deploy.value));
    order(&stage, &SECRET.replace("rules/git }", "rules/git, name: deploy-bot, description: clones the rules }"));
    said(&rotate(&stage), 0, &["DAS never shows a secret"]);
    assert_eq!((kept(&stage).0.as_str(), kept(&stage).1.as_str()), ("deploy-bot", "clones the rules"));
    assert!(is_live(&stage, &kept(&stage).2));
}

#[test]
fn a_refused_write_leaves_it_owed_and_the_next_run_gives_it() {
    let stage = secret();
    inject(&stage, Method::PUT, "/v1/secrets/", 1, What::Refuse(403));
    let ran = rotate(&stage);
    assert_ne!(ran.code, Some(0), "{ran}");
    said(&ran, ran.code.unwrap(), &["refused the value"]);
    said(&rotate(&stage), 0, &[]);
    assert!(is_live(&stage, &kept(&stage).2));
}

#[test]
fn a_lost_answer_to_the_write_is_written_again() {
    let stage = secret();
    inject(&stage, Method::PUT, "/v1/secrets/", 1, What::DropAfter);
    said(&rotate(&stage), 0, &[]);
    assert!(is_live(&stage, &kept(&stage).2));
}

#[test]
fn what_does_not_exist_is_made_only_where_that_is_said() {
    let stage = secret();
    order(&stage, &SECRET.replace("rules/git", "rules/new"));
    let ran = rotate(&stage);
    assert_ne!(ran.code, Some(0), "{ran}");
    said(&ran, ran.code.unwrap(), &["does not exist: create it by hand once, or say `create:`"]);
    order(&stage, &SECRET.replace("rules/git }", "rules/new, name: deploy-bot, create: {} }"));
    said(&rotate(&stage), 0, &[]);
    let made = stage.sandbox.styra(|styra| styra.secret_at("rules/new")).unwrap();
    assert!(made.name == "deploy-bot" && is_live(&stage, &made.secret));
}
