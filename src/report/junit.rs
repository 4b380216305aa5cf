//! The report as JUnit XML: a case for each token and each connection, for the Tests tab of a pipeline.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{ConnectionReport, Level, RunReport, TokenReport};
use crate::text;

pub(super) fn render(report: &RunReport) -> String {
    let mut whole = Report::new(format!("tokenwheel {}", report.verb));
    let mut connections = TestSuite::new("connections");
    connections.add_test_cases(report.connections.iter().map(of_connection));
    let mut tokens = TestSuite::new("tokens");
    tokens.add_test_cases(report.tokens.iter().map(|token| of_token(token, report)));
    whole.set_timestamp(report.started).add_test_suites([connections, tokens]);
    // Only a writer that fails makes this fail, and a string is none.
    whole.to_string().unwrap_or_default()
}

fn of_connection(connection: &ConnectionReport) -> TestCase {
    let told = connection.troubles.join("\n");
    let status = match connection.level() {
        Level::Well => TestCaseStatus::success(),
        level => ill(level, &told),
    };
    let mut case = TestCase::new(text::plain(&connection.name), status);
    case.set_classname(text::plain(&connection.host));
    case
}

fn of_token(token: &TokenReport, report: &RunReport) -> TestCase {
    let lines = token.lines(report);
    let status = match token.level() {
        Level::Well | Level::Due => TestCaseStatus::success(),
        level => ill(level, lines.first().map_or("", String::as_str)),
    };
    let mut case = TestCase::new(text::plain(&token.name), status);
    case.set_classname(token.issuer.clone());
    if !lines.is_empty() {
        case.set_system_out(lines.iter().map(|line| text::harmless(line)).collect::<Vec<_>>().join("\n"));
    }
    case
}

/// What has to be done at once is an error, what is left to do a failure.
fn ill(level: Level, told: &str) -> TestCaseStatus {
    let kind = if level == Level::Now { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(level.word()).set_message(text::plain(told));
    status
}
