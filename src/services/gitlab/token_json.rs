//! An access token as GitLab describes it, whatever its kind.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::http::HttpError;
use crate::issuer::{MintError, Proof};
use crate::token::{Minted, Order, TokenRecord, TokenValue};

/// The fields that matter; GitLab adds others from version to version.
/// <https://docs.gitlab.com/api/personal_access_tokens/>
#[derive(Clone, Deserialize)]
pub(super) struct TokenJson {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) user_id: Option<u64>,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    /// A fine-grained token, whose rights its scopes do not tell.
    #[serde(default)]
    pub(super) granular: bool,
    pub(super) created_at: Option<DateTime<Utc>>,
    pub(super) last_used_at: Option<DateTime<Utc>>,
    expires_at: Option<NaiveDate>,
    active: Option<bool>,
    revoked: Option<bool>,
    /// The value: in the answers to create and rotate only.
    token: Option<TokenValue>,
}

impl TokenJson {
    pub(super) fn record(&self) -> TokenRecord {
        TokenRecord {
            created: self.created_at,
            expires: self.expires_at.map(midnight),
            last_used: self.last_used_at,
            ..TokenRecord::named(self.id.to_string())
        }
    }

    /// Whether it can be used. Before 17.2 the filter by state is ignored, so each is looked at.
    pub(super) fn lives(&self) -> bool {
        self.active != Some(false) && self.revoked != Some(true)
    }

    /// The token of an answer to create or rotate. By then it exists: what cannot be read leaves doubt.
    pub(super) fn minted(self) -> Result<Minted, MintError> {
        match &self.token {
            Some(value) => Ok(Minted::new(value.clone(), self.record())),
            None => Err(MintError::InDoubt(anyhow::anyhow!("GitLab's answer has no token in it"))),
        }
    }
}

/// The live ones of a listing that bear this name, newest first.
pub(super) fn named(listing: &[serde_json::Value], name: &str) -> anyhow::Result<Vec<TokenJson>> {
    let mut tokens = Vec::new();
    for item in listing {
        let token: TokenJson = serde_json::from_value(item.clone())
            .map_err(|_| anyhow::anyhow!("GitLab lists a token in a form that is not known here"))?;
        if token.name == name && token.lives() {
            tokens.push(token);
        }
    }
    tokens.sort_by_key(|token| std::cmp::Reverse((token.created_at, token.id)));
    Ok(tokens)
}

/// A token dies at midnight UTC at the *start* of its date.
/// <https://docs.gitlab.com/user/profile/personal_access_tokens/>
fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}

/// The date to ask for: the last one within what was ordered, and at least the day after tomorrow, for a date of today
/// makes a token that is dead already, and one of tomorrow may live for a minute.
pub(super) fn expiry(order: &Order<'_>) -> Option<NaiveDate> {
    let soonest = (order.now + TimeDelta::days(2)).date_naive();
    order.until.map(|until| until.date_naive().max(soonest))
}

/// What `GET self` with a value proves, when `ours` says whether that token is of the subject.
pub(super) fn proof(answer: Result<TokenJson, HttpError>, ours: impl FnOnce(&TokenJson) -> bool) -> Proof {
    match answer {
        Ok(token) if ours(&token) => Proof::Identity(Box::new(token.record())),
        Ok(token) => Proof::Rejected(format!("it is another token, {}", crate::text::plain(&token.name))),
        Err(error) if error.status() == Some(401) => Proof::Rejected(error.to_string()),
        Err(error) => Proof::Inconclusive(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(now: &str, ttl: TimeDelta) -> Order<'static> {
        let now: DateTime<Utc> = now.parse().unwrap();
        Order { now, until: Some(now + ttl), follows: None }
    }

    #[test]
    fn the_shortest_life_ends_the_day_after_tomorrow() {
        let date = expiry(&order("2026-05-01T23:59:00Z", TimeDelta::hours(1)));
        assert_eq!(date, NaiveDate::from_ymd_opt(2026, 5, 3));
    }

    #[test]
    fn a_longer_life_never_exceeds_what_was_ordered() {
        let date = expiry(&order("2026-05-01T14:00:00Z", TimeDelta::days(30)));
        assert_eq!(date, NaiveDate::from_ymd_opt(2026, 5, 31));
    }
}
