//! Section `[store]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::profile::refuse_absent;
use super::reader::Reader;
use super::secret::Secret;

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
#[cfg(feature = "production")]
const BUILT: &[(&str, StoreKind)] = &KINDS;
#[cfg(not(feature = "production"))]
const BUILT: &[(&str, StoreKind)] = &[("sqlite", StoreKind::Sqlite), ("memory", StoreKind::Memory)];

/// The settings of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The technology.
    pub kind: StoreKind,
    /// The file of SQLite.
    pub path: PathBuf,
    /// Where SQL Server is. It holds a password.
    pub url: Option<Secret<String>>,
    /// Connections to SQL Server, at most.
    pub connections: usize,
    /// Connections that read.
    pub readers: u32,
    /// The deadline of an operation.
    pub timeout: Duration,
}

impl StoreConfig {
    pub(super) fn read(r: &mut Reader<'_>, data_dir: &Path) -> Self {
        let kind = r.choice("store.kind", &KINDS).unwrap_or(StoreKind::Memory);
        refuse_absent(r, "store.kind", &kind, BUILT, &KINDS);
        let url = r.secret("store.url");
        if kind == StoreKind::SqlServer && url.is_none() {
            r.combination(
                "`store.kind` = \"sqlserver\" needs `store.url` or `store.url_file`, such as \
                 Server=tcp:127.0.0.1,1433;Database=SmartPulse;User Id=smartpulse;Password=...",
            );
        }
        Self {
            kind,
            path: r.optional("store.path").map_or_else(|| data_dir.join("smartpulse.db"), PathBuf::from),
            url,
            connections: r.size("store.connections", 2..=100),
            readers: r.int32("store.readers", 1..=64),
            timeout: r.millis("store.timeout_ms", 1..=600_000),
        }
    }
}
