//! Why a composition cannot be built.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use adapters::sqlite::SqliteError;
use domain::ports::StoreError;

/// Why a composition cannot be built, or a file not be saved.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WiringError {
    /// The data directory cannot be made.
    #[error("cannot make the directory {path}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// The database.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A combination of kinds that has no composition.
    #[error("store.kind and bus.kind do not go together")]
    Kinds,
}
