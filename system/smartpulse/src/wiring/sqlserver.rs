//! The database on SQL Server, as the configuration names it.

use std::sync::Arc;

use adapters::sqlserver::{FeedMode, PRUNE_INTERVAL, SqlServer, SqlServerConfig};
use coherence::WallClock;
use futures_util::FutureExt;

use super::error::WiringError;
use crate::app::Job;
use crate::config::{CdcMode, Config};

/// What the adapter is told.
pub(super) fn settings(config: &Config) -> Result<SqlServerConfig, WiringError> {
    let url = config.store.url.as_ref().map(|url| url.expose().as_str()).unwrap_or_default();
    let mut settings = SqlServerConfig::new(url)?;
    settings.feed = match config.cdc.mode {
        CdcMode::ChangeTracking => FeedMode::ChangeTracking,
        CdcMode::Cdc => FeedMode::Cdc,
    };
    settings.connections = config.store.connections;
    settings.retention = config.bus.retention;
    settings.max_bytes = config.bus.max_bytes;
    settings.files_max_bytes = config.notifications.files_max_bytes;
    // A call that waits for a connection ends by itself, and not by its deadline alone.
    settings.acquire_timeout = settings.acquire_timeout.min(config.store.timeout / 2);
    Ok(settings)
}

/// Opens the database. It must have been migrated.
pub(super) async fn open(config: &Config, clock: Arc<dyn WallClock>) -> Result<SqlServer, WiringError> {
    Ok(SqlServer::open(settings(config)?, clock).await?)
}

pub(super) fn prune(server: SqlServer) -> Job {
    Job {
        name: "prune",
        every: PRUNE_INTERVAL,
        run: Arc::new(move || {
            let server = server.clone();
            async move { server.prune().await.map(drop).map_err(|error| Arc::new(error) as _) }.boxed()
        }),
    }
}
