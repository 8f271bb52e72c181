//! Pushes to send.

use async_trait::async_trait;
use domain::model::EventId;
use domain::notification::model::{ClaimId, DeliveryId, DeliveryStage, DeliveryStatus, NotificationId};
use domain::ports::{Claim, ClaimedWork, NotificationStoreError, PushIntent, PushIntents, PushOutcome, PushReport};
use serde_json::{Value as Json, json};
use tiberius::Row;

use super::SqlServerNotifications;
use super::claim;
use super::handle::failed;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_json};
use crate::sqlserver::statement::{text, uuid};
use crate::sqlserver::statements::{NOTIFICATIONS_CLAIM_PUSHES, NOTIFICATIONS_REPORT_PUSHES};

pub(in crate::sqlserver) fn intent(row: &Row) -> Result<PushIntent, SqlError> {
    let mut columns = Columns::of(row);
    Ok(PushIntent {
        id: columns.delivery_id()?,
        attempts: columns.attempts()?,
        notification_id: NotificationId(columns.id()?),
        event_id: EventId(columns.id()?),
        title: columns.title()?,
        body: columns.body()?,
        kind: columns.kind()?,
        waits_since: columns.time()?,
        device: columns.device()?,
    })
}

/// Milliseconds as the statements take them, of a time after which something is due.
pub(super) fn after_ms(after: std::time::Duration) -> i32 {
    i32::try_from(after.as_micros().div_ceil(1_000)).unwrap_or(i32::MAX)
}

fn report(report: &PushReport) -> Json {
    let (status, error, after) = match &report.outcome {
        PushOutcome::Sent => (DeliveryStatus::Sent, None, None),
        PushOutcome::Retry { after, error } => (DeliveryStatus::Pending, Some(error), Some(after_ms(*after))),
        PushOutcome::Failed { error } | PushOutcome::MustResubscribe { error } => {
            (DeliveryStatus::Failed, Some(error), None)
        }
        PushOutcome::Removed { error } => (DeliveryStatus::Removed, Some(error), None),
    };
    json!({
        "id": id_json(report.id.0),
        "status": status.name(),
        "attempts": report.attempts,
        "error": error,
        "after": after,
        "flag": matches!(report.outcome, PushOutcome::MustResubscribe { .. }),
    })
}

#[async_trait]
impl PushIntents for SqlServerNotifications {
    async fn claim_pushes(&self, claim: Claim) -> Result<ClaimedWork<PushIntent>, NotificationStoreError> {
        let mut items = Vec::new();
        if claim::is_due(self, DeliveryStage::Push).await? {
            let answers = claim::take(self, &NOTIFICATIONS_CLAIM_PUSHES, &claim).await.map_err(failed)?;
            items = answers.iter().flatten().map(intent).collect::<Result<_, _>>().map_err(failed)?;
        }
        let next_due = claim::then_due(self, DeliveryStage::Push, &claim, items.len()).await?;
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
        let list: Vec<Json> = reports.iter().map(report).collect();
        let values = [text(Json::Array(list).to_string()), uuid(claim.0)];
        let written = self.shared.rows(&NOTIFICATIONS_REPORT_PUSHES, values).await.map_err(failed)?;
        let own = delivery_ids(&written).map_err(failed)?;
        Ok(reports.iter().map(|report| report.id).filter(|id| !own.contains(id)).collect())
    }
}

/// The ids that a statement answers.
pub(super) fn delivery_ids(rows: &[Row]) -> Result<Vec<DeliveryId>, SqlError> {
    rows.iter().map(|row| Columns::of(row).delivery_id()).collect()
}
