//! A literal secret in the config is refused, and never repeated.

use super::stage::{SOUND, problems, spoiled};

/// Forms that no scanner takes for real ones.
fn secrets() -> Vec<String> {
    let tail = "x".repeat(20);
    ["glpat-", "glptt-", "gldt-", "glrt-", "ghp_", "github_pat_", "hvs."].map(|prefix| format!("{prefix}{tail}")).into()
}

#[test]
fn wherever_it_stands_it_is_refused_with_its_line_and_not_repeated() {
    let places = [
        ("env:REFRESHER", "SECRET"),
        ("env:SPARE", "SECRET"),
        ("name: deploy-bot", "name: SECRET"),
        ("key: DEPLOY_TOKEN", "key: SECRET"),
        ("https://gitlab.sandbox", "https://gitlab.sandbox/?private_token=SECRET"),
        ("project: acme/app, name", "project: \"SECRET\", name"),
        ("{ after: 2/3 }", "{ after: 2/3, note: [{ deep: SECRET }] }"),
        ("path: ledger.json", "path: SECRET"),
    ];
    for secret in secrets() {
        for (from, to) in places {
            let said = spoiled(from, &to.replace("SECRET", &secret));
            assert!(said.contains("looks like a secret") && !said.contains(&secret[..14]), "{to}: {said}");
        }
    }
}

#[test]
fn what_to_do_is_said() {
    insta::assert_snapshot!(spoiled("env:REFRESHER", &secrets()[0]), @"
    tokenwheel.yml:7: this looks like a secret; it has leaked and is to be replaced: a credential is `env:NAME` or `file:PATH`
    tokenwheel.yml:7: `token`: a credential is never written here: say `env:NAME` or `file:PATH`; if this was a real one, it has leaked and is to be replaced
    ");
}

#[test]
fn one_of_no_known_form_is_refused_where_a_credential_is_named_and_not_repeated() {
    for secret in ["hunter2hunter2", "s.8Kq2:colon", "envy:hunter2", "Bearer hunter2"] {
        let said = spoiled("env:REFRESHER", secret);
        assert!(said.contains("a credential is never written here"), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("8Kq2"), "{said}");
    }
}

#[test]
fn one_that_stands_as_a_key_is_refused_and_not_repeated() {
    for secret in secrets() {
        let said = problems(&SOUND.replace("  deploy:\n", &format!("  {secret}:\n")));
        assert!(said.contains("looks like a secret") && !said.contains(&secret), "{said}");
        let said = problems(&SOUND.replace("every: 12h", &format!("{secret}: 12h")));
        assert!(said.contains("looks like a secret") && !said.contains(&secret), "{said}");
    }
}

#[test]
fn one_that_is_the_wrong_word_somewhere_is_refused_and_not_repeated() {
    for (from, to) in [
        ("kind: gitlab/project-access-token", "kind: SECRET"),
        ("service: gitlab", "service: SECRET"),
        ("every: 12h", "every: SECRET"),
        ("refreshes: gitlab", "refreshes: SECRET"),
        ("after: 2/3", "after: SECRET"),
        ("{ after: 2/3 }", "SECRET"),
        ("kind: gitlab/project-access-token", "connection: SECRET, kind: gitlab/project-access-token"),
    ] {
        let secret = &secrets()[0];
        let said = spoiled(from, &to.replace("SECRET", secret));
        assert!(said.contains("looks like a secret") && !said.contains(secret), "{to}: {said}");
    }
}

#[test]
fn one_in_a_file_that_is_not_yaml_is_not_repeated_either() {
    let secret = &secrets()[0];
    for text in [
        format!("version: 1\n\ttoken: {secret}\n"),
        format!("version: [{secret}\n"),
        format!("&{secret} a: b\n"),
        format!("{secret}\n"),
    ] {
        let said = problems(&text);
        assert!(said != "sound" && !said.contains(secret), "{said}");
    }
}

#[test]
fn a_prefix_alone_is_no_secret() {
    assert_eq!(spoiled("name: deploy-bot", "name: glpat-bot"), "sound");
}
