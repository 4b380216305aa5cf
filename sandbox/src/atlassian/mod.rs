//! A fake of Atlassian: a Cloud site, the admin API, the authorisation server, and a Data Center beside them.
//!
//! In the real world these are four hosts; their paths do not overlap, so here one host answers them all. A credential
//! that is revoked works on for a while, lists that anybody may read answer 200 to a dead one, and a refresh token that
//! is used twice ends everything that came of its grant. The public switches stand where the facts leave a question open.

mod admin;
mod auth;
mod data_center;
mod model;
mod oauth;
mod seed;
mod site;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderName, Method};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::exchange::{Answer, Request};
use crate::mint::Mint;
use crate::service::Service;
use crate::target;
pub use model::{Account, ApiToken, Client, Grant, Key, Pat};

/// The state of one organisation and one Data Center, and what is not known about them.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an open question of its own")]
pub struct Atlassian {
    /// How long a revoked API token or admin key works on: ten minutes by the documentation, twenty by those who waited.
    pub revocation_lag: TimeDelta,
    /// Whether "who am I" answers 200 with a body and `X-Seraph-Loginreason: AUTHENTICATED_FAILED` to a credential that
    /// it refuses, as an integration with Jira met it.
    pub false_200: bool,
    /// Whether a Confluence that anybody may read tells a dead credential with 200 that it is anonymous.
    pub anonymous_confluence: bool,
    /// What a Data Center answers when it made a token: 201 was observed, 200 is in a mock in the wild.
    pub created_status: u16,
    /// How many tokens a user of the Data Center may have; 10 by default, which nobody confirmed.
    pub pat_limit: usize,
    /// Whether `links.next` is a whole URL instead of a cursor.
    pub next_is_url: bool,
    /// How many entries a page of the admin API has.
    pub page_size: usize,
    /// Whether a revoked key is still listed.
    pub lists_revoked_keys: bool,
    /// Whether a refresh token that is used again ends everything that came of its grant.
    pub replay_ends_grant: bool,
    /// How long a used refresh token may be used again, and gives another pair.
    pub reuse_leeway: TimeDelta,
    /// How often a used refresh token was used again beyond that.
    pub reuse_detections: usize,
    /// How many access tokens were given out.
    pub access_tokens_minted: usize,
    /// Whether somebody revoked every token of the organisation at once.
    pub bulk_revoked: bool,
    clock: Clock,
    mint: Mint,
    last_id: u64,
    accounts: BTreeMap<String, Account>,
    api_tokens: BTreeMap<String, ApiToken>,
    keys: BTreeMap<String, Key>,
    pats: BTreeMap<u64, Pat>,
    clients: BTreeMap<String, Client>,
    grants: BTreeMap<String, Grant>,
    /// By value: the grant that it came of or the client itself, its scopes, and when it dies.
    access: BTreeMap<String, model::Access>,
    refresh: BTreeMap<String, model::Refresh>,
}

/// The organisation's number.
pub const ORG: &str = "0f0f0f0f-1111-4222-8333-444444444444";
/// The site's number.
pub const CLOUD: &str = "1a1a1a1a-5555-4666-8777-888888888888";

/// How it says no.
#[derive(Debug)]
enum Refusal {
    /// The credential is unknown, dead, or not meant for this: the site's words.
    Unauthorized,
    /// The same in the gateway's words.
    Gateway(&'static str),
    /// The credential lives, and may not do this.
    Forbidden,
    /// There is no such thing.
    Missing,
    /// The request makes no sense.
    Invalid(&'static str),
    /// The authorisation server's: status, code, description.
    OAuth(u16, &'static str, &'static str),
}

type Outcome = Result<Answer, Refusal>;

const LOGIN_REASON: &str = "x-seraph-loginreason";

impl Refusal {
    fn answer(self) -> Answer {
        match self {
            Self::Unauthorized => Answer::empty(401)
                .of("text/plain", "Client must be authenticated to access this resource.".to_owned())
                .with(HeaderName::from_static(LOGIN_REASON), "AUTHENTICATED_FAILED"),
            Self::Gateway(message) => Answer::json(401, &json!({ "code": 401, "message": message })),
            Self::Forbidden => Answer::json(403, &json!({ "code": 403, "message": "Forbidden" })),
            Self::Missing => Answer::json(404, &json!({ "code": 404, "message": "Not Found" })),
            Self::Invalid(message) => Answer::json(400, &json!({ "code": 400, "message": message })),
            Self::OAuth(status, error, description) => {
                Answer::json(status, &json!({ "error": error, "error_description": description }))
            }
        }
    }
}

impl Atlassian {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            revocation_lag: TimeDelta::minutes(10),
            false_200: false,
            anonymous_confluence: false,
            created_status: 201,
            pat_limit: 10,
            next_is_url: false,
            page_size: 50,
            lists_revoked_keys: false,
            replay_ends_grant: true,
            reuse_leeway: TimeDelta::zero(),
            reuse_detections: 0,
            access_tokens_minted: 0,
            bulk_revoked: false,
            clock,
            mint: Mint::new(seed, "atlassian"),
            last_id: 500,
            accounts: BTreeMap::new(),
            api_tokens: BTreeMap::new(),
            keys: BTreeMap::new(),
            pats: BTreeMap::new(),
            clients: BTreeMap::new(),
            grants: BTreeMap::new(),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
        }
    }

    /// The same organisation, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn route(&mut self, request: &Request) -> Outcome {
        let segments = target::segments(target::path(&request.target));
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (&request.method, parts.as_slice()) {
            (&Method::POST, ["oauth", "token"]) => self.token(request),
            (&Method::GET, ["oauth", "token", "accessible-resources"]) => self.resources(request),
            (&Method::GET, ["rest", "api", "3", "myself"]) => self.myself(request, false),
            (&Method::GET, ["rest", "api", "3", "project"]) => Ok(self.projects(request)),
            (&Method::GET, ["wiki", "rest", "api", "user", "current"]) => self.wiki_myself(request, false),
            (&Method::GET, ["ex", "jira", cloud, "rest", "api", "3", "myself"]) if *cloud == CLOUD => {
                self.myself(request, true)
            }
            (&Method::GET, ["ex", "confluence", cloud, "wiki", "rest", "api", "user", "current"])
                if *cloud == CLOUD =>
            {
                self.wiki_myself(request, true)
            }
            (_, ["admin", "api-access", "v1", "orgs", org, rest @ ..]) => self.admin(request, org, rest),
            (method, ["users", account, "manage", "api-tokens", rest @ ..]) => {
                self.managed(request, method, account, rest.first().copied())
            }
            (&Method::GET, ["rest", "api", "2", "myself"]) => self.jira_user(request),
            (&Method::GET, ["rest", "api", "user", "current"]) => self.confluence_user(request),
            (method, ["rest", "pat", "latest", "tokens", rest @ ..]) => {
                self.pat(request, method, rest.first().copied())
            }
            _ => Err(Refusal::Missing),
        }
    }
}

/// What a caller may see of who it is: a header that Jira Cloud sends, promised by no page.
fn named(answer: Answer, account: &str) -> Answer {
    answer.with(HeaderName::from_static("x-aaccountid"), account)
}

/// The one field of a body that is asked for.
fn word<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

impl Service for Atlassian {
    fn label(&self) -> &'static str {
        "atlassian"
    }

    fn act(&mut self, request: &Request) -> Answer {
        // The time is the server's: a lag is counted from it.
        let date = self.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        self.route(request).unwrap_or_else(Refusal::answer).with(http::header::DATE, &date)
    }

    fn values(&self) -> Vec<String> {
        self.mint.secrets()
    }
}
