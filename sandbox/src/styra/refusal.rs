//! How Styra says no (`meta.v1.ErrorResponse` of its description).

use serde_json::json;

use crate::exchange::Answer;

/// A request that was refused, and nothing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token, one that nobody knows, or one whose time is over: one and the same answer.
    Unauthorized,
    /// The token lives, but its role or its path patterns do not allow this. The shape is not confirmed.
    Forbidden,
    /// There is no such thing.
    Missing,
    /// The request was to create what is there already.
    Exists(&'static str),
    /// The request cannot be read.
    Invalid(&'static str),
}

impl Refusal {
    /// The answer on the wire.
    pub(crate) fn answer(self) -> Answer {
        let (status, code, message) = match self {
            Self::Unauthorized => (401, "unauthorized", "Invalid or expired token"),
            Self::Forbidden => (403, "forbidden", "Insufficient permissions"),
            Self::Missing => (404, "not_found", "Not found"),
            Self::Exists(message) => (409, "conflict", message),
            Self::Invalid(message) => (400, "invalid_parameter", message),
        };
        Answer::json(status, &json!({ "code": code, "message": message }))
    }
}
