//! The open database: what the ports share.

use std::sync::Arc;

use coherence::WallClock;
use tiberius::Row;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::config::SqlServerConfig;
use super::connection::{Pool, answers};
use super::errors::{SqlError, SqlServerError};
use super::row::{Columns, changed};
use super::statement::{Statement, Value};
use super::statements::SESSION_FORK;
use super::{SqlServerFeed, SqlServerNotifications, SqlServerStore, migrations};

/// An open database. Cheap to clone; all clones and ports share its connections.
#[derive(Clone)]
pub struct SqlServer {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) config: SqlServerConfig,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) pool: Pool,
    /// How many bytes of events were not sent when they were last counted, and when that was.
    pub(super) outbox_bytes: Mutex<Option<(Instant, u64)>>,
}

impl Shared {
    /// All answers of a statement, on a connection of its own.
    pub(super) async fn answers<const N: usize>(
        &self,
        statement: &Statement<N>,
        values: [Value; N],
    ) -> Result<Vec<Vec<Row>>, SqlError> {
        answers(&self.pool, statement, values).await
    }

    /// Its first answer.
    pub(super) async fn rows<const N: usize>(
        &self,
        statement: &Statement<N>,
        values: [Value; N],
    ) -> Result<Vec<Row>, SqlError> {
        Ok(self.answers(statement, values).await?.into_iter().next().unwrap_or_default())
    }

    /// How many rows a statement changed, which is what it answers.
    pub(super) async fn changed<const N: usize>(
        &self,
        statement: &Statement<N>,
        values: [Value; N],
    ) -> Result<u64, SqlError> {
        changed(&self.rows(statement, values).await?)
    }
}

impl SqlServer {
    /// Opens a database that has what this release needs. It never migrates by itself: that is an operator's decision
    /// ([`migrate`](super::migrate)).
    ///
    /// # Errors
    /// [`SqlServerError`], if the server cannot be reached, or the database is not as it must be.
    pub async fn open(config: SqlServerConfig, clock: Arc<dyn WallClock>) -> Result<Self, SqlServerError> {
        let pool = Pool::new(config.clone())?;
        migrations::require(&pool, config.feed).await?;
        let shared = Shared { config, clock, pool, outbox_bytes: Mutex::new(None) };
        let opened = Self { shared: Arc::new(shared) };
        opened.notice_restore().await?;
        Ok(opened)
    }

    /// Begins a new incarnation if the database was restored since it was last looked at: SQL Server then gives its history
    /// another name. A restore ends all connections, so that this is asked when the database is opened and by
    /// [`prune`](Self::prune); the tracker's own check finds one that nobody was told of.
    ///
    /// # Errors
    /// [`SqlServerError::Server`].
    pub async fn notice_restore(&self) -> Result<bool, SqlServerError> {
        let failed = SqlServerError::during("looking for a restore");
        let looked = async {
            let rows = self.shared.rows(&SESSION_FORK, []).await?;
            let Some(first) = rows.first() else { return Ok(false) };
            let mut columns = Columns::of(first);
            let incarnation = columns.incarnation()?;
            let is_raised = columns.flag()?;
            if is_raised {
                tracing::warn!(incarnation = incarnation.0, "the database was restored: a new incarnation begins");
            }
            Ok(is_raised)
        };
        looked.await.map_err(failed)
    }

    /// The store of forecasts, with the leases, the outbox and the parked events.
    pub fn store(&self) -> SqlServerStore {
        SqlServerStore { shared: Arc::clone(&self.shared) }
    }

    /// The store's change feed, of the configured mode.
    pub fn feed(&self) -> SqlServerFeed {
        SqlServerFeed::new(Arc::clone(&self.shared))
    }

    /// The store of notifications: tables of its own in the same database.
    pub fn notifications(&self) -> SqlServerNotifications {
        SqlServerNotifications { shared: Arc::clone(&self.shared) }
    }

    /// How many connections there are, and how many of them nobody uses.
    pub fn connections(&self) -> (usize, usize) {
        self.shared.pool.size()
    }

    /// Closes the connections; calls under way still end, later ones are refused.
    pub fn close(&self) {
        self.shared.pool.close();
    }
}
