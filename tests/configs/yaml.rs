//! YAML itself: what is not one, and the parts of it that are not used here.

use super::stage::{SOUND, problems};

#[test]
fn an_empty_file_is_told_how_it_begins() {
    for text in ["", "\n\n", "# only a comment\n", "---\n", "~\n"] {
        insta::allow_duplicates! { insta::assert_snapshot!(problems(text), @"tokenwheel.yml:1: it is empty; it begins with `version: 1`, then `connections:` and `tokens:`") };
    }
}

#[test]
fn what_is_not_yaml_is_told_with_its_line() {
    let told = [
        problems("version: 1\n\tevery: 6h\n"),
        problems("version: 1\ntokens: [a\n"),
        problems("version: 1\ntokens: {a: b\n"),
        problems("version: \"1\n"),
        problems("version: 1\n every: 6h\n"),
        problems("{{ version }}: 1\n"),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    tokenwheel.yml:1: this is not YAML: while scanning a plain scalar, found a tab
    tokenwheel.yml:3: this is not YAML: while parsing a flow sequence, expected ',' or ']'
    tokenwheel.yml:3: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
    tokenwheel.yml:1: this is not YAML: while scanning a quoted scalar, found unexpected end of stream
    tokenwheel.yml:2: this is not YAML: mapping values are not allowed in this context
    tokenwheel.yml:1: a key is a plain word
    ");
}

#[test]
fn a_key_that_stands_twice_is_an_error_not_a_surprise() {
    let told = [
        problems(&SOUND.replace("every: 12h", "every: 12h\nevery: 6h")),
        problems(&SOUND.replace("ttl: 30d", "ttl: 30d, ttl: 60d")),
        problems(&SOUND.replace("  refresher:\n", "  deploy:\n")),
        problems(&format!("{SOUND}version: 1\nledger: {{}}\n")),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    tokenwheel.yml:3: `every` stands here a second time; the first is on line 2
    tokenwheel.yml:11: `ttl` stands here a second time; the first is on line 11
    tokenwheel.yml:15: `deploy` stands here a second time; the first is on line 10
    tokenwheel.yml:20: `version` stands here a second time; the first is on line 1
    tokenwheel.yml:21: `ledger` stands here a second time; the first is on line 19
    ");
}

#[test]
fn anchors_aliases_and_tags_are_not_used() {
    let told = [
        problems("version: 1\ntokens: &all {}\n"),
        problems("version: 1\ntokens: *all\n"),
        problems("version: !!str 1\n"),
        problems("version: 1\ntokens: { <<: *all }\n"),
        problems("version: 1\n? [a, b]\n: c\n"),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    tokenwheel.yml:2: anchors, aliases and tags are not used here: `defaults:` and `each:` do their work
    tokenwheel.yml:2: this is not YAML: while parsing node, found unknown anchor
    tokenwheel.yml:1: anchors, aliases and tags are not used here: `defaults:` and `each:` do their work
    tokenwheel.yml:2: this is not YAML: while parsing node, found unknown anchor
    tokenwheel.yml:2: a key is a plain word
    ");
}

#[test]
fn one_document_is_read() {
    insta::assert_snapshot!(problems(&format!("{SOUND}---\nversion: 1\n")), @"tokenwheel.yml:20: a second YAML document begins here");
    assert_eq!(problems(&format!("---\n{SOUND}...\n")), "sound");
}

#[test]
fn a_file_that_nests_without_end_is_refused_and_not_followed() {
    for deep in ["[".repeat(5_000), "{a: ".repeat(5_000), "- ".repeat(5_000)] {
        assert_ne!(problems(&format!("version: 1\ntokens: {deep}")), "sound");
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
    assert_eq!(problems(&SOUND.replace('\n', "\r\n")), "sound");
    assert_eq!(problems(&format!("\u{feff}{SOUND}")), "sound");
}

#[test]
fn what_stands_in_a_file_gives_no_orders_to_a_terminal_or_a_runner() {
    let said = problems(&SOUND.replace("every: 12h", "\"ev\\e[31mry\\n::error::x\": 12h"));
    assert!(!said.contains('\u{1b}') && !said.contains("::error"), "{said:?}");
    let said = problems(&SOUND.replace("service: gitlab", "service: \"git\\e[31m\\n::add-mask::x\""));
    assert!(!said.contains('\u{1b}') && !said.contains("::add"), "{said:?}");
}
