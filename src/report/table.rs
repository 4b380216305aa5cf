//! The report for people at a terminal.
//!
//! The voice: lower-case fragments without a final period; what stands first, then why, then what comes next; times in
//! UTC; no value, no body, no adjective.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use super::{Level, Outcome, RunReport, TokenReport};
use crate::text;

pub(super) fn render(report: &RunReport, painted: bool) -> String {
    let mut out = String::new();
    for connection in &report.connections {
        let nobody = if connection.unreachable { "cannot be asked" } else { "no live refresher" };
        let who = connection.login.clone().unwrap_or_else(|| nobody.to_owned());
        let until = connection.dies.map(|dies| format!(", until {}", text::when(dies, report.started)));
        let line = format!("{} ({}): {who}{}", connection.name, connection.host, until.unwrap_or_default());
        let _ = writeln!(out, "{}", text::harmless(&line));
        for trouble in &connection.troubles {
            let _ = writeln!(out, "  ! {}", text::harmless(trouble));
        }
        for moved in &connection.moved {
            let _ = writeln!(out, "  {}", text::harmless(moved));
        }
    }
    if !report.connections.is_empty() {
        out.push('\n');
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["", "token", "issuer", "age", "turns", "dies"]);
    for token in &report.tokens {
        let date = |date: Option<_>| date.map_or_else(|| "-".to_owned(), |date| text::when(date, report.started));
        table.add_row([
            token.outcome.word().to_owned(),
            text::harmless(&token.name),
            format!("{} {}", token.issuer, token.succession),
            token.created.map_or_else(|| "-".to_owned(), |made| text::span(report.started - made)),
            date(token.due),
            date(token.dies),
        ]);
    }
    if !report.tokens.is_empty() {
        let levels = std::iter::once(Level::Well).chain(report.tokens.iter().map(TokenReport::level));
        for (line, level) in table.lines().zip(levels) {
            let _ = writeln!(out, "{}", paint(line.trim_end(), level, painted));
        }
        out.push('\n');
    }
    for token in &report.tokens {
        out.push_str(&detail(token, report));
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {}", text::harmless(note));
    }
    let _ = writeln!(out, "{}", summary(report));
    out
}

/// Red for what is at risk, yellow for what is left to do.
fn paint(line: &str, level: Level, painted: bool) -> String {
    let colour = match level {
        Level::Now | Level::Bug => 31,
        Level::Later | Level::Config => 33,
        Level::Well | Level::Due => return line.to_owned(),
    };
    if painted { format!("\u{1b}[{colour}m{line}\u{1b}[0m") } else { line.to_owned() }
}

/// What is to be said of a token besides its row.
fn detail(token: &TokenReport, report: &RunReport) -> String {
    let lines: Vec<String> = token.lines(report).iter().map(|line| format!("  {}", text::harmless(line))).collect();
    if lines.is_empty() {
        return String::new();
    }
    let owner = token.owner.as_ref().filter(|_| token.level() != Level::Well);
    let owner = owner.map(|owner| format!(" (ask {owner})")).unwrap_or_default();
    format!("{}:\n{}\n", text::harmless(&format!("{}{owner}", token.name)), lines.join("\n"))
}

impl TokenReport {
    /// What is to be said of it besides its row, the most important first.
    pub(crate) fn lines(&self, report: &RunReport) -> Vec<String> {
        let sentence = self.outcome.sentence(report.started);
        let quiet = matches!(self.outcome, Outcome::Kept | Outcome::NotSeen(_));
        let telling = report.verb == "status" || !quiet;
        let odd = |state: &str| state != "holds a live token";
        let told = self.destinations.iter().filter(|(_, state)| !state.is_empty() && (telling || odd(state)));
        let told = told.filter(|(address, state)| !is_told(&sentence, address, state));
        let told: Vec<String> = told.map(|(address, state)| format!("{address}: {state}")).collect();
        let mut lines = vec![sentence];
        lines.extend(told);
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.retain(|line| !line.is_empty());
        lines
    }
}

/// Whether the sentence about a token says already how it stands at a destination: that nothing is there, or why it could
/// not be looked at.
pub(super) fn is_told(sentence: &str, address: &str, state: &str) -> bool {
    let why = state.strip_prefix("was not seen: ");
    let missing = state == "holds nothing yet" && sentence.contains(&format!("{address} does not exist"));
    missing || why.is_some_and(|why| sentence.contains(address) && sentence.contains(why))
}

/// One line that says how it stands.
pub(super) fn summary(report: &RunReport) -> String {
    let mut words: Vec<(&str, usize)> = Vec::new();
    for token in &report.tokens {
        let word = token.outcome.word();
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => words.push((word, 1)),
        }
    }
    let counts: Vec<String> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let next = report.tokens.iter().filter_map(|token| token.due).filter(|due| *due > report.started).min();
    let next = next.map(|due| format!("; next due {}", text::when(due, report.started))).unwrap_or_default();
    let unseen = |token: &TokenReport| matches!(token.outcome, Outcome::NotSeen(_)) && token.dies.is_none();
    let verdict = match report.level() {
        Level::Well | Level::Due if report.anything_due() => "`rotate` would do this now",
        Level::Well | Level::Due if report.verb == "revoke" => "ended, as asked",
        Level::Well | Level::Due => "all well",
        Level::Bug => "this is a bug",
        Level::Config => "a credential is dead, and nothing was attempted over it",
        Level::Later if report.tokens.iter().any(unseen) => {
            "something is left to do; of what could be seen, nothing is at risk before the next run"
        }
        Level::Later => "something is left to do; nothing is at risk before the next run",
        Level::Now => "act now: a token is dead, or will be before the next run",
    };
    let what = if counts.is_empty() { "no tokens".to_owned() } else { counts.join(", ") };
    format!("{what}: {verdict}{next}")
}
