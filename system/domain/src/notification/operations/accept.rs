//! The transaction, and what follows from it.

use std::sync::Arc;

use coherence::Timestamp;

use super::OperationsConfig;
use crate::model::EventId;
use crate::notification::error::NotificationError;
use crate::notification::meter::{self, Delivered};
use crate::notification::model::{Channel, DeliveryStatus};
use crate::notification::ports::Shared;
use crate::ports::{Acceptance, AcceptedUser, ForUser, MailFor};

/// The use cases that tell users something. Clones share everything.
#[doc(alias = "NotificationOperations.SendAsync")]
#[derive(Clone)]
pub struct NotificationOperations {
    pub(super) shared: Shared,
    pub(super) config: Arc<OperationsConfig>,
}

impl NotificationOperations {
    /// Over these parts.
    pub fn new(shared: Shared, config: OperationsConfig) -> Self {
        Self { shared, config: Arc::new(config) }
    }

    /// Writes what is to be told; then the channels are woken, and what each has got is logged once. `since` is when it
    /// happened, or was asked for.
    pub(super) async fn accept(
        &self,
        acceptance: Acceptance,
        since: Timestamp,
    ) -> Result<Vec<AcceptedUser>, NotificationError> {
        let event = acceptance.event_id;
        let users = acceptance.users.clone();
        let accepted = self.shared.ports.store.accept(acceptance).await?.users;
        for (user, accepted) in users.iter().zip(&accepted).filter(|(_, accepted)| accepted.is_new) {
            self.follow(event, user, accepted, since);
        }
        Ok(accepted)
    }

    fn follow(&self, event: EventId, user: &ForUser, accepted: &AcceptedUser, since: Timestamp) {
        let in_app = user.channels.contains(Channel::InApp);
        let push = user.channels.contains(Channel::PushNotification);
        if in_app {
            self.shared.live.changed(user.user_id);
            self.shared.meter.delivered(Delivered {
                channel: Channel::InApp,
                provider: None,
                status: DeliveryStatus::Sent,
                took: meter::since(since, self.shared.ports.clock.now()),
            });
        }
        if accepted.devices > 0 {
            self.shared.push_wake.wake();
        }
        let email = match &user.mail {
            _ if !user.channels.contains(Channel::Email) => "not wanted",
            MailFor::Item(_) => {
                self.shared.mail_wake.wake();
                "accepted"
            }
            MailFor::Nowhere(_) | MailFor::None => "no address",
        };
        tracing::info!(
            notification = %accepted.id,
            %event,
            user = %user.user_id,
            in_app = if in_app { "stored" } else { "not wanted" },
            push = if push { "accepted" } else { "not wanted" },
            devices = accepted.devices,
            email,
            "Notification sent to channels"
        );
    }
}
