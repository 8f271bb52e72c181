//! What became of notifications, and sending them again.

use super::NotificationOperations;
use crate::model::UserId;
use crate::notification::error::NotificationError;
use crate::notification::model::NotificationId;
use crate::ports::{Backlog, DeliveryLog, Resend};

impl NotificationOperations {
    /// The deliveries of a notification; those of another user's only with `all`.
    ///
    /// # Errors
    /// [`NotFound`](NotificationError::NotFound), or the store's.
    pub async fn deliveries(
        &self,
        id: NotificationId,
        caller: UserId,
        all: bool,
    ) -> Result<DeliveryLog, NotificationError> {
        let log = self.shared.ports.store.deliveries(id).await?;
        log.filter(|log| all || log.user_id == caller).ok_or(NotificationError::NotFound)
    }

    /// Sends again what failed, or whose fate is unknown; answers how many.
    ///
    /// # Errors
    /// The store's; it may be sent again.
    pub async fn resend(&self, which: Resend) -> Result<u64, NotificationError> {
        let resent = self.shared.ports.store.resend(which).await?;
        for wake in [&self.shared.push_wake, &self.shared.mail_wake, &self.shared.queue_wake] {
            wake.wake();
        }
        Ok(resent)
    }

    /// What waits.
    ///
    /// # Errors
    /// The store's.
    pub async fn backlog(&self) -> Result<Backlog, NotificationError> {
        Ok(self.shared.ports.store.backlog().await?)
    }
}
