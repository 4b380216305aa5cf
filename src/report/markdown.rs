//! The report for a job's summary page.

use std::fmt::Write as _;

use super::{RunReport, table};
use crate::text;

pub(super) fn render(report: &RunReport) -> String {
    let mut out = format!("### tokenwheel {}\n\n{}\n\n", report.verb, cell(&table::summary(report)));
    if !report.tokens.is_empty() {
        out.push_str("| | token | issuer | turns | dies | |\n|---|---|---|---|---|---|\n");
    }
    for token in &report.tokens {
        let date = |date: Option<_>| date.map_or_else(|| "-".to_owned(), |date| text::when(date, report.started));
        let mut said = vec![token.outcome.sentence(report.started)];
        let states = token.destinations.iter().filter(|(_, state)| !state.is_empty());
        let sentence = said.concat();
        let states = states.filter(|(to, state)| !table::is_told(&sentence, to, state));
        said.extend(states.map(|(to, state)| format!("{to}: {state}")));
        said.extend(token.notes.clone());
        said.retain(|line| !line.is_empty());
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            token.outcome.word(),
            cell(&token.name),
            cell(&token.issuer),
            date(token.due),
            date(token.dies),
            said.iter().map(|line| cell(line)).collect::<Vec<_>>().join("<br>")
        );
    }
    for connection in report.connections.iter().filter(|connection| !connection.troubles.is_empty()) {
        for trouble in &connection.troubles {
            let _ = writeln!(out, "\n- **{}**: {}", cell(&connection.name), cell(trouble));
        }
    }
    for note in &report.notes {
        let _ = writeln!(out, "\n- {}", cell(note));
    }
    out
}

/// Text that stays inside its cell.
pub(super) fn cell(text: &str) -> String {
    text::harmless(text)
        .replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('`', "'")
        .replace("](", "]\\(")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_all_of_it_and_stays_a_cell() {
        let long = format!("{} `tokenwheel unseal x` | <b>\n", "x".repeat(400));
        let told = cell(&long);
        assert!(told.ends_with("x 'tokenwheel unseal x' \\| &lt;b>"), "{told}");
    }
}
