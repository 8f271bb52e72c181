//! The store of notifications with a deadline.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::{NotificationStore, NotificationStoreError};

use super::deadline::within;
use crate::layers::notifications::notification_store;

/// A store of notifications whose every call ends by the deadline.
pub struct TimeoutNotifications {
    inner: Arc<dyn NotificationStore>,
    deadline: Duration,
}

impl TimeoutNotifications {
    /// Puts `deadline` on every call of `inner`.
    pub fn new(inner: Arc<dyn NotificationStore>, deadline: Duration) -> Self {
        Self { inner, deadline }
    }

    async fn around<T>(
        &self,
        _method: &'static str,
        call: impl Future<Output = Result<T, NotificationStoreError>>,
    ) -> Result<T, NotificationStoreError> {
        within(self.deadline, call).await
    }
}

notification_store!(TimeoutNotifications);
