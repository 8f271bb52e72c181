//! How work is handed out: the deliveries that wait at a stage, by the time from which on somebody may take them.

use std::time::Duration;

use domain::notification::model::{ClaimId, DeliveryStage};
use domain::ports::{CLAIM_LIFE_MAX, Claim, NotificationStoreError};
use tiberius::Row;

use super::SqlServerNotifications;
use super::handle::failed;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::Columns;
use crate::sqlserver::statement::{Statement, Value, int, millis, small_int, uuid};
use crate::sqlserver::statements::{NOTIFICATIONS_AHEAD, NOTIFICATIONS_NEXT_DUE, NOTIFICATIONS_RELEASE};

/// When the next thing at a stage can be taken, from now; `None`: nothing waits. Reads only: idle jobs ask all the time.
pub(super) async fn next_due(
    store: &SqlServerNotifications,
    stage: DeliveryStage,
) -> Result<Option<Duration>, NotificationStoreError> {
    let look = async {
        let rows = store.shared.rows(&NOTIFICATIONS_NEXT_DUE, [int(stage as i64)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let due = Duration::from_micros(Columns::of(row).int()?.max(0).unsigned_abs());
        if due > CLAIM_LIFE_MAX {
            let values = [int(stage as i64), millis(CLAIM_LIFE_MAX)];
            if !store.shared.rows(&NOTIFICATIONS_AHEAD, values).await?.is_empty() {
                return Ok(Some(Duration::ZERO));
            }
        }
        Ok(Some(due))
    };
    look.await.map_err(failed)
}

/// Whether there is something to take now.
pub(super) async fn is_due(
    store: &SqlServerNotifications,
    stage: DeliveryStage,
) -> Result<bool, NotificationStoreError> {
    Ok(next_due(store, stage).await?.is_some_and(|due| due.is_zero()))
}

/// When more is due, if less than wanted was got.
pub(super) async fn then_due(
    store: &SqlServerNotifications,
    stage: DeliveryStage,
    claim: &Claim,
    got: usize,
) -> Result<Option<Duration>, NotificationStoreError> {
    match got >= usize::try_from(claim.limit).unwrap_or(usize::MAX) {
        true => Ok(None),
        false => next_due(store, stage).await,
    }
}

/// Takes what is due, by the statement of its stage.
pub(super) async fn take(
    store: &SqlServerNotifications,
    statement: &Statement<4>,
    claim: &Claim,
) -> Result<Vec<Vec<Row>>, SqlError> {
    store.shared.answers(statement, parameters(claim)).await
}

fn parameters(claim: &Claim) -> [Value; 4] {
    [uuid(claim.id.0), millis(claim.life.min(CLAIM_LIFE_MAX)), small_int(claim.limit), millis(CLAIM_LIFE_MAX)]
}

/// Frees what a claim holds.
pub(super) async fn release(store: &SqlServerNotifications, claim: ClaimId) -> Result<(), NotificationStoreError> {
    store.shared.rows(&NOTIFICATIONS_RELEASE, [uuid(claim.0)]).await.map(drop).map_err(failed)
}
