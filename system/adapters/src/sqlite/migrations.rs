//! The schema of the file: embedded, numbered, applied in order, each in one transaction; a newer file is refused.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::SqliteConfig;
use super::connection::open_writer;
use super::errors::SqliteError;
use super::files::make_database;

/// Marks the file as ours ("SMP1"), so that no other program's database is ever migrated.
const APPLICATION_ID: i64 = 0x534d_5031;

/// The migrations; the number of one is its place, from 1.
const MIGRATIONS: [&str; 3] = [
    include_str!("schema/0001_initial.sql"),
    include_str!("schema/0002_leases_outbox_parking.sql"),
    include_str!("schema/0003_notifications.sql"),
];

/// The schema that this release writes.
pub(super) const SCHEMA: i64 = MIGRATIONS.len() as i64;

/// From which schema a file was brought to which; 0 is an empty file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The schema before.
    pub from: i64,
    /// The schema now, this release's.
    pub to: i64,
}

/// Creates the database file, or brings it to this release's schema; nothing else happens to it. Services may have it
/// open meanwhile.
///
/// # Errors
/// [`SqliteError`], if the file is another program's, a later release's, or cannot be written.
pub async fn migrate_file(path: &Path) -> Result<Migrated, SqliteError> {
    let name = path.display().to_string();
    make_database(path)?;
    let opened = open_writer(&SqliteConfig::new(path)).await;
    let mut connection = opened.map_err(|error| SqliteError::io(format!("opening {name}"))(error.into()))?;
    let from = schema_of(&mut connection, &name).await?;
    migrate(&mut connection, &name).await?;
    connection.close().await.map_err(|error| SqliteError::io("closing the database")(error.into()))?;
    Ok(Migrated { from, to: SCHEMA })
}

/// What [`migrate_file`] would do to the file, which is read and not touched; one that is not there has schema 0.
///
/// # Errors
/// [`SqliteError`], if the file is another program's, a later release's, or cannot be read.
pub async fn look_at_file(path: &Path) -> Result<Migrated, SqliteError> {
    if !path.exists() {
        return Ok(Migrated { from: 0, to: SCHEMA });
    }
    let name = path.display().to_string();
    let opened = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging().connect().await;
    let mut connection = opened.map_err(|error| SqliteError::io(format!("opening {name}"))(error.into()))?;
    let from = schema_of(&mut connection, &name).await?;
    connection.close().await.map_err(|error| SqliteError::io("closing the database")(error.into()))?;
    Ok(Migrated { from, to: SCHEMA })
}

/// The texts of the migrations after schema `from`.
pub fn texts_after(from: i64) -> Vec<&'static str> {
    let is_due = |(version, _): &(i64, &str)| *version > from;
    (1_i64..).zip(MIGRATIONS).filter(is_due).map(|(_, text)| text).collect()
}

/// Brings the file to this release's schema.
pub(super) async fn migrate(connection: &mut SqliteConnection, path: &str) -> Result<(), SqliteError> {
    if schema_of(connection, path).await? == SCHEMA {
        return Ok(());
    }
    let failed = |error: sqlx::Error| SqliteError::io("migrating the database")(error.into());
    // Another process may be migrating too: look again under the write lock.
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(failed)?;
    let outcome = migrate_locked(connection, path).await;
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = sqlx::query(end).execute(&mut *connection).await.map_err(failed);
    outcome.and(ended.map(drop))
}

async fn migrate_locked(connection: &mut SqliteConnection, path: &str) -> Result<(), SqliteError> {
    let present = schema_of(connection, path).await?;
    let failed = |error: sqlx::Error| SqliteError::io("migrating the database")(error.into());
    if present == 0 {
        // PRAGMA takes no parameters; application_id is written in the transaction like any row.
        sqlx::raw_sql(
            "PRAGMA application_id = 1397575729;
             CREATE TABLE schema_migrations (
                 version    INTEGER PRIMARY KEY,
                 applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
             ) STRICT;",
        )
        .execute(&mut *connection)
        .await
        .map_err(failed)?;
    }
    for (version, sql) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > present) {
        sqlx::raw_sql(sql).execute(&mut *connection).await.map_err(failed)?;
        sqlx::query("INSERT INTO schema_migrations (version) VALUES (?)")
            .bind(version)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// The file's schema, 0 for an empty file. Refuses what is not ours or comes from a later release.
pub(super) async fn schema_of(connection: &mut SqliteConnection, path: &str) -> Result<i64, SqliteError> {
    let failed = |error: sqlx::Error| SqliteError::io("reading the database's schema")(error.into());
    // One statement: another process may be creating the schema at this moment.
    let (application, tables): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    match (application, tables) {
        (0, 0) => return Ok(0),
        (APPLICATION_ID, _) => {}
        _ => return Err(SqliteError::Foreign(path.to_owned())),
    }
    let found: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM schema_migrations")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if found > SCHEMA {
        return Err(SqliteError::NewerSchema { found, known: SCHEMA });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_application_id_is_the_one_in_the_statement() {
        assert_eq!(super::APPLICATION_ID, 1_397_575_729);
    }

    /// The triggers run in the shell of a database administrator, which may be older than ours. What these names give
    /// there is no error always: an unknown modifier of a time gives NULL.
    #[test]
    fn no_trigger_needs_a_new_sqlite() {
        for sql in super::MIGRATIONS {
            let code: String = sql.lines().filter(|line| !line.starts_with("--")).collect();
            for new in ["subsec", "unixepoch", "unhex", "timediff", "jsonb"] {
                assert!(!code.contains(new), "{new}");
            }
        }
    }
}
