//! What a config changes, in meaning, against the one that it takes the place of.

use std::fmt::Write as _;
use std::path::Path;

use tokenwheel::config;
use tokenwheel::run::{Difference, Grade, Setup, Side, Wheel, differences};

use super::stage::{SOUND, environment, parsed, setup};

fn offline() -> Setup {
    Setup { offline: true, ..setup(environment()) }
}

fn between(before: &str, after: &str) -> Vec<Difference> {
    let (old, new) = (parsed(before), parsed(after));
    let build = |config| Wheel::build(config, &offline()).unwrap_or_else(|problems| panic!("{problems}"));
    let (old_wheel, new_wheel) = (build(&old), build(&new));
    let before = Side { config: &old, wheel: &old_wheel };
    differences(Some(before), Side { config: &new, wheel: &new_wheel })
}

fn told(found: &[Difference]) -> String {
    let mut out = String::new();
    for Difference { grade, of, what } in found {
        writeln!(out, "  [{}] {of}: {what}", grade.word()).unwrap();
    }
    out
}

/// What is told of the sound config with one thing replaced, one after the other.
fn each(changes: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (from, to) in changes {
        assert!(SOUND.contains(from), "{from} does not stand in the config");
        let change = if to.is_empty() { format!("without {}", from.trim()) } else { to.trim().to_owned() };
        writeln!(out, "{change}\n{}", told(&between(SOUND, &SOUND.replacen(from, to, 1))).trim_end()).unwrap();
    }
    out
}

#[track_caller]
fn prints(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn where_a_credential_goes_is_told_first() {
    prints(
        "against_hosts",
        &each(&[
            ("https://gitlab.sandbox", "https://gitlab.evil.example"),
            ("https://gitlab.sandbox", "https://gitlab.sandbox:8443"),
            ("https://gitlab.sandbox", "https://gitlab.sandbox/git"),
            ("tokens:\n", "  das: { service: styra, url: \"https://das.example\", token: env:OTHER }\ntokens:\n"),
        ]),
    );
}

#[test]
fn another_credential_is_told_by_the_name_of_its_source() {
    prints(
        "against_credentials",
        &each(&[
            ("token: env:REFRESHER", "token: env:OTHER"),
            ("    spare: env:SPARE\n", ""),
            ("    spare: env:SPARE\n", "    spare: file:/run/spare\n"),
            ("refreshes: gitlab\n", "refreshes: gitlab.spare\n"),
            ("name: deploy-bot, ttl: 30d }", "name: deploy-bot, ttl: 30d, self: env:OTHER }"),
        ]),
    );
}

#[test]
fn where_a_token_goes_and_which_one_it_is() {
    prints(
        "against_places",
        &each(&[
            ("key: DEPLOY_TOKEN }", "key: DEPLOY_TOKEN }\n      - { kind: file, path: copy }"),
            ("project: acme/app, key", "project: acme/evil, key"),
            ("key: DEPLOY_TOKEN }", "key: DEPLOY_TOKEN, environment_scope: \"*\" }"),
            ("key: DEPLOY_TOKEN }", "key: DEPLOY_TOKEN, environment_scope: production }"),
            ("{ kind: gitlab/ci-variable, project: acme/app, key: DEPLOY_TOKEN }", "{ kind: file, path: copy }"),
            ("name: deploy-bot", "name: release-bot"),
            ("kind: gitlab/project-access-token, project: acme/app", "kind: gitlab/group-access-token, group: acme"),
            ("  refresher:\n    refreshes: gitlab\n    issuer", "  other:\n    refreshes: gitlab\n    issuer"),
            ("  refresher:\n    refreshes: gitlab\n", "  other:\n    was: refresher\n    refreshes: gitlab\n"),
        ]),
    );
}

#[test]
fn rights_that_grow_and_guards_that_go() {
    prints(
        "against_rights",
        &each(&[
            ("name: deploy-bot, ttl: 30d", "name: deploy-bot, ttl: 90d"),
            ("name: deploy-bot, ttl: 30d", "name: deploy-bot, ttl: 10d"),
            ("name: deploy-bot, ttl: 30d", "name: deploy-bot, ttl: 30d, create: { scopes: [api], access_level: 40 }"),
            ("key: DEPLOY_TOKEN }", "key: DEPLOY_TOKEN, create: { masked: false, protected: false } }"),
            ("rotate: { after: 2/3 }", "rotate: watch"),
            ("rotate: { after: 2/3 }", "rotate: { before: 2d }"),
            ("refreshes: gitlab\n", "refreshes: gitlab\n    accept_risk: one is enough for us\n"),
            ("every: 12h", "every: 2d"),
            ("every: 12h", "every: 6h\nlimits: { max_rotations: 500 }"),
            ("ledger: { kind: file, path: ledger.json }\n", ""),
            ("path: ledger.json", "path: elsewhere.json"),
            ("  deploy:\n", "  deploy:\n    owner: \"@platform\"\n"),
        ]),
    );
}

#[test]
fn whoever_can_open_what_is_sealed_is_told() {
    let key = || age::x25519::Identity::generate().to_public().to_string();
    let (ann, bob) = (key(), key());
    let with = |keys: &str| format!("{SOUND}rescue: {{ recipients: [{keys}] }}\n");
    let found = told(&between(SOUND, &with(&ann)));
    assert_eq!(found, format!("  [place] rescue: `recipients` is new: [{ann}]\n"));
    let found = told(&between(&with(&ann), &with(&format!("{ann}, {bob}"))));
    assert_eq!(found, format!("  [place] rescue: `recipients`: also {bob}\n"));
    let found = told(&between(&with(&ann), SOUND));
    assert_eq!(found, "  [guard] rescue: it is gone: what a run mints that dies is kept nowhere\n");
}

#[test]
fn what_was_only_watched_and_would_be_turned_is_told() {
    let watched = SOUND.replace("rotate: { after: 2/3 }", "rotate: watch");
    let found = between(&watched, SOUND);
    assert_eq!(told(&found), "  [guard] token deploy: it would be turned; so far it was only watched\n");
    assert_eq!(between(SOUND, SOUND), []);
}

#[test]
fn a_config_without_a_predecessor_is_new_in_all_it_does() {
    let config = parsed(SOUND);
    let wheel = Wheel::build(&config, &offline()).unwrap_or_else(|problems| panic!("{problems}"));
    prints("against_nothing", &told(&differences(None, Side { config: &config, wheel: &wheel })));
}

#[test]
fn a_host_that_moves_is_told_of_its_connection_and_not_of_every_token() {
    let found = between(SOUND, &SOUND.replace("https://gitlab.sandbox", "https://git.example.com"));
    assert_eq!(found.len(), 1, "{}", told(&found));
    assert_eq!((found[0].grade, found[0].of.as_str()), (Grade::Host, "connection gitlab"));
}

#[test]
fn the_same_change_of_many_is_told_once() {
    let many = |ttl: &str| {
        let entry = "  many:\n    each: [acme/a, acme/b, acme/c, acme/d, acme/e]\n    issuer: { kind: \
                     gitlab/project-access-token, project: $each, name: bot, ttl: TTL }\n    destinations: [{ kind: \
                     gitlab/ci-variable, project: $each, key: TOKEN }]\n";
        SOUND.replace("tokens:\n", &format!("tokens:\n{}", entry.replace("TTL", ttl)))
    };
    let found = between(&many("10d"), &many("20d"));
    let expected = "  [rights] token many[acme/a], token many[acme/b], token many[acme/c] and 2 more: `ttl` from 10 d to \
                    20 d\n";
    assert_eq!(told(&found), expected);
}

#[test]
fn the_folder_that_a_config_stands_in_is_no_difference() {
    let text = SOUND
        .replace("key: DEPLOY_TOKEN }", "key: DEPLOY_TOKEN }\n      - { kind: file, path: out/copy }")
        .replace("    spare: env:SPARE\n", "    spare: env:SPARE\n    ca_file: ca.pem\n");
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&here, &there] {
        let pem = rcgen::generate_simple_self_signed(vec!["gitlab.sandbox".to_owned()]).unwrap().cert.pem();
        std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
    }
    let load =
        |folder: &Path| config::parse(&folder.join("tokenwheel.yml"), &text).unwrap_or_else(|why| panic!("{why}"));
    let (old, new) = (load(here.path()), load(there.path()));
    let build = |config| Wheel::build(config, &offline()).unwrap_or_else(|problems| panic!("{problems}"));
    let (was, is) = (build(&old), build(&new));
    let found = differences(Some(Side { config: &old, wheel: &was }), Side { config: &new, wheel: &is });
    assert_eq!(told(&found), "");
    // Whoever holds the key of a CA that is trusted can be any host.
    let sound = parsed(SOUND);
    let wheel = build(&sound);
    let found = differences(Some(Side { config: &sound, wheel: &wheel }), Side { config: &new, wheel: &is });
    let expected = "  [host] connection gitlab: `ca_file` is new: ca.pem\n  [place] token deploy: it would also go to file \
                    out/copy\n";
    assert_eq!(told(&found), expected);
}

#[test]
fn what_is_quoted_gives_no_orders_to_a_runner() {
    let found = between(SOUND, &SOUND.replace("name: deploy-bot", "name: \"a\\n::error::x ##[group]\""));
    let text = told(&found);
    assert!(!text.contains("::error") && !text.contains("##[") && text.lines().count() == found.len(), "{text}");
}
