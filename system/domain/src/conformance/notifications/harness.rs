//! What the suite runs on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::ports::NotificationStore;

/// An empty store, and whatever keeps it alive.
#[async_trait]
pub trait NotificationHarness: Send + Sync {
    /// The store.
    fn store(&self) -> Arc<dyn NotificationStore>;
    /// How many bytes of files the store may hold, if it was told: 300,000 or a little more.
    fn files_max(&self) -> Option<u64> {
        None
    }
    /// Lets so much time pass by the store's clock.
    async fn pass(&self, time: Duration);
}
