//! How GitLab says no. It has three shapes of body, and what a client may conclude hangs on which one it gets.

use http::header::{LOCATION, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::exchange::Answer;
use crate::fault;
use crate::params::Invalid;

/// A request that was refused, and nothing done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token, one that nobody knows, or no right to what was asked for.
    Unauthorized,
    /// The day of the token has come.
    Expired,
    /// The token was revoked.
    Revoked,
    /// The token lives, but may not do this. Holds the scopes that would do.
    Scope(&'static [&'static str]),
    /// The user lives, but may not do this.
    Forbidden,
    /// There is no such thing, or it is not shown to this user.
    Missing(&'static str),
    /// The request can be read, but not done.
    Bad(String),
    /// A model's rule is broken: field, complaint.
    Broken(&'static str, String),
    /// A parameter is missing or cannot be read: the whole complaint.
    Params(String),
    /// The body is neither called JSON nor a form.
    Media,
    /// Not with this kind of credential, or not at this place.
    NotAllowed(&'static str),
    /// Several variables answer to the name.
    Ambiguous,
    /// The project has moved: its URL by number.
    Moved(String),
}

impl From<Invalid> for Refusal {
    fn from(Invalid(name): Invalid) -> Self {
        Self::Params(format!("{name} is invalid"))
    }
}

impl Refusal {
    /// The answer on the wire.
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Unauthorized => message(401, &json!("401 Unauthorized")),
            Self::Expired => dead("Token is expired. You can either do re-authorization or token refresh."),
            Self::Revoked => dead("Token was revoked. You have to re-authorize from the user."),
            Self::Scope(scopes) => narrow(&scopes.join(" ")),
            Self::Forbidden => message(403, &json!("403 Forbidden")),
            Self::Missing("") => message(404, &json!("404 Not found")),
            Self::Missing(what) => message(404, &json!(format!("404 {what} Not Found"))),
            Self::Bad(why) if why.is_empty() => message(400, &json!("400 Bad request")),
            Self::Bad(why) => message(400, &json!(format!("400 Bad request - {why}"))),
            Self::Broken(field, why) => message(400, &json!({ *field: [why] })),
            Self::Params(why) => Answer::json(400, &json!({ "error": why })),
            Self::Media => Answer::json(415, &json!({ "error": "The provided content-type is not supported." })),
            Self::NotAllowed(why) => message(405, &json!(why)),
            Self::Ambiguous => message(
                409,
                &json!("There are multiple variables with provided parameters. Please use 'filter[environment_scope]'"),
            ),
            Self::Moved(to) => fault::redirect(to).with(LOCATION, to),
        }
    }
}

fn message(status: u16, message: &Value) -> Answer {
    Answer::json(status, &json!({ "message": message }))
}

/// Only the description tells a revoked token from an expired one (recorded on GitLab.com).
fn dead(description: &str) -> Answer {
    let challenge =
        format!(r#"Bearer realm="Protected by OAuth 2.0", error="invalid_token", error_description="{description}""#);
    Answer::json(401, &json!({ "error": "invalid_token", "error_description": description }))
        .with(WWW_AUTHENTICATE, &challenge)
}

fn narrow(scopes: &str) -> Answer {
    Answer::json(
        403,
        &json!({
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": scopes,
        }),
    )
}
