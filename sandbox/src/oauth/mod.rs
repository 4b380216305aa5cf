//! A fake of an OAuth 2.0 authorisation server: the token endpoint (RFC 6749), revocation (RFC 7009) and introspection
//! (RFC 7662), as a real one answered with rotating refresh tokens.
//!
//! A refresh token that is used twice ends the whole grant, and revoking answers 200 to anything. The public switches
//! stand where the RFCs leave the choice to the server.

mod client;
mod endpoints;
mod model;
mod refusal;
mod seed;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::{Method, header};
use serde_json::Value;

use crate::clock::Clock;
use crate::exchange::{Answer, Request};
use crate::mint::{Mint, URL_SAFE};
use crate::params;
use crate::service::Service;
use crate::target;
pub use model::{Access, Client, ClientAuth, Grant};
use refusal::Refusal;

/// The state of one authorisation server, and what it chose where the RFCs let it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct OAuth {
    /// Whether it has an introspection endpoint.
    pub introspects: bool,
    /// Whether introspection knows refresh tokens; where not, every one of them is called inactive (RFC 7662 §2.2).
    pub introspects_refresh: bool,
    /// Whether it has a revocation endpoint.
    pub revokes: bool,
    /// Whether revoking has an effect: 200 is answered either way.
    pub revoking_works: bool,
    /// Whether a refresh gives a new refresh token and ends the old one. Where not, the answer has none.
    pub rotates: bool,
    /// Whether a refresh token that is used a second time ends the whole grant.
    pub reuse_ends_the_grant: bool,
    /// Whether a scope that nobody may have is granted all the same, and written into the token.
    pub grants_any_scope: bool,
    /// Whether an answer says how long the access token lives.
    pub tells_lifetimes: bool,
    /// The status with which a grant that is no longer good is refused: 400 by the RFC, 403 at some.
    pub invalid_grant_status: u16,
    clock: Clock,
    mint: Mint,
    clients: BTreeMap<String, Client>,
    access: BTreeMap<String, Access>,
    grants: Vec<Grant>,
    reuse: usize,
    minted: usize,
}

/// What an endpoint gives: the body of a 200, if it has one.
type Outcome = Result<Option<Value>, Refusal>;

impl OAuth {
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        Self {
            introspects: true,
            introspects_refresh: true,
            revokes: true,
            revoking_works: true,
            rotates: true,
            reuse_ends_the_grant: true,
            grants_any_scope: false,
            tells_lifetimes: true,
            invalid_grant_status: 400,
            clock,
            mint: Mint::new(seed, "oauth"),
            clients: BTreeMap::new(),
            access: BTreeMap::new(),
            grants: Vec::new(),
            reuse: 0,
            minted: 0,
        }
    }

    /// The same server, by another clock.
    pub(crate) fn copied(&self, clock: Clock) -> Self {
        Self { clock, ..self.clone() }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn mint_value(&mut self) -> String {
        self.mint.secret("", URL_SAFE, 43)
    }

    /// The paths are Doorkeeper's.
    fn route(&mut self, request: &Request) -> Outcome {
        let path = target::path(&request.target);
        let known = match path {
            "/oauth/token" => true,
            "/oauth/introspect" => self.introspects,
            "/oauth/revoke" => self.revokes,
            _ => false,
        };
        if !known {
            return Err(Refusal::Missing);
        }
        if request.method != Method::POST {
            return Err(Refusal::Method);
        }
        if !params::is_form(&request.headers) {
            return Err(Refusal::Invalid("the body is no form"));
        }
        let form: BTreeMap<String, String> = target::pairs(&request.body).into_iter().collect();
        let client = self.authenticate(request, &form)?;
        match path {
            "/oauth/token" => self.token(&client, &form),
            "/oauth/introspect" => self.introspect(&client, &form),
            _ => self.revoke_token(&client, &form),
        }
    }
}

impl Service for OAuth {
    fn label(&self) -> &'static str {
        "oauth"
    }

    fn act(&mut self, request: &Request) -> Answer {
        let answer = match self.route(request) {
            Ok(Some(body)) => Answer::json(200, &body),
            Ok(None) => Answer::empty(200),
            Err(refusal) => refusal.answer(self.invalid_grant_status),
        };
        answer.with(header::CACHE_CONTROL, "no-store")
    }

    fn values(&self) -> Vec<String> {
        self.mint.secrets()
    }
}
