//! Who is asking, and with which scopes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::AUTHORIZATION;

use super::Zendesk;
use super::model::{ApiToken, Role};
use super::refusal::Refusal;
use crate::exchange::Request;

/// What can be scoped; besides these there is only all of it.
const RESOURCES: &[&str] = &[
    "tickets",
    "users",
    "auditlogs",
    "organizations",
    "hc",
    "apps",
    "triggers",
    "automations",
    "targets",
    "webhooks",
    "macros",
    "requests",
    "satisfaction_ratings",
    "dynamic_content",
    "any_channel",
    "web_widget",
];

/// After so many days without use an API token is switched off.
const IDLE: TimeDelta = TimeDelta::days(30);

/// Whether a scope means anything.
pub(crate) fn is_scope(scope: &str) -> bool {
    match scope.split_once(':') {
        None => matches!(scope, "read" | "write" | "impersonate"),
        Some((resource, access)) => RESOURCES.contains(&resource) && matches!(access, "read" | "write"),
    }
}

/// The person, the access token and its scopes; the last two only of an access token.
type Found = (u64, Option<u64>, Option<Vec<String>>);

/// A request that was let in.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The number of the person.
    pub(crate) user: u64,
    /// What the person may do.
    pub(crate) role: Role,
    /// The access token that was used; none for an API token, which may do everything.
    pub(crate) token: Option<u64>,
    scopes: Option<Vec<String>>,
}

impl Caller {
    /// Whether it has the scope for this; what has no name of its own needs the whole.
    pub(crate) fn scoped(&self, resource: &str, access: &str) -> Result<(), Refusal> {
        let named = format!("{resource}:{access}");
        let has = |scopes: &Vec<String>| scopes.iter().any(|scope| *scope == access || *scope == named);
        if self.scopes.as_ref().is_none_or(has) { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    /// The same, and only an administrator.
    pub(crate) fn administers(&self, resource: &str, access: &str) -> Result<(), Refusal> {
        self.scoped(resource, access)?;
        if self.role == Role::Admin { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

impl Zendesk {
    /// Lets a request in. A token of a scope that means nothing is refused for everything.
    pub(crate) fn authenticate(&mut self, request: &Request) -> Result<Caller, Refusal> {
        let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let header = header.ok_or(Refusal::Unauthorized)?;
        let (user, token, scopes) = match header.split_once(' ').ok_or(Refusal::Unauthorized)? {
            ("Bearer", value) => self.bearer(value.trim())?,
            ("Basic", pair) => (self.basic(pair.trim())?, None, None),
            _ => return Err(Refusal::Unauthorized),
        };
        if scopes.iter().flatten().any(|scope| !is_scope(scope)) {
            return Err(Refusal::Forbidden);
        }
        let role = self.users.get(&user).map(|user| user.role).ok_or(Refusal::Unauthorized)?;
        Ok(Caller { user, role, token, scopes })
    }

    fn bearer(&mut self, value: &str) -> Result<Found, Refusal> {
        let now = self.now();
        let found = self.tokens.values_mut().find(|token| token.value == value && token.is_live(now));
        let token = found.ok_or(Refusal::Unauthorized)?;
        token.used_at = Some(now);
        Ok((token.user, Some(token.id), Some(token.scopes.clone())))
    }

    /// `EMAIL/token:TOKEN`: any token of the account works for any of its people.
    fn basic(&mut self, pair: &str) -> Result<u64, Refusal> {
        let now = self.now();
        let pair = STANDARD.decode(pair).ok().and_then(|pair| String::from_utf8(pair).ok());
        let pair = pair.ok_or(Refusal::Unauthorized)?;
        let (email, value) = pair.split_once("/token:").ok_or(Refusal::Unauthorized)?;
        let user = self.users.values().find(|user| user.email == email).ok_or(Refusal::Unauthorized)?.id;
        let off = self.api_tokens_off;
        let found = self.api_tokens.values_mut().find(|token| token.value == value && !off && works(token, now));
        found.ok_or(Refusal::Unauthorized)?.last_used = Some(now);
        Ok(user)
    }
}

/// Whether an API token works: not when it has idled for thirty days, and none after April 2027.
pub(crate) fn works(token: &ApiToken, now: DateTime<Utc>) -> bool {
    let end: Option<DateTime<Utc>> = "2027-04-30T00:00:00Z".parse().ok();
    now - token.last_used.unwrap_or(token.created_at) < IDLE && end.is_none_or(|end| now < end)
}
