//! A nudge from one job to another: there may be something to do.

use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes a job that waits. A wake-up while nobody waits is kept, once, for the next wait. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Wake {
    own: Arc<Notify>,
    others: Arc<[Wake]>,
}

impl Wake {
    /// A wake of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that wakes all of `parts`: for whoever tells several jobs at once. Nobody waits on it itself.
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        Self { own: Arc::default(), others: parts.into_iter().collect() }
    }

    /// There may be something to do.
    pub fn wake(&self) {
        self.own.notify_one();
        self.others.iter().for_each(Self::wake);
    }

    /// Waits for a wake-up; answers at once if there was one since the last wait. One job waits on each wake.
    pub async fn woken(&self) {
        self.own.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn is_woken(wake: &Wake) -> bool {
        tokio::time::timeout(Duration::from_millis(1), wake.woken()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_wake_up_is_kept_once() {
        let wake = Wake::new();
        wake.wake();
        wake.clone().wake();
        assert!(is_woken(&wake).await);
        assert!(!is_woken(&wake).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_joined_one_wakes_all_its_parts() {
        let (one, other) = (Wake::new(), Wake::new());
        Wake::joined([one.clone(), other.clone()]).wake();
        assert!(is_woken(&one).await && is_woken(&other).await);
    }
}
