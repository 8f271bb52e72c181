//! Why a composition cannot be built.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use adapters::sqlite::SqliteError;
use domain::ports::{NotificationStoreError, StoreError};

use super::channel_error::ChannelError;

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
    /// The URL of Redis.
    #[cfg(feature = "production")]
    #[error("shared.url")]
    Redis(#[from] coherence_redis::AddressError),
    /// The client of Pulsar's admin API.
    #[cfg(feature = "production")]
    #[error("no client for `bus.admin_url`")]
    Pulsar(#[from] adapters::outgoing::ClientError),
    /// SQL Server.
    #[cfg(feature = "production")]
    #[error(transparent)]
    SqlServer(#[from] adapters::sqlserver::SqlServerError),
    /// The database.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store of notifications.
    #[error(transparent)]
    Notifications(#[from] NotificationStoreError),
    /// A channel of the notification service.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// There is no database where one was expected.
    #[error("there is no database at {0}; `--data-dir` says where it lies")]
    NoDatabase(PathBuf),
    /// The store is in memory: nothing of it can be reached from outside its process.
    #[error("store.kind is \"memory\": only the process that holds it can reach it")]
    NothingKept,
    /// A combination of kinds that has no composition.
    #[error("store.kind and bus.kind do not go together")]
    Kinds,
}
