//! The job that forgets: answers after their expiry, sent events of the outbox soon, tombstones after all that may still
//! speak of them. The change feed forgets by itself: the server's own jobs do it. In small transactions, so that writers
//! wait for none of it.

use std::time::Duration;

use super::SqlServer;
use super::database::Shared;
use super::errors::{SqlError, SqlServerError};
use super::statement::{Statement, Value, small_int};
use super::statements::{PRUNE_ANSWERS, PRUNE_SENT, PRUNE_SENT_TOO_MANY, PRUNE_TOMBSTONES};

/// How many rows one transaction deletes: a few milliseconds of work, and below the 5,000 locks at which the server would
/// lock the table.
const ROWS_PER_TRANSACTION_MAX: u32 = 2_000;

/// How many transactions one call makes of each kind; the next call goes on.
const TRANSACTIONS_PER_CALL_MAX: u32 = 100;

/// Events of the outbox that were sent are kept for so long, to be looked at.
const SENT_KEPT: Duration = Duration::from_secs(60 * 60);

/// And so many of them at most: at full speed an hour of them would be gigabytes.
const SENT_ROWS_MAX: u32 = 100_000;

/// How many rows a call deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Kept answers.
    pub answers: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Events of the outbox that were sent.
    pub sent: u64,
}

impl SqlServer {
    /// Deletes what is older than its retention, closes connections that nobody used for long, and looks whether the
    /// database was restored.
    ///
    /// # Errors
    /// [`SqlServerError::Server`]; the next call goes on where this one ended.
    pub async fn prune(&self) -> Result<Pruned, SqlServerError> {
        self.notice_restore().await?;
        self.shared.pool.close_idle();
        let shared = &self.shared;
        let pruned = async {
            let dead = seconds(shared.config.tombstone_retention.max(shared.config.retention));
            let too_many = delete(shared, &PRUNE_SENT_TOO_MANY, small_int(SENT_ROWS_MAX)).await?;
            Ok(Pruned {
                answers: delete_expired(shared).await?,
                tombstones: delete(shared, &PRUNE_TOMBSTONES, dead).await?,
                sent: delete(shared, &PRUNE_SENT, seconds(SENT_KEPT)).await? + too_many,
            })
        };
        pruned.await.map_err(SqlServerError::during("forgetting what is old"))
    }
}

fn seconds(time: Duration) -> Value {
    small_int(u32::try_from(time.as_secs()).unwrap_or(u32::MAX))
}

/// Runs a statement whose parameters are a number of rows and a bound, until it finds no more.
async fn delete(shared: &Shared, statement: &Statement<2>, bound: Value) -> Result<u64, SqlError> {
    let mut deleted = 0;
    for _ in 0..TRANSACTIONS_PER_CALL_MAX {
        let now = shared.changed(statement, [small_int(ROWS_PER_TRANSACTION_MAX), bound.clone()]).await?;
        deleted += now;
        if now < u64::from(ROWS_PER_TRANSACTION_MAX) {
            break;
        }
    }
    Ok(deleted)
}

async fn delete_expired(shared: &Shared) -> Result<u64, SqlError> {
    let mut deleted = 0;
    for _ in 0..TRANSACTIONS_PER_CALL_MAX {
        let now = shared.changed(&PRUNE_ANSWERS, [small_int(ROWS_PER_TRANSACTION_MAX)]).await?;
        deleted += now;
        if now < u64::from(ROWS_PER_TRANSACTION_MAX) {
            break;
        }
    }
    Ok(deleted)
}
