//! Section `[store]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::profile::refuse_absent;
use super::reader::Reader;

/// The technology of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A SQLite file.
    Sqlite,
    /// Nothing survives a restart.
    Memory,
    /// SQL Server.
    SqlServer,
}

const KINDS: [(&str, StoreKind); 3] =
    [("sqlite", StoreKind::Sqlite), ("memory", StoreKind::Memory), ("sqlserver", StoreKind::SqlServer)];
const BUILT: [(&str, StoreKind); 2] = [("sqlite", StoreKind::Sqlite), ("memory", StoreKind::Memory)];

/// The settings of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The technology.
    pub kind: StoreKind,
    /// The file of SQLite.
    pub path: PathBuf,
    /// Connections that read.
    pub readers: u32,
    /// The deadline of an operation.
    pub timeout: Duration,
}

impl StoreConfig {
    pub(super) fn read(r: &mut Reader<'_>, data_dir: &Path) -> Self {
        let kind = r.choice("store.kind", &KINDS).unwrap_or(StoreKind::Memory);
        refuse_absent(r, "store.kind", &kind, &BUILT, &KINDS);
        Self {
            kind,
            path: r.optional("store.path").map_or_else(|| data_dir.join("smartpulse.db"), PathBuf::from),
            readers: r.int32("store.readers", 1..=64),
            timeout: r.millis("store.timeout_ms", 1..=600_000),
        }
    }
}
