//! A test that no test file is forgotten: what cargo does not find by itself must be a module of something that it
//! does find.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::none;
use crate::source::{code, root, rust};

/// The files that cargo makes a target of: `tests/x.rs` and `tests/x/main.rs`.
fn is_target(path: &str, folder: &str) -> bool {
    let Some(rest) = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else { return false };
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        [_] => true,
        [_, main] => *main == "main.rs",
        _ => false,
    }
}

/// A module in a file of its own: the folders of the inline modules around it, its name, and its path if it has one.
#[derive(Debug, PartialEq)]
struct Module {
    around: Vec<String>,
    name: String,
    path: Option<String>,
}

/// The modules that a file declares in files of their own.
fn modules(text: &str) -> Vec<Module> {
    let (mut found, mut path, mut around, mut depth) = (Vec::new(), None, Vec::new(), 0_usize);
    // Paths stand in strings, which the code has lost: they are read from the text of the same line.
    for (line, plain) in code(text).lines().zip(text.lines()) {
        if line.contains("#[path") {
            path = plain.split('"').nth(1).map(str::to_owned);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [.., "mod", name] if name.ends_with(';') => {
                let around = around.iter().map(|(_, name): &(usize, String)| name.clone()).collect();
                found.push(Module { around, name: name.trim_end_matches(';').to_owned(), path: path.take() });
            }
            [.., "mod", name, "{"] => around.push((depth, (*name).to_owned())),
            _ => {}
        }
        depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
        around.retain(|(outside, _)| depth > *outside);
    }
    found
}

fn reached(file: &Path, owns_folder: bool, seen: &mut BTreeSet<PathBuf>) {
    if !seen.insert(file.to_owned()) {
        return;
    }
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let beside = file.parent().unwrap_or(Path::new("")).to_owned();
    let below = if owns_folder { beside.clone() } else { beside.join(file.file_stem().unwrap_or_default()) };
    for Module { around, name, path } in modules(&text) {
        let folder = around.iter().fold(below.clone(), |folder, name| folder.join(name));
        let candidates = match path {
            Some(path) => vec![beside.join(path)],
            None => vec![folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")],
        };
        for candidate in candidates.iter().filter(|candidate| candidate.is_file()) {
            reached(candidate, candidate.ends_with("mod.rs"), seen);
        }
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let mut findings = Vec::new();
    for folder in ["tests", "sandbox/tests", "simulation/tests"] {
        let files = rust(&[folder]);
        let mut seen = BTreeSet::new();
        for file in files.iter().filter(|file| is_target(&file.path, folder)) {
            reached(&root().join(&file.path), true, &mut seen);
        }
        let lost = files.iter().filter(|file| !seen.contains(&root().join(&file.path)));
        findings.extend(lost.map(|file| file.path.clone()));
    }
    none(&findings, "nothing runs these: name each in a `mod` of its suite, or make it `tests/NAME/main.rs`");
}

#[test]
fn every_suite_has_a_test() {
    // A target without one passes for ever. What several suites share is in a folder without a `main.rs`.
    let files = rust(&["tests", "sandbox/tests", "simulation/tests"]);
    let mut findings = Vec::new();
    for folder in ["tests", "sandbox/tests", "simulation/tests"] {
        for file in files.iter().filter(|file| is_target(&file.path, folder)) {
            let mut seen = BTreeSet::new();
            reached(&root().join(&file.path), true, &mut seen);
            let tested = seen.iter().any(|path| {
                let code = code(&std::fs::read_to_string(path).unwrap_or_default());
                code.contains("#[test]") || code.contains("#[tokio::test") || code.contains("proptest!")
            });
            if !tested {
                findings.push(file.path.clone());
            }
        }
    }
    none(&findings, "a suite without a test proves nothing: add one, or make it a module of those that use it");
}

#[test]
fn modules_are_read_with_their_paths_and_their_folders() {
    let text = "mod a;\n#[path = \"x/b.rs\"]\npub(crate) mod b;\nmod c {\n    mod d;\n}\n// mod e;\nmod f;\n";
    let read: Vec<(String, String, Option<String>)> =
        modules(text).into_iter().map(|module| (module.around.join("/"), module.name, module.path)).collect();
    let plain = |around: &str, name: &str| (around.to_owned(), name.to_owned(), None);
    let b = (String::new(), "b".to_owned(), Some("x/b.rs".to_owned()));
    assert_eq!(read, [plain("", "a"), b, plain("c", "d"), plain("", "f")]);
}
