//! What can be set about the memory adapters. The defaults are those of the embedded store and bus.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Settings of [`super::MemoryBus`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryBusConfig {
    /// How long topics retain messages, acknowledged or not.
    pub retention: Duration,
    /// How many bytes the topics may retain in all; what is published beyond is refused as full.
    pub max_bytes: u64,
    /// A message that is not acknowledged for so long is delivered again.
    pub redelivery_timeout: Duration,
    /// A message that a consumer gave back is delivered again after this time.
    pub redelivery_delay: Duration,
    /// How many messages a subscription hands out without an acknowledgement; then new ones wait.
    pub unacked_max: usize,
}

impl Default for MemoryBusConfig {
    fn default() -> Self {
        Self {
            retention: 7 * DAY,
            max_bytes: 1 << 30,
            redelivery_timeout: Duration::from_secs(60),
            redelivery_delay: Duration::from_secs(1),
            unacked_max: 1_000,
        }
    }
}

/// Settings of [`super::MemoryStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryStoreConfig {
    /// How long the change feed retains changes.
    pub retention: Duration,
    /// How long tombstones are kept; longer than `retention`.
    pub tombstone_retention: Duration,
    /// How many bytes the outbox may hold, of a store that has one; commits with events are refused beyond as full.
    pub outbox_bytes_max: u64,
}

impl Default for MemoryStoreConfig {
    fn default() -> Self {
        Self { retention: 7 * DAY, tombstone_retention: 30 * DAY, outbox_bytes_max: 1 << 30 }
    }
}
