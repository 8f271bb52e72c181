//! What a monitor tells operators.

use std::sync::{Arc, Mutex, PoisonError};

/// What was found so far. A value to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonitorStatus {
    /// Writes of which the end is known: an answer showed them.
    pub writes: u64,
    /// Of these: no answer was older a second after the write was seen in the store, or later.
    pub within_1s: u64,
    /// Of these: no answer was older five seconds after.
    pub within_5s: u64,
    /// Writes that an answer did not show five seconds after. Each counts once.
    pub violations: u64,
    /// Answers compared.
    pub reads: u64,
    /// Reads without an answer to compare: errors, and answers marked stale.
    pub skipped: u64,
    /// Keys watched now.
    pub watched: usize,
}

/// A handle to a monitor's status.
#[derive(Debug, Clone, Default)]
pub struct MonitorStatusHandle(Arc<Mutex<MonitorStatus>>);

impl MonitorStatusHandle {
    /// What was found so far.
    pub fn read(&self) -> MonitorStatus {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut MonitorStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
