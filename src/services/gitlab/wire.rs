//! Routes that the `gitlab` crate lacks, in the form of its own, and what GitLab's refusals mean.

use std::borrow::Cow;

use gitlab::api::{BodyError, Endpoint, QueryParams};
use http::Method;
use serde_json::Value;

use crate::http::Answer;

/// A request that the crate has no type for.
pub(super) struct Route {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl Route {
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::GET, path, query: Vec::new(), body: None }
    }

    pub(super) fn delete(path: String) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(super) fn post(path: String, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }

    /// A POST that says all in its path.
    pub(super) fn call(path: String) -> Self {
        Self { method: Method::POST, ..Self::get(path) }
    }

    pub(super) fn put(path: String, body: Value) -> Self {
        Self { method: Method::PUT, body: Some(body), ..Self::get(path) }
    }

    #[must_use]
    pub(super) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }
}

impl Endpoint for Route {
    fn method(&self) -> Method {
        self.method.clone()
    }

    fn endpoint(&self) -> Cow<'static, str> {
        self.path.clone().into()
    }

    fn parameters(&self) -> QueryParams<'_> {
        let mut params = QueryParams::default();
        for (key, value) in &self.query {
            params.push(*key, value);
        }
        params
    }

    fn body(&self) -> Result<Option<(&'static str, Vec<u8>)>, BodyError> {
        let Some(body) = &self.body else { return Ok(None) };
        Ok(Some(("application/json", body.to_string().into_bytes())))
    }
}

/// One page of a listing.
pub(super) struct Page<'a, E> {
    pub(super) of: &'a E,
    pub(super) number: usize,
    pub(super) size: usize,
}

impl<E: Endpoint> Endpoint for Page<'_, E> {
    fn method(&self) -> Method {
        self.of.method()
    }

    fn endpoint(&self) -> Cow<'static, str> {
        self.of.endpoint()
    }

    fn parameters(&self) -> QueryParams<'_> {
        let mut params = self.of.parameters();
        params.push("page", self.number.to_string()).push("per_page", self.size.to_string());
        params
    }
}

/// A project, a group or a key as part of a path: `acme/app` becomes `acme%2Fapp`.
pub(super) fn segment(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Whether a 401 says that the token itself is dead or unknown. GitLab answers 401 to live ones too: where their user
/// demands DPoP, or where impersonation is switched off.
pub(super) fn is_dead(answer: &Answer) -> bool {
    let error = answer.word("/error");
    let detail = answer.word("/error_description").unwrap_or_default();
    let about_the_token = error.as_deref().is_none_or(|error| error == "invalid_token");
    answer.status.as_u16() == 401 && about_the_token && !detail.contains("impersonation")
}

/// What a refusal means, from the few codes that decide. The text of the body is never repeated.
pub(super) fn meaning(answer: &Answer) -> String {
    let error = answer.word("/error").unwrap_or_default();
    let detail = answer.word("/error_description").unwrap_or_default();
    let text = match (answer.status.as_u16(), error.as_str()) {
        (401, "invalid_token") if detail.contains("expired") => "the token has expired",
        (401, "invalid_token") if detail.contains("revoked") => "the token was revoked",
        (401, "invalid_token") => "the token is no longer valid",
        (401, "dpop_error") => "the token's user demands DPoP, which is not spoken here",
        (401, _) => "GitLab does not know this token, or it has no right to this",
        (403, "insufficient_scope") => "the token's scopes do not reach this; it needs `api`",
        (403, _) => "the token's user has no right to this",
        (404, _) => "there is no such thing, or this token's user may not see it",
        (400 | 422, _) => "GitLab refuses it as invalid",
        (405, _) => "this kind of token cannot do that",
        (409, _) => "several things fit, and none was named",
        (412, _) => "it was changed meanwhile",
        (500.., _) => "GitLab failed",
        _ => "an answer that is not expected here",
    };
    text.to_owned()
}
