//! The rate limit: off unless switched on, as on most self-managed instances.
//!
//! On GitLab.com every answer carries `RateLimit-*` headers whose reset is Unix time, and a refusal is plain text
//! (recorded on GitLab.com; `doc/administration/settings/user_and_ip_rate_limits`).

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderName;
use http::header::RETRY_AFTER;
use serde_json::json;

use super::GitLab;
use crate::exchange::{Answer, Request};
use crate::fault;

/// Who has asked how often in the current minute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Throttle {
    minute: i64,
    /// By user; unknown callers share one count.
    seen: HashMap<Option<u64>, u64>,
}

impl GitLab {
    /// Counts the request, and refuses it when it is one too many.
    pub(crate) fn throttled(&mut self, request: &Request) -> Option<Answer> {
        let limit = self.rate_limit?;
        let now = self.now();
        let who = self.who(request);
        if self.throttle.minute != minute(now) {
            self.throttle = Throttle { minute: minute(now), seen: HashMap::new() };
        }
        let seen = self.throttle.seen.entry(who).or_default();
        *seen += 1;
        (*seen > limit).then(|| refuse(now, 429, u64::try_from(60 - now.timestamp().rem_euclid(60)).ok()))
    }

    /// Adds the rate-limit headers when there is a limit.
    pub(crate) fn with_throttle(&self, request: &Request, answer: Answer) -> Answer {
        let Some(limit) = self.rate_limit else { return answer };
        let who = self.who(request);
        let seen = self.throttle.seen.get(&who).copied().unwrap_or_default();
        let name = if who.is_some() { "throttle_authenticated_api" } else { "throttle_unauthenticated_api" };
        let reset = (minute(self.now()) + 1) * 60;
        answer
            .with(HeaderName::from_static("ratelimit-limit"), &limit.to_string())
            .with(HeaderName::from_static("ratelimit-name"), name)
            .with(HeaderName::from_static("ratelimit-observed"), &seen.to_string())
            .with(HeaderName::from_static("ratelimit-remaining"), &limit.saturating_sub(seen).to_string())
            .with(HeaderName::from_static("ratelimit-reset"), &reset.to_string())
    }

    /// A request with a dead token counts as one without.
    fn who(&self, request: &Request) -> Option<u64> {
        let token = self.presented(request)?;
        token.is_live(self.now()).then_some(token.user_id)
    }
}

/// How GitLab, or the proxy before it, refuses without acting.
pub(crate) fn refuse(now: DateTime<Utc>, status: u16, retry_after: Option<u64>) -> Answer {
    let answer = match status {
        429 => Answer::empty(429).of("text/plain", "Retry later\n".to_owned()),
        502..=504 => fault::page(status),
        _ => Answer::json(status, &json!({ "message": format!("{status} {}", fault::reason(status)) })),
    };
    let Some(seconds) = retry_after else { return answer };
    let reset = now + TimeDelta::seconds(i64::try_from(seconds).unwrap_or_default());
    answer
        .with(RETRY_AFTER, &seconds.to_string())
        .with(HeaderName::from_static("ratelimit-reset"), &reset.timestamp().to_string())
        .with(HeaderName::from_static("ratelimit-resettime"), &reset.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

fn minute(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(60)
}
