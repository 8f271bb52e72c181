//! A new life of the database, by an operator's order.

use adapters::sqlite::{Sqlite, SqliteConfig};
use adapters::system::SystemClock;
use coherence::Incarnation;
use domain::ports::Store;
use std::sync::Arc;

use super::error::WiringError;
use crate::config::{Config, StoreKind};

/// Begins a new incarnation of the database, running or not: every cache forgets what it holds. Answers which database it is,
/// and its incarnation.
///
/// # Errors
/// The database cannot be opened or written.
pub async fn raise_incarnation(config: &Config) -> Result<(String, Incarnation), WiringError> {
    match config.store.kind {
        StoreKind::Memory => Err(WiringError::NothingKept),
        StoreKind::Sqlite => {
            let path = &config.store.path;
            if !path.exists() {
                // Opening it would make one, and say that it is in a new life.
                return Err(WiringError::NoDatabase(path.clone()));
            }
            let sqlite = Sqlite::open(SqliteConfig::new(path), Arc::new(SystemClock)).await?;
            let raised = sqlite.store().raise_incarnation(Incarnation(0)).await;
            sqlite.close().await?;
            Ok((path.display().to_string(), raised?))
        }
        #[cfg(feature = "production")]
        StoreKind::SqlServer => {
            let server = super::sqlserver::open(config, Arc::new(SystemClock)).await?;
            let raised = server.store().raise_incarnation(Incarnation(0)).await;
            server.close();
            Ok((format!("the database at {}", super::sqlserver::settings(config)?.address()), raised?))
        }
        #[cfg(not(feature = "production"))]
        StoreKind::SqlServer => Err(WiringError::Kinds),
    }
}
