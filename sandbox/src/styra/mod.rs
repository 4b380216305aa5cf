//! A fake of Styra DAS: tokens that are regenerated in place, and secrets that can be written and never read.
//!
//! Regenerating kills the old value at once, and the answer is the only place where the new one is ever shown. The
//! public switches stand where the facts leave a question open.

mod auth;
mod model;
mod refusal;
mod secrets;
mod seed;
mod tokens;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use http::Method;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::exchange::{Answer, Request};
use crate::mint::Mint;
use crate::service::Service;
use crate::target;
pub use model::{Role, Secret, Token};
use refusal::Refusal;

/// The state of one tenant of Styra DAS, and what is not known about it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an open question of its own")]
pub struct Styra {
    /// Whether a PUT keeps what it leaves out. Where not, leaving out the description blanks it, and leaving out the
    /// path patterns opens all paths. Nobody confirmed either.
    pub put_merges: bool,
    /// Whether `regenerate` has no effect: 200 without a `result`, and the old value lives on.
    pub regenerate_ignored: bool,
    /// Whether a refresher role may also read tokens. The documentation says that updating is all it may do.
    pub refresher_may_read: bool,
    /// Whether a role stays bound to the id of a token that was deleted, for the next token of that id. Not confirmed.
    pub delete_keeps_role: bool,
    /// Whether values begin with a mark that is neither a letter nor a digit. What they are made of is not documented.
    pub marked_values: bool,
    /// Whether whoever may write secrets may also read their names. Not documented.
    pub secrets_may_be_read: bool,
    clock: Clock,
    mint: Mint,
    requests: u64,
    tokens: BTreeMap<String, Token>,
    by_value: HashMap<String, String>,
    roles: BTreeMap<String, Role>,
    secrets: BTreeMap<String, Secret>,
}

/// What an endpoint gives: the `result` of the answer, if it has one.
type Outcome = Result<Option<Value>, Refusal>;

impl Styra {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            put_merges: true,
            regenerate_ignored: false,
            refresher_may_read: false,
            delete_keeps_role: false,
            marked_values: false,
            secrets_may_be_read: true,
            clock,
            mint: Mint::new(seed, "styra"),
            requests: 0,
            tokens: BTreeMap::new(),
            by_value: HashMap::new(),
            roles: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    /// The same tenant, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// An id may contain slashes, encoded or not: which of the two the real service wants is not confirmed.
    fn route(&mut self, request: &Request) -> Outcome {
        let path = target::path(&request.target);
        let caller = self.authenticate(request, path)?;
        let rest = path.strip_prefix("/v1/").ok_or(Refusal::Missing)?;
        let (kind, id) = rest.split_once('/').unwrap_or((rest, ""));
        let id = target::decode(id);
        match (kind, id.is_empty(), &request.method) {
            ("tokens", true, &Method::GET) => self.list_tokens(&caller),
            ("tokens", false, &Method::GET) => self.get_token(&caller, &id),
            ("tokens", false, &Method::PUT) => self.put_token(&caller, &id, request),
            ("tokens", false, &Method::DELETE) => self.delete_token(&caller, &id),
            ("secrets", empty, method) => self.secret(&caller, (!empty).then_some(&id), method, request),
            _ if caller.role == Role::Admin => Err(Refusal::Missing),
            _ => Err(Refusal::Forbidden),
        }
    }
}

impl Service for Styra {
    fn label(&self) -> &'static str {
        "styra"
    }

    fn act(&mut self, request: &Request) -> Answer {
        self.requests += 1;
        let number = format!("sandbox-{:08}", self.requests);
        match self.route(request) {
            Ok(Some(result)) => Answer::json(200, &json!({ "request_id": number, "result": result })),
            Ok(None) => Answer::json(200, &json!({ "request_id": number })),
            Err(refusal) => refusal.answer(),
        }
    }

    fn values(&self) -> Vec<String> {
        self.mint.secrets()
    }
}

/// The body of a PUT. curl calls it a form (`-d` without a type), and the documented call does so too: the body is read
/// as JSON whatever it is called.
fn body(request: &Request) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| Refusal::Invalid("body is not JSON"))?;
    if body.is_object() { Ok(body) } else { Err(Refusal::Invalid("body is not an object")) }
}

/// Whether the request may only create.
fn only_creates(request: &Request) -> bool {
    request.headers.get(http::header::IF_NONE_MATCH).is_some_and(|value| value == "*")
}
