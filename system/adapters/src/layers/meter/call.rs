//! One call, as it is told.

use std::future::Future;
use std::time::Duration;

use coherence::{BackplaneError, SharedError};
use domain::ports::{BusError, FeedError, MailError, NotificationStoreError, PushError, StoreError};
use tokio::time::Instant;

/// A call that ended. Every text is a constant: fit for a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// `store`, `notifications`, `feed`, `leases`, `outbox`, `parking`, `bus`, `shared`, `backplane`, `webpush`, `fcm` or
    /// `mail`.
    pub port: &'static str,
    /// The port's method.
    pub method: &'static str,
    /// Which error it answered, in snake case; `None` if it answered well.
    pub error: Option<&'static str>,
    /// How long it took; of `next`, how long it waited.
    pub took: Duration,
}

/// Is told of calls. Must be quick: it stands in their way.
pub trait Meter: Send + Sync + 'static {
    /// A call ended. A call whose future was dropped is not told.
    fn called(&self, call: Call);
}

impl<F: Fn(Call) + Send + Sync + 'static> Meter for F {
    fn called(&self, call: Call) {
        self(call);
    }
}

/// An error that has a short name.
pub(super) trait Named {
    fn name(&self) -> &'static str;
}

impl Named for StoreError {
    fn name(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::IncarnationChanged { .. } => "incarnation_changed",
            Self::NaturalKeyTaken { .. } => "natural_key_taken",
            Self::IdempotencyKeyTaken => "idempotency_key_taken",
            Self::Unavailable(_) => "unavailable",
            Self::Timeout => "timeout",
            Self::Full(_) => "full",
            Self::Corrupt(_) => "corrupt",
        }
    }
}

impl Named for NotificationStoreError {
    fn name(&self) -> &'static str {
        match self {
            Self::DeviceTaken => "device_taken",
            Self::TooManyDevices => "too_many_devices",
            Self::IdempotencyKeyTaken => "idempotency_key_taken",
            Self::Unavailable(_) => "unavailable",
            Self::Timeout => "timeout",
            Self::Full(_) => "full",
            Self::Corrupt(_) => "corrupt",
        }
    }
}

impl Named for FeedError {
    fn name(&self) -> &'static str {
        match self {
            Self::BehindMinimum { .. } => "behind_minimum",
            Self::Unavailable(_) => "unavailable",
            Self::Timeout => "timeout",
            Self::Corrupt { .. } => "corrupt",
        }
    }
}

impl Named for BusError {
    fn name(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Timeout => "timeout",
            Self::Full(_) => "full",
            Self::Closed => "closed",
            Self::Refused(_) => "refused",
            Self::Corrupt(_) => "corrupt",
        }
    }
}

impl Named for SharedError {
    fn name(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Timeout => "timeout",
            Self::Corrupt(_) => "corrupt",
        }
    }
}

impl Named for BackplaneError {
    fn name(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Timeout => "timeout",
            Self::Corrupt(_) => "corrupt",
            Self::Closed => "closed",
        }
    }
}

impl Named for PushError {
    fn name(&self) -> &'static str {
        match self {
            Self::Gone { .. } => "gone",
            Self::SenderMismatch { .. } => "sender_mismatch",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Rejected { .. } => "rejected",
            Self::Throttled { .. } => "throttled",
            Self::Failing { .. } => "failing",
            Self::Unreachable(_) => "unreachable",
            Self::Timeout => "timeout",
            Self::Blocked(_) => "blocked",
            Self::Invalid(_) => "invalid",
        }
    }
}

impl Named for MailError {
    fn name(&self) -> &'static str {
        match self {
            Self::Transient { .. } => "transient",
            Self::Permanent { .. } => "permanent",
            Self::Unreachable(_) => "unreachable",
            Self::Unknown => "unknown",
            Self::Invalid(_) => "invalid",
        }
    }
}

/// Runs `call` and tells of it.
pub(super) async fn metered<T, E: Named>(
    meter: &dyn Meter,
    port: &'static str,
    method: &'static str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let begun = Instant::now();
    let answer = call.await;
    let error = answer.as_ref().err().map(Named::name);
    meter.called(Call { port, method, error, took: begun.elapsed() });
    answer
}
