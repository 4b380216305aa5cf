//! Vault and OpenBao: the connection, and the few answers that its kinds share.

pub(super) mod kv;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::HeaderName;
use http::{HeaderValue, Method};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::connection::{Connecting, Connection, Login, LoginError, Needed, ServiceKind, Slot};
use crate::http::{Answer, Call, Cause, Http, HttpError, Retry};
use crate::token::{TokenRecord, TokenValue};

/// Vault, as the catalogue lists it.
pub(super) const SERVICE: ServiceKind = ServiceKind {
    name: "vault",
    about: "HashiCorp Vault, or OpenBao",
    own_address: None,
    url: Needed::Required,
    token: Needed::Required,
    schema: || schema_for!(Config).to_value(),
    connect,
};

/// The keys of a connection.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The namespace, where the server has them.
    namespace: Option<String>,
    /// Where the KV engine of version 2 is mounted; `secret` by default.
    #[serde(default = "secret")]
    mount: String,
    /// How `token:` is exchanged for a token of the server, which is revoked when the run ends. Without it, `token:` is
    /// such a token.
    login: Option<LogIn>,
}

/// How one logs in.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    /// By a signed identity, such as the one that a CI job is given: GitLab's `id_tokens`, GitHub's OIDC.
    jwt: Jwt,
}

/// Whom a signed identity becomes.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Jwt {
    /// Where the JWT login is mounted; `jwt` by default.
    #[serde(default = "jwt")]
    mount: String,
    /// The role that the identity is bound to.
    role: String,
}

fn secret() -> String {
    "secret".to_owned()
}

fn jwt() -> String {
    "jwt".to_owned()
}

fn connect(to: Connecting) -> anyhow::Result<Arc<dyn Connection>> {
    let base = to.address()?;
    let mut config: Config = serde_json::from_value(to.keys)?;
    config.mount = trimmed(&config.mount);
    anyhow::ensure!(!config.mount.is_empty(), "`mount` is empty: leave it out for `secret`");
    let host = base.host_str().unwrap_or_default().to_owned();
    Ok(Arc::new(Vault {
        http: to.http,
        base,
        host,
        slot: to.slot,
        config,
        sessions: Mutex::default(),
        written: Mutex::default(),
    }))
}

/// One server, and what was logged in to there in this run.
pub(super) struct Vault {
    http: Arc<Http>,
    base: Url,
    host: String,
    slot: Slot,
    config: Config,
    /// What each credential was exchanged for.
    sessions: Mutex<Vec<(TokenValue, TokenValue)>>,
    /// The versions that this run has written of each secret: its keys may be of several tokens, which take turns.
    written: Mutex<BTreeMap<String, Written>>,
}

/// What this run has written of one secret.
type Written = Arc<tokio::sync::Mutex<BTreeSet<u64>>>;

/// <https://developer.hashicorp.com/vault/api-docs/auth/jwt#jwt-login>
#[derive(Deserialize)]
struct LoggedIn {
    auth: Session,
}

#[derive(Deserialize)]
struct Session {
    client_token: TokenValue,
    accessor: Option<String>,
    #[serde(default)]
    policies: Vec<String>,
}

/// <https://developer.hashicorp.com/vault/api-docs/auth/token#lookup-a-token-self>
#[derive(Deserialize)]
struct LookedUp {
    data: Own,
}

#[derive(Deserialize)]
struct Own {
    accessor: Option<String>,
    #[serde(default)]
    policies: Vec<String>,
    expire_time: Option<DateTime<Utc>>,
}

impl Vault {
    /// Where this engine is, for people.
    fn place(&self, mount: &str, path: &str) -> String {
        let namespace =
            self.config.namespace.as_deref().map(|name| format!(" in namespace {name}")).unwrap_or_default();
        format!("{mount}/{path}{namespace} at {}", self.host)
    }

    /// What requests are made with: the credential, or what it was exchanged for.
    fn token(&self) -> Result<TokenValue, HttpError> {
        let none = |why: &str| HttpError::before("vault", Cause::Withheld(why.to_owned()));
        let value = self.slot.lend().ok_or_else(|| none("no credential is at hand"))?;
        if self.config.login.is_none() {
            return Ok(value);
        }
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.iter().find(|(from, _)| from.same_as(&value)).map(|(_, session)| session.clone());
        session.ok_or_else(|| none("nobody is logged in"))
    }

    /// What this run has written of a secret; whoever holds it may write.
    fn written(&self, path: &str) -> Written {
        let mut all = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(path.to_owned()).or_default())
    }

    async fn get(&self, path: &str) -> Result<Answer, HttpError> {
        self.send(&self.token()?, self.request(Method::GET, path, Retry::Read)).await
    }

    async fn ask(&self, path: &str, body: &Value) -> Result<Answer, HttpError> {
        self.send(&self.token()?, self.request(Method::POST, path, Retry::Read).json(body)).await
    }

    /// Writes under check-and-set, so that done twice is done once.
    async fn write(&self, path: &str, body: &Value) -> Result<Answer, HttpError> {
        self.send(&self.token()?, self.request(Method::POST, path, Retry::Put).json(body)).await
    }

    /// The same for some keys only.
    async fn patch(&self, path: &str, body: &Value) -> Result<Answer, HttpError> {
        let body = Bytes::from(serde_json::to_vec(body).unwrap_or_default());
        let call = self.request(Method::PATCH, path, Retry::Put).body("application/merge-patch+json", body);
        self.send(&self.token()?, call).await
    }

    fn request(&self, method: Method, path: &str, retry: Retry) -> Call {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/v1/{}", self.base.path().trim_end_matches('/'), encoded(path)));
        // A Vault Agent in between can be told to refuse what lacks this header.
        let call = Call::new(method, url, retry).header(HeaderName::from_static("x-vault-request"), "true");
        match &self.config.namespace {
            Some(name) if HeaderValue::from_str(name).is_ok() => {
                call.plain_header(HeaderName::from_static("x-vault-namespace"), name)
            }
            _ => call,
        }
    }

    async fn send(&self, token: &TokenValue, call: Call) -> Result<Answer, HttpError> {
        self.http.send(call.credential(HeaderName::from_static("x-vault-token"), "", token)).await
    }

    /// Exchanges a signed identity for a token of the server.
    async fn log_in(&self, jwt: &Jwt, value: &TokenValue) -> Result<Login, LoginError> {
        let unreachable = |error: HttpError| LoginError::Unreachable(error.to_string());
        let body = json!({ "role": jwt.role, "jwt": value.expose() });
        // A login whose answer is lost leaves a session that dies by itself.
        let call = self.request(Method::POST, &format!("auth/{}/login", jwt.mount), Retry::Put).json(&body);
        let answer = self.http.send(call).await.map_err(unreachable)?;
        match answer.status.as_u16() {
            200 => {
                let Session { client_token, accessor, policies } = answer.json::<LoggedIn>().map_err(unreachable)?.auth;
                self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push((value.clone(), client_token));
                let who = Some(format!("role {}", jwt.role));
                Ok(Login {
                    who,
                    record: accessor.map(TokenRecord::named),
                    too_wide: too_wide(&policies),
                    rights: policies,
                })
            }
            // What is wrong with an identity is told with 400, and a login that is not mounted with 403 or 404.
            400 | 401 | 403 | 404 => {
                let why = format!(
                    "the server does not let this identity log in as role {} at auth/{}: it has expired, the role is \
                     bound to other claims, or there is no such role",
                    jwt.role, jwt.mount
                );
                Err(LoginError::Dead(answer.refused(&why).to_string()))
            }
            _ => Err(LoginError::Unreachable(answer.unclear(meaning(&answer)).to_string())),
        }
    }

    async fn look_up(&self, value: &TokenValue) -> Result<Login, LoginError> {
        let unreachable = |error: HttpError| LoginError::Unreachable(error.to_string());
        let call = self.request(Method::GET, "auth/token/lookup-self", Retry::Read);
        let answer = self.send(value, call).await.map_err(unreachable)?;
        match answer.status.as_u16() {
            200 => {
                let own = answer.json::<LookedUp>().map_err(unreachable)?.data;
                let named = |id| TokenRecord { expires: own.expire_time, ..TokenRecord::named(id) };
                let record = own.accessor.map(named);
                Ok(Login { who: None, record, too_wide: too_wide(&own.policies), rights: own.policies })
            }
            // Never 401: a token that is unknown, expired or revoked is refused like one without rights.
            401 | 403 => Err(LoginError::Dead(answer.refused(meaning(&answer)).to_string())),
            _ => Err(LoginError::Unreachable(answer.unclear(meaning(&answer)).to_string())),
        }
    }
}

fn too_wide(policies: &[String]) -> Option<String> {
    let root = policies.iter().any(|policy| policy == "root");
    root.then(|| "it is a root token, which may do everything: give it a policy of its own".to_owned())
}

/// A path without slashes around it.
fn trimmed(path: &str) -> String {
    path.trim_matches('/').to_owned()
}

/// A path, each part between the slashes for itself.
fn encoded(path: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let encode = |part: &str| {
        let encoded = part.bytes().map(|byte| match byte {
            byte if keep(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        encoded.collect::<String>()
    };
    path.trim_matches('/').split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// What a refusal means.
fn meaning(answer: &Answer) -> &'static str {
    let first = answer.word("/errors/0").unwrap_or_default();
    match answer.status.as_u16() {
        400 if first.contains("did not match") => "somebody else wrote it meanwhile (check-and-set)",
        400 => "the server refuses it as invalid",
        401 | 403 => {
            "the token is expired, revoked or unknown, of another namespace, or its policy does not allow this (the \
             server answers all of these alike)"
        }
        404 => "there is no such thing",
        405 | 415 => "the engine there cannot do that: it must be KV version 2",
        503 => "the server is sealed or in maintenance",
        500.. => "the server failed",
        _ => "an answer that is not expected here",
    }
}

#[async_trait]
impl Connection for Vault {
    fn host(&self) -> &str {
        &self.host
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }

    async fn identify(&self, value: &TokenValue) -> Result<Login, LoginError> {
        match &self.config.login {
            Some(LogIn { jwt }) => self.log_in(jwt, value).await,
            None => self.look_up(value).await,
        }
    }

    fn sibling(&self, slot: Slot) -> Arc<dyn Connection> {
        let (http, base, host) = (Arc::clone(&self.http), self.base.clone(), self.host.clone());
        Arc::new(Self {
            http,
            base,
            host,
            slot,
            config: self.config.clone(),
            sessions: Mutex::default(),
            written: Mutex::default(),
        })
    }

    fn forget(&self) {}

    /// Revokes what the credentials were exchanged for; what cannot be reached dies by itself.
    async fn log_out(&self) {
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, session) in sessions {
            let call = self.request(Method::POST, "auth/token/revoke-self", Retry::Put);
            match self.send(&session, call).await {
                Ok(answer) if answer.ok() => {}
                Ok(answer) => log::warn!("vault: {}", answer.refused(meaning(&answer))),
                Err(error) => log::warn!("vault: {error}"),
            }
        }
    }

    async fn secret(&self, path: &str, key: &str) -> anyhow::Result<TokenValue> {
        kv::secret(self, path, key).await
    }
}
