//! One attempt.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::PushConfig;
use super::desk::Held;
use super::slots::Slot;
use crate::notification::model::NotificationType;
use crate::ports::{PushError, PushGateway, PushIntent, PushMessage, PushReceipt, Urgency};

/// An attempt that ended.
pub(super) struct Ended {
    pub(super) held: Held,
    pub(super) slot: Slot,
    pub(super) result: Result<PushReceipt, PushError>,
}

/// Makes the attempt. A gateway that panics has failed: what is held is not lost by it.
pub(super) async fn attempt(
    gateway: Arc<dyn PushGateway>,
    held: Held,
    slot: Slot,
    message: PushMessage,
    deadline: Duration,
) -> Ended {
    let sending = AssertUnwindSafe(gateway.attempt(&held.intent.device.target, &message)).catch_unwind();
    let result = match tokio::time::timeout(deadline, sending).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(PushError::Invalid("the gateway panicked".to_owned())),
        Err(_) => Err(PushError::Timeout),
    };
    Ended { held, slot, result }
}

/// What the device shows. The tag is the event's: an attempt whose answer was lost shows once.
pub(super) fn message(intent: &PushIntent, config: &PushConfig) -> PushMessage {
    PushMessage {
        title: intent.title.to_string(),
        body: intent.body.to_string(),
        icon: config.icon.clone(),
        tag: intent.event_id.0.as_simple().to_string(),
        ttl: config.ttl,
        urgency: match intent.kind {
            NotificationType::Alert => Urgency::High,
            NotificationType::ForecastCompleted => Urgency::Normal,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventId, UserId};
    use crate::notification::model::{Body, DeliveryId, Device, DeviceId, NotificationId, Title};
    use crate::ports::{PUSH_TAG_CHARS_MAX, PushTarget};
    use uuid::Uuid;

    #[test]
    fn the_tag_is_the_events_and_fits_every_push_service() {
        let device = |id| Device {
            id: DeviceId(Uuid::from_u128(id)),
            user_id: UserId(Uuid::nil()),
            target: PushTarget::Fcm { token: "token".to_owned() },
            os_version: None,
            vapid_key_id: None,
            created_at: coherence::Timestamp::UNIX_EPOCH,
            last_seen_at: coherence::Timestamp::UNIX_EPOCH,
            must_resubscribe: false,
        };
        let of = |event: Uuid, id: u128| {
            let intent = PushIntent {
                id: DeliveryId(Uuid::from_u128(id)),
                notification_id: NotificationId(Uuid::from_u128(id)),
                event_id: EventId(event),
                title: Title::new("Alert").unwrap(),
                body: Body::new("text").unwrap(),
                kind: NotificationType::Alert,
                device: device(id),
                attempts: 0,
                waits_since: coherence::Timestamp::UNIX_EPOCH,
            };
            message(&intent, &PushConfig::default()).tag
        };
        for event in [Uuid::nil(), Uuid::max(), Uuid::from_u128(0x1234_5678_9abc_def0)] {
            let tag = of(event, 1);
            assert!((1..=PUSH_TAG_CHARS_MAX).contains(&tag.len()), "{tag}");
            assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')), "{tag}");
            assert_eq!(of(event, 2), tag, "each attempt, and each device");
        }
        assert_ne!(of(Uuid::from_u128(1), 1), of(Uuid::from_u128(2), 1));
    }
}
