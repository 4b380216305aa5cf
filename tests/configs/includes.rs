//! Several files: each team owns its own.

use std::path::Path;

use tokenwheel::config;

use super::stage::SOUND;

const HEAD: &str = "version: 1
include: [tokens/*.yml]
connections:
  gitlab: { service: gitlab, url: \"https://gitlab.sandbox\", token: env:REFRESHER }
";

fn token(name: &str) -> String {
    format!(
        "tokens:
  {name}:
    issuer: {{ kind: gitlab/project-access-token, project: acme/{name}, name: deploy-bot, ttl: 30d }}
    destinations: [{{ kind: gitlab/ci-variable, project: acme/{name}, key: TOKEN }}]
"
    )
}

/// Loads a config of these files. Paths in the messages start at its folder.
fn loaded(files: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let found = config::load(&folder.path().join("tokenwheel.yml"));
    let found = found.map(|config| config.tokens.into_keys().collect());
    found.map_err(|problems| problems.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn a_star_takes_every_file_that_fits_in_the_order_of_their_names() {
    let names = loaded(&[
        ("tokenwheel.yml", HEAD),
        ("tokens/b.yml", &token("b")),
        ("tokens/a.yml", &token("a")),
        ("tokens/notes.txt", "not a config"),
        ("tokens/deeper/c.yml", &token("c")),
    ]);
    assert_eq!(names.unwrap(), ["a", "b"]);
}

#[test]
fn a_file_may_be_named_and_several_too() {
    let head = HEAD.replace("[tokens/*.yml]", "[teams/a.yml, b.yml]");
    let names = loaded(&[("tokenwheel.yml", &head), ("teams/a.yml", &token("a")), ("b.yml", &token("b"))]);
    assert_eq!(names.unwrap(), ["a", "b"]);
}

#[test]
fn the_defaults_hold_for_the_tokens_of_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenwheel.yml");
    std::fs::write(&path, HEAD.replace("tokens/*.yml", "a.yml") + "defaults: { owner: \"@platform\" }\n").unwrap();
    std::fs::write(folder.path().join("a.yml"), token("a")).unwrap();
    let config = config::load(&path).unwrap();
    assert_eq!(config.tokens["a"].owner.as_deref(), Some("@platform"));
    assert!(config.tokens["a"].spot.file.ends_with("a.yml"));
}

#[test]
fn what_is_wrong_is_told_of_all_files_at_once() {
    let bad = token("b").replace("key: TOKEN", "ky: TOKEN");
    let told = loaded(&[
        ("tokenwheel.yml", &HEAD.replace("version: 1", "version: 1\nevry: 6h")),
        ("tokens/a.yml", &token("a").replace("ttl: 30d", "ttl: soon")),
        ("tokens/b.yml", &bad),
        ("tokens/c.yml", "connections: {}\ntokens: {}\n"),
        ("tokens/d.yml", "tokens: [\n"),
        ("tokens/e.yml", ""),
    ]);
    insta::assert_snapshot!(told.unwrap_err(), @"
    tokens/a.yml:3: `ttl`: a length of time is a number and a unit: `30min`, `12h`, `30d`, `2w`
    tokens/b.yml:4: `gitlab/ci-variable` has no key `ky`; known here: as, connection, create, environment_scope, first, group, instance, key, kind, part, project
    tokens/b.yml:4: `gitlab/ci-variable` lacks the key `key`
    tokens/c.yml:1: an included file has no key `connections`; known here: tokens
    tokens/d.yml:2: this is not YAML: while parsing a node, did not find expected node content
    tokens/e.yml:1: it is empty; it begins with `version: 1`, then `connections:` and `tokens:`
    tokenwheel.yml:2: the config has no key `evry`; did you mean `every`?
    ");
}

#[test]
fn two_tokens_of_one_name_are_refused_whichever_files_they_stand_in() {
    let told = loaded(&[("tokenwheel.yml", HEAD), ("tokens/a.yml", &token("app")), ("tokens/b.yml", &token("app"))]);
    insta::assert_snapshot!(told.unwrap_err(), @"tokens/b.yml:2: a second token is called `app`; the first is at tokens/a.yml:2");
}

#[test]
fn an_include_that_finds_nothing_is_told() {
    insta::assert_snapshot!(loaded(&[("tokenwheel.yml", HEAD)]).unwrap_err(), @"tokenwheel.yml:2: `include: tokens/*.yml` matches no file");
    let named = HEAD.replace("tokens/*.yml", "tokens/a.yml");
    insta::assert_snapshot!(loaded(&[("tokenwheel.yml", &named)]).unwrap_err(), @"tokenwheel.yml:2: `include: tokens/a.yml` names no file");
}

#[test]
fn a_file_that_is_named_twice_holds_each_token_twice() {
    let head = HEAD.replace("[tokens/*.yml]", "[tokens/*.yml, tokens/a.yml]");
    insta::assert_snapshot!(loaded(&[("tokenwheel.yml", &head), ("tokens/a.yml", &token("a"))]).unwrap_err(), @"tokens/a.yml:2: a second token is called `a`; the first is at tokens/a.yml:2");
}

#[test]
fn a_secret_in_an_included_file_is_refused_there() {
    let bad = token("a").replace("name: deploy-bot", &format!("name: glpat-{}", "x".repeat(20)));
    let told = loaded(&[("tokenwheel.yml", HEAD), ("tokens/a.yml", &bad)]).unwrap_err();
    assert!(told.starts_with("tokens/a.yml:3: this looks like a secret") && !told.contains("glpat-x"), "{told}");
}

#[test]
fn two_entries_of_each_that_are_one_are_refused() {
    let twice = SOUND.replace("  deploy:\n", "  deploy:\n    each: [acme/app, acme/app]\n");
    let told = config::parse(Path::new("tokenwheel.yml"), &twice).err().unwrap().to_string();
    insta::assert_snapshot!(told, @"tokenwheel.yml:10: a second token is called `deploy[acme/app]`; the first is at tokenwheel.yml:10");
}

#[test]
fn each_is_a_list_of_texts() {
    let said = |each: &str| {
        let text = SOUND.replace("  deploy:\n", &format!("  deploy:\n    each: {each}\n"));
        config::parse(Path::new("tokenwheel.yml"), &text)
            .err()
            .map_or_else(|| "sound".to_owned(), |all| all.to_string())
    };
    insta::assert_snapshot!([said("acme/app"), said("[1, 2]"), said("{ a: b }"), said("[[a]]"), said("[]")].join("\n"), @"
    tokenwheel.yml:11: `each` should be a list
    tokenwheel.yml:11: `each` should be a list of texts
    tokenwheel.yml:11: `each` should be a list
    tokenwheel.yml:11: `each` should be a list of texts
    tokenwheel.yml:11: `each` is empty: no token comes of this
    ");
}

#[test]
fn there_is_no_such_file() {
    let told = config::load(Path::new("nowhere/tokenwheel.yml")).err().unwrap().to_string();
    insta::assert_snapshot!(told, @"nowhere/tokenwheel.yml:1: there is no such file; name one with --config, or write a first one with `tokenwheel init`");
}

#[test]
fn a_folder_is_no_config() {
    let folder = tempfile::tempdir().unwrap();
    let told = config::load(folder.path()).err().unwrap().to_string();
    assert!(told.contains("it cannot be read"), "{told}");
}
