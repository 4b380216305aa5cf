//! How Zendesk says no.

use serde_json::json;

use crate::exchange::Answer;

/// A request that was refused, and nothing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No credential, or one that is unknown or dead.
    Unauthorized,
    /// The credential is known, and may not.
    Forbidden,
    /// There is no such thing, or it is switched off.
    Missing,
    /// A grant that is none: the OAuth code for it.
    Grant(u16, &'static str),
    /// The request cannot be read.
    Invalid(&'static str),
    /// The thing would be wrong.
    Record(&'static str),
}

impl Refusal {
    /// The answer on the wire.
    pub(crate) fn answer(self) -> Answer {
        let (status, body) = match self {
            Self::Unauthorized => (401, json!({ "error": "Couldn't authenticate you" })),
            Self::Forbidden => {
                (403, json!({ "error": "Forbidden", "description": "You are not authorized to access this page" }))
            }
            Self::Missing => (404, json!({ "error": "RecordNotFound", "description": "Not found" })),
            Self::Grant(status, code) => {
                (status, json!({ "error": code, "error_description": "The grant was refused" }))
            }
            Self::Invalid(what) => (400, json!({ "error": "BadRequest", "description": what })),
            Self::Record(what) => (
                422,
                json!({ "error": "RecordInvalid", "description": what, "details": { "base": [{ "description": what }] } }),
            ),
        };
        Answer::json(status, &body)
    }
}
