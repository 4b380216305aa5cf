//! Who may import whom, and who may touch the world outside.

use crate::none;
use crate::source::{File, rust};

/// The modules of the crate that a piece of code names: the `plan` of `crate::plan::Step`.
fn named(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for piece in code.split("crate::").skip(1) {
        if let Some(group) = piece.strip_prefix('{') {
            let group = group.split('}').next().unwrap_or_default();
            names.extend(group.split(',').map(first_word));
        } else {
            names.push(first_word(piece));
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn in_module(path: &str, module: &str) -> bool {
    path == format!("src/{module}.rs") || path.starts_with(&format!("src/{module}/"))
}

/// The service that a file belongs to: the `gitlab` of `src/services/gitlab/wire.rs`.
fn service(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/services/")?;
    rest.split('/').next().map(|name| name.trim_end_matches(".rs")).filter(|name| *name != "mod")
}

fn foreign(files: &[File], of: impl Fn(&str) -> bool, may: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| of(&file.path)) {
        let names = named(&file.code());
        let wrong = names.iter().filter(|name| !may.contains(&name.as_str()));
        findings.extend(wrong.map(|name| format!("{}: crate::{name}", file.path)));
    }
    findings.sort();
    findings.dedup();
    findings
}

fn words(files: &[File], but: impl Fn(&str) -> bool, words: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !but(&file.path)) {
        for (number, line) in file.code().lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(**word));
            findings.extend(found.map(|word| format!("{}:{}: {word}", file.path, number + 1)));
        }
    }
    findings
}

#[test]
fn the_plan_knows_no_service_no_config_and_no_network() {
    let may = ["plan", "issuer", "ledger", "token", "text"];
    let findings = foreign(&rust(&["src"]), |path| in_module(path, "plan"), &may);
    none(
        &findings,
        "`plan` is pure: hand in what it needs as a fact in `Wanted`, `Seen`, `Entry` or `Moment`, found out by `run`",
    );
}

#[test]
fn the_plan_has_no_input_output_and_no_clock() {
    let files = rust(&["src"]);
    let outside = |path: &str| !in_module(path, "plan");
    let findings = words(
        &files,
        outside,
        &[
            "std::fs",
            "std::io",
            "std::net",
            "std::env",
            "std::process",
            "std::time",
            "std::thread",
            "tokio",
            "async ",
            ".await",
            "reqwest",
            "::now()",
            "log::",
            "rand",
            "Mutex",
            "Atomic",
        ],
    );
    none(
        &findings,
        "`plan` decides from facts alone: let `run` look, and hand in what was seen; the time is in `Moment`",
    );
}

#[test]
fn a_service_knows_the_traits_the_token_the_door_and_its_own_folder() {
    let may = ["issuer", "destination", "connection", "shelf", "token", "http", "protocol", "text"];
    let findings = foreign(&rust(&["src"]), |path| service(path).is_some(), &may);
    none(
        &findings,
        "a service holds no policy and knows no other one: decide it in `plan` or `rotation`, or hand it in through the \
         order, the ask or the ground; what several services need goes below them, beside `http`",
    );
}

#[test]
fn a_protocol_knows_no_service() {
    let may = ["issuer", "token", "http", "protocol", "text"];
    let findings = foreign(&rust(&["src"]), |path| in_module(path, "protocol"), &may);
    none(&findings, "a protocol is what several services speak: what belongs to one of them stands there");
}

#[test]
fn a_service_reaches_no_sibling_through_its_parent() {
    let mut findings = Vec::new();
    for file in rust(&["src"]) {
        let Some(own) = service(&file.path) else { continue };
        // From `src/services/x.rs` one step up is the catalogue; from `src/services/x/y.rs` it takes two.
        let depth = file.path.trim_start_matches("src/services/").matches('/').count();
        let out = "super::".repeat(depth + 1);
        let code = file.code();
        let steps = code.match_indices(&out).filter(|(at, _)| {
            let before = &code[..*at];
            !before.ends_with("super::") && !before.ends_with("pub(in ") && !code[at + out.len()..].starts_with(own)
        });
        findings.extend(steps.map(|(at, _)| format!("{}:{}: {out}", file.path, code[..at].lines().count())));
    }
    none(&findings, "a service never names another one: move what both need beside `http`");
}

#[test]
fn only_the_command_line_reads_arguments_and_environment() {
    let files = rust(&["src"]);
    let findings = words(&files, |path| in_module(path, "cli"), &["env::", "std::env;", "option_env!"]);
    none(&findings, "take what you need from `run::Environment`, which `cli` hands in");
}

#[test]
fn only_the_run_reads_the_clock() {
    let files = rust(&["src"]);
    let clocks = words(&files, |path| in_module(path, "run"), &["Utc::now", "Local::now", "SystemTime"]);
    none(&clocks, "take the time from `World::clock` in `run`, and hand it in");
    // A pause is measured from here on, and stands still where the tests' clock does.
    let pauses = words(&files, |path| in_module(path, "http"), &["Instant"]);
    none(&pauses, "only `http` measures pauses; whatever else needs the time is handed it by `run`");
    let real = words(&files, |_| false, &["std::time::Instant", "thread::sleep"]);
    none(&real, "use tokio's clock, which tests can pause");
}

#[test]
fn only_the_report_and_the_runner_write_to_the_screen() {
    let files = rust(&["src"]);
    let voices = |path: &str| in_module(path, "report") || in_module(path, "runner");
    let loud = ["println!", "print!", "eprintln!", "eprint!", "dbg!", "io::stdout()", "io::stderr()", "stdout().lock"];
    let mut findings = words(&files, voices, &loud);
    // To ask whether somebody sits there is not to speak.
    findings.retain(|finding| !asks_only(&files, finding));
    none(&findings, "say it through `report::print` (results) or `report::narrate` (what happens)");
}

/// Whether all that the line of a finding does with the screen is to ask whether it is one.
fn asks_only(files: &[File], finding: &str) -> bool {
    let mut parts = finding.splitn(3, ':');
    let (path, number) =
        (parts.next().unwrap_or_default(), parts.next().and_then(|number| number.parse::<usize>().ok()));
    let file = files.iter().find(|file| file.path == path);
    let line = file.zip(number).and_then(|(file, number)| file.code().lines().nth(number - 1).map(str::to_owned));
    finding.contains(": io::std")
        && line.is_some_and(|line| line.matches(".is_terminal()").count() >= line.matches("io::std").count())
}

#[test]
fn a_value_is_exposed_only_on_its_way_out() {
    let files = rust(&["src"]);
    let doors = |path: &str| {
        let below = in_module(path, "http") || in_module(path, "protocol") || in_module(path, "token");
        // GitHub's runner hides only what it is told to hide.
        path.starts_with("src/services/") || below || in_module(path, "runner")
    };
    let findings = words(&files, doors, &[".expose()", "expose_secret"]);
    none(
        &findings,
        "compare values with `same_as`, recognise them by `fingerprint`; only a service or `http` sends one out",
    );
    // A PIN is no token, and the identity of a test is made there.
    let others = ["src/cli/pins.rs", "src/protocol/sealed.rs"];
    let inner =
        words(&files, |path| path == "src/token.rs" || others.contains(&path), &["expose_secret", "SecretString"]);
    none(&inner, "`TokenValue` is the one type that holds a value, and `expose` its one door");
}

#[test]
fn grouped_and_single_imports_are_both_seen() {
    assert_eq!(named("use crate::plan::Step; use crate::{run::Run, ledger}; pub(crate) fn"), ["plan", "run", "ledger"]);
    assert_eq!(service("src/services/gitlab/wire.rs"), Some("gitlab"));
    assert_eq!(service("src/services.rs"), None);
}
