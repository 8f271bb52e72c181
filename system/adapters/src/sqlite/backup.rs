//! A copy of the database, made while it is in use.

use std::io;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::errors::SqliteError;
use super::files::{partial, place, remove};
use super::migrations::schema_of;

/// Copies the database at `from` into the new file `to`, as of one moment and without its log; services may go on
/// meanwhile. `to` appears when it is complete and on disk, not before.
///
/// # Errors
/// [`SqliteError::Exists`] if there is a file `to`; others if `from` cannot be read or `to` not be written.
pub async fn backup(from: &Path, to: &Path) -> Result<(), SqliteError> {
    if to.exists() {
        return Err(SqliteError::Exists(to.display().to_string()));
    }
    let partial = partial(to)?;
    let copied = copy(from, &partial).await;
    let placed = match copied {
        Ok(()) => place(&partial, to).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => SqliteError::Exists(to.display().to_string()),
            _ => SqliteError::io(format!("writing {}", to.display()))(error.into()),
        }),
        Err(error) => Err(error),
    };
    // Whatever happened, nothing half done stays.
    remove(&partial)?;
    placed
}

/// Copies `from` into `to`, an empty file, by SQLite itself, which reads one snapshot.
pub(super) async fn copy(from: &Path, to: &Path) -> Result<(), SqliteError> {
    let mut source = open_source(from).await?;
    let copied = sqlx::query("VACUUM INTO ?")
        .bind(to.display().to_string())
        .execute(&mut source)
        .await
        .map_err(|error| SqliteError::io(format!("copying {} to {}", from.display(), to.display()))(error.into()));
    let closed = source.close().await.map_err(|error| SqliteError::io("closing the source")(error.into()));
    copied?;
    closed
}

async fn open_source(from: &Path) -> Result<SqliteConnection, SqliteError> {
    let mut source = SqliteConnectOptions::new()
        .filename(from)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|error| SqliteError::io(format!("opening {}", from.display()))(error.into()))?;
    if schema_of(&mut source, &from.display().to_string()).await? == 0 {
        let reason = "it holds no schema".to_owned();
        return Err(SqliteError::Damaged { path: from.display().to_string(), reason });
    }
    Ok(source)
}
