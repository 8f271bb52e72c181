//! What the configuration names, whichever composition it is.

use super::embedded::Embedded;
use super::error::WiringError;
#[cfg(feature = "production")]
use super::production::Production;
use crate::app::Ports;
use crate::config::{Config, StoreKind};

/// The open backends of a process.
pub struct System {
    opened: Opened,
}

enum Opened {
    Embedded(Embedded),
    #[cfg(feature = "production")]
    Production(Production),
}

impl System {
    /// Opens what the configuration names. An embedded database is made or migrated if need be; SQL Server's must have been
    /// migrated.
    ///
    /// # Errors
    /// [`WiringError`].
    pub async fn open(config: &Config) -> Result<Self, WiringError> {
        let opened = match config.store.kind {
            #[cfg(feature = "production")]
            StoreKind::SqlServer => Opened::Production(Production::open(config).await?),
            // Without the feature the configuration refuses it before.
            #[cfg(not(feature = "production"))]
            StoreKind::SqlServer => return Err(WiringError::Kinds),
            StoreKind::Sqlite | StoreKind::Memory => Opened::Embedded(Embedded::open(config).await?),
        };
        Ok(Self { opened })
    }

    /// The ports of the first instance. The others of the process share them, but for the jobs.
    pub fn ports(&self) -> &Ports {
        match &self.opened {
            Opened::Embedded(embedded) => &embedded.ports,
            #[cfg(feature = "production")]
            Opened::Production(production) => &production.ports,
        }
    }

    /// The ports of another instance of the same process. What the adapters need done is done once.
    pub fn beside(&self) -> Ports {
        Ports { jobs: Vec::new(), ..self.ports().clone() }
    }

    /// Writes what is still to be written and closes bus and database.
    ///
    /// # Errors
    /// The database's.
    pub async fn close(self) -> Result<(), WiringError> {
        match self.opened {
            Opened::Embedded(embedded) => embedded.close().await,
            #[cfg(feature = "production")]
            Opened::Production(production) => {
                production.close().await;
                Ok(())
            }
        }
    }
}
