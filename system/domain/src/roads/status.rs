//! What a road tells operators.

use std::sync::{Arc, Mutex, PoisonError};

/// Where a road stands. A value to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoadStatus {
    /// Whether it is subscribed.
    pub connected: bool,
    /// Events that took effect.
    pub events: u64,
    /// Events that could not be read.
    pub unreadable: u64,
    /// Events whose effect failed after all tries.
    pub given_up: u64,
    /// How often it subscribed.
    pub subscriptions: u64,
    /// Calls that failed.
    pub errors: u64,
}

/// A handle to a road's status.
#[derive(Debug, Clone, Default)]
pub struct RoadStatusHandle(Arc<Mutex<RoadStatus>>);

impl RoadStatusHandle {
    /// Where it stands.
    pub fn read(&self) -> RoadStatus {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut RoadStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
