//! What metrics are made of: one call for each delivery that ended.

use std::time::Duration;

use super::model::{Channel, DeliveryStatus, IntegrationType};

/// A delivery that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Over which channel.
    pub channel: Channel,
    /// Of pushes: over which kind of service.
    pub provider: Option<IntegrationType>,
    /// How it ended.
    pub status: DeliveryStatus,
    /// How long after it was accepted; of the in-app channel, where acceptance is delivery, how long after it happened or
    /// was asked for. By two wall clocks.
    pub took: Duration,
}

/// Is told of deliveries. Must be quick: it stands in their way.
pub trait DeliveryMeter: Send + Sync + 'static {
    /// A delivery ended.
    fn delivered(&self, delivered: Delivered);
}

impl<F: Fn(Delivered) + Send + Sync + 'static> DeliveryMeter for F {
    fn delivered(&self, delivered: Delivered) {
        self(delivered);
    }
}

/// How long before `now` something was accepted.
pub(super) fn since(accepted: coherence::Timestamp, now: coherence::Timestamp) -> Duration {
    let micros = now.as_microsecond().saturating_sub(accepted.as_microsecond());
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}
