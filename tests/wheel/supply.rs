//! `supply`: a person hands over what no API mints.

use std::io::Write as _;
use std::process::Stdio;

use crate::stage::{Ran, Stage};

const CONFIG: &str = r#"version: 1
every: 12h
connections:
  gitlab: { service: gitlab, url: "{gitlab}", token: env:GITLAB_REFRESHER }
tokens:
  partner:
    owner: "@integrations"
    issuer: { kind: manual/token, name: partner api, url: "https://partner.example.com/settings/tokens", prefix: pat_ }
    rotate: { before: 14d }
    destinations:
      - { kind: gitlab/ci-variable, project: acme/app, key: PARTNER }
      - { kind: file, path: netrc, as: "machine partner.example.com\nlogin bot\npassword {value}" }
  deploy:
    issuer: { kind: gitlab/project-access-token, project: acme/app, name: deploy-bot, ttl: 30d }
    destinations: [{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }]
ledger: { kind: file, path: ledger.json }
"#;

const OLD: &str = "pat_0123456789abcdef-the-old-one";
const NEW: &str = "pat_fedcba9876543210-the-new-one";

fn stage() -> Stage {
    let stage = Stage::set();
    stage.keep("projects/acme/app", "PARTNER", OLD);
    std::fs::write(stage.path("netrc"), format!("machine partner.example.com\nlogin bot\npassword {OLD}\n")).unwrap();
    stage.write(CONFIG);
    stage
}

fn held(stage: &Stage) -> (String, String) {
    let file = std::fs::read_to_string(stage.path("netrc")).unwrap();
    (stage.held("projects/acme/app", "PARTNER", "*"), file.rsplit(' ').next().unwrap_or_default().trim().to_owned())
}

/// Hands that over on standard input. What was handed over is never printed, nor kept in the ledger.
fn supply(stage: &Stage, args: &[&str], value: &str) -> Ran {
    let mut command = stage.command(&[&["supply"], args].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended before it read everything: a config that is wrong.
    let _ = child.stdin.take().unwrap().write_all(value.as_bytes());
    let ran = stage.read(&child.wait_with_output().unwrap());
    let ledger = std::fs::read_to_string(stage.path("ledger.json")).unwrap_or_default();
    for value in [OLD, NEW] {
        assert!(!ran.to_string().contains(value) && !ledger.contains(value), "{ran}");
    }
    ran
}

#[test]
fn what_is_handed_over_is_delivered_confirmed_and_remembered() {
    let stage = stage();
    let ran = supply(&stage, &["partner", "--expires", "2099-04-30"], &format!("{NEW}\n"));
    ran.is("supplied", stage.folder.path());
    assert_eq!((ran.code, held(&stage)), (Some(0), (NEW.to_owned(), NEW.to_owned())));

    // The next run sees it everywhere, and knows when it dies.
    let status = stage.run(&["status", "--only", "partner"]);
    assert!(status.out.contains("30 Apr 2099") && status.out.contains("holds a live token"), "{status}");
}

#[test]
fn the_same_value_once_more_is_told_and_changes_nothing() {
    let stage = stage();
    supply(&stage, &["partner"], NEW);
    let ran = supply(&stage, &["partner"], NEW);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("holds already; nothing was changed"), "{ran}");
    assert_eq!(held(&stage), (NEW.to_owned(), NEW.to_owned()));
}

#[test]
fn what_cannot_be_the_token_is_refused_before_anything_is_written() {
    let stage = stage();
    for (args, value, why) in [
        (&["partner"][..], "", "it is empty; hand it over alone: `tokenwheel supply partner < FILE`"),
        (&["partner"], "pat_one\npat_two", "line break"),
        (
            &["partner"],
            "ghp-of-somebody-else",
            "this is no value for `partner`: those of manual/token have another form",
        ),
        (&["partne"], NEW, "did you mean `partner`?"),
        (&["deploy"], NEW, "`rotate` makes a new one"),
        (&["partner", "--expires", "2020-01-01"], NEW, "--expires: this day is past"),
        (&["partner", "--expires", "tomorrow"], NEW, "a day is written as 2027-04-30"),
    ] {
        let ran = supply(&stage, args, value);
        assert!(ran.code == Some(2) && ran.err.contains(why), "{why}: {ran}");
        assert_eq!(held(&stage), (OLD.to_owned(), OLD.to_owned()), "{why}");
    }
}

#[test]
fn a_place_that_refuses_the_value_is_told_and_given_it_later() {
    use tokenwheel_sandbox::{At, Fault, What};
    let stage = stage();
    // Willing when asked, and then not.
    let path = "/variables/PARTNER".to_owned();
    stage
        .sandbox
        .inject(Fault { at: At::Matching { method: http::Method::PUT, path, times: 9 }, what: What::Refuse(403) });
    let ran = supply(&stage, &["partner"], NEW);
    assert_ne!(ran.code, Some(0), "{ran}");
    assert!(ran.out.contains("PARTNER"), "{ran}");
    stage.sandbox.clear_faults();
    let ran = supply(&stage, &["partner"], NEW);
    assert_eq!((ran.code, held(&stage)), (Some(0), (NEW.to_owned(), NEW.to_owned())), "{ran}");
}

#[test]
fn a_person_who_is_due_is_told_where_to_click() {
    let stage = stage();
    let soon = stage.dies(3);
    let due = CONFIG.replace("name: partner api,", &format!("name: partner api, expires: '{soon}',"));
    stage.write(&due);
    let plan = stage.run(&["plan"]);
    for told in ["a person is due", "`tokenwheel supply partner`", "https://partner.example.com/settings/tokens"] {
        assert!(plan.out.contains(told), "{told}: {plan}");
    }
    // Rotating does not make one, and loses none.
    let ran = stage.run(&["rotate", "--only", "partner", "--force", "--reason", "to try"]);
    assert!(ran.out.contains("watched"), "{ran}");
    assert_eq!(held(&stage), (OLD.to_owned(), OLD.to_owned()));
}

#[test]
fn one_spoilt_place_is_mended_from_the_other_without_a_person() {
    let stage = stage();
    supply(&stage, &["partner"], NEW);
    std::fs::write(stage.path("netrc"), "machine partner.example.com\nlogin bot\npassword pat_spoilt-by-somebody\n")
        .unwrap();
    let ran = stage.run(&["rotate", "--only", "partner"]);
    assert_eq!((ran.code, held(&stage)), (Some(0), (NEW.to_owned(), NEW.to_owned())), "{ran}");
}
