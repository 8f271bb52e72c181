//! Why a composition cannot be built.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use adapters::sqlite::SqliteError;

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
    /// The lock file of the instance cannot be made or locked.
    #[error("cannot lock {path}")]
    Lock {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// Another process serves the database.
    #[error(
        "another process serves the database in {folder}: stop it, or give this one a --data-dir of its own \
         (several processes on one database come with the backplane)"
    )]
    SecondInstance {
        /// Where the database is.
        folder: PathBuf,
    },
    /// The database.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// A combination of kinds that has no composition.
    #[error("store.kind and bus.kind do not go together")]
    Kinds,
}
