//! How fast GitHub lets us write.
//!
//! It lets a user make eighty things a minute, and does not say what counts as one.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// The most writes in any minute; a few are left to whoever else works as the same user.
const IN_A_MINUTE: usize = 70;

/// The turns that are left of this minute.
pub(super) struct Pace(Arc<Semaphore>);

impl Default for Pace {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(IN_A_MINUTE)))
    }
}

impl Pace {
    /// Waits until one more may be made. Those that wait are served in their order; each turn comes back after a minute.
    pub(super) async fn turn(&self) {
        let Ok(turn) = Arc::clone(&self.0).acquire_owned().await else { return };
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_mins(1)).await;
            drop(turn);
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

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
