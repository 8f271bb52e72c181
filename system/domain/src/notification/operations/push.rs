//! A message to a user's devices only, with what came of it.

use std::time::Duration;

use tokio::time::Instant;

use super::{Message, NamedRequest, NotificationOperations};
use crate::notification::error::NotificationError;
use crate::notification::model::{
    Channel, ChannelSet, Delivery, DeliveryStatus, DeviceId, NotificationId, NotificationType, SendPush,
};

/// How long the results are waited for: an attempt, and what is around it.
pub const PUSH_WAIT_MAX: Duration = Duration::from_millis(5_500);
/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What came of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushResult {
    /// The device.
    pub device_id: DeviceId,
    /// `sent`, `failed`, `removed` or `pending`.
    pub status: DeliveryStatus,
    /// Why it is not sent.
    pub error: Option<String>,
}

/// What came of a push (specification 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushSummary {
    /// The notification, for its delivery log.
    pub id: NotificationId,
    /// The request was answered before; nothing was sent now.
    pub replayed: bool,
    /// One for each device.
    pub results: Vec<PushResult>,
}

impl PushSummary {
    /// How many push services have it.
    pub fn sent(&self) -> usize {
        self.results.iter().filter(|result| result.status == DeliveryStatus::Sent).count()
    }

    /// How many will never have it.
    pub fn failed(&self) -> usize {
        let failed = [DeliveryStatus::Failed, DeliveryStatus::Removed];
        self.results.iter().filter(|result| failed.contains(&result.status)).count()
    }
}

impl NotificationOperations {
    /// Pushes a message to a user's devices, and waits until all results are known, [`PUSH_WAIT_MAX`] at most. What is not
    /// known then goes on.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_push(
        &self,
        push: SendPush,
        request: Option<&NamedRequest>,
    ) -> Result<PushSummary, NotificationError> {
        let give_up = Instant::now() + PUSH_WAIT_MAX;
        let message = Message {
            user_id: push.user_id,
            title: push.title,
            body: push.body,
            kind: NotificationType::Alert,
            channels: ChannelSet::of([Channel::PushNotification]),
            devices: push.devices,
            attachments: Vec::new(),
        };
        let sent = self.send(message, request).await?;
        loop {
            let log = self.shared.ports.store.deliveries(sent.id).await?;
            let pushes = log.into_iter().flat_map(|log| log.deliveries).filter_map(result);
            let summary = PushSummary { id: sent.id, replayed: sent.replayed, results: pushes.collect() };
            let is_known = summary.results.iter().all(|result| result.status != DeliveryStatus::Pending);
            if is_known || Instant::now() >= give_up {
                return Ok(summary);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn result(delivery: Delivery) -> Option<PushResult> {
    let status = match delivery.status {
        // Of a device that must subscribe again.
        DeliveryStatus::Skipped => DeliveryStatus::Failed,
        status => status,
    };
    Some(PushResult { device_id: delivery.device_id?, status, error: delivery.last_error })
}
