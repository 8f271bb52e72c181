//! The push services that are configured.

use std::sync::Arc;

use crate::notification::model::IntegrationType;
use crate::ports::PushGateway;

/// One gateway for each kind of push service, where it is configured.
#[derive(Clone, Default)]
pub struct PushGateways {
    /// `IntegrationType` 0.
    pub web_push: Option<Arc<dyn PushGateway>>,
    /// `IntegrationType` 1.
    pub fcm: Option<Arc<dyn PushGateway>>,
}

impl PushGateways {
    /// That of a kind.
    pub fn of(&self, kind: IntegrationType) -> Option<&Arc<dyn PushGateway>> {
        match kind {
            IntegrationType::WebPush => self.web_push.as_ref(),
            IntegrationType::Fcm => self.fcm.as_ref(),
        }
    }
}
