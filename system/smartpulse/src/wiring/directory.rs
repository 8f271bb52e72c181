//! The store of notifications alone, for commands beside a running service.

use std::sync::Arc;

use adapters::sqlite::{Sqlite, SqliteConfig};
use adapters::system::SystemClock;
use domain::ports::NotificationStore;

use super::error::WiringError;
use crate::config::{Config, StoreKind};

/// The store of notifications, opened for a command.
pub struct Directory {
    opened: Opened,
    store: Arc<dyn NotificationStore>,
}

enum Opened {
    Sqlite(Sqlite),
    #[cfg(feature = "production")]
    SqlServer(adapters::sqlserver::SqlServer),
}

impl Directory {
    /// Opens what the configuration names; it must be there.
    ///
    /// # Errors
    /// [`WiringError`].
    pub async fn open(config: &Config) -> Result<Self, WiringError> {
        match config.store.kind {
            StoreKind::Memory => Err(WiringError::NothingKept),
            StoreKind::Sqlite => Self::on_sqlite(config).await,
            #[cfg(feature = "production")]
            StoreKind::SqlServer => {
                let server = super::sqlserver::open(config, Arc::new(SystemClock)).await?;
                let store = Arc::new(server.notifications());
                Ok(Self { opened: Opened::SqlServer(server), store })
            }
            #[cfg(not(feature = "production"))]
            StoreKind::SqlServer => Err(WiringError::Kinds),
        }
    }

    async fn on_sqlite(config: &Config) -> Result<Self, WiringError> {
        if !config.store.path.exists() {
            // Opening it would make one, perhaps in a folder that was misspelt.
            return Err(WiringError::NoDatabase(config.store.path.clone()));
        }
        let sqlite = Sqlite::open(SqliteConfig::new(&config.store.path), Arc::new(SystemClock)).await?;
        let store = Arc::new(sqlite.notifications());
        Ok(Self { opened: Opened::Sqlite(sqlite), store })
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
        match self.opened {
            Opened::Sqlite(sqlite) => Ok(sqlite.close().await?),
            #[cfg(feature = "production")]
            Opened::SqlServer(server) => {
                server.close();
                Ok(())
            }
        }
    }
}
