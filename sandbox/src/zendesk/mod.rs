//! A fake of Zendesk: OAuth clients and their tokens, webhooks, installed apps, and the API tokens of the old kind.
//!
//! It says 200 to a stranger, 200 to a scope that means nothing, and 200 to a test that the receiver refused. The public
//! switches stand where the facts leave a question open.

mod apps;
mod auth;
mod model;
mod oauth;
mod page;
mod people;
mod refusal;
mod seed;
mod webhooks;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::exchange::{Answer, Request};
use crate::fault;
use crate::mint::Mint;
use crate::service::Service;
use crate::target;
pub use model::{AccessToken, ApiToken, Authentication, Client, Installation, Invocation, Role, Sent, User, Webhook};
use refusal::Refusal;

/// What the answer to a test of a webhook looks like. It is not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestShape {
    /// `{"response": {"status": 401, …}}`
    Response,
    /// `{"test": {"response_code": 401, …}}`
    Test,
    /// None that anybody knows.
    Other,
}

/// The state of one account of Zendesk, and what is not known about it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an open question of its own")]
pub struct Zendesk {
    /// The status with which an access token is granted: the description says 201, Zendesk's own client wants 200.
    pub grant_status: u16,
    /// How long an access token lives of which nothing was said; none, for clients that are older than the rule: for
    /// ever.
    pub default_lifetime: Option<TimeDelta>,
    /// Whether a scope that means nothing is left out of what is granted. Where not, it stands there, and the token is
    /// refused for everything.
    pub unknown_scopes_are_dropped: bool,
    /// Whether a client's secret goes on working when another was generated. Not confirmed.
    pub former_secrets_work: bool,
    /// Whether `generate_secret` answers 200 and generates nothing.
    pub generate_ignored: bool,
    /// Whether an access token may end itself without the scope `write`. Not confirmed.
    pub ends_itself: bool,
    /// Whether an access token may only say who it is with the scope `read`. Not confirmed.
    pub who_needs_read: bool,
    /// Whether what is said of a lifetime is ignored, as for clients that are older than the rule.
    pub lifetimes_ignored: bool,
    /// Whether a webhook shows the user name, or the name of the key, of its credential. Older pages say so.
    pub shows_names: bool,
    /// What the answer to a test looks like.
    pub test_shape: TestShape,
    /// Whether a PUT of an app's settings keeps those that it leaves out. Not confirmed.
    pub put_keeps_settings: bool,
    /// Whether the account has switched off API tokens.
    pub api_tokens_off: bool,
    /// How many API tokens were deleted: each is gone for good.
    pub api_tokens_deleted: usize,
    /// How many PUTs came to a webhook: each takes its credential away.
    pub webhook_puts: usize,
    /// How many secrets of clients were generated.
    pub secrets_generated: usize,
    clock: Clock,
    mint: Mint,
    last: u64,
    users: BTreeMap<u64, User>,
    clients: BTreeMap<u64, Client>,
    tokens: BTreeMap<u64, AccessToken>,
    api_tokens: BTreeMap<u64, ApiToken>,
    webhooks: BTreeMap<String, Webhook>,
    installations: BTreeMap<u64, Installation>,
}

/// What an endpoint gives.
type Outcome = Result<Answer, Refusal>;

impl Zendesk {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            grant_status: 200,
            default_lifetime: Some(TimeDelta::minutes(30)),
            unknown_scopes_are_dropped: false,
            former_secrets_work: false,
            generate_ignored: false,
            ends_itself: true,
            who_needs_read: false,
            lifetimes_ignored: false,
            shows_names: false,
            test_shape: TestShape::Response,
            put_keeps_settings: true,
            api_tokens_off: false,
            api_tokens_deleted: 0,
            webhook_puts: 0,
            secrets_generated: 0,
            clock,
            mint: Mint::new(seed, "zendesk"),
            last: 1_000,
            users: BTreeMap::new(),
            clients: BTreeMap::new(),
            tokens: BTreeMap::new(),
            api_tokens: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            installations: BTreeMap::new(),
        }
    }

    /// The same account, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Most paths may end in `.json`.
    fn route(&mut self, request: &Request) -> Outcome {
        let path = target::path(&request.target);
        let path = path.strip_suffix(".json").unwrap_or(path);
        if path == "/oauth/tokens" && request.method == Method::POST {
            return self.grant(request);
        }
        if path == "/api/v2/users/me" && request.method == Method::GET {
            return self.me(request);
        }
        let caller = self.authenticate(request)?;
        let segments = target::segments(path);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match segments.as_slice() {
            ["api", "v2", "oauth", rest @ ..] => self.oauth(request, &caller, rest),
            ["api", "v2", "webhooks", rest @ ..] => self.webhook_calls(request, &caller, rest),
            ["api", "v2", "apps", "installations", rest @ ..] => self.installation_calls(request, &caller, rest),
            ["api", "v2", "api_tokens", rest @ ..] => self.api_token_calls(request, &caller, rest),
            ["api", "support", "apps", app, "installations", "new"] => self.manifest(&caller, app),
            _ => Err(Refusal::Missing),
        }
    }
}

impl Service for Zendesk {
    fn label(&self) -> &'static str {
        "zendesk"
    }

    fn act(&mut self, request: &Request) -> Answer {
        self.route(request).unwrap_or_else(Refusal::answer)
    }

    fn values(&self) -> Vec<String> {
        self.mint.secrets()
    }

    fn refuse(&self, status: u16, retry_after: Option<u64>) -> Answer {
        let answer = match status {
            502..=504 => fault::page(status),
            _ => Answer::json(status, &json!({ "error": fault::reason(status), "description": "Sandbox" })),
        };
        match retry_after {
            Some(seconds) => answer.with(http::header::RETRY_AFTER, &seconds.to_string()),
            None => answer,
        }
    }
}

fn body(request: &Request) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| Refusal::Invalid("body is not JSON"))?;
    if body.is_object() { Ok(body) } else { Err(Refusal::Invalid("body is not an object")) }
}
