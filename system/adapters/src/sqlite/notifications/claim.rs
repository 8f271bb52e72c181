//! How work is handed out: the deliveries that wait at a stage, by the time from which on somebody may take them.

use std::time::Duration;

use domain::notification::model::{ClaimId, DeliveryStage};
use domain::ports::{CLAIM_LIFE_MAX, Claim, NotificationStoreError};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteNotifications;
use super::handle::{failed, micros};
use crate::sqlite::row;

pub(super) const NEXT: &str = "SELECT AvailableAt FROM NotificationDeliveries \
                               WHERE Stage = ?1 ORDER BY AvailableAt, Number LIMIT 1";

/// A claim that seems to live longer than any may is from before the clock went back. What is under way is not freed, so it
/// is not looked for: else whoever asks would be told for ever that something is due.
pub(super) const AHEAD: &str = "SELECT 1 FROM NotificationDeliveries \
     WHERE Stage = ?1 AND AvailableAt > ?2 AND ClaimId IS NOT NULL AND Status <> 'sending' LIMIT 1";

/// The condition by which what is due is found, the same for reading and for taking it: both see one state.
pub(super) const DUE: &str = "SELECT Number FROM NotificationDeliveries \
     WHERE Stage = ?1 AND AvailableAt <= ?2 ORDER BY AvailableAt, Number LIMIT ?3";

/// Ends claims that seem to live too long: see [`AHEAD`].
pub(super) const FREE_AHEAD: &str = "UPDATE NotificationDeliveries SET ClaimId = NULL, AvailableAt = 0 \
     WHERE Stage = ?1 AND AvailableAt > ?2 AND ClaimId IS NOT NULL AND Status <> 'sending'";

pub(super) const TAKE: &str = "UPDATE NotificationDeliveries SET ClaimId = ?4, AvailableAt = ?5 WHERE Number IN ";

pub(super) const RELEASE: &str = "UPDATE NotificationDeliveries SET ClaimId = NULL, AvailableAt = DueAt \
     WHERE ClaimId = ?1 AND Stage IS NOT NULL AND Status <> 'sending'";

/// When the next thing at a stage can be taken, from now; `None`: nothing waits. Reads only: idle jobs ask all the time.
pub(super) async fn next_due(
    store: &SqliteNotifications,
    stage: DeliveryStage,
) -> Result<Option<Duration>, NotificationStoreError> {
    let next = sqlx::query_scalar::<_, i64>(NEXT).bind(stage as i64);
    let Some(at) = next.fetch_optional(store.readers()).await.map_err(failed)? else { return Ok(None) };
    let now = store.now();
    let latest = now.saturating_add(micros(CLAIM_LIFE_MAX));
    if at > latest {
        let ahead = sqlx::query_scalar::<_, i64>(AHEAD).bind(stage as i64).bind(latest);
        if ahead.fetch_optional(store.readers()).await.map_err(failed)?.is_some() {
            return Ok(Some(Duration::ZERO));
        }
    }
    Ok(Some(Duration::from_micros(at.saturating_sub(now).max(0).unsigned_abs())))
}

/// Takes what is due at a stage. `select` begins the statement that reads it, `after` is run last in the transaction.
pub(super) async fn take(
    connection: &mut SqliteConnection,
    stage: DeliveryStage,
    claim: &Claim,
    now: i64,
    [before, select, after]: [&'static str; 3],
) -> Result<Vec<SqliteRow>, NotificationStoreError> {
    let free = format!("BEGIN IMMEDIATE; {FREE_AHEAD}; {before}");
    let freed = sqlx::query(sqlx::AssertSqlSafe(free))
        .bind(stage as i64)
        .bind(now.saturating_add(micros(CLAIM_LIFE_MAX)))
        .bind(now);
    freed.execute(&mut *connection).await.map_err(failed)?;
    let sql = format!("{select} ({DUE}) ORDER BY d.AvailableAt, d.Number; {TAKE} ({DUE}); {after} COMMIT");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(stage as i64)
        .bind(now)
        .bind(i64::from(claim.limit))
        .bind(row::blob(claim.id.0))
        .bind(now.saturating_add(micros(claim.life.min(CLAIM_LIFE_MAX))))
        .fetch_all(connection)
        .await
        .map_err(failed)
}

/// Frees what a claim holds.
pub(super) async fn release(store: &SqliteNotifications, claim: ClaimId) -> Result<(), NotificationStoreError> {
    store
        .write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(RELEASE).bind(row::blob(claim.0));
                query.execute(connection).await.map(drop).map_err(failed)
            })
        })
        .await
}
