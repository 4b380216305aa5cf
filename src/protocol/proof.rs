//! Asking a server with a value who it is, and asking it the same with garbage: an answer that garbage gets too proves
//! nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::request::{Door, Request, Who, With};
use super::seen::{Rule, Seen, all_at, check_pointer, moment};
use super::template::{Fill, Holes};
use crate::http::Retry;
use crate::issuer::Proof;
use crate::token::{TokenRecord, TokenValue};

/// A request by which a value proves what it is. It is sent with the value itself unless `with` says otherwise, and once
/// a run with a value that nobody has.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verify {
    /// The request. It must only read; `{value}` is the value.
    request: Request,
    /// Where the answer says which token it is, as a JSON pointer.
    id: Option<String>,
    /// What else must stand in the answer, by JSON pointer, for it to be this token and no other.
    #[serde(default)]
    identity: BTreeMap<String, Value>,
    /// Where the answer says when the token dies, as a JSON pointer.
    expires: Option<String>,
    /// Where a refusal says why, as a JSON pointer to a short code.
    error: Option<String>,
    /// Which refusals say that a value is dead, besides 401 and what garbage gets.
    rejected: Option<Rule>,
}

/// What garbage was answered; none where it could not be asked.
pub(crate) type Control = OnceCell<Option<Verdict>>;

/// What an answer comes to.
pub(crate) struct Verdict {
    status: u16,
    passes: bool,
    code: Option<String>,
}

/// Whom a value should be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Expected<'a> {
    /// The id of the token, where it never changes.
    pub(crate) id: Option<&'a str>,
    /// What values of this make begin with.
    pub(crate) prefix: Option<&'a str>,
}

impl Verify {
    /// Refuses what could prove nothing.
    pub(crate) fn check(&self, what: &str) -> anyhow::Result<()> {
        self.request.check(what, &["value"])?;
        for (key, pointer) in [("id", &self.id), ("expires", &self.expires), ("error", &self.error)] {
            check_pointer(key, pointer.as_deref())?;
        }
        Ok(())
    }

    /// Whether the answer says which token it is.
    pub(crate) fn tells_id(&self) -> bool {
        self.id.is_some()
    }

    /// Proves what a value is.
    pub(crate) async fn prove(
        &self,
        door: &Door,
        (login, value): (Option<&TokenValue>, &TokenValue),
        expected: Expected<'_>,
        control: &Control,
    ) -> Proof {
        let seen = match self.ask(door, login, value).await {
            Ok(seen) => seen,
            Err(why) => return Proof::Inconclusive(why),
        };
        let refusal = || seen.refused(self.error.as_deref()).to_string();
        if self.rejected.as_ref().is_some_and(|rule| rule.fits(&seen)) {
            return Proof::Rejected(refusal());
        }
        if seen.status >= 500 {
            return Proof::Inconclusive(refusal());
        }
        let done = self.request.is_done(&seen);
        if done && !self.passes(&seen, expected) {
            return Proof::Rejected("the answer names another one, or nobody".to_owned());
        }
        let garbage = control.get_or_init(|| self.control(door, login, expected)).await;
        match garbage {
            None if seen.status == 401 => Proof::Rejected(refusal()),
            None => {
                Proof::Inconclusive("a value that nobody has could not be tried, so that nothing is proven".to_owned())
            }
            Some(garbage) if garbage.passes => {
                Proof::Inconclusive("a value that nobody has gets the same answer, so it proves nothing".to_owned())
            }
            Some(_) if done => self.who(&seen, expected),
            Some(_) if seen.status == 401 => Proof::Rejected(refusal()),
            Some(garbage) if (garbage.status, &garbage.code) == (seen.status, &self.code(&seen)) => {
                Proof::Rejected(refusal())
            }
            Some(garbage) if (garbage.status, seen.status) == (401, 403) => Proof::Alive,
            Some(_) => Proof::Inconclusive(refusal()),
        }
    }

    /// What the answer says of the token.
    fn who(&self, seen: &Seen, expected: Expected<'_>) -> Proof {
        let expires = self.expires(seen);
        let named = self.id.as_ref().and_then(|pointer| seen.text(pointer));
        let known = named.or_else(|| expected.id.filter(|_| !self.identity.is_empty()).map(str::to_owned));
        match known {
            Some(id) => Proof::Identity(Box::new(TokenRecord { expires, ..TokenRecord::named(id) })),
            None => Proof::Alive,
        }
    }

    fn expires(&self, seen: &Seen) -> Option<DateTime<Utc>> {
        moment(seen.at(self.expires.as_deref()?)?)
    }

    fn passes(&self, seen: &Seen, expected: Expected<'_>) -> bool {
        let named = self.id.as_ref().is_none_or(|pointer| match (seen.text(pointer), expected.id) {
            (Some(found), Some(wanted)) => found == wanted,
            (found, None) => found.is_some(),
            (None, Some(_)) => false,
        });
        self.request.is_done(seen) && all_at(&self.identity, seen) && named
    }

    fn code(&self, seen: &Seen) -> Option<String> {
        seen.text(self.error.as_deref()?)
    }

    async fn control(&self, door: &Door, login: Option<&TokenValue>, expected: Expected<'_>) -> Option<Verdict> {
        let garbage = format!("{}tokenwheel-control-no-token-has-this-value", expected.prefix.unwrap_or_default());
        let garbage = TokenValue::new(&garbage).ok()?;
        let seen = self.ask(door, login, &garbage).await.ok().filter(|seen| seen.status < 500)?;
        Some(Verdict { status: seen.status, passes: self.passes(&seen, expected), code: self.code(&seen) })
    }

    async fn ask(&self, door: &Door, login: Option<&TokenValue>, value: &TokenValue) -> Result<Seen, String> {
        let holes = Holes::default().with("value", Some(Fill::Secret(value.clone())));
        let who = (Who { login, value: Some(value) }, With::Value);
        door.send(&self.request, &holes, who, Retry::Read).await.map_err(|error| error.to_string())
    }
}
