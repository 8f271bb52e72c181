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
