//! What is generated is current, and what is copied into a page is what the program says.

use std::process::Command;

use crate::page::{Page, root};

/// The output of the built program, in an environment of nothing.
fn output(arguments: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_tokenwheel")).args(arguments).env_clear().output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_schema_in_the_repository_is_the_one_that_the_program_prints() {
    let written = std::fs::read_to_string(root().join("tokenwheel.schema.json")).unwrap_or_default();
    assert!(written == output(&["schema"]), "run `cargo run -- schema > tokenwheel.schema.json`");
}

#[test]
fn the_command_line_in_the_readme_is_the_real_one() {
    let readme = Page::read("README.md");
    let block = readme.blocks().into_iter().find(|block| block.language == "console").expect("a console block");
    let (command, shown) = block.text.split_once('\n').unwrap();
    assert_eq!(command, "$ tokenwheel --help");
    let real = output(&["--help"]);
    assert!(trimmed(shown) == trimmed(&real), "put this into the README's console block:\n\n{}", trimmed(&real));
}

#[test]
fn the_exit_codes_in_the_readme_are_those_of_the_help() {
    let real = words(&output(&["--help"]));
    let (_, codes) = real.split_once("Exit codes: ").unwrap();
    let codes: Vec<&str> = codes.trim_end_matches('.').split("; ").collect();
    let readme = Page::read("README.md");
    let table = readme.text.lines().skip_while(|line| !line.starts_with("| exit code |")).skip(2);
    let rows: Vec<String> = table
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(rows, codes, "the README's table of exit codes is not what `--help` says");
}

#[test]
fn the_two_commands_of_the_readme_are_run_by_the_gate() {
    let readme = Page::read("README.md");
    let commands = readme.blocks().into_iter().next().unwrap().text;
    let gate = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    assert_eq!(commands, "cargo run -- demo\ncargo test\n", "the README begins with two commands");
    assert!(gate.contains("step test cargo test ;;"), "the gate's first step is the README's `cargo test`");
    assert!(gate.contains("tokenwheel demo"), "the gate runs the demo");
}

#[test]
fn every_command_that_a_page_shows_exists() {
    let help = output(&["--help"]);
    let (_, commands) = help.split_once("Commands:").unwrap();
    let commands: Vec<&str> = commands
        .lines()
        .map_while(|line| if line.is_empty() { Some("") } else { line.strip_prefix("  ")?.split_whitespace().next() })
        .take_while(|word| !word.contains("Options"))
        .filter(|word| !word.is_empty())
        .collect();
    for page in Page::all() {
        for (at, _) in page.text.match_indices("`tokenwheel ") {
            let shown = page.text[at + 1..].split('`').next().unwrap_or_default();
            let word = shown.split_whitespace().nth(1).unwrap_or_default();
            assert!(
                commands.contains(&word),
                "{}: `{shown}`: there is no command `{word}`; there are {commands:?}",
                page.path
            );
        }
    }
}
