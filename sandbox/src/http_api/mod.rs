//! A fake of what small APIs have in common: one request answers with a new secret. Four ways of it live under one
//! roof, each with the paths, the envelopes and the refusals of a real service.
//!
//! * `/api/serviceaccounts/…` as Grafana: a second token beside the first, of a name of its own.
//! * `/client/v4/user/tokens/…` as Cloudflare: rolled in place, the expiry stays.
//! * `/api/v2/teams/…` as HCP Terraform: one token a team, overridden.
//! * `/api/keys.rotate`, `/api/auth.test` as Slack answers (200 with `ok: false`), with a time of grace for the old key.
//!
//! Beside them are places that take a value: `/sinks/…`.

mod families;
mod model;
mod seed;
mod sinks;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::exchange::{Answer, Request};
use crate::mint::Mint;
use crate::service::Service;
use crate::target;
pub use model::{Family, Key, Sink};

/// The state of the services behind one address.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a trap of its own")]
pub struct HttpApi {
    /// Whether a request for a new secret answers as ever and changes nothing: no secret comes.
    pub regenerates: bool,
    /// Whether a sink can be read.
    pub sinks_readable: bool,
    /// Whether a sink keeps what it is given: it answers 200 either way.
    pub sinks_keep: bool,
    /// Whether a sink refuses with 200 and `ok: false`.
    pub sinks_refuse_softly: bool,
    /// The header in which a credential comes, and what stands before it.
    pub header: (&'static str, &'static str),
    clock: Clock,
    mint: Mint,
    keys: Vec<Key>,
    sinks: BTreeMap<String, Sink>,
    minted: usize,
}

impl HttpApi {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            regenerates: true,
            sinks_readable: true,
            sinks_keep: true,
            sinks_refuse_softly: false,
            header: (AUTHORIZATION_NAME, "Bearer "),
            clock,
            mint: Mint::new(seed, "http"),
            keys: Vec::new(),
            sinks: BTreeMap::new(),
            minted: 0,
        }
    }

    /// The same services, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The live key that a request is made with.
    fn caller(&self, request: &Request) -> Option<Key> {
        let (name, scheme) = self.header;
        let header = request.headers.get(name)?.to_str().ok()?;
        let value = header.strip_prefix(scheme)?;
        let now = self.now();
        self.keys.iter().find(|key| key.value == value && key.is_live(now)).cloned()
    }

    fn route(&mut self, request: &Request) -> Answer {
        let segments = target::segments(target::path(&request.target));
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let caller = self.caller(request);
        match path.as_slice() {
            ["api", "org"] => Self::grafana_org(caller.as_ref()),
            ["api", "serviceaccounts", account, "tokens", rest @ ..] => {
                self.grafana(caller.as_ref(), request, account, rest.first().copied())
            }
            ["client", "v4", "user", "tokens", rest @ ..] => self.cloudflare(caller.as_ref(), request, rest),
            ["api", "v2", "account", "details"] => Self::terraform_details(caller.as_ref()),
            ["api", "v2", "teams", team, "authentication-token"] => self.terraform(caller.as_ref(), request, team),
            ["api", "auth.test"] => Self::slack_test(caller.as_ref()),
            ["api", "keys.rotate"] => self.slack_rotate(caller.as_ref(), request),
            ["api", "keys.revoke"] => self.slack_revoke(caller.as_ref(), request),
            ["sinks", name] => self.sink_at(caller.as_ref(), request, name),
            _ => Answer::json(404, &json!({ "message": "Not found" })),
        }
    }
}

const AUTHORIZATION_NAME: &str = "authorization";

impl Service for HttpApi {
    fn label(&self) -> &'static str {
        "http"
    }

    fn act(&mut self, request: &Request) -> Answer {
        self.route(request)
    }

    fn values(&self) -> Vec<String> {
        self.mint.secrets()
    }
}

/// The body, as JSON; null when it is none.
fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}
