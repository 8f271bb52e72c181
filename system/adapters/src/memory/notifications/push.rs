//! Pushes to send.

use async_trait::async_trait;
use domain::notification::model::{ClaimId, DeliveryId, DeliveryStage, DeliveryStatus};
use domain::ports::{Claim, ClaimedWork, NotificationStoreError, PushIntent, PushIntents, PushOutcome, PushReport};

use super::MemoryNotifications;
use super::handle::Moment;
use super::tables::Tables;

const DEVICE_GONE: &str = "the device was removed";
const MUST_RESUBSCRIBE: &str = "the device must subscribe again";

impl Tables {
    fn claim_pushes(&mut self, claim: &Claim, moment: Moment) -> ClaimedWork<PushIntent> {
        let mut items = Vec::new();
        for id in self.due(DeliveryStage::Push, moment.now, claim.limit) {
            match self.intent(id) {
                Ok(intent) => {
                    self.hold(id, claim, moment.now);
                    items.push(intent);
                }
                Err((status, why)) => self.change(id, |row| {
                    (row.status, row.held, row.updated_at) = (status, None, moment.wall);
                    row.last_error = Some(why.to_owned());
                }),
            }
        }
        ClaimedWork { items, next_due: self.next_due(DeliveryStage::Push, moment.now) }
    }

    /// The push behind a delivery, or what becomes of it.
    fn intent(&self, id: DeliveryId) -> Result<PushIntent, (DeliveryStatus, &'static str)> {
        const GONE: (DeliveryStatus, &str) = (DeliveryStatus::Removed, DEVICE_GONE);
        let row = self.deliveries.get(&id).ok_or(GONE)?;
        let device = row.device.and_then(|device| self.devices.get(&device)).ok_or(GONE)?;
        if device.must_resubscribe {
            return Err((DeliveryStatus::Skipped, MUST_RESUBSCRIBE));
        }
        let notification_id = row.notification.ok_or(GONE)?;
        let accepted = self.notifications.get(&notification_id).ok_or(GONE)?;
        // It moved to another user meanwhile.
        if device.user_id != accepted.user_id {
            return Err(GONE);
        }
        Ok(PushIntent {
            id,
            notification_id,
            event_id: accepted.event_id,
            title: accepted.title.clone(),
            body: accepted.body.clone(),
            kind: accepted.kind,
            device: device.clone(),
            attempts: row.attempts,
            waits_since: row.waits_since,
        })
    }

    /// Whether the report was the claim's to make.
    fn report_push(&mut self, claim: ClaimId, report: PushReport, moment: Moment) -> bool {
        let Some(row) = self.deliveries.get(&report.id) else { return false };
        if !row.is_held_by(claim) {
            return false;
        }
        let device = row.device;
        let (status, error, after) = match report.outcome {
            PushOutcome::Sent => (DeliveryStatus::Sent, None, None),
            PushOutcome::Retry { after, error } => (DeliveryStatus::Pending, Some(error), Some(after)),
            PushOutcome::Failed { error } => (DeliveryStatus::Failed, Some(error), None),
            PushOutcome::Removed { error } => {
                device.map(|id| self.forget_device(id));
                (DeliveryStatus::Removed, Some(error), None)
            }
            PushOutcome::MustResubscribe { error } => {
                if let Some(device) = device.and_then(|id| self.devices.get_mut(&id)) {
                    device.must_resubscribe = true;
                }
                (DeliveryStatus::Failed, Some(error), None)
            }
        };
        self.change(report.id, |row| {
            (row.status, row.last_error, row.attempts, row.updated_at) = (status, error, report.attempts, moment.wall);
            row.due = moment.now + after.unwrap_or_default();
            // What is final keeps its claim's name: the same report, made again, is no stranger's.
            row.held = row.held.filter(|_| status.is_final());
        });
        true
    }
}

#[async_trait]
impl PushIntents for MemoryNotifications {
    async fn claim_pushes(&self, claim: Claim) -> Result<ClaimedWork<PushIntent>, NotificationStoreError> {
        self.call("claim_pushes", |tables, moment| Ok(tables.claim_pushes(&claim, moment))).await
    }

    async fn report_pushes(
        &self,
        claim: ClaimId,
        reports: Vec<PushReport>,
    ) -> Result<Vec<DeliveryId>, NotificationStoreError> {
        self.call("report_pushes", |tables, moment| {
            let reported = reports.into_iter().map(|report| (report.id, tables.report_push(claim, report, moment)));
            Ok(reported.filter(|(_, was_its_own)| !was_its_own).map(|(id, _)| id).collect())
        })
        .await
    }
}
