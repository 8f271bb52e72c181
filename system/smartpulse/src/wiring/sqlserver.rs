//! The store on SQL Server: the forecasts with their feed, leases, parked events and outbox; the notifications.

use std::sync::Arc;

use adapters::sqlserver::{FeedMode, PRUNE_INTERVAL, SqlServer, SqlServerConfig, SqlServerError};
use coherence::WallClock;
use domain::ports::NotificationStore;
use futures_util::FutureExt;

use crate::app::{Job, Ports};
use crate::config::Config;

/// Opens the database that `connection` names, with what the configuration says of every store. It must have been migrated.
///
/// # Errors
/// [`SqlServerError`].
pub async fn open_sqlserver(
    connection: &str,
    feed: FeedMode,
    config: &Config,
    clock: Arc<dyn WallClock>,
) -> Result<SqlServer, SqlServerError> {
    let mut settings = SqlServerConfig::new(connection)?;
    settings.feed = feed;
    settings.retention = config.bus.retention;
    settings.max_bytes = config.bus.max_bytes;
    // A call that waits for a connection ends by itself, and not by its deadline alone.
    settings.acquire_timeout = settings.acquire_timeout.min(config.store.timeout / 2);
    SqlServer::open(settings, clock).await
}

/// These ports, with the store on this database. Its events go through the outbox: the bus is elsewhere.
pub fn on_sqlserver(server: &SqlServer, mut ports: Ports) -> Ports {
    let store = Arc::new(server.store());
    ports.jobs.push(prune(server.clone()));
    Ports {
        leases: Arc::clone(&store) as _,
        parking: Arc::clone(&store) as _,
        outbox: Some(Arc::clone(&store) as _),
        feed: Arc::new(server.feed()),
        store,
        ..ports
    }
}

/// The store of notifications in the same database.
pub fn notifications_on_sqlserver(server: &SqlServer) -> Arc<dyn NotificationStore> {
    Arc::new(server.notifications())
}

fn prune(server: SqlServer) -> Job {
    Job {
        name: "prune",
        every: PRUNE_INTERVAL,
        run: Arc::new(move || {
            let server = server.clone();
            async move { server.prune().await.map(drop).map_err(|error| Arc::new(error) as _) }.boxed()
        }),
    }
}
