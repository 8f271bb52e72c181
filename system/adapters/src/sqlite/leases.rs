//! The leases: a row each. The store's clock is that of the machine; all processes that have the file open share it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::{FencingToken, Incarnation};
use domain::ports::{Acquired, FeedPosition, Lease, LeaseName, Leases, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use uuid::Uuid;

use super::SqliteStore;
use super::database::Shared;
use super::errors::PortError;
use super::row;

/// A lease with more than this many times its life before it was given under a clock that has gone back since: nobody
/// prolonged it by that much, and to wait for it would be to wait for the clock. The second one is for a clock that is
/// read before the write that it dates.
const LIVES_AHEAD_MAX: i64 = 2;

/// How often a lease is asked for that others take and give back between the look and the taking.
const ATTEMPTS_MAX: u32 = 3;

/// Whether another process has the lease, and until when.
const LOOK: &str = "SELECT holder IS NOT NULL AND holder <> ?2, expires_at, life FROM leases WHERE name = ?1";

/// The same conditions as in [`remaining`], under the write lock. The numbers are those of `domain::ports::tokens_before`.
const TAKE: &str = "UPDATE leases SET \
     token = 1 + max(token, (SELECT min(incarnation - 1, 1048576) * 4294967296 FROM meta)), holder = ?2, expires_at = ?3 + ?4, life = ?4 \
     WHERE name = ?1 AND (holder IS NULL OR holder = ?2 OR expires_at <= ?3 OR expires_at - ?3 > life * ?5) \
     RETURNING token, cursor, (SELECT incarnation FROM meta)";

const OF_TOKEN: &str = " WHERE name = ? AND token = ? AND holder IS NOT NULL";

#[async_trait]
impl Leases for SqliteStore {
    async fn acquire(&self, name: LeaseName, holder: Uuid, life: Duration) -> Result<Acquired, StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            if let Some(remaining) = remaining(&self.shared, name, holder).await? {
                return Ok(Acquired::Busy { remaining });
            }
            if let Some(lease) = take(&self.shared, name, holder, micros(life)).await? {
                return Ok(Acquired::Held(lease));
            }
            // Another process was quicker; look at what it did.
        }
        Ok(Acquired::Busy { remaining: Duration::ZERO })
    }

    async fn renew(&self, name: LeaseName, token: FencingToken, life: Duration) -> Result<bool, StoreError> {
        let (life, now) = (micros(life), self.shared.clock.now().as_microsecond());
        let mut sql = QueryBuilder::new("UPDATE leases SET life = ");
        sql.push_bind(life).push(", expires_at = ").push_bind(now.saturating_add(life));
        change(&self.shared, sql, name, token).await
    }

    async fn release(&self, name: LeaseName, token: FencingToken) -> Result<(), StoreError> {
        change(&self.shared, QueryBuilder::new("UPDATE leases SET holder = NULL"), name, token).await.map(drop)
    }

    async fn move_cursor(&self, name: LeaseName, token: FencingToken, to: FeedPosition) -> Result<bool, StoreError> {
        let mut sql = QueryBuilder::new("UPDATE leases SET cursor = ");
        // Positions of this file's feed are its row numbers.
        sql.push_bind(i64::try_from(to.0).unwrap_or(i64::MAX));
        change(&self.shared, sql, name, token).await
    }
}

/// Microseconds, and so few that they can be added to a time.
fn micros(life: Duration) -> i64 {
    const LIFE_MAX: i64 = i64::MAX / 4;
    i64::try_from(life.as_micros()).unwrap_or(LIFE_MAX).min(LIFE_MAX)
}

/// How long another process has the lease; `None` if it can be taken. Reads only: standbys ask all the time.
async fn remaining(shared: &Shared, name: LeaseName, holder: Uuid) -> Result<Option<Duration>, StoreError> {
    let query = sqlx::query_as(LOOK).bind(name.name()).bind(row::blob(holder));
    let found: Option<(bool, i64, i64)> =
        query.fetch_optional(&shared.readers).await.map_err(StoreError::from_driver)?;
    let Some((is_held, expires_at, life)) = found else {
        return Err(StoreError::Corrupt(format!("the table leases has no row {name}")));
    };
    let left = expires_at.saturating_sub(shared.clock.now().as_microsecond());
    let holds = is_held && left > 0 && left <= life.saturating_mul(LIVES_AHEAD_MAX);
    Ok(holds.then(|| Duration::from_micros(left.unsigned_abs())))
}

/// Takes the lease under the write lock and on disk: a token that was given out is never given out again.
async fn take(shared: &Arc<Shared>, name: LeaseName, holder: Uuid, life: i64) -> Result<Option<Lease>, StoreError> {
    let taking = Arc::clone(shared);
    shared
        .writer
        .run(move |connection| {
            Box::pin(async move {
                let rows = sqlx::query(TAKE)
                    .bind(name.name())
                    .bind(row::blob(holder))
                    .bind(taking.clock.now().as_microsecond())
                    .bind(life)
                    .bind(LIVES_AHEAD_MAX)
                    .fetch_all(connection)
                    .await
                    .map_err(StoreError::from_driver)?;
                rows.first().map(|row| lease(name, row)).transpose().map_err(StoreError::from_driver)
            })
        })
        .await
}

fn lease(name: LeaseName, row: &SqliteRow) -> Result<Lease, sqlx::Error> {
    let read = |column: usize| row.try_get_unchecked::<i64, _>(column).and_then(row::counter);
    Ok(Lease {
        name,
        token: FencingToken(read(0)?),
        cursor: FeedPosition(u128::from(read(1)?)),
        incarnation: Incarnation(read(2)?),
    })
}

/// Runs `sql`, a change of the lease, if the lease is this token's; answers whether it is.
async fn change(
    shared: &Shared,
    mut sql: QueryBuilder<Sqlite>,
    name: LeaseName,
    token: FencingToken,
) -> Result<bool, StoreError> {
    sql.push(OF_TOKEN);
    shared
        .writer
        .run_light(move |connection| {
            Box::pin(async move {
                let query = sql.build().bind(name.name()).bind(row::signed(token.0));
                let changed = query.execute(connection).await.map_err(StoreError::from_driver)?;
                Ok(changed.rows_affected() > 0)
            })
        })
        .await
}
