//! The one door to the network: retry classes, time-outs, a budget per host, and errors that carry no body.
//!
//! A service builds a [`Call`], says with [`Retry`] whether it may be repeated, and gets an [`Answer`]. What lies
//! below, a real client or the sandbox, is a [`Transport`] and is handed in.

mod budget;
mod hosts;
mod real;
mod roots;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use crate::token::TokenValue;
use budget::Budget;
pub use hosts::{ALLOWED_HOSTS, Hosts};
pub use real::RealTransport;
pub use roots::NamedRoots;

/// Whether a call may be sent again when its fate is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It only reads.
    Read,
    /// Done twice is done once: a PUT of a whole value, a DELETE.
    Put,
    /// Done twice is a lost token: every mint and rotate. Never sent again, whatever happened.
    Once,
}

/// How often a repeatable call is tried in all.
const TRIES: u32 = 4;
/// The longest that one call waits because a server asked for it.
const PATIENCE: Duration = Duration::from_mins(1);
/// The largest body that is read; the largest listing known (100 tokens a page) has a twentieth of it.
pub(crate) const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// What carries one request to a server and its answer back, without any policy.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends the request, once.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken>;
}

/// How a request failed without an answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Broken {
    /// It never reached the server: nothing can have happened there.
    #[error("{0}")]
    NeverSent(String),
    /// It may have reached the server and may have been acted on.
    #[error("{0}")]
    NoAnswer(String),
}

/// One request.
pub struct Call {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    retry: Retry,
    /// What is told of the path, where that has a secret in it.
    told: Option<String>,
}

impl Call {
    /// Begins a request.
    pub fn new(method: Method, url: Url, retry: Retry) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), retry, told: None }
    }

    /// Adds a header whose value is no secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Adds a header whose value comes from the config and is no secret. What a header cannot carry is left out.
    #[must_use]
    pub fn plain_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds a user name and a password, as HTTP's Basic scheme has them.
    #[must_use]
    pub fn basic(self, user: &str, password: &TokenValue) -> Self {
        use base64::Engine as _;
        let pair = zeroize::Zeroizing::new(format!("{user}:{}", password.expose()));
        let pair = zeroize::Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes()));
        match TokenValue::new(&pair) {
            Ok(pair) => self.credential(http::header::AUTHORIZATION, "Basic ", &pair),
            Err(_) => self,
        }
    }

    /// Adds a credential, after a scheme such as `Bearer ` or nothing at all. It is marked sensitive, and is never
    /// sent anywhere but to the URL of this call: redirects are not followed.
    #[must_use]
    pub fn credential(mut self, name: HeaderName, scheme: &str, value: &TokenValue) -> Self {
        // A token value holds no control characters; what a header cannot carry besides those is sent as an empty
        // credential, which every server refuses.
        let mut header = HeaderValue::from_str(&format!("{scheme}{}", value.expose()))
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        header.set_sensitive(true);
        self.headers.insert(name, header);
        self
    }

    /// Gives it a JSON body.
    #[must_use]
    pub fn json<T: Serialize>(self, body: &T) -> Self {
        // What we serialise are our own plain structs, which always have a JSON form.
        self.body("application/json", serde_json::to_vec(body).unwrap_or_default().into())
    }

    /// Gives it the fields of a form.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", body.into())
    }

    /// Gives it a body of that media type.
    #[must_use]
    pub fn body(mut self, mime: &'static str, body: Bytes) -> Self {
        self.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(mime));
        self.body = body;
        self
    }

    /// Tells of this path in place of the real one, which has a secret in it.
    #[must_use]
    pub fn told(mut self, path: &str) -> Self {
        self.told = Some(path.to_owned());
        self
    }

    fn name(&self) -> String {
        // Without the query: some services carry secrets there.
        format!("{} {}{}", self.method, host(&self.url), self.told.as_deref().unwrap_or(self.url.path()))
    }
}

/// What a server answered.
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Bytes,
    call: String,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn ok(&self) -> bool {
        self.status.is_success()
    }

    /// Reads the body as JSON. The error says where it broke, never what stood there.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| HttpError {
            call: self.call.clone(),
            cause: Cause::Unreadable { line: error.line(), column: error.column(), kind: self.kind() },
        })
    }

    /// Reads one string of a JSON body, if it is there; for error codes, which decide what is said.
    pub fn word(&self, pointer: &str) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        body.pointer(pointer)?.as_str().map(str::to_owned)
    }

    /// Turns an unexpected status into an error that names it, and says what the service's code for it means.
    pub fn refused(&self, meaning: &str) -> HttpError {
        HttpError {
            call: self.call.clone(),
            cause: Cause::Refused { status: self.status.as_u16(), meaning: meaning.to_owned() },
        }
    }

    /// The same for a status that does not mean here what it usually means, so that nothing is concluded from it.
    pub fn unclear(&self, meaning: &str) -> HttpError {
        HttpError {
            call: self.call.clone(),
            cause: Cause::Unclear { status: self.status.as_u16(), meaning: meaning.to_owned() },
        }
    }

    fn kind(&self) -> &'static str {
        match self.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => "an empty body",
            Some(b'<') => "HTML",
            Some(b'{' | b'[') => "JSON of another shape, or cut off",
            Some(_) => "no JSON",
        }
    }
}

/// Why a call came to nothing. It names the method, the host and the path, and never a body or a query.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call}: {cause}")]
pub struct HttpError {
    call: String,
    /// What went wrong, for code that decides on it.
    pub cause: Cause,
}

/// What went wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It was not sent, for a reason of our own.
    Withheld(String),
    /// It never reached the server.
    NeverSent(String),
    /// It may have been acted on.
    NoAnswer(String),
    /// The server points elsewhere; a credential is never sent after it.
    Redirected(String),
    /// The server asked us to wait longer, or more often, than we do.
    TooManyRequests,
    /// The status says no.
    Refused {
        /// The HTTP status.
        status: u16,
        /// What that means at this service.
        meaning: String,
    },
    /// The status says no, and not for the reason it usually does.
    Unclear {
        /// The HTTP status.
        status: u16,
        /// What that means at this service.
        meaning: String,
    },
    /// The body is not what it should be.
    Unreadable {
        /// Where it broke.
        line: usize,
        /// Where it broke.
        column: usize,
        /// What it seems to be instead.
        kind: &'static str,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Withheld(why) => write!(f, "nothing was sent: {why}"),
            Self::NeverSent(why) => write!(f, "the server was not reached: {why}"),
            Self::NoAnswer(why) => write!(f, "no answer: {why}"),
            Self::Redirected(to) => write!(
                f,
                "the server redirects to {to}, and a credential is never sent after a redirect; put the new address \
                 in the config"
            ),
            Self::TooManyRequests => write!(f, "HTTP 429: the server goes on refusing for too many requests"),
            Self::Refused { status, meaning } | Self::Unclear { status, meaning } => {
                write!(f, "HTTP {status}: {meaning}")
            }
            Self::Unreadable { line, column, kind } => {
                write!(f, "the answer is {kind}, not the JSON it should be (line {line}, column {column})")
            }
        }
    }
}

impl HttpError {
    /// An error that arose before anything was sent.
    pub fn before(what: &str, cause: Cause) -> Self {
        Self { call: what.to_owned(), cause }
    }

    /// Whether the call may have been acted on although no usable answer came: only then is there doubt.
    pub fn in_doubt(&self) -> bool {
        match &self.cause {
            Cause::NoAnswer(_) | Cause::Unreadable { .. } => true,
            Cause::Refused { status, .. } => *status >= 500,
            Cause::Withheld(_)
            | Cause::Unclear { .. }
            | Cause::NeverSent(_)
            | Cause::Redirected(_)
            | Cause::TooManyRequests => false,
        }
    }

    /// The status, if that is what said no.
    pub fn status(&self) -> Option<u16> {
        if let Cause::Refused { status, .. } = self.cause { Some(status) } else { None }
    }
}

/// The client: one for the whole run.
pub struct Http {
    transport: Arc<dyn Transport>,
    hosts: Hosts,
    budgets: Mutex<HashMap<String, Arc<Budget>>>,
}

impl Http {
    /// Puts the door before a transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, hosts: Hosts::default(), budgets: Mutex::default() }
    }

    /// Lets requests go to these hosts only, wherever their address comes from.
    #[must_use]
    pub fn only(self, hosts: Hosts) -> Self {
        Self { hosts, ..self }
    }

    fn budget(&self, url: &Url) -> Arc<Budget> {
        let host = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(budgets.entry(host).or_default())
    }

    /// Sends a call, repeating it as far as its class allows.
    ///
    /// Every status but 429 and, for repeatable calls, 5xx comes back as an [`Answer`] for the service to read.
    pub async fn send(&self, call: Call) -> Result<Answer, HttpError> {
        if !self.hosts.allow(&call.url) {
            return Err(HttpError { call: call.name(), cause: Cause::Withheld(Hosts::refusal(&call.url)) });
        }
        let budget = self.budget(&call.url);
        let mut waited = Duration::ZERO;
        let mut attempt = 1;
        loop {
            let last = call.retry == Retry::Once || attempt == TRIES;
            let outcome = self.attempt(&call, &budget).await;
            let wait = match &outcome {
                Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                    let wait = retry_after(&answer.headers).unwrap_or_else(|| back_off(attempt));
                    budget.hold_until(wait);
                    if last || waited + wait > PATIENCE {
                        return Err(HttpError { call: call.name(), cause: Cause::TooManyRequests });
                    }
                    wait
                }
                Ok(answer) if answer.status.is_server_error() && !last => back_off(attempt),
                Err(error) if !last && !matches!(error.cause, Cause::Redirected(_) | Cause::Withheld(_)) => {
                    back_off(attempt)
                }
                _ => return outcome,
            };
            log::debug!("{}: attempt {attempt} failed, again in {} ms", call.name(), wait.as_millis());
            tokio::time::sleep(wait).await;
            waited += wait;
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &Call, budget: &Budget) -> Result<Answer, HttpError> {
        let _place = budget.place().await;
        let mut request = http::Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.headers_mut() = call.headers.clone();
        *request.uri_mut() = call.url.as_str().parse().map_err(|_| HttpError {
            call: call.name(),
            cause: Cause::Withheld("the address is not a valid URL".to_owned()),
        })?;
        let response = self.transport.send(request).await.map_err(|broken| HttpError {
            call: call.name(),
            cause: match broken {
                Broken::NeverSent(why) => Cause::NeverSent(why),
                Broken::NoAnswer(why) => Cause::NoAnswer(why),
            },
        })?;
        let (head, body) = response.into_parts();
        budget.heed(&head.headers);
        log::debug!("{}: HTTP {}", call.name(), head.status.as_u16());
        if head.status.is_redirection() {
            let to = target(&head.headers, &call.url, call.told.is_none());
            return Err(HttpError { call: call.name(), cause: Cause::Redirected(to) });
        }
        Ok(Answer { status: head.status, headers: head.headers, body, call: call.name() })
    }
}

/// An address that a credential may be sent to.
pub fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "the url is not one; it begins with `https://`".to_owned())?;
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return Err("the url has no host".to_owned()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a credential has no place in the url; say `token: env:NAME`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("the url ends with its path".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => Err("plain http would show the credential to everyone in between; say `https://`".to_owned()),
        other => Err(format!("`{other}://` is not spoken here; say `https://`")),
    }
}

/// The host, with its port where that is not the usual one.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The scheme, host and path that a redirect names, without anything else it may carry; the path may repeat a secret.
fn target(headers: &HeaderMap, base: &Url, with_path: bool) -> String {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match base.join(location) {
        Ok(url) => {
            let path = if with_path { url.path() } else { "" };
            crate::text::plain(&format!("{}://{}{path}", url.scheme(), host(&url)))
        }
        Err(_) => "an address that cannot be read".to_owned(),
    }
}

/// Seconds, as GitLab, GitHub and Zendesk send them; the date form is read as unknown and answered with back-off.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Half a second, one, two: long enough for a proxy to come back, short enough for a job.
fn back_off(attempt: u32) -> Duration {
    Duration::from_millis(500) * 2_u32.saturating_pow(attempt.saturating_sub(1))
}
