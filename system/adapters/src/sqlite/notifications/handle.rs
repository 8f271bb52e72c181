//! The store as its users hold it, and how its calls run.

use std::sync::Arc;
use std::time::Duration;

use domain::model::microseconds;
use domain::ports::NotificationStoreError;
use futures_util::future::BoxFuture;
use sqlx::sqlite::{SqliteConnection, SqlitePool};

use crate::sqlite::database::Shared;
use crate::sqlite::errors::PortError;

/// The store of notifications in the file of a [`Sqlite`](crate::sqlite::Sqlite).
#[derive(Clone)]
pub struct SqliteNotifications {
    pub(in crate::sqlite) shared: Arc<Shared>,
}

impl SqliteNotifications {
    /// Now, in microseconds.
    pub(super) fn now(&self) -> i64 {
        microseconds(self.shared.clock.now()).as_microsecond()
    }

    pub(super) fn readers(&self) -> &SqlitePool {
        &self.shared.readers
    }

    /// Runs what writes; a transaction that it leaves open is rolled back if it fails.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, NotificationStoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, NotificationStoreError>>
            + Send
            + 'static,
    {
        self.shared.writer.run(work).await
    }
}

pub(super) fn failed(error: sqlx::Error) -> NotificationStoreError {
    NotificationStoreError::from_driver(error)
}

/// Microseconds, and so few that they can be added to a time.
pub(super) fn micros(time: Duration) -> i64 {
    const MAX: i64 = i64::MAX / 4;
    i64::try_from(time.as_micros()).unwrap_or(MAX).min(MAX)
}

/// A list for `json_each`.
pub(super) fn hex_list(ids: impl Iterator<Item = uuid::Uuid>) -> String {
    serde_json::Value::from(ids.map(crate::sqlite::row::hex).collect::<Vec<_>>()).to_string()
}
