//! Bringing the migrations.

use std::time::Duration;

use super::list::{Migration, Phase};
use super::{cdc, plan};
use crate::sqlserver::connection::{Pool, Session};
use crate::sqlserver::errors::{SqlError, SqlServerError};
use crate::sqlserver::row::Columns;
use crate::sqlserver::statement::{int, text};
use crate::sqlserver::statements::{MIGRATIONS_HISTORY, MIGRATIONS_LOCK, MIGRATIONS_NOTE, MIGRATIONS_UNLOCK};
use crate::sqlserver::{FeedMode, SqlServerConfig};

/// How long one batch of a migration may take: an index of a large table takes its time.
const BATCH_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// A migration waits longer for others than a statement of a request does, but not for ever: who waits for a lock on the
/// schema makes all others wait.
const LOCK_TIMEOUT: &str = "SET LOCK_TIMEOUT 60000;";

/// What a call brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The migrations, by name, in their order.
    pub applied: Vec<String>,
    /// What was arranged about CDC.
    pub arranged: Vec<String>,
}

/// Brings what is due up to `phase`, each migration in a transaction of its own (but those that cannot be), one process at
/// a time. What was brought before an error stays; the next call goes on.
///
/// # Errors
/// [`SqlServerError`].
pub async fn migrate(mut config: SqlServerConfig, phase: Phase) -> Result<Migrated, SqlServerError> {
    config.statement_timeout = BATCH_TIMEOUT;
    config.target.command_timeout(Some(2 * BATCH_TIMEOUT));
    config.connections = 1;
    let pool = Pool::new(config.clone())?;
    let mut session = pool.session().await.map_err(SqlServerError::during("connecting"))?;
    lock(&mut session).await?;
    let brought = bring(&mut session, &config, phase).await;
    // The lock is the connection's: if this fails, it ends with it.
    if session.rows(&MIGRATIONS_UNLOCK, []).await.is_err() {
        pool.close();
    }
    brought
}

async fn lock(session: &mut Session) -> Result<(), SqlServerError> {
    let failed = || SqlServerError::during("waiting for another migration");
    session.batch(LOCK_TIMEOUT).await.map_err(failed())?;
    let rows = session.rows(&MIGRATIONS_LOCK, []).await.map_err(failed())?;
    let result = rows.first().map_or(Ok(-1), |row| Columns::of(row).int()).map_err(failed())?;
    match result >= 0 {
        true => Ok(()),
        false => Err(failed()(SqlError::Slow("another migration"))),
    }
}

async fn bring(session: &mut Session, config: &SqlServerConfig, phase: Phase) -> Result<Migrated, SqlServerError> {
    session.rows(&MIGRATIONS_HISTORY, []).await.map_err(SqlServerError::during("creating the table of migrations"))?;
    let due = plan::due(session).await?;
    let mut migrated = Migrated::default();
    for migration in due.iter().filter(|one| one.phase() <= phase) {
        let outcome = apply(session, migration).await;
        if outcome.is_err() {
            session.roll_back().await;
        }
        outcome.map_err(SqlServerError::during(format!("migration {}", migration.name)))?;
        migrated.applied.push(migration.name.to_owned());
    }
    if config.feed == FeedMode::Cdc {
        let arrange = cdc::arrange(session, config.retention, phase);
        migrated.arranged = arrange.await.map_err(SqlServerError::during("arranging CDC"))?;
    }
    Ok(migrated)
}

async fn apply(session: &mut Session, migration: &Migration) -> Result<(), SqlError> {
    if migration.is_transaction() {
        session.begin().await?;
    }
    for batch in migration.batches() {
        session.batch(&batch).await?;
    }
    let phase = text(migration.phase().as_str());
    let values = [int(migration.number.into()), text(migration.name), text(migration.hash()), phase];
    session.rows(&MIGRATIONS_NOTE, values).await?;
    match migration.is_transaction() {
        true => session.commit().await,
        false => Ok(()),
    }
}
