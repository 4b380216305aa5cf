//! A cluster's API server, in the few calls that a rotation makes.
//!
//! Plain HTTP over the one door: a client library would bring a second TLS stack, and would wait for a condition that is
//! still true from the last rollout. What that leaves out, plugins and client certificates of a kubeconfig, is refused in
//! a sentence.

mod job;
mod kubeconfig;
mod secret;
mod workload;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Answer, Call, Cause, Http, HttpError, Retry};
use crate::text;
use crate::token::TokenValue;
pub(crate) use job::{Ended, Made, NewJob};
pub(crate) use secret::{SecretJson, Write, manager};
pub(crate) use workload::{Restart, Workload};

/// Where a pod finds its own account.
/// <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/>
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// What the API server is called inside of its cluster.
const INSIDE: &str = "https://kubernetes.default.svc";

/// How soon something that takes its time is looked at again, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// One cluster, with one account.
pub(crate) struct Cluster {
    http: Arc<Http>,
    base: Url,
    bearer: Bearer,
}

/// Where the token of the account comes from.
pub(crate) enum Bearer {
    /// This one, of a kubeconfig.
    Fixed(TokenValue),
    /// A file, read anew for each call: the kubelet changes it about once an hour.
    File(PathBuf),
    /// Nobody has one: the config is only being checked.
    None,
}

/// What the config says of a cluster, and what it takes to make something of it.
pub(crate) struct Access<'a> {
    /// The address of the API server; the pod's own by default.
    pub(crate) server: Option<Url>,
    /// `file:PATH` or `env:NAME` of a kubeconfig.
    pub(crate) kubeconfig: Option<&'a str>,
    /// Which of its contexts.
    pub(crate) context: Option<&'a str>,
    /// The folder with `token` and `ca.crt` of the account.
    pub(crate) account: Option<&'a Path>,
    /// The folder that relative paths start from.
    pub(crate) folder: &'a Path,
    /// The door of the connection, with the roots that it names.
    pub(crate) http: Arc<Http>,
    /// Reads what a source names.
    pub(crate) read: &'a dyn Fn(&str) -> anyhow::Result<TokenValue>,
    /// Opens a door with further roots.
    pub(crate) door: &'a dyn Fn(Option<&str>) -> anyhow::Result<Arc<Http>>,
    /// Whether the config alone is checked.
    pub(crate) offline: bool,
}

impl Access<'_> {
    /// The cluster. Nothing is sent yet.
    pub(crate) fn open(self) -> anyhow::Result<Cluster> {
        if let Some(source) = self.kubeconfig {
            anyhow::ensure!(self.server.is_none(), "`kubeconfig` names the server: leave its address out");
            anyhow::ensure!(self.account.is_none(), "`kubeconfig` and `service_account` exclude each other");
            if self.offline {
                return Ok(Cluster { http: self.http, base: Url::parse(INSIDE)?, bearer: Bearer::None });
            }
            return kubeconfig::open(&(self.read)(source)?, source, &self);
        }
        anyhow::ensure!(self.context.is_none(), "`context` is one of a `kubeconfig`, which is not named");
        let base = self.server.map_or_else(|| Url::parse(INSIDE), Ok)?;
        let account = self.account.map_or_else(|| PathBuf::from(ACCOUNT), |path| self.folder.join(path));
        // Outside of a pod, or where the server's certificate is a public one, there is none.
        let http = match std::fs::read_to_string(account.join("ca.crt")) {
            Ok(pem) if !self.offline => (self.door)(Some(&pem))?,
            _ => self.http,
        };
        Ok(Cluster { http, base, bearer: Bearer::File(account.join("token")) })
    }
}

/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>
#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default)]
    causes: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    message: String,
}

/// <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/>
#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
struct ReviewStatus {
    #[serde(rename = "userInfo")]
    user: User,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

/// A call of the API server.
pub(crate) struct Ask<'a> {
    /// The path, each segment of which is a name that the API server allows.
    pub(crate) path: String,
    /// The query.
    pub(crate) query: Vec<(&'a str, String)>,
    /// The media type of the body, and the body.
    pub(crate) body: Option<(&'static str, Value)>,
}

impl Ask<'_> {
    /// A path alone.
    pub(crate) fn of(path: String) -> Self {
        Self { path, query: Vec::new(), body: None }
    }
}

impl Cluster {
    /// The host, for people and for subjects.
    pub(crate) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Its token, as it is now; `lent` goes first.
    fn bearer(&self, lent: Option<TokenValue>) -> Result<TokenValue, HttpError> {
        let withheld = |why: String| HttpError::before("kubernetes", Cause::Withheld(why));
        match (lent, &self.bearer) {
            (Some(lent), _) => Ok(lent),
            (None, Bearer::Fixed(token)) => Ok(token.clone()),
            (None, Bearer::None) => Err(withheld("no credential is at hand".to_owned())),
            (None, Bearer::File(path)) => {
                let read = std::fs::read_to_string(path).map_err(|why| {
                    let kind = why.kind();
                    let way = "run it in a pod, or name a `kubeconfig`";
                    withheld(format!("no service account: {} cannot be read ({kind}); {way}", path.display()))
                })?;
                let read = zeroize::Zeroizing::new(read);
                TokenValue::new(&read).map_err(|why| withheld(format!("{}: {why}", path.display())))
            }
        }
    }

    /// Sends a call. `lent` is the credential that the config names, where it names one.
    pub(crate) async fn call(
        &self,
        lent: Option<TokenValue>,
        method: Method,
        ask: Ask<'_>,
        retry: Retry,
    ) -> Result<Answer, HttpError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{}", self.base.path().trim_end_matches('/'), ask.path));
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        let token = self.bearer(lent)?;
        let call = Call::new(method, url, retry).credential(AUTHORIZATION, "Bearer ", &token);
        let call = match ask.body {
            Some((media, body)) => call.body(media, serde_json::to_vec(&body).unwrap_or_default().into()),
            None => call,
        };
        self.http.send(call).await
    }

    /// Who the account is, as far as the server tells: `Err` is why it cannot be used.
    pub(crate) async fn who(&self, lent: Option<TokenValue>) -> Result<Option<String>, HttpError> {
        let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let path = "apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned();
        let ask = Ask { body: Some(("application/json", review)), ..Ask::of(path) };
        // It asks a question, and makes nothing.
        let answer = self.call(lent.clone(), Method::POST, ask, Retry::Read).await?;
        match answer.status.as_u16() {
            200 | 201 => return Ok(Some(text::plain(&answer.json::<Review>()?.status.user.username))),
            401 => return Err(answer.refused(&meaning(&answer))),
            _ => {}
        }
        // Before 1.28 nobody tells who one is; the list of API versions is there for everyone with a name.
        let answer = self.call(lent, Method::GET, Ask::of("api".to_owned()), Retry::Read).await?;
        match answer.status.as_u16() {
            200 | 403 => Ok(None),
            _ => Err(answer.refused(&meaning(&answer))),
        }
    }
}

/// Whether the API server does not know the token.
pub(crate) fn is_dead(error: &HttpError) -> bool {
    error.status() == Some(401)
}

/// The managers that a conflict is with, from its causes: `conflict with "signon"`.
fn owners(answer: &Answer) -> Vec<String> {
    let status = answer.json::<Status>().unwrap_or_default();
    let causes = status.details.unwrap_or_default().causes;
    let name = |cause: Reason| {
        let name = cause.message.split_once("conflict with \"")?.1.split('"').next()?.to_owned();
        Some(text::plain(&name))
    };
    let mut names: Vec<String> = causes.into_iter().filter_map(name).collect();
    names.dedup();
    names
}

/// What a refusal means. Only its status and the code of its reason are read.
pub(crate) fn meaning(answer: &Answer) -> String {
    let reason = answer.word("/reason").unwrap_or_default();
    match (answer.status.as_u16(), reason.as_str()) {
        (401, _) => "the API server does not know this token: it has expired or was revoked",
        (403, _) => "the Role of this account does not allow it (`check --needs` says which rights to give)",
        (404, _) => "there is no such thing, or no such namespace",
        (409, "AlreadyExists") => "it exists already",
        (409, _) => "somebody else has changed it meanwhile",
        (415, _) => "the API server is too old for server-side apply, which needs 1.22",
        (422, _) => "the API server refuses it as invalid; an immutable Secret, or one of another type, stays as it is",
        (500.., _) => "the API server failed",
        _ => "an answer that is not expected here",
    }
    .to_owned()
}

/// Whether a text can be the name of a thing in a cluster.
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>
pub(crate) fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=253).contains(&name.len()) && name.chars().all(inner) && name.starts_with(edge) && name.ends_with(edge)
}
