//! The job that asks what waits: the depths of the queues, for the metrics. A scrape itself asks no store.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ports::{Backlog, NotificationStore};

/// How often the store is asked.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What waited when the store was asked last; `None` where it did not answer.
#[derive(Debug, Clone, Default)]
pub struct BacklogHandle(Arc<Mutex<Option<Backlog>>>);

impl BacklogHandle {
    /// What waits.
    pub fn read(&self) -> Option<Backlog> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The job.
pub(super) struct BacklogWatch {
    store: Arc<dyn NotificationStore>,
    handle: BacklogHandle,
}

impl BacklogWatch {
    /// A job that does not run yet.
    pub(super) fn new(store: Arc<dyn NotificationStore>) -> Self {
        Self { store, handle: BacklogHandle::default() }
    }

    /// What it sees, also from before it runs.
    pub(super) fn handle(&self) -> BacklogHandle {
        self.handle.clone()
    }

    /// Runs until `stop`.
    pub(super) async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            biased;
            () = stop => {}
            () = self.look() => {}
        }
    }

    async fn look(&self) {
        loop {
            let seen = self.store.backlog().await;
            let seen = seen.inspect_err(|error| tracing::debug!(%error, "what waits cannot be told")).ok();
            *self.handle.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
