//! Waits between tries.

use std::time::Duration;

use coherence::Rng;

/// The first wait, unless a job says otherwise.
pub(crate) const BACKOFF_FIRST: Duration = Duration::from_millis(50);
/// The longest wait, unless a job says otherwise.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// Waits differ by up to this share, so that instances do not try in step.
const SPREAD: f64 = 0.2;

/// Waits that double up to a limit, with jitter.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(BACKOFF_FIRST, BACKOFF_MAX)
    }
}

impl Backoff {
    pub(crate) fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, next: first }
    }

    /// It worked: the next wait is the first again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// Waits.
    pub(crate) async fn wait(&mut self, rng: &dyn Rng) {
        let wait = self.next.min(self.max);
        self.next = (wait * 2).min(self.max);
        tokio::time::sleep(wait.mul_f64(rng.factor(SPREAD))).await;
    }
}
