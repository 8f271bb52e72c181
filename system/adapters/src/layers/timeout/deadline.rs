//! The deadline itself.

use std::future::Future;
use std::time::Duration;

use coherence::{BackplaneError, SharedError};
use domain::ports::{BusError, FeedError, NotificationStoreError, StoreError};

/// An error that can say "not in time".
pub(super) trait TimesOut {
    fn timed_out() -> Self;
}

impl TimesOut for StoreError {
    fn timed_out() -> Self {
        Self::Timeout
    }
}

impl TimesOut for NotificationStoreError {
    fn timed_out() -> Self {
        Self::Timeout
    }
}

impl TimesOut for FeedError {
    fn timed_out() -> Self {
        Self::Timeout
    }
}

impl TimesOut for BusError {
    fn timed_out() -> Self {
        Self::Timeout
    }
}

impl TimesOut for BackplaneError {
    fn timed_out() -> Self {
        Self::Timeout
    }
}

impl TimesOut for SharedError {
    fn timed_out() -> Self {
        Self::Timeout
    }
}

/// What `call` answers, if it does so in time.
pub(super) async fn within<T, E: TimesOut>(
    deadline: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout(deadline, call).await.unwrap_or_else(|_| Err(E::timed_out()))
}
