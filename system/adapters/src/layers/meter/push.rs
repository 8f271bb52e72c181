//! A push service with counts: what attempts come to, also those after which another follows.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{PushError, PushGateway, PushMessage, PushOrigin, PushReceipt, PushTarget};

use super::call::{Meter, metered};

/// A gateway that tells a meter of every attempt. What asks nobody (`check`, `origin`) is not told, and no attempt whose
/// deadline, the sender's, dropped it.
pub struct MeterPush {
    inner: Arc<dyn PushGateway>,
    port: &'static str,
    meter: Arc<dyn Meter>,
}

impl MeterPush {
    /// Tells `meter` of every attempt of `inner`, which is `port` to it: `webpush` or `fcm`.
    pub fn new(inner: Arc<dyn PushGateway>, port: &'static str, meter: Arc<dyn Meter>) -> Self {
        Self { inner, port, meter }
    }
}

#[async_trait]
impl PushGateway for MeterPush {
    fn check(&self, target: &PushTarget) -> Result<(), PushError> {
        self.inner.check(target)
    }

    fn origin(&self, target: &PushTarget) -> PushOrigin {
        self.inner.origin(target)
    }

    async fn attempt(&self, target: &PushTarget, message: &PushMessage) -> Result<PushReceipt, PushError> {
        metered(&*self.meter, self.port, "attempt", self.inner.attempt(target, message)).await
    }
}
