//! What one host lets us do: how many calls at once, and not before when.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::HeaderMap;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// How many calls one host gets at the same time. GitHub bans above 100; twenty carry a hundred tokens, of seven calls
/// each at 50 ms a round trip, in two seconds.
const AT_ONCE: usize = 20;
/// The longest pause that rate-limit headers alone can cause; a 429 may ask for more.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The budget of one host.
pub(super) struct Budget {
    places: Semaphore,
    not_before: Mutex<Option<Instant>>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { places: Semaphore::new(AT_ONCE), not_before: Mutex::new(None) }
    }
}

impl Budget {
    /// Waits for a place, and until the host is to be asked again.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        let place = self.places.acquire().await.ok();
        let until = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
        place
    }

    /// Asks the host nothing for that long.
    pub(super) fn hold_until(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        if not_before.is_none_or(|set| set < until) {
            *not_before = Some(until);
        }
    }

    /// Reads what is left of the host's rate limit: with nothing left, the next call waits until it is reset.
    ///
    /// GitLab sends `RateLimit-Remaining` and `RateLimit-Reset`, GitHub the same with `X-`; both count the reset in
    /// Unix seconds. The server's own `Date` is the clock it is measured by, so ours may be wrong.
    /// <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers>
    pub(super) fn heed(&self, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
        let remaining = number("ratelimit-remaining").or_else(|| number("x-ratelimit-remaining"));
        let reset = number("ratelimit-reset").or_else(|| number("x-ratelimit-reset"));
        let date = headers.get("date").and_then(|date| date.to_str().ok());
        let now = date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok()).map(|date| date.timestamp());
        let (Some(0), Some(reset), Some(now)) = (remaining, reset, now) else { return };
        let seconds = u64::try_from(reset - now).unwrap_or(0);
        self.hold_until(Duration::from_secs(seconds).min(LONGEST_PAUSE));
    }
}
