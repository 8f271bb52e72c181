//! The store of notifications alone, for commands beside a running service.

use std::sync::Arc;

use adapters::sqlite::{Sqlite, SqliteConfig};
use adapters::system::SystemClock;
use domain::ports::NotificationStore;

use super::error::WiringError;
use crate::config::{Config, StoreKind};

/// The store of notifications, opened for a command.
pub struct Directory {
    sqlite: Sqlite,
    store: Arc<dyn NotificationStore>,
}

impl Directory {
    /// Opens what the configuration names; it must be there.
    ///
    /// # Errors
    /// [`WiringError`].
    pub async fn open(config: &Config) -> Result<Self, WiringError> {
        match config.store.kind {
            StoreKind::Memory => return Err(WiringError::NothingKept),
            StoreKind::SqlServer => return Err(WiringError::Kinds),
            StoreKind::Sqlite => {}
        }
        if !config.store.path.exists() {
            // Opening it would make one, perhaps in a folder that was misspelt.
            return Err(WiringError::NoDatabase(config.store.path.clone()));
        }
        let sqlite = Sqlite::open(SqliteConfig::new(&config.store.path), Arc::new(SystemClock)).await?;
        let store = Arc::new(sqlite.notifications());
        Ok(Self { sqlite, store })
    }

    /// The store.
    pub fn store(&self) -> &dyn NotificationStore {
        &*self.store
    }

    /// Closes the database.
    ///
    /// # Errors
    /// The database's.
    pub async fn close(self) -> Result<(), WiringError> {
        Ok(self.sqlite.close().await?)
    }
}
