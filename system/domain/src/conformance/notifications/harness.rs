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
    /// Lets so much time pass by the store's clock.
    async fn pass(&self, time: Duration);
}
