//! A page of Markdown: its fenced blocks, its tables, its headings and its links.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) struct Page {
    /// Its path in the repository.
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
    pub(crate) line: usize,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Page {
    pub(crate) fn read(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}")),
        }
    }

    /// Every page of the repository.
    pub(crate) fn all() -> Vec<Self> {
        let mut paths = Vec::new();
        below(root(), &mut paths);
        paths.sort();
        paths.iter().map(|path| Self::read(&path.strip_prefix(root()).unwrap().to_string_lossy())).collect()
    }

    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut inside = false;
        for (number, line) in self.text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), inside) {
                (Some(language), false) => {
                    blocks.push(Block { language: language.trim().to_owned(), text: String::new(), line: number + 1 });
                    inside = true;
                }
                (Some(_), true) => inside = false,
                (None, true) => {
                    let block = blocks.last_mut().unwrap();
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, false) => {}
            }
        }
        blocks
    }

    /// The text without its fenced blocks.
    pub(crate) fn prose(&self) -> String {
        let mut inside = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
            } else if !inside {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }

    /// What a relative target of this page names.
    pub(crate) fn resolve(&self, target: &str) -> PathBuf {
        root().join(&self.path).parent().unwrap().join(target)
    }

    /// The names that its headings can be linked by.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let prose = self.prose();
        let headings = prose.lines().filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
    }
}

/// As GitLab and GitHub make it: lower case, without marks, with hyphens for spaces.
fn anchor(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>();
    kept.replace(' ', "-")
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() && !["target", ".git", "node_modules"].iter().any(|other| name == *other) {
            below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The targets of `[text](target)`.
pub(crate) fn links(prose: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in prose.match_indices("](") {
        let target = prose[at + 2..].split(')').next().unwrap_or_default();
        let text = prose[..at].rsplit('[').next().unwrap_or_default();
        found.push((text.trim_matches('`').to_owned(), target.to_owned()));
    }
    found
}

#[test]
fn a_page_is_read_in_its_parts() {
    let text = "# A b\n\n[x](y.md#z)\n\n```yaml\na: 1\n```\n\n```\n[no](link)\n```\n".to_owned();
    let page = Page { path: "docs/a.md".to_owned(), text };
    let blocks: Vec<(String, String, usize)> =
        page.blocks().into_iter().map(|b| (b.language, b.text, b.line)).collect();
    assert_eq!(blocks[0], ("yaml".to_owned(), "a: 1\n".to_owned(), 5));
    assert_eq!(links(&page.prose()), [("x".to_owned(), "y.md#z".to_owned())]);
    assert_eq!(page.anchors(), ["a-b"]);
}
