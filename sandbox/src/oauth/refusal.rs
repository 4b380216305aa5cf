//! How the server says no (RFC 6749 §5.2).

use http::header::WWW_AUTHENTICATE;
use serde_json::json;

use crate::exchange::Answer;

/// A request that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The client is unknown, or its secret wrong: one and the same answer.
    InvalidClient,
    /// What was to be exchanged has expired, was revoked, was used, or is somebody else's.
    InvalidGrant,
    /// A scope that the client may not have.
    InvalidScope,
    /// A grant that is not spoken here.
    UnsupportedGrant,
    /// The token belongs to another client; Doorkeeper says so with 403.
    NotYours,
    /// The request cannot be read.
    Invalid(&'static str),
    /// There is no such endpoint.
    Missing,
    /// The endpoint takes POST only.
    Method,
}

impl Refusal {
    /// The answer on the wire.
    pub(crate) fn answer(self, invalid_grant: u16) -> Answer {
        let (status, error, words) = match self {
            Self::InvalidClient => (401, "invalid_client", "client authentication failed"),
            Self::InvalidGrant => (invalid_grant, "invalid_grant", "grant request is invalid"),
            Self::InvalidScope => (400, "invalid_scope", "requested scope is not allowed"),
            Self::UnsupportedGrant => (400, "unsupported_grant_type", "unsupported grant_type requested"),
            Self::NotYours => (403, "unauthorized_client", "the token belongs to another client"),
            Self::Invalid(words) => (400, "invalid_request", words),
            Self::Missing => (404, "not_found", "unrecognised route"),
            Self::Method => (405, "invalid_request", "POST only"),
        };
        let answer = Answer::json(status, &json!({ "error": error, "error_description": words }));
        if status == 401 { answer.with(WWW_AUTHENTICATE, "Basic realm=\"sandbox\"") } else { answer }
    }
}
