//! OAuth 2.0 as a client speaks it: the token endpoint (RFC 6749), revocation (RFC 7009), introspection (RFC 7662).

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroizing;

use crate::http::{Answer, Call, Http, HttpError, Retry};
use crate::issuer::MintError;
use crate::token::TokenValue;

/// How a client says who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientAuth {
    /// In the Authorization header, as RFC 6749 §2.3.1 wants every server to accept.
    #[default]
    Basic,
    /// As fields of the form.
    Post,
    /// As fields of a JSON body, for servers that read no form.
    Json,
}

/// A client of an authorisation server.
pub(crate) struct Client<'a> {
    /// The door.
    pub(crate) http: &'a Http,
    /// Its public name.
    pub(crate) id: &'a str,
    /// Its secret; public clients have none.
    pub(crate) secret: Option<&'a TokenValue>,
    /// How it says who it is.
    pub(crate) auth: ClientAuth,
}

/// What the token endpoint answers. <https://datatracker.ietf.org/doc/html/rfc6749#section-5.1>
#[derive(Deserialize)]
pub(crate) struct Granted {
    /// What calls are made with.
    pub(crate) access_token: TokenValue,
    /// What the next exchange is made with.
    pub(crate) refresh_token: Option<TokenValue>,
    /// The life of the access token, in seconds.
    #[serde(default, deserialize_with = "seconds")]
    pub(crate) expires_in: Option<i64>,
    /// The life of the refresh token, in seconds, where the server says it.
    #[serde(default, alias = "refresh_expires_in", deserialize_with = "seconds")]
    pub(crate) refresh_token_expires_in: Option<i64>,
    /// What was granted, separated by spaces; as asked for where it is missing.
    pub(crate) scope: Option<String>,
}

impl Granted {
    /// When the access token dies, counted from before it was asked for.
    pub(crate) fn dies(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.expires_in.and_then(TimeDelta::try_seconds).map(|life| now + life)
    }
}

/// Some servers send numbers as text.
fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// What the introspection endpoint answers. <https://datatracker.ietf.org/doc/html/rfc7662#section-2.2>
#[derive(Deserialize)]
pub(crate) struct Introspected {
    /// Whether it lives.
    pub(crate) active: bool,
    /// Whose it is.
    pub(crate) client_id: Option<String>,
    /// What it may do.
    pub(crate) scope: Option<String>,
    /// When it dies, in seconds of Unix time.
    pub(crate) exp: Option<i64>,
    /// When it was made.
    pub(crate) iat: Option<i64>,
}

/// Whether a server knows a client.
pub(crate) enum Known {
    /// It does, and the secret is right.
    Yes,
    /// It does not, for that reason.
    No(String),
    /// This endpoint does not say.
    Unsaid(String),
}

impl Client<'_> {
    /// Asks for a token. `fields` are those of the grant; the client's own are added. Every answer but a grant says
    /// whether a token may exist all the same.
    pub(crate) async fn grant(&self, endpoint: &Url, fields: &[(&str, &str)]) -> Result<Granted, MintError> {
        let answer = self.post(endpoint, fields, Retry::Once).await?;
        if !answer.ok() {
            return Err(MintError::from(answer.refused(&meaning(&answer))));
        }
        answer.json().map_err(MintError::from)
    }

    /// Ends a token. RFC 7009 wants 200 also for a token that the server never knew, so it proves nothing by itself.
    pub(crate) async fn revoke(&self, endpoint: &Url, token: &TokenValue) -> Result<(), HttpError> {
        let answer = self.post(endpoint, &[("token", token.expose())], Retry::Put).await?;
        if answer.ok() { Ok(()) } else { Err(answer.refused(&meaning(&answer))) }
    }

    /// Asks what a token is.
    pub(crate) async fn introspect(&self, endpoint: &Url, token: &TokenValue) -> Result<Introspected, HttpError> {
        let answer = self.post(endpoint, &[("token", token.expose())], Retry::Read).await?;
        if answer.ok() { answer.json() } else { Err(answer.refused(&meaning(&answer))) }
    }

    /// Asks whether the server knows this client, with a value that nobody has, so that nothing is made or used up.
    pub(crate) async fn is_known(&self, endpoint: &Url, fields: &[(&str, &str)]) -> Result<Known, HttpError> {
        let garbage = "tokenwheel-control-no-token-has-this-value";
        let exchanges = !fields.is_empty();
        let mut all = fields.to_vec();
        all.push((if exchanges { "refresh_token" } else { "token" }, garbage));
        let answer = self.post(endpoint, &all, Retry::Read).await?;
        let refusal = || answer.refused(&meaning(&answer)).to_string();
        let code = answer.word("/error");
        // The other refusals of an exchange come after the client was let in.
        let after = ["invalid_grant", "unsupported_grant_type", "unauthorized_client", "invalid_scope"];
        Ok(match (answer.status.as_u16(), code.as_deref()) {
            (_, Some("invalid_client")) => Known::No(refusal()),
            (200, _) if answer.json::<Introspected>().is_ok() => Known::Yes,
            (400..500, Some(code)) if exchanges && after.contains(&code) => Known::Yes,
            (401, _) if exchanges => Known::No(refusal()),
            _ => Known::Unsaid(refusal()),
        })
    }

    async fn post(&self, endpoint: &Url, fields: &[(&str, &str)], retry: Retry) -> Result<Answer, HttpError> {
        let call = Call::new(Method::POST, endpoint.clone(), retry).header(http::header::ACCEPT, "application/json");
        let mut all = fields.to_vec();
        let call = match (self.auth, self.secret) {
            // RFC 6749 §2.3.1: both are encoded as in a form before they are joined.
            (ClientAuth::Basic, Some(secret)) => match TokenValue::new(&encoded(secret.expose())) {
                Ok(secret) => call.basic(&encoded(self.id), &secret),
                Err(_) => call,
            },
            (_, secret) => {
                all.push(("client_id", self.id));
                all.extend(secret.map(|secret| ("client_secret", secret.expose())));
                call
            }
        };
        let call = if self.auth == ClientAuth::Json {
            let body: Map<String, Value> = all.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))).collect();
            call.json(&body)
        } else {
            call.form(&all)
        };
        self.http.send(call).await
    }
}

/// A text as it stands in a form.
fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(url::form_urlencoded::byte_serialize(text.as_bytes()).collect())
}

/// What a refusal means. Only the error code of the RFC is read, never its description.
pub(crate) fn meaning(answer: &Answer) -> String {
    let known = match answer.word("/error").as_deref() {
        Some("invalid_client" | "unauthorized_client") => "the server does not know this client, or its secret",
        Some("invalid_grant") => "what was to be exchanged has expired, was revoked, or was used before",
        Some("invalid_scope") => "it grants no such scope",
        Some("unsupported_grant_type") => "it has no such grant",
        Some("invalid_request") => "it refuses the request as invalid",
        _ => match answer.status.as_u16() {
            401 | 403 => "the server does not know this client, or its secret",
            404 => "there is no such endpoint: is the address right?",
            500.. => "the server failed",
            _ => "an answer that is not expected here",
        },
    };
    known.to_owned()
}
