//! The store as its users hold it.

use std::sync::Arc;

use coherence::Timestamp;
use domain::ports::NotificationStoreError;

use crate::sqlserver::database::Shared;
use crate::sqlserver::errors::{PortError, SqlError};
use crate::sqlserver::statement::{LONG_AGO_US, Value, time};

/// The store of notifications in a database of SQL Server.
#[derive(Clone)]
pub struct SqlServerNotifications {
    pub(in crate::sqlserver) shared: Arc<Shared>,
}

pub(super) fn failed(error: SqlError) -> NotificationStoreError {
    NotificationStoreError::from_sql(error)
}

/// A time long before now, for what is due at once.
pub(super) fn long_ago() -> Result<Value, SqlError> {
    time(Timestamp::from_microsecond(LONG_AGO_US).unwrap_or(Timestamp::UNIX_EPOCH))
}
