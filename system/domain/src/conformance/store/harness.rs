//! What the suite runs on.

use std::sync::Arc;

use crate::ports::Store;

/// An empty store, and whatever keeps it alive.
pub trait StoreHarness: Send + Sync {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;
}

impl StoreHarness for Arc<dyn Store> {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self)
    }
}
