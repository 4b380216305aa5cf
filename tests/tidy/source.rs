//! The source as text: the files of the tree, and their code without comments, strings and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file, by its path in the repository.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// What is compiled into the program: no comments, no contents of strings, no tests. Line breaks stay.
    pub(crate) fn code(&self) -> String {
        code(self.outside_tests())
    }

    /// Everything before the tests that stand in the file itself.
    pub(crate) fn outside_tests(&self) -> &str {
        self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default()
    }

    /// The lines of the tests that stand in the file itself.
    pub(crate) fn lines_of_tests(&self) -> usize {
        self.text.lines().count() - self.outside_tests().lines().count()
    }
}

/// The Rust files below some folders of the repository.
pub(crate) fn rust(folders: &[&str]) -> Vec<File> {
    let mut files = Vec::new();
    for folder in folders {
        files
            .extend(below(&root().join(folder)).into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")));
    }
    files
        .into_iter()
        .filter_map(|path| Some(File { text: fs::read_to_string(&path).ok()?, path: name(&path) }))
        .collect()
}

/// Every text file that belongs to the repository.
pub(crate) fn all() -> Vec<File> {
    let texts = below(root())
        .into_iter()
        .filter_map(|path| Some(File { text: fs::read_to_string(&path).ok()?, path: name(&path) }));
    texts.collect()
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            let foreign = ["target", ".git", "node_modules", "rescue", "__pycache__", ".venv", ".pytest_cache"];
            if !foreign.iter().any(|other| name == *other) {
                found.extend(below(&path));
            }
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Blanks comments and the contents of strings and characters.
pub(crate) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '"' => string(rest),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#") && !out.ends_with(is_word) => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            out.push(' ');
            rest = &rest[skipped..];
        }
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    text[2 + hashes..].find(&end).map_or(text.len(), |at| 2 + hashes + at + end.len())
}

/// The length of a character such as `'"'`; nothing for a lifetime.
fn character(text: &str) -> usize {
    let mut inside = text.chars().skip(1);
    match (inside.next(), inside.next(), inside.next()) {
        (Some('\\'), _, _) => text[2..].find('\'').map_or(0, |at| if at == 0 { 4 } else { at + 3 }),
        (Some(c), Some('\''), _) => 2 + c.len_utf8(),
        _ => 0,
    }
}

#[test]
fn comments_and_strings_are_no_code() {
    let text = "use a; // crate::b\nlet x = \"crate::c \\\" d\"; let y = r#\"e \" f\"#; let z = '\"'; let w: &'a str = '\\'';\n/* g */ h";
    let code = code(text);
    for gone in ['b', 'c', 'd', 'e', 'f', 'g'] {
        assert!(!code.contains(&format!("::{gone}")) && !code.contains(&format!(" {gone} ")), "{gone} in {code}");
    }
    assert!(code.contains("use a;") && code.contains("let w: &'a str") && code.contains('h'), "{code}");
}
