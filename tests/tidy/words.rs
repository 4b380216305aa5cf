//! What may not be written at all.

use crate::none;
use crate::source::{all, rust};

#[test]
fn nothing_is_left_to_do_and_no_test_is_left_out() {
    let mut findings = Vec::new();
    for file in rust(&["src", "sandbox", "simulation", "tests"]) {
        for (number, line) in super::source::code(&file.text).lines().enumerate() {
            let words = ["todo!", "unimplemented!", "#[ignore", "#[cfg(any())]", "#[cfg(false)]"];
            let found = words.iter().filter(|word| line.contains(**word));
            findings.extend(found.map(|word| format!("{}:{}: {word}", file.path, number + 1)));
        }
    }
    none(&findings, "finish it, or take it out; a test that cannot run here proves nothing here");
}

#[test]
fn no_lint_is_allowed_away_in_the_source() {
    let mut findings = Vec::new();
    for file in rust(&["src", "sandbox/src"]) {
        for (number, line) in super::source::code(&file.text).lines().enumerate() {
            if line.contains("[allow(") {
                findings.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none(&findings, "say `#[expect(…, reason = \"…\")]`: it is counted, and goes when it is no longer needed");
}

#[test]
fn the_tree_names_no_machine() {
    // Put together here, so that this file is none of the findings.
    let places = ["work", "root", "home", "Users"].map(|name| format!("/{name}/"));
    let mut findings = Vec::new();
    for file in all().iter().filter(|file| file.path != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            let found = places.iter().filter(|place| names(line, place));
            findings.extend(found.map(|place| format!("{}:{}: {place}", file.path, number + 1)));
        }
    }
    none(&findings, "a path of one machine means nothing on another: say it relative to the repository");
}

/// Whether a line has this path at the beginning of a path, not in the middle of one.
fn names(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        !line[..at]
            .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '}' | ':' | '*' | '>'))
    })
}

#[test]
fn only_the_beginning_of_a_path_names_a_machine() {
    let place = format!("/{}/", "home");
    assert!(names(&format!("see {place}x"), &place) && !names(&format!("https://example.com{place}x"), &place));
}
