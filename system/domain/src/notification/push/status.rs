//! What the push sender tells operators.

use std::sync::{Arc, Mutex, PoisonError};

/// Where the sender stands. A value to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PushStatus {
    /// Pushes held now.
    pub held: usize,
    /// Attempts that run now.
    pub running: usize,
    /// Origins that are known now: those with work, and those remembered for their failures.
    pub origins: usize,
    /// Origins that are left alone now.
    pub open_breakers: usize,
    /// Whether devices are not removed now, since too many seem gone.
    pub removal_stopped: bool,
    /// Pushes claimed.
    pub claimed: u64,
    /// Attempts made.
    pub attempts: u64,
    /// Pushes that a push service has.
    pub sent: u64,
    /// Pushes given up.
    pub failed: u64,
    /// Devices removed.
    pub removed: u64,
    /// Devices that must subscribe again.
    pub flagged: u64,
    /// Pushes that went back to the store for later.
    pub deferred: u64,
    /// Results that came too late: another sender had taken over.
    pub refused: u64,
    /// Calls of the store that failed.
    pub errors: u64,
}

/// A handle to the sender's status.
#[derive(Debug, Clone, Default)]
pub struct PushStatusHandle(Arc<Mutex<PushStatus>>);

impl PushStatusHandle {
    /// Where it stands.
    pub fn read(&self) -> PushStatus {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut PushStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
