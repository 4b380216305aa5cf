//! `manual/token`: watched by the config's dates, and handed over by a person.

use std::io::Write as _;
use std::process::Stdio;

use chrono::TimeDelta;
use tokenwheel_sandbox::http_api::{Family, Key};

use crate::stage::{held, put, rotate, says, stage, write};
use crate::wheel::{Ran, Stage};

const ROBOT: &str = r#"  robot:
    issuer:
      kind: manual/token
      name: robot
      url: https://keys.example.com/new
      created: "{made}"
      expires: "{dies}"
      prefix: xoxe-
      verify:
        at: "{http}"
        by:
          request: { method: POST, path: /api/auth.test, success: { where: { /ok: true } } }
          identity: { /user: bot }
          error: /error
    destinations:
      - { kind: file, path: robot }"#;

/// Two keys of the robot: one in its file, and one that a person has just made.
fn staged(made: i64, dies: i64) -> (Stage, Key, Key) {
    let stage = stage(&[]);
    let [old, new] = stage
        .sandbox
        .http_api(|api| [(); 2].map(|()| api.add_key(Family::Slack, ("bot", "robot"), false, stage.ago(made), None)));
    put(&stage, "robot", &old.value);
    dated(&stage, made, dies);
    (stage, old, new)
}

fn dated(stage: &Stage, made: i64, dies: i64) {
    let day = |days: i64| (stage.sandbox.now() + TimeDelta::days(days)).format("%Y-%m-%d").to_string();
    write(stage, "  {}", &ROBOT.replace("{made}", &day(-made)).replace("{dies}", &day(dies)));
}

fn supply(stage: &Stage, value: &str) -> Ran {
    let mut child = stage
        .command(&["supply", "robot"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    stage.read(&child.wait_with_output().unwrap())
}

#[test]
fn what_has_time_is_left_alone_and_the_page_is_named() {
    let (stage, old, _) = staged(10, 60);
    let ran = stage.run(&["plan"]);
    says(&ran, &["a person makes it, at https://keys.example.com/new"]);
    let ran = rotate(&stage);
    assert_eq!((ran.code, held(&stage, "robot")), (Some(0), old.value), "{ran}");
    assert!(!ran.to_string().contains("a person is due"), "{ran}");
}

#[test]
fn when_it_is_due_a_person_is_told_where_to_click_and_what_to_do() {
    let (stage, ..) = staged(80, 10);
    let ran = stage.run(&["plan"]);
    says(&ran, &["a person is due", "tokenwheel supply robot", "https://keys.example.com/new"]);
}

#[test]
fn what_is_dead_by_its_date_is_an_alarm() {
    let (stage, ..) = staged(80, -1);
    let ran = rotate(&stage);
    says(&ran, &["it is dead by the date of the config"]);
    assert_eq!(ran.code, Some(4), "{ran}");
}

#[test]
fn what_a_person_hands_over_is_proven_delivered_and_confirmed() {
    let (stage, old, new) = staged(80, 10);
    let ran = supply(&stage, &format!("{}\n", new.value));
    assert_eq!(ran.code, Some(0), "{ran}");
    says(&ran, &["identity"]);
    assert_eq!(held(&stage, "robot"), new.value, "{ran}");
    assert!(stage.sandbox.http_api(|api| api.is_live(&old.value)), "no API ends the old one");
    dated(&stage, 0, 90);
    let ran = rotate(&stage);
    assert_eq!((ran.code, held(&stage, "robot")), (Some(0), new.value), "{ran}");
}

#[test]
fn a_dead_value_a_strangers_and_another_make_are_not_taken() {
    let (stage, old, new) = staged(80, 10);
    let stranger = stage.sandbox.http_api(|api| {
        api.end(&new.value);
        api.add_key(Family::Slack, ("other", "robot"), false, stage.ago(1), None)
    });
    for (value, why) in [
        (&new.value, "the issuer rejects this value"),
        (&stranger.value, "the issuer rejects this value"),
        (&"glsa_another-make".to_owned(), "this is no value for `robot`"),
    ] {
        let ran = supply(&stage, value);
        says(&ran, &[why]);
        assert_eq!(held(&stage, "robot"), old.value, "{ran}");
    }
}

#[test]
fn a_dead_value_in_its_place_is_said() {
    let (stage, old, _) = staged(10, 60);
    stage.sandbox.http_api(|api| api.end(&old.value));
    let ran = rotate(&stage);
    assert_ne!(ran.code, Some(0), "{ran}");
    says(&ran, &["robot"]);
}

#[test]
fn without_a_request_the_fingerprint_remembers_what_was_handed_over() {
    let (stage, _, new) = staged(80, 10);
    let config = held(&stage, "tokenwheel.yml");
    let start = config.find("      verify:").unwrap();
    let end = config.find("    destinations:").unwrap();
    stage.write(&format!("{}{}\n", &config[..start], &config[end..]));
    let ran = supply(&stage, &new.value);
    assert_eq!(held(&stage, "robot"), new.value, "{ran}");
    says(&ran, &["not proven: the config has no `verify` request"]);
    for _ in 0..2 {
        let ran = rotate(&stage);
        assert_eq!(held(&stage, "robot"), new.value);
        assert!(!ran.to_string().contains("lacks the live token"), "{ran}");
    }
}
