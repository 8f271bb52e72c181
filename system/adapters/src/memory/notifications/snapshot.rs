//! A backup of the store, and its restore.

use super::MemoryNotifications;
use super::tables::Tables;

/// Everything that a store held at one moment.
#[derive(Clone)]
pub struct MemoryNotificationsSnapshot {
    tables: Tables,
}

impl MemoryNotifications {
    /// What the store holds now.
    pub fn snapshot(&self) -> MemoryNotificationsSnapshot {
        MemoryNotificationsSnapshot { tables: self.tables().clone() }
    }

    /// Puts the store back to where it was.
    pub fn restore(&self, snapshot: &MemoryNotificationsSnapshot) {
        *self.tables() = snapshot.tables.clone();
    }
}
