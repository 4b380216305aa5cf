//! How fast GitHub lets us write.
//!
//! It lets a user make eighty things a minute, and counts no further than that what is a thing.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The most writes in any minute; a few are left to whoever else works as the same user.
const IN_A_MINUTE: usize = 70;

/// When the last writes were made.
#[derive(Default)]
pub(super) struct Pace(Mutex<VecDeque<Instant>>);

impl Pace {
    /// Waits until one more may be made. Those that wait are served in their order.
    pub(super) async fn turn(&self) {
        let mut last = self.0.lock().await;
        if last.len() >= IN_A_MINUTE
            && let Some(oldest) = last.pop_front()
        {
            tokio::time::sleep_until(oldest + Duration::from_mins(1)).await;
        }
        last.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_few_writes_wait_for_nothing_and_many_are_spread_over_minutes() {
        let (pace, start) = (Pace::default(), Instant::now());
        for _ in 0..IN_A_MINUTE {
            pace.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..=IN_A_MINUTE {
            pace.turn().await;
        }
        assert!(start.elapsed() >= Duration::from_mins(2));
    }
}
