//! Pushes to send.

use async_trait::async_trait;
use domain::model::EventId;
use domain::notification::model::{ClaimId, DeliveryId, DeliveryStage, DeliveryStatus, Device, NotificationId};
use domain::ports::{Claim, ClaimedWork, NotificationStoreError, PushIntent, PushIntents, PushOutcome, PushReport};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use super::SqliteNotifications;
use super::claim;
use super::columns::{attempts, body, delivery_id, device, kind, title};
use super::handle::{failed, micros};
use crate::sqlite::row;

/// The pushes that are due, with their notifications, and with their devices where these are the user's still.
pub(super) const SELECT: &str = "SELECT d.Id, d.Attempts, a.Id, a.EventId, a.Title, a.Body, a.Type, d.WaitsSince, \
     s.Id, s.UserId, s.IntegrationType, s.Token, s.SubscriptionJson, s.OSVersion, s.VapidKeyId, s.CreatedAt, \
     s.LastSeenAt, s.MustResubscribe \
     FROM NotificationDeliveries d LEFT JOIN NotificationAcceptances a ON a.Id = d.NotificationId \
         LEFT JOIN SysUserDeviceInfo s ON s.Id = d.DeviceId AND s.UserId = a.UserId WHERE d.Number IN ";

/// Those whose device is gone, or must subscribe again, are not handed out.
pub(super) const RESOLVE: &str = "UPDATE NotificationDeliveries SET Stage = NULL, ClaimId = NULL, UpdatedAt = ?2, \
         Status = 'removed', LastError = 'the device was removed' \
     WHERE ClaimId = ?4 AND Stage = 1 AND NOT EXISTS (SELECT 1 FROM SysUserDeviceInfo s \
         JOIN NotificationAcceptances a ON a.UserId = s.UserId WHERE s.Id = DeviceId AND a.Id = NotificationId); \
     UPDATE NotificationDeliveries SET Stage = NULL, ClaimId = NULL, UpdatedAt = ?2, \
         Status = 'skipped', LastError = 'the device must subscribe again' \
     WHERE ClaimId = ?4 AND Stage = 1 AND EXISTS (SELECT 1 FROM SysUserDeviceInfo s \
         WHERE s.Id = DeviceId AND s.MustResubscribe = 1);";

/// What came of pushes of a claim. A row without a due time is done with; it keeps the claim's name, so that the same
/// report, made again, is no stranger's.
pub(super) const REPORT: &str = "BEGIN IMMEDIATE; \
     UPDATE NotificationDeliveries SET Status = j.status, Attempts = j.attempts, LastError = j.error, UpdatedAt = ?3, \
         Stage = CASE WHEN j.due IS NULL THEN NULL ELSE 1 END, DueAt = coalesce(j.due, DueAt), \
         AvailableAt = coalesce(j.due, AvailableAt), ClaimId = CASE WHEN j.due IS NULL THEN ClaimId END \
     FROM (SELECT unhex(value ->> 'id') AS id, value ->> 'status' AS status, value ->> 'attempts' AS attempts, \
               value ->> 'error' AS error, value ->> 'due' AS due FROM json_each(?1)) j \
     WHERE NotificationDeliveries.Id = j.id AND ClaimId = ?2 RETURNING NotificationDeliveries.Id; \
     DELETE FROM SysUserDeviceInfo WHERE Id IN (SELECT d.DeviceId FROM json_each(?1) j \
         CROSS JOIN NotificationDeliveries d ON d.Id = unhex(j.value ->> 'id') \
         WHERE j.value ->> 'status' = 'removed' AND d.ClaimId = ?2); \
     UPDATE SysUserDeviceInfo SET MustResubscribe = 1 WHERE Id IN (SELECT d.DeviceId FROM json_each(?1) j \
         CROSS JOIN NotificationDeliveries d ON d.Id = unhex(j.value ->> 'id') \
         WHERE j.value ->> 'flag' = 1 AND d.ClaimId = ?2); \
     COMMIT";

fn intent(found: &SqliteRow) -> Result<Option<PushIntent>, sqlx::Error> {
    let Some(device) = device(found, 8)?.filter(|device: &Device| !device.must_resubscribe) else { return Ok(None) };
    Ok(Some(PushIntent {
        id: delivery_id(found, 0)?,
        attempts: attempts(found.try_get_unchecked(1)?),
        notification_id: NotificationId(row::id(found, 2)?),
        event_id: EventId(row::id(found, 3)?),
        title: title(found, 4)?,
        body: body(found, 5)?,
        kind: kind(found.try_get_unchecked(6)?)?,
        waits_since: row::time(found.try_get_unchecked(7)?)?,
        device,
    }))
}

fn report(report: &PushReport, now: i64) -> Value {
    let (status, error, due) = match &report.outcome {
        PushOutcome::Sent => (DeliveryStatus::Sent, None, None),
        PushOutcome::Retry { after, error } => {
            (DeliveryStatus::Pending, Some(error), Some(now.saturating_add(micros(*after))))
        }
        PushOutcome::Failed { error } | PushOutcome::MustResubscribe { error } => {
            (DeliveryStatus::Failed, Some(error), None)
        }
        PushOutcome::Removed { error } => (DeliveryStatus::Removed, Some(error), None),
    };
    json!({
        "id": row::hex(report.id.0),
        "status": status.name(),
        "attempts": report.attempts,
        "error": error,
        "due": due,
        "flag": u8::from(matches!(report.outcome, PushOutcome::MustResubscribe { .. })),
    })
}

#[async_trait]
impl PushIntents for SqliteNotifications {
    async fn claim_pushes(&self, claim: Claim) -> Result<ClaimedWork<PushIntent>, NotificationStoreError> {
        let mut items = Vec::new();
        if claim::next_due(self, DeliveryStage::Push).await?.is_some_and(|due| due.is_zero()) {
            let here = self.clone();
            let rows = self.write(move |connection| {
                Box::pin(async move {
                    claim::take(connection, DeliveryStage::Push, &claim, here.now(), ["", SELECT, RESOLVE]).await
                })
            });
            for found in &rows.await? {
                items.extend(intent(found).map_err(failed)?);
            }
        }
        let is_full = items.len() >= usize::try_from(claim.limit).unwrap_or(usize::MAX);
        let next_due = if is_full { None } else { claim::next_due(self, DeliveryStage::Push).await? };
        Ok(ClaimedWork { items, next_due })
    }

    async fn report_pushes(
        &self,
        claim: ClaimId,
        reports: Vec<PushReport>,
    ) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let here = self.clone();
        let ids: Vec<DeliveryId> = reports.iter().map(|report| report.id).collect();
        let written = self.write(move |connection| {
            Box::pin(async move {
                let now = here.now();
                let list: Vec<Value> = reports.iter().map(|one| report(one, now)).collect();
                let query = sqlx::query(AssertSqlSafe(REPORT));
                let query = query.bind(Value::from(list).to_string()).bind(row::blob(claim.0)).bind(now);
                query.fetch_all(connection).await.map_err(failed)
            })
        });
        let written = written.await?;
        let own: Vec<DeliveryId> =
            written.iter().map(|found| delivery_id(found, 0)).collect::<Result<_, _>>().map_err(failed)?;
        Ok(ids.into_iter().filter(|id| !own.contains(id)).collect())
    }
}
