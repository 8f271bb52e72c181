//! A look at the database file for an operator. It changes nothing.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::time::Instant;

use super::errors::SqliteError;
use super::migrations::{SCHEMA, schema_of};

/// How often the file is asked something small.
const ROUND_TRIPS: usize = 11;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileExamination {
    /// SQLite's own version.
    pub version: String,
    /// The file's schema, and that of this release.
    pub schema: (i64, i64),
    /// Its size in bytes.
    pub bytes: u64,
    /// What SQLite's quick check complains of first, if anything.
    pub damage: Option<String>,
    /// How long small questions took, the quickest first.
    pub round_trips: Vec<Duration>,
}

/// Looks at the file, which a service may have open; `None` if there is none yet.
///
/// # Errors
/// It cannot be read, or is not ours.
pub async fn examine_file(path: &Path) -> Result<Option<FileExamination>, SqliteError> {
    if !path.exists() {
        return Ok(None);
    }
    let name = path.display().to_string();
    let failed = |error: sqlx::Error| SqliteError::io(format!("reading {name}"))(error.into());
    let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
    let mut connection = options.connect().await.map_err(failed)?;
    let found = look(&mut connection, &name).await;
    connection.close().await.map_err(|error| SqliteError::io("closing the database")(error.into()))?;
    found.map(Some)
}

async fn look(connection: &mut SqliteConnection, name: &str) -> Result<FileExamination, SqliteError> {
    let failed = |error: sqlx::Error| SqliteError::io(format!("reading {name}"))(error.into());
    let schema = schema_of(connection, name).await?;
    let mut round_trips = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let begun = Instant::now();
        sqlx::query("SELECT count(*) FROM sqlite_schema").execute(&mut *connection).await.map_err(failed)?;
        round_trips.push(begun.elapsed());
    }
    round_trips.sort();
    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *connection).await.map_err(failed)?;
    let bytes: i64 = sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let checked: String =
        sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection).await.map_err(failed)?;
    Ok(FileExamination {
        version,
        schema: (schema, SCHEMA),
        bytes: bytes.unsigned_abs(),
        damage: (checked != "ok").then_some(checked),
        round_trips,
    })
}
