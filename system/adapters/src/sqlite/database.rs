//! The open database: what the ports share.

use std::sync::Arc;

use coherence::WallClock;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use tokio::sync::Mutex;

use super::bus::BusState;
use super::connection::{Writer, open_light_writer, open_readers, open_writer};
use super::errors::SqliteError;
use super::files::make_database;
use super::migrations::migrate;
use super::{SqliteBus, SqliteConfig, SqliteFeed, SqliteNotifications, SqliteStore};

/// An open database file. Cheap to clone; all clones and ports share its connections.
#[derive(Clone)]
pub struct Sqlite {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) config: SqliteConfig,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) writer: Writer,
    pub(super) readers: SqlitePool,
    /// Checkpoints run here, beside the writes.
    pub(super) maintenance: Mutex<Option<SqliteConnection>>,
    pub(super) bus: BusState,
}

impl Sqlite {
    /// Opens the file, creates or migrates it.
    ///
    /// # Errors
    /// [`SqliteError`], if the file is another program's, a later release's, or cannot be opened.
    pub async fn open(mut config: SqliteConfig, clock: Arc<dyn WallClock>) -> Result<Self, SqliteError> {
        let path = config.path.display().to_string();
        let opening = || SqliteError::io(format!("opening {path}"));
        let failed = |error: sqlx::Error| opening()(error.into());
        make_database(&config.path)?;
        // One file, one name: the locks of its subscriptions lie beside it.
        config.path = config.path.canonicalize().map_err(|error| opening()(error.into()))?;
        let mut writer = open_writer(&config).await.map_err(failed)?;
        migrate(&mut writer, &path).await?;
        let light = open_light_writer(&config).await.map_err(failed)?;
        let maintenance = open_writer(&config).await.map_err(failed)?;
        let readers = open_readers(&config).await.map_err(failed)?;
        let bus = BusState::new();
        let shared = Shared {
            clock,
            writer: Writer::new(writer, light),
            readers,
            maintenance: Mutex::new(Some(maintenance)),
            bus,
            config,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The store of forecasts.
    pub fn store(&self) -> SqliteStore {
        SqliteStore { shared: Arc::clone(&self.shared) }
    }

    /// The store's change feed.
    pub fn feed(&self) -> SqliteFeed {
        SqliteFeed { shared: Arc::clone(&self.shared) }
    }

    /// The bus.
    pub fn bus(&self) -> SqliteBus {
        SqliteBus { shared: Arc::clone(&self.shared) }
    }

    /// The store of notifications: tables of its own in the same file.
    pub fn notifications(&self) -> SqliteNotifications {
        SqliteNotifications { shared: Arc::clone(&self.shared) }
    }

    /// Ends every consumer, writes what they acknowledged, and closes the connections. Whoever waits for a write still
    /// gets it; what comes later is refused.
    ///
    /// # Errors
    /// [`SqliteError`], if the last acknowledgements could not be written; the file is closed nevertheless.
    pub async fn close(&self) -> Result<(), SqliteError> {
        let flushed = self.shared.bus.close(&self.shared).await;
        self.shared.readers.close().await;
        if let Some(connection) = self.shared.maintenance.lock().await.take() {
            connection.close().await.map_err(|error| SqliteError::io("closing the database")(error.into()))?;
        }
        self.shared.writer.close().await.map_err(|error| SqliteError::io("closing the database")(error.into()))?;
        flushed.map_err(|error| SqliteError::io("writing the last acknowledgements")(error.into()))
    }
}
