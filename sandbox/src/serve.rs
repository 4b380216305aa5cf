//! The sandbox behind real sockets, for the built binary and for clients nobody here wrote.
//!
//! One loopback listener a service, in a thread of its own. A lost connection is a closed one; a truncated answer
//! announces more than it sends.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::exchange::{Answer, Lost, Request};
use crate::sandbox::Sandbox;

/// A sandbox that listens until it is dropped.
#[derive(Debug)]
pub struct Served {
    /// The URL of GitLab, without a path.
    pub gitlab: String,
    /// The URL of Styra DAS, without a path.
    pub styra: String,
    /// The URL of GitHub, without a path: its API is below `/api/v3`.
    pub github: String,
    /// The URL of Zendesk, without a path.
    pub zendesk: String,
    /// The URL of Atlassian: site, admin API, authorisation server and Data Center in one.
    pub atlassian: String,
    /// The URL of Vault, without a path.
    pub vault: String,
    /// The URL of the authorisation server, without a path.
    pub oauth: String,
    /// The URL of the small APIs, without a path.
    pub http: String,
    /// The URL of the cluster's API server, without a path.
    pub kubernetes: String,
    /// The URL of Signon, without a path.
    pub signon: String,
    /// The URL of an application that asks Signon, without a path.
    pub publishing_api: String,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Starts to listen, on ports that the system chooses.
    pub fn start(sandbox: Sandbox) -> io::Result<Self> {
        let (gitlab, gitlab_url) = bind()?;
        let (styra, styra_url) = bind()?;
        let (github, github_url) = bind()?;
        let (zendesk, zendesk_url) = bind()?;
        let (atlassian, atlassian_url) = bind()?;
        let (vault, vault_url) = bind()?;
        let (oauth, oauth_url) = bind()?;
        let (http, http_url) = bind()?;
        let (kubernetes, kubernetes_url) = bind()?;
        let (signon, signon_url) = bind()?;
        let (publishing_api, publishing_api_url) = bind()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let thread = thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            runtime.block_on(async {
                let listeners = [
                    (gitlab, "gitlab"),
                    (styra, "styra"),
                    (github, "github"),
                    (zendesk, "zendesk"),
                    (atlassian, "atlassian"),
                    (vault, "vault"),
                    (oauth, "oauth"),
                    (http, "http"),
                    (kubernetes, "kubernetes"),
                    (signon, "signon"),
                    (publishing_api, "publishing-api"),
                ];
                for (listener, label) in listeners {
                    tokio::spawn(listen(listener, label, sandbox.clone()));
                }
                // Resolves when the other end is dropped; the tasks die with the runtime.
                let _ = stopped.await;
            });
        })?;
        Ok(Self {
            gitlab: gitlab_url,
            styra: styra_url,
            github: github_url,
            zendesk: zendesk_url,
            atlassian: atlassian_url,
            vault: vault_url,
            oauth: oauth_url,
            http: http_url,
            kubernetes: kubernetes_url,
            signon: signon_url,
            publishing_api: publishing_api_url,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed already.
            let _ = thread.join();
        }
    }
}

fn bind() -> io::Result<(std::net::TcpListener, String)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

async fn listen(listener: std::net::TcpListener, label: &'static str, sandbox: Sandbox) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        // An accept that fails is the client's trouble, not the listener's.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, label, sandbox.clone()));
        }
    }
}

async fn converse(stream: TcpStream, label: &'static str, sandbox: Sandbox) {
    let service = service_fn(|request: http::Request<Incoming>| {
        let sandbox = sandbox.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| Lost)?.to_bytes();
            let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
            let request = Request { method: head.method, host: label.to_owned(), target, headers: head.headers, body };
            // An error ends the connection without an answer: just what a lost one is.
            sandbox.call(request).await.map(on_the_wire)
        }
    });
    // How a connection ends is the client's business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn on_the_wire(answer: Answer) -> http::Response<Wire> {
    let announced = answer.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let short = announced.is_some_and(|length: usize| length > answer.body.len());
    let mut response =
        http::Response::new(Wire { left: answer.body, end: if short { End::Flush } else { End::Clean } });
    *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or_default();
    *response.headers_mut() = answer.headers;
    response
}

/// A body that ends as announced, or breaks off.
struct Wire {
    left: Bytes,
    end: End,
}

/// What comes after the last byte.
enum End {
    /// Nothing.
    Clean,
    /// A pause in which what was written goes out, then the break.
    Flush,
    /// The break.
    Break,
}

impl Body for Wire {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Lost>>> {
        if !self.left.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.left)))));
        }
        match self.end {
            End::Clean => Poll::Ready(None),
            End::Flush => {
                self.end = End::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::Break => Poll::Ready(Some(Err(Lost))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && matches!(self.end, End::Clean)
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Clean => SizeHint::with_exact(u64::try_from(self.left.len()).unwrap_or(u64::MAX)),
            End::Flush | End::Break => SizeHint::default(),
        }
    }
}
