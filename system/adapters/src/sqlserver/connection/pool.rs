//! Who gets which connection.

use std::time::Duration;

use deadpool::managed::{
    self, Metrics, PoolConfig, PoolError, QueueMode, RecycleError, RecycleResult, TimeoutType, Timeouts,
};

use super::open::open;
use super::session::{Connection, Session};
use crate::sqlserver::config::CONNECTIONS_MAX;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::{SqlServerConfig, errors};

/// What each connection is like when it is handed out.
const RESET: &str = include_str!("../sql/session/reset.sql");

/// A connection that nobody used for so long is not tried, but closed: firewalls and gateways forget it (Azure's after
/// half an hour), and do not say so.
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);

/// Makes connections, and looks at those that come back.
pub(in crate::sqlserver) struct Manager {
    config: SqlServerConfig,
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = SqlError;

    async fn create(&self) -> Result<Connection, SqlError> {
        let mut connection = Connection::new(Box::pin(open(&self.config)).await?, self.config.statement_timeout);
        connection.batch(RESET).await?;
        Ok(connection)
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<SqlError> {
        if !connection.is_clean() {
            return Err(RecycleError::message("it was given back in the middle of something"));
        }
        if metrics.last_used() > IDLE_MAX {
            return Err(RecycleError::message("it was idle for too long"));
        }
        // Also the proof that it lives.
        connection.batch(RESET).await.map_err(RecycleError::Backend)
    }
}

/// The connections of a process to a database.
pub(in crate::sqlserver) struct Pool {
    pool: managed::Pool<Manager>,
}

impl Pool {
    pub(in crate::sqlserver) fn new(config: SqlServerConfig) -> Result<Self, errors::SqlServerError> {
        let size = config.connections.clamp(1, CONNECTIONS_MAX);
        let settings = PoolConfig {
            max_size: size,
            timeouts: Timeouts {
                wait: Some(config.acquire_timeout),
                // Making and looking have the deadlines of their own calls.
                create: Some(config.connect_timeout + config.statement_timeout),
                recycle: Some(config.statement_timeout),
            },
            // The one that was used last: so the others grow old, and are closed, when there is less to do.
            queue_mode: QueueMode::Lifo,
        };
        let built = managed::Pool::builder(Manager { config })
            .config(settings)
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| errors::SqlServerError::Setting(error.to_string()))?;
        Ok(Self { pool: built })
    }

    /// A connection of its own for whoever asks: clean, with the settings of `reset.sql`.
    pub(in crate::sqlserver) async fn session(&self) -> Result<Session, SqlError> {
        match Box::pin(self.pool.get()).await {
            Ok(object) => Ok(Session::new(object)),
            Err(PoolError::Backend(error)) => Err(error),
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(SqlError::Exhausted),
            Err(PoolError::Timeout(_)) => Err(SqlError::Slow("making a connection")),
            Err(PoolError::Closed) => Err(SqlError::Closed),
            Err(other) => Err(SqlError::Connection(other.to_string())),
        }
    }

    /// How many connections there are, and how many of them nobody uses.
    pub(in crate::sqlserver) fn size(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.available)
    }

    /// Closes what nobody uses; what is on loan is closed when it comes back, and nothing is lent any more.
    pub(in crate::sqlserver) fn close(&self) {
        self.pool.close();
    }

    /// Closes what nobody has used for long.
    pub(in crate::sqlserver) fn close_idle(&self) {
        self.pool.retain(|_, metrics| metrics.last_used() <= IDLE_MAX);
    }
}
