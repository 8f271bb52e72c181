//! The store of notifications with counts.

use std::future::Future;
use std::sync::Arc;

use domain::ports::{NotificationStore, NotificationStoreError};

use super::call::{Meter, metered};
use crate::layers::notifications::notification_store;

/// A store of notifications that tells a meter of every call.
pub struct MeterNotifications {
    inner: Arc<dyn NotificationStore>,
    meter: Arc<dyn Meter>,
}

impl MeterNotifications {
    /// Tells `meter` of every call of `inner`.
    pub fn new(inner: Arc<dyn NotificationStore>, meter: Arc<dyn Meter>) -> Self {
        Self { inner, meter }
    }

    async fn around<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, NotificationStoreError>>,
    ) -> Result<T, NotificationStoreError> {
        metered(&*self.meter, "notifications", method, call).await
    }
}

notification_store!(MeterNotifications);
