//! A fake of Vault and OpenBao: KV engines of version 2 (and 1, for the mix-up), tokens with policies, and logins by JWT.
//!
//! What both answer alike is taken from a transcript of a real OpenBao 2.7.2 and from the pages that the description
//! names. A token that is unknown, expired or revoked gets 403, never 401.

mod auth;
mod kv;
mod seed;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::exchange::{Answer, Request};
use crate::mint::Mint;
use crate::service::Service;
use crate::target;

/// The state of one server, and what its administrator chose.
#[derive(Clone, Debug)]
pub struct Vault {
    /// The namespace that everything lives in; empty for the root. A request for another one finds nothing.
    pub namespace: String,
    /// Whether a token without rights of its own may ask what it may do: the policy `default`, which can be left out.
    pub default_policy: bool,
    /// How many logins by JWT there were.
    pub logins: usize,
    clock: Clock,
    mint: Mint,
    mounts: BTreeMap<String, Mount>,
    secrets: BTreeMap<(String, String), Vec<Version>>,
    tokens: BTreeMap<String, Token>,
    roles: BTreeMap<(String, String), Role>,
    /// What a JWT says whose it is, by its text; and when it dies.
    jwts: BTreeMap<String, (String, DateTime<Utc>)>,
}

/// A KV engine.
#[derive(Clone, Debug)]
struct Mount {
    version: u8,
    cas_required: bool,
}

/// One version of a secret.
#[derive(Clone, Debug)]
struct Version {
    data: Map<String, Value>,
    created: DateTime<Utc>,
    deleted: Option<DateTime<Utc>>,
}

/// What a policy allows: a path, of which a last `*` stands for any rest, and the capabilities there.
type Policy = Vec<(String, Vec<String>)>;

/// A token of the server itself.
#[derive(Clone, Debug)]
struct Token {
    accessor: String,
    policy: Policy,
    root: bool,
    by_login: bool,
    created: DateTime<Utc>,
    expires: Option<DateTime<Utc>>,
}

/// A role that a JWT logs in to.
#[derive(Clone, Debug)]
struct Role {
    subject: String,
    policy: Policy,
    ttl: TimeDelta,
}

/// How it says no.
#[derive(Debug)]
struct Refusal(u16, Vec<&'static str>);

type Outcome = Result<Answer, Refusal>;

fn denied() -> Refusal {
    Refusal(403, vec!["permission denied"])
}

fn invalid(why: &'static str) -> Refusal {
    Refusal(400, vec![why])
}

fn missing() -> Refusal {
    Refusal(404, Vec::new())
}

impl Vault {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            namespace: String::new(),
            default_policy: true,
            logins: 0,
            clock,
            mint: Mint::new(seed, "vault"),
            mounts: BTreeMap::new(),
            secrets: BTreeMap::new(),
            tokens: BTreeMap::new(),
            roles: BTreeMap::new(),
            jwts: BTreeMap::new(),
        }
    }

    /// The same server, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn route(&mut self, request: &Request) -> Outcome {
        let namespace =
            request.headers.get("x-vault-namespace").and_then(|name| name.to_str().ok()).unwrap_or_default();
        if namespace.trim_matches('/') != self.namespace {
            return Err(denied());
        }
        let path = target::decode(target::path(&request.target));
        let path = path.strip_prefix("/v1/").ok_or_else(missing)?.to_owned();
        if let Some(mount) = path.strip_prefix("auth/").and_then(|rest| rest.strip_suffix("/login")) {
            return self.log_in(mount, request);
        }
        let caller = self.authenticate(request)?;
        match (&request.method, path.as_str()) {
            (&Method::GET, "auth/token/lookup-self") => self.look_up(&caller),
            (&Method::POST | &Method::PUT, "auth/token/revoke-self") => {
                self.tokens.remove(&caller.value);
                Ok(Answer::empty(204))
            }
            (&Method::POST | &Method::PUT, "sys/capabilities-self") => self.capabilities(&caller, request),
            (&Method::GET, path) if path.starts_with("sys/internal/ui/mounts/") => {
                self.mount_of(&caller, path.trim_start_matches("sys/internal/ui/mounts/"))
            }
            _ => self.kv(&caller, &path, request),
        }
    }
}

/// An answer in the envelope that every read has.
fn wrapped(data: &Value) -> Answer {
    Answer::json(200, &envelope(data, &Value::Null))
}

fn envelope(data: &Value, auth: &Value) -> Value {
    json!({
        "request_id": "00000000-0000-4000-8000-000000000000", "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": data, "wrap_info": null, "warnings": null, "auth": auth,
    })
}

/// The body of a request, whatever its type is called.
fn body(request: &Request) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(invalid("failed to parse JSON input")),
    }
}

impl Service for Vault {
    fn label(&self) -> &'static str {
        "vault"
    }

    fn act(&mut self, request: &Request) -> Answer {
        self.route(request).unwrap_or_else(|Refusal(status, errors)| Answer::json(status, &json!({ "errors": errors })))
    }

    fn values(&self) -> Vec<String> {
        self.mint.secrets()
    }

    fn refuse(&self, status: u16, retry_after: Option<u64>) -> Answer {
        let word = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
        let answer = Answer::json(status, &json!({ "errors": [word.to_lowercase()] }));
        match retry_after {
            Some(seconds) => answer.with(http::header::RETRY_AFTER, &seconds.to_string()),
            None => answer,
        }
    }
}
