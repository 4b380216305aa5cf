//! The report of a check without any credential: what the config alone shows, and what changes with it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::markdown::cell;
use super::{Format, Level};
use crate::run::{Difference, Finding, Grade};
use crate::text;

/// What a config was compared with.
pub struct Against {
    /// The file.
    pub file: String,
    /// Why there is nothing to compare with, if so.
    pub not_read: Option<NotRead>,
    /// What differs, the most dangerous first.
    pub differences: Vec<Difference>,
}

/// Why a config could not be compared with.
pub enum NotRead {
    /// There is no such file: everything is new.
    Missing,
    /// It is wrong in itself.
    Unsound(String),
}

/// What a check without any credential came to.
pub struct OfflineReport {
    /// How many tokens there are.
    pub tokens: usize,
    /// How many connections there are.
    pub connections: usize,
    /// What the config alone shows to be wrong.
    pub findings: Vec<Finding>,
    /// What it was compared with, if that was asked.
    pub against: Option<Against>,
}

impl OfflineReport {
    /// How bad it is. That something differs is for people to judge.
    pub fn level(&self) -> Level {
        if self.findings.is_empty() { Level::Well } else { Level::Config }
    }

    /// Writes the report in that form.
    pub fn render(&self, format: Format) -> String {
        if format == Format::Json {
            self.json()
        } else if format == Format::Markdown {
            self.markdown()
        } else {
            self.text()
        }
    }

    /// One line that says how it stands.
    pub(crate) fn summary(&self) -> String {
        let over = text::count(self.connections, "connection");
        let sound = if self.findings.is_empty() { "the config is sound" } else { "the config cannot be kept as it is" };
        format!("{} over {over}: {sound}", text::count(self.tokens, "token"))
    }

    fn text(&self) -> String {
        let mut out = String::new();
        if let Some(against) = &self.against {
            let _ = writeln!(out, "{}", against.sentence());
            for (grade, differences) in against.groups() {
                let _ = writeln!(out, "  {}:", grade.heading());
                for difference in differences {
                    let _ = writeln!(out, "    {}: {}", difference.of, difference.what);
                }
            }
            out.push('\n');
        }
        for finding in &self.findings {
            let _ = writeln!(out, "{}: {}", finding.of, finding.what);
        }
        let _ = writeln!(out, "{}", self.summary());
        out
    }

    fn markdown(&self) -> String {
        let mut out = format!("### tokenwheel check\n\n{}\n", cell(&self.summary()));
        for finding in &self.findings {
            let _ = writeln!(out, "\n- **{}**: {}", cell(&finding.of), cell(&finding.what));
        }
        let Some(against) = &self.against else { return out };
        let _ = writeln!(out, "\n{}", cell(&against.sentence()));
        if against.differences.is_empty() {
            return out;
        }
        out.push_str("\n| | | |\n|---|---|---|\n");
        for (grade, differences) in against.groups() {
            for Difference { of, what, .. } in differences {
                let _ = writeln!(out, "| {} | {} | {} |", grade.heading(), cell(of), cell(what));
            }
        }
        out
    }

    fn json(&self) -> String {
        let findings: Vec<Value> =
            self.findings.iter().map(|Finding { of, what }| json!({ "of": of, "what": what })).collect();
        let against = self.against.as_ref().map(|against| {
            let differences: Vec<Value> = against
                .differences
                .iter()
                .map(|Difference { grade, of, what }| json!({ "grade": grade.word(), "of": of, "what": what }))
                .collect();
            let (state, why) = match &against.not_read {
                None => ("compared", None),
                Some(NotRead::Missing) => ("missing", None),
                Some(NotRead::Unsound(why)) => ("unsound", Some(why)),
            };
            json!({ "file": against.file, "state": state, "why": why, "differences": differences })
        });
        let whole = json!({
            "version": 1,
            "command": "check --offline",
            "level": self.level().code(),
            "tokens": self.tokens,
            "connections": self.connections,
            "findings": findings,
            "against": against,
        });
        // Values built by `json!` always have a text form.
        format!("{}\n", serde_json::to_string_pretty(&whole).unwrap_or_default())
    }
}

impl Against {
    fn sentence(&self) -> String {
        let file = text::harmless(&self.file);
        match (&self.not_read, self.differences.len()) {
            (Some(NotRead::Missing), _) => format!("{file} does not exist: everything is new"),
            (Some(NotRead::Unsound(why)), _) => {
                format!("{file} cannot be compared with, for it is not sound itself: {}", text::harmless(why))
            }
            (None, 0) => format!("nothing differs in meaning from {file}"),
            (None, count) => format!("{} from {file}", text::count(count, "difference")),
        }
    }

    fn groups(&self) -> impl Iterator<Item = (Grade, Vec<&Difference>)> {
        let of = |grade: Grade| self.differences.iter().filter(|difference| difference.grade == grade).collect();
        Grade::ALL.into_iter().map(move |grade| (grade, of(grade))).filter(|(_, of): &(Grade, Vec<_>)| !of.is_empty())
    }
}
