//! How GitHub says no: `{message, documentation_url, status}`, and for what is invalid also `errors`
//! (schemas `basic-error` and `validation-error` of its description).

use serde_json::json;

use crate::exchange::Answer;
use crate::fault;
use crate::params::Invalid;

const DOCS: &str = "https://docs.github.com/rest";

/// A request that was refused, and nothing done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token, one that nobody knows, one that was revoked, or one whose time is over: one and the same answer.
    BadCredentials,
    /// No token where one is needed.
    RequiresAuthentication,
    /// The token lives, but may not do this. Holds the words after "not accessible by", and the permissions that
    /// would do.
    NotAccessible(&'static str, String),
    /// Nobody may do this now, or not so.
    Forbidden(String),
    /// There is no such thing, or it is not shown to this token.
    Missing,
    /// It stands in the way of what is there.
    Conflict(&'static str),
    /// The request can be read, but not done.
    Invalid(String),
    /// The request cannot be read.
    Bad(&'static str),
    /// The repository was renamed: its URL by number.
    Moved(String),
}

impl From<Invalid> for Refusal {
    fn from(Invalid(name): Invalid) -> Self {
        if name == "body" { Self::Bad("Problems parsing JSON") } else { Self::Invalid(format!("{name} is invalid")) }
    }
}

impl Refusal {
    /// The answer on the wire.
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::BadCredentials => message(401, "Bad credentials"),
            Self::RequiresAuthentication => message(401, "Requires authentication"),
            Self::NotAccessible(whom, _) => message(403, &format!("Resource not accessible by {whom}")),
            Self::Forbidden(why) => message(403, why),
            Self::Missing => message(404, "Not Found"),
            Self::Conflict(why) => message(409, why),
            Self::Invalid(why) => Answer::json(
                422,
                &json!({
                    "message": "Validation Failed",
                    "errors": [{ "resource": "Sandbox", "field": "body", "code": "custom", "message": why }],
                    "documentation_url": DOCS,
                    "status": "422",
                }),
            ),
            Self::Bad(why) => message(400, why),
            Self::Moved(to) => fault::redirect(to).of(
                "application/json",
                json!({ "message": "Moved Permanently", "url": to, "documentation_url": DOCS }).to_string(),
            ),
        }
    }
}

/// A refusal in GitHub's usual shape.
pub(crate) fn message(status: u16, message: &str) -> Answer {
    let body = json!({ "message": message, "documentation_url": DOCS, "status": status.to_string() });
    Answer::json(status, &body)
}
