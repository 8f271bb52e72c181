//! Section `[bus]`.

use std::time::Duration;

use super::profile::refuse_absent;
use super::reader::Reader;
use super::store::StoreKind;

/// The technology of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusKind {
    /// The durable bus inside the SQLite file.
    Store,
    /// In this process alone.
    Memory,
    /// Apache Pulsar.
    Pulsar,
}

const KINDS: [(&str, BusKind); 3] =
    [("store", BusKind::Store), ("memory", BusKind::Memory), ("pulsar", BusKind::Pulsar)];
const BUILT: [(&str, BusKind); 2] = [("store", BusKind::Store), ("memory", BusKind::Memory)];
const SECONDS_PER_DAY: u64 = 86_400;

/// The settings of the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusConfig {
    /// The technology.
    pub kind: BusKind,
    /// The size of the embedded bus, at most.
    pub max_bytes: u64,
    /// How long messages are kept.
    pub retention: Duration,
    /// After this long without acknowledgement a message is delivered again.
    pub redelivery_timeout: Duration,
}

impl BusConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let kind = r.choice("bus.kind", &KINDS).unwrap_or(BusKind::Memory);
        refuse_absent(r, "bus.kind", &kind, &BUILT, &KINDS);
        Self {
            kind,
            max_bytes: r.int("bus.max_bytes", 1_048_576..=1 << 50),
            retention: Duration::from_secs(r.int("bus.retention_days", 1..=365) * SECONDS_PER_DAY),
            redelivery_timeout: r.millis("bus.redelivery_timeout_ms", 10..=3_600_000),
        }
    }

    /// The durable embedded bus is a table of the SQLite file.
    pub(super) fn check(&self, r: &mut Reader<'_>, store: StoreKind) {
        if self.kind == BusKind::Store && store != StoreKind::Sqlite {
            r.combination("`bus.kind` = \"store\" lives inside the SQLite file: set `store.kind` = \"sqlite\", or `bus.kind` = \"memory\"");
        }
    }
}
