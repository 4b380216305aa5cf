//! The report for machines. Its form is versioned; keys are only ever added.

use serde_json::{Value, json};

use super::{Outcome, RunReport};

pub(super) fn render(report: &RunReport) -> String {
    let tokens: Vec<Value> = report
        .tokens
        .iter()
        .map(|token| {
            let destinations: Vec<Value> = token
                .destinations
                .iter()
                .map(|(address, state)| json!({ "address": address, "state": state }))
                .collect();
            let reason =
                if let Outcome::WouldRotate(reason) = &token.outcome { json!(reason.code) } else { Value::Null };
            json!({
                "name": token.name,
                "owner": token.owner,
                "issuer": token.issuer,
                "succession": token.succession,
                "outcome": token.outcome.word(),
                "reason": reason,
                "sentence": token.outcome.sentence(report.started),
                "created": token.created,
                "due": token.due,
                "dies": token.dies,
                "at_risk": token.at_risk,
                "level": token.level().code(),
                "destinations": destinations,
                "notes": token.notes,
            })
        })
        .collect();
    let connections: Vec<Value> = report
        .connections
        .iter()
        .map(|connection| {
            json!({
                "name": connection.name,
                "host": connection.host,
                "login": connection.login,
                "dead": connection.dead,
                "unreachable": connection.unreachable,
                "dies": connection.dies,
                "troubles": connection.troubles,
            })
        })
        .collect();
    let whole = json!({
        "version": 1,
        "command": report.verb,
        "started": report.started,
        "next_run": report.next_run,
        "level": report.level().code(),
        "connections": connections,
        "tokens": tokens,
        "notes": report.notes,
    });
    // Values built by `json!` always have a text form.
    format!("{}\n", serde_json::to_string_pretty(&whole).unwrap_or_default())
}
