//! The leases: a row each. They end by the server's clock, which all processes share.

use std::time::Duration;

use async_trait::async_trait;
use coherence::{FencingToken, Incarnation};
use domain::ports::{Acquired, FeedPosition, Lease, LeaseName, Leases, StoreError};
use tiberius::Row;
use uuid::Uuid;

use super::SqlServerStore;
use super::errors::{PortError, SqlError};
use super::row::{Columns, position_bytes, signed};
use super::statement::{bytes, int, millis, text, uuid};
use super::statements::{LEASES_LOOK, LEASES_MOVE_CURSOR, LEASES_RELEASE, LEASES_RENEW, LEASES_TAKE};

/// A lease with more than this many times its life before it was given under a clock that has gone back since (another
/// machine, after a failover): nobody prolonged it by that much, and to wait for it would be to wait for the clock.
const LIVES_AHEAD_MAX: i64 = 2;

/// How often a lease is asked for that others take and give back between the look and the taking.
const ATTEMPTS_MAX: u32 = 3;

#[async_trait]
impl Leases for SqlServerStore {
    async fn acquire(&self, name: LeaseName, holder: Uuid, life: Duration) -> Result<Acquired, StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            // Standbys ask all the time: while another process holds it, that is a read.
            let looked = self.shared.rows(&LEASES_LOOK, [text(name.name()), uuid(holder)]).await;
            let left = looked.and_then(|rows| remaining(&rows)).map_err(StoreError::from_sql)?;
            if let Some(remaining) = left {
                return Ok(Acquired::Busy { remaining });
            }
            let values = [text(name.name()), uuid(holder), millis(life), int(LIVES_AHEAD_MAX)];
            let taken = self.shared.rows(&LEASES_TAKE, values).await.map_err(StoreError::from_sql)?;
            if let Some(row) = taken.first() {
                return lease(name, row).map(Acquired::Held).map_err(StoreError::from_sql);
            }
            // Another process was quicker; look at what it did.
        }
        Ok(Acquired::Busy { remaining: Duration::ZERO })
    }

    async fn renew(&self, name: LeaseName, token: FencingToken, life: Duration) -> Result<bool, StoreError> {
        let values = [text(name.name()), int(signed(token.0)), millis(life)];
        let changed = self.shared.changed(&LEASES_RENEW, values).await.map_err(StoreError::from_sql)?;
        Ok(changed > 0)
    }

    async fn release(&self, name: LeaseName, token: FencingToken) -> Result<(), StoreError> {
        let values = [text(name.name()), int(signed(token.0))];
        self.shared.changed(&LEASES_RELEASE, values).await.map(drop).map_err(StoreError::from_sql)
    }

    async fn move_cursor(&self, name: LeaseName, token: FencingToken, to: FeedPosition) -> Result<bool, StoreError> {
        let values = [text(name.name()), int(signed(token.0)), bytes(position_bytes(to))];
        let changed = self.shared.changed(&LEASES_MOVE_CURSOR, values).await.map_err(StoreError::from_sql)?;
        Ok(changed > 0)
    }
}

/// How long another process has the lease; `None` if it can be taken.
fn remaining(rows: &[Row]) -> Result<Option<Duration>, SqlError> {
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = Columns::of(row);
    let (is_held, left_us, life_ms) = (columns.flag()?, columns.int()?, columns.int()?);
    let holds = is_held && left_us > 0 && left_us <= life_ms.saturating_mul(1_000 * LIVES_AHEAD_MAX);
    Ok(holds.then(|| Duration::from_micros(left_us.unsigned_abs())))
}

pub(super) fn lease(name: LeaseName, row: &Row) -> Result<Lease, SqlError> {
    let mut columns = Columns::of(row);
    Ok(Lease {
        name,
        token: FencingToken(columns.counter()?),
        cursor: FeedPosition(columns.wide()?),
        incarnation: Incarnation(columns.counter()?),
    })
}
