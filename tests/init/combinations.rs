//! Whatever it is asked to begin with, what it writes is sound at once, and so is the next run of it.

use tokenwheel::config;
use tokenwheel::init::{Forge, Start};

use crate::stage::Stage;
use crate::yaml;

fn remote(forge: Forge) -> &'static str {
    match forge {
        Forge::GitLab => "git@gitlab.example.com:acme/platform/app.git",
        Forge::GitHub => "https://github.com/acme/app.git",
    }
}

/// Begins with these, and holds what was written against the program, the schema, and itself.
fn begin(forge: Forge, kinds: &[&str], more: &[&str]) -> String {
    let stage = Stage::of(remote(forge));
    let kinds = kinds.join(",");
    let args: Vec<&str> = ["init", "--token", &kinds].iter().chain(more).copied().collect();
    let said = stage.run(&args).well();
    let checked = stage.run(&["check", "--offline"]).well();
    assert!(checked.out.ends_with("the config is sound\n"), "{kinds} {more:?}: {checked}");
    let written = stage.read("tokenwheel.yml");
    let schema = jsonschema::validator_for(&config::schema()).unwrap();
    let wrong: Vec<String> =
        schema.iter_errors(&yaml::json(&written)).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{kinds} {more:?}: {wrong:?}");
    assert!(!written.contains("<<") && !written.contains(">>"), "a place was not filled:\n{written}");
    let needs = stage.run(&["check", "--needs"]).well();
    assert!(said.out.contains(&needs.out), "it tells of other rights than `check --needs`:\n{said}\n{needs}");
    let before: Vec<String> = stage.files().iter().map(|name| stage.read(name)).collect();
    let again = stage.run(&args).well();
    assert_eq!(stage.files().iter().map(|name| stage.read(name)).collect::<Vec<_>>(), before, "{again}");
    assert_eq!(again.out.matches("there already").count(), 2, "{again}");
    written
}

#[test]
fn every_kind_alone_is_sound_at_once_watched_and_turned() {
    for forge in Forge::ALL {
        for start in Start::of(forge) {
            for watch in ["--watch", "--watch=false"] {
                let written = begin(forge, &[start.kind], &[watch]);
                assert!(written.contains(&format!("kind: {}", start.kind)), "{written}");
                assert_eq!(
                    written.contains("rotate: watch\n") || written.contains("rotate: watch "),
                    watch == "--watch",
                    "{written}"
                );
            }
        }
    }
}

#[test]
fn all_kinds_together_are_sound_with_either_ledger_and_any_interval() {
    for forge in Forge::ALL {
        let kinds: Vec<&str> = Start::of(forge).map(|start| start.kind).collect();
        for more in [
            &["--ledger", "variable"][..],
            &["--ledger", "file", "--owner", "@platform \"two\" #3: {x}"],
            &["--every", "15m", "--watch=false"],
            &["--every", "30m", "--rescue", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"],
        ] {
            begin(forge, &kinds, more);
        }
    }
}

#[test]
fn an_app_that_is_known_is_filled_in() {
    let written =
        begin(Forge::GitHub, &["github/deploy-key"], &["--app", "Iv23liABCDEF12345678", "--installation", "4711"]);
    assert!(written.contains("    app: \"Iv23liABCDEF12345678\"\n    installation: 4711\n"), "{written}");
    assert!(!written.contains("fill in"), "{written}");
    let written = begin(Forge::GitHub, &["github/deploy-key"], &["--app", "123456"]);
    assert!(written.contains("    app: \"123456\"\n"), "a number would not be read as a text:\n{written}");
    assert_eq!(written.matches("fill in").count(), 1, "{written}");
}

#[test]
fn each_forge_has_kinds_of_its_own_and_those_of_the_other_services() {
    for (forge, own, other) in [(Forge::GitLab, "gitlab/", "github/"), (Forge::GitHub, "github/", "gitlab/")] {
        let kinds: Vec<&str> = Start::of(forge).map(|start| start.kind).collect();
        assert!(kinds[0].starts_with(own), "{kinds:?}");
        assert!(!kinds.iter().any(|kind| kind.starts_with(other)), "{kinds:?}");
        for service in ["styra/", "zendesk/", "atlassian/", "signon/", "random/", "manual/"] {
            assert!(kinds.iter().any(|kind| kind.starts_with(service)), "{service} in {kinds:?}");
        }
    }
}

#[test]
fn every_kind_that_it_begins_with_is_one_of_the_catalogue() {
    for start in tokenwheel::init::STARTS {
        assert!(tokenwheel::services::ISSUERS.iter().any(|issuer| issuer.kind == start.kind), "{}", start.kind);
    }
}
