//! The transport of a real run: one reqwest client, on rustls.

use std::error::Error as _;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{Broken, LARGEST_BODY, NamedRoots, Transport};

/// How long a connection may take to be made; without it a missing `resolv.conf` waits for ever.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a whole call may take. GitHub cuts its own at ten seconds, GitLab at sixty.
const CALL: Duration = Duration::from_mins(1);

/// A reqwest client without redirects, without retries, and with time-outs on everything. Proxies are taken from
/// `HTTPS_PROXY` and `NO_PROXY`.
pub struct RealTransport {
    client: reqwest::Client,
}

impl RealTransport {
    /// Builds the client. It trusts the system's roots, and the private CAs named in the config.
    pub fn new(private_roots: Option<&str>, named: &NamedRoots) -> anyhow::Result<Self> {
        let mut roots = named.load()?;
        if let Some(pem) = private_roots {
            let bundle =
                reqwest::Certificate::from_pem_bundle(pem.as_bytes()).context("it holds what is no PEM certificate")?;
            anyhow::ensure!(!bundle.is_empty(), "it holds no PEM certificate");
            roots.extend(bundle);
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("tokenwheel/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .timeout(CALL)
            .tls_certs_only(roots)
            .build()
            .context("the HTTP client cannot be made")?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Transport for RealTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let request = reqwest::Request::try_from(request).map_err(|error| Broken::NeverSent(innermost(&error)))?;
        let mut response = self.client.execute(request).await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                Broken::NeverSent(innermost(&error))
            } else {
                Broken::NoAnswer(innermost(&error))
            }
        })?;
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_BODY => body.extend_from_slice(&chunk),
                Ok(Some(_)) => return Err(Broken::NoAnswer(format!("the answer is larger than {LARGEST_BODY} bytes"))),
                Ok(None) => break,
                Err(error) => return Err(Broken::NoAnswer(innermost(&error))),
            }
        }
        let mut answer = http::Response::new(body.freeze());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

/// The last cause in the chain: "certificate unknown", "connection refused". The outer ones repeat the URL, whose
/// query may hold what nobody should read.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause = error.source();
    while let Some(next) = cause.and_then(std::error::Error::source) {
        cause = Some(next);
    }
    let told = cause.map_or_else(|| "the request failed".to_owned(), |cause| crate::text::plain(&cause.to_string()));
    // The one case that the config can mend, and that rustls tells in one word.
    if told.contains("UnknownIssuer") {
        return "its certificate is of a CA that is not known here; if it is yours, name it with `ca_file:`".to_owned();
    }
    if told.contains("InvalidContentType") {
        return "what answers there does not speak TLS: look whether the port is right, or a proxy stands in between"
            .to_owned();
    }
    told
}
