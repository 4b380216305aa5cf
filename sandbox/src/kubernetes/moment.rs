//! How long ago something began: by the clock of the sandbox, or by the one that the client waits on.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::clock::Clock;

/// When something began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    at: DateTime<Utc>,
    instant: Instant,
}

impl Moment {
    /// Now.
    pub(crate) fn now(clock: &Clock) -> Self {
        Self { at: clock.now(), instant: Instant::now() }
    }

    /// The time that has passed, whichever clock was moved.
    pub(crate) fn elapsed(&self, clock: &Clock) -> Duration {
        let moved = (clock.now() - self.at).to_std().unwrap_or_default();
        moved + self.instant.elapsed()
    }

    /// The time of the sandbox at which it began.
    pub(crate) fn at(&self) -> DateTime<Utc> {
        self.at
    }
}
