//! A backup of the store, its restore, and a feed that forgot: what the recovery of a database does to its readers.

use domain::ports::FeedPosition;

use super::MemoryStore;
use super::tables::Tables;

/// Everything that a store held at one moment: rows, tombstones, capture, incarnation, leases, outbox, answers and parked
/// events.
#[derive(Clone)]
pub struct MemorySnapshot {
    tables: Tables,
}

impl MemoryStore {
    /// What the store holds now.
    pub fn snapshot(&self) -> MemorySnapshot {
        MemorySnapshot { tables: self.tables().clone() }
    }

    /// Puts the store back to where it was, as a database that is restored from a backup by somebody who does not know of
    /// incarnations: versions, feed positions and fencing tokens come again. The bus is not the store: what was published
    /// stays published.
    pub fn restore(&self, snapshot: &MemorySnapshot) {
        *self.tables() = snapshot.tables.clone();
    }

    /// Forgets the changes before `position`, as the feed's retention does: whoever read no further is behind its minimum.
    pub fn forget_capture_before(&self, position: FeedPosition) {
        let mut tables = self.tables();
        let first = u64::try_from(position.0).unwrap_or(u64::MAX).min(tables.capture_end.saturating_add(1));
        tables.capture = tables.capture.split_off(&first);
        tables.capture_floor = tables.capture_floor.max(first.saturating_sub(1));
    }
}
