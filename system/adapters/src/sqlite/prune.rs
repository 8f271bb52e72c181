//! The job that forgets: messages and changes after their retention, answers after their expiry, tombstones after all of
//! these, sent events of the outbox soon. In small transactions, so that writers wait for none of it.

use std::sync::Arc;
use std::time::Duration;

use coherence::Timestamp;

use super::Sqlite;
use super::bus::retention;
use super::database::Shared;
use super::errors::{PortError, SqliteError};

/// How many rows one transaction deletes: a few milliseconds of work.
const ROWS_PER_TRANSACTION_MAX: u32 = 2_000;

/// How many transactions one call makes of each kind; the next call goes on.
const TRANSACTIONS_PER_CALL_MAX: u32 = 500;

// By the indexes of age, not in the order of ids: what came while a clock was ahead must not keep all that follows.
const MESSAGES: &str = "DELETE FROM messages WHERE id IN (SELECT id FROM messages \
                        WHERE published_at < ?1 ORDER BY published_at LIMIT ?2); SELECT changes()";

/// The feed is forgotten from its beginning: all before an old change is old, whatever a clock said. The floor moves in
/// the transaction of the delete: a reader sees both or neither.
const CHANGES: &str = "BEGIN IMMEDIATE; \
     UPDATE meta SET capture_floor = old.position FROM (SELECT max(position) AS position FROM \
         (SELECT position FROM capture WHERE position <= (SELECT position FROM capture \
             WHERE captured_at < ?1 ORDER BY captured_at DESC LIMIT 1) ORDER BY position LIMIT ?2)) old \
         WHERE old.position > capture_floor; \
     DELETE FROM capture WHERE position <= (SELECT capture_floor FROM meta); SELECT changes(); \
     COMMIT";

const ANSWERS: &str = "DELETE FROM idempotency WHERE (caller, key) IN (SELECT caller, key FROM idempotency \
                       WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2); SELECT changes()";

const TOMBSTONES: &str = "DELETE FROM tombstones WHERE id IN (SELECT id FROM tombstones \
                          WHERE deleted_at < ?1 ORDER BY deleted_at LIMIT ?2); SELECT changes()";

/// Events of the outbox that were sent are kept for so long, to be looked at.
const SENT_KEPT: Duration = Duration::from_secs(60 * 60);

/// And so many of them at most: at full speed an hour of them would be gigabytes.
const SENT_ROWS_MAX: u32 = 100_000;

/// Those that are not sent are never forgotten.
pub(super) const SENT: &str = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox \
                    WHERE sent_at < ?1 ORDER BY sent_at LIMIT ?2); SELECT changes()";

/// When the last event was sent that is one too many.
pub(super) const SENT_TOO_MANY: &str = "SELECT sent_at FROM outbox WHERE sent_at IS NOT NULL \
                             ORDER BY sent_at DESC LIMIT 1 OFFSET ?1";

/// How many rows a call deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Messages older than the retention.
    pub messages: u64,
    /// Messages given up early, because the topics were nearly full and every durable subscription had them.
    pub reclaimed: u64,
    /// Changes of the feed.
    pub changes: u64,
    /// Kept answers.
    pub answers: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Events of the outbox that were sent.
    pub sent: u64,
}

impl Sqlite {
    /// Deletes what is older than its retention.
    ///
    /// # Errors
    /// [`SqliteError::Io`]; the next call goes on where this one ended.
    pub async fn prune(&self) -> Result<Pruned, SqliteError> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let old = before(now, shared.config.retention);
        let dead = before(now, shared.config.tombstone_retention.max(shared.config.retention));
        Ok(Pruned {
            messages: delete(shared, MESSAGES, old).await?,
            reclaimed: retention::reclaim(shared, now).await?,
            changes: delete(shared, CHANGES, old).await?,
            answers: delete(shared, ANSWERS, now.as_microsecond()).await?,
            tombstones: delete(shared, TOMBSTONES, dead).await?,
            sent: delete(shared, SENT, sent_before(shared, now).await?).await?,
        })
    }
}

/// Up to when events that were sent are forgotten.
async fn sent_before(shared: &Shared, now: Timestamp) -> Result<i64, SqliteError> {
    let query = sqlx::query_scalar(SENT_TOO_MANY).bind(i64::from(SENT_ROWS_MAX));
    let too_many: Option<i64> = query.fetch_optional(&shared.readers).await.map_err(SqliteError::from_driver)?;
    let old = before(now, SENT_KEPT);
    Ok(too_many.map_or(old, |last| old.max(last.saturating_add(1))))
}

/// The moment `age` before `now`, in microseconds.
pub(super) fn before(now: Timestamp, age: Duration) -> i64 {
    now.as_microsecond().saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX))
}

/// Runs `statement`, whose parameters are a time and a number of rows and which selects how many it deleted, until it
/// finds no more.
async fn delete(shared: &Arc<Shared>, statement: &'static str, before: i64) -> Result<u64, SqliteError> {
    let mut deleted = 0;
    for _ in 0..TRANSACTIONS_PER_CALL_MAX {
        let now = delete_some(shared, statement, before).await?;
        deleted += now;
        if now < u64::from(ROWS_PER_TRANSACTION_MAX) {
            break;
        }
    }
    Ok(deleted)
}

async fn delete_some(shared: &Shared, statement: &'static str, before: i64) -> Result<u64, SqliteError> {
    shared
        .writer
        .run(move |connection| {
            Box::pin(async move {
                let query = sqlx::query_scalar(statement).bind(before).bind(i64::from(ROWS_PER_TRANSACTION_MAX));
                let deleted: Vec<i64> = query.fetch_all(connection).await.map_err(SqliteError::from_driver)?;
                Ok(deleted.first().copied().unwrap_or_default().unsigned_abs())
            })
        })
        .await
}
