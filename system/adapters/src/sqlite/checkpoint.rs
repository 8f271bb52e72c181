//! The job that moves the write-ahead log into the database, so that no commit has to.

use sqlx::sqlite::SqliteConnection;

use super::Sqlite;
use super::errors::SqliteError;

/// A log longer than this (64 MiB of 4 KiB pages) is cut back, which makes writers wait a moment. It grows so long only
/// while a reader holds an old snapshot.
const LOG_PAGES_MAX: i64 = 16_384;

impl Sqlite {
    /// Moves the log into the database as far as its readers let it. Blocks no writer, unless the log must be cut.
    ///
    /// # Errors
    /// [`SqliteError::Io`]; the next call tries again.
    pub async fn checkpoint(&self) -> Result<(), SqliteError> {
        let mut maintenance = self.shared.maintenance.lock().await;
        let Some(connection) = maintenance.as_mut() else { return Ok(()) };
        let pages = run(connection, "PRAGMA wal_checkpoint(PASSIVE)").await?;
        if pages > LOG_PAGES_MAX {
            run(connection, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
        Ok(())
    }
}

/// Answers the length of the log in pages. Being busy is no failure: the rest is moved next time.
async fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<i64, SqliteError> {
    let (_busy, pages, _moved): (i64, i64, i64) = sqlx::query_as(statement)
        .fetch_one(connection)
        .await
        .map_err(|error| SqliteError::io("moving the log into the database")(error.into()))?;
    Ok(pages)
}
