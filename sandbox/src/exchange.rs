//! What goes over the wire, and what is remembered of it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::Value;

/// A request, as a service sees it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The first label of the host's name, which says whose service it is: `gitlab`, `styra`.
    pub host: String,
    /// Path and query, as sent.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; empty when there is none.
    pub body: Bytes,
}

/// An answer, as the client sees it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers; `content-length` only where it differs from what the body has.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// An answer of JSON.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::empty(status).of("application/json", value.to_string())
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// The same answer with this body.
    pub(crate) fn of(mut self, media: &'static str, body: String) -> Self {
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        self.body = Bytes::from(body);
        self
    }

    /// The same answer with one more header; a value that no header can hold is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The body as JSON; null when it is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The connection died before the answer was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection lost before the answer was complete")
    }
}

impl std::error::Error for Lost {}

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Its place in the order of arrival, from 1.
    pub number: usize,
    /// The method.
    pub method: Method,
    /// The service it was for.
    pub host: String,
    /// Path and query, as sent.
    pub target: String,
    /// The headers, credentials included.
    pub request_headers: HeaderMap,
    /// The body, secrets included.
    pub request_body: Bytes,
    /// The status that the client saw; none when the connection was lost or the client went away.
    pub status: Option<u16>,
    /// What the service did, when it acted, whatever the client saw of it.
    pub acted: Option<(u16, Bytes)>,
    /// The body that the client saw.
    pub response_body: Bytes,
}
