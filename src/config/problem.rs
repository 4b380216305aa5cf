//! What is wrong with a config: where, and the nearest right thing.

use std::fmt;

use super::forms;
use crate::text;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The sentence.
    pub what: String,
}

impl Problem {
    pub(super) fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Problem {
    /// A config is somebody's text: what is quoted from it shows no secret and gives no orders.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| text::harmless(&forms::without_secrets(text));
        write!(f, "{}:{}: {}", shown(&self.file), self.line, shown(&self.what))
    }
}

/// Everything that is wrong, in the order of the lines.
#[derive(Clone, Debug, Default)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<&Problem> = self.0.iter().collect();
        sorted.sort_by_key(|problem| (problem.file.clone(), problem.line));
        sorted.dedup();
        for (at, problem) in sorted.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The known word that is nearest to a wrong one, if any is near.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |word: &&str| strsim::jaro_winkler(&wrong.to_lowercase(), word) > 0.75;
    let score = |word: &str| strsim::jaro_winkler(&wrong.to_lowercase(), word);
    known.into_iter().filter(near).max_by(|a, b| score(a).total_cmp(&score(b)))
}

/// How many words are told at once.
const MANY: usize = 16;

/// `; did you mean `x`?`, or the words there are, if any.
pub(super) fn hint<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    nearest(wrong, known.clone()).map_or_else(
        || {
            let all: Vec<&str> = known.into_iter().collect();
            let known: Vec<&str> = match wrong.split_once('/') {
                Some((service, _)) => {
                    all.iter().copied().filter(|kind| kind.split('/').next() == Some(service)).collect()
                }
                None => all.clone(),
            };
            match (known.len(), all.len()) {
                (_, 0) => String::new(),
                (1..=MANY, _) => format!("; known here: {}", known.join(", ")),
                (_, 1..=MANY) => format!("; known here: {}", all.join(", ")),
                _ => "; `tokenwheel reference` lists them all".to_owned(),
            }
        },
        |word| format!("; did you mean `{word}`?"),
    )
}
