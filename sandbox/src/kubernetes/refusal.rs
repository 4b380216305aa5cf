//! How an API server says no: an object of kind `Status` (seen at a real one, v1.20.2).

use serde_json::{Value, json};

use crate::exchange::Answer;

/// A request that was refused, and nothing done.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    code: u16,
    reason: Option<&'static str>,
    message: String,
    details: Value,
}

impl Refusal {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason: Some(reason), message: message.into(), details: Value::Null }
    }

    /// No token, or one that nobody knows or that has been replaced.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// There is no such thing.
    pub(crate) fn missing(resource: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} {name:?} not found"))
    }

    /// The path means nothing.
    pub(crate) fn nowhere() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// Another manager owns these fields, and has other values there.
    pub(crate) fn conflict(fields: &[(String, String)]) -> Self {
        let said = |(manager, field): &(String, String)| format!("conflict with {manager:?}: {field}");
        let message = match fields {
            [one] => format!("Apply failed with 1 conflict: {}", said(one)),
            all => {
                let lines: Vec<String> = all.iter().map(|one| format!("- {}", said(one))).collect();
                format!("Apply failed with {} conflicts: conflicts:\n{}", all.len(), lines.join("\n"))
            }
        };
        let causes: Vec<Value> = fields
            .iter()
            .map(|(manager, field)| {
                let message = format!("conflict with {manager:?}");
                json!({ "reason": "FieldManagerConflict", "message": message, "field": field })
            })
            .collect();
        Self { details: json!({ "causes": causes }), ..Self::new(409, "Conflict", message) }
    }

    /// What was read has changed meanwhile.
    pub(crate) fn stale(resource: &str, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {resource} {name:?}: the object has been modified; please apply your \
             changes to the latest version and try again"
        );
        Self::new(409, "Conflict", message)
    }

    /// The object would not be valid.
    pub(crate) fn invalid(what: &str, why: &str) -> Self {
        Self::new(422, "Invalid", format!("{what} is invalid: {why}"))
    }

    /// What cannot even be decoded: an internal error, and no reason.
    pub(crate) fn undecodable() -> Self {
        let message = "failed to convert new object to proper version: unable to convert unstructured object to /v1, \
                       Kind=Secret: error decoding from json: illegal base64 data at input byte 3";
        Self { reason: None, ..Self::new(500, "", message) }
    }

    /// A body of a type that this call does not take.
    pub(crate) fn media() -> Self {
        Self::new(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
    }

    /// The answer on the wire.
    pub(crate) fn answer(self) -> Answer {
        let Self { code, reason, message, details } = self;
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
            "reason": reason, "details": details, "code": code,
        });
        Answer::json(code, &body)
    }
}
