//! What users say about themselves: their devices, and what they want to be told of. And what the directory says of them.

use super::error::NotificationError;
use super::model::{
    DIRECTORY_BATCH_MAX, Device, DeviceId, IntegrationType, MailAddress, Preference, RegisterDevice, SetPreferences,
    SuppressionParams, UnitEntry, UserEntry,
};
use super::ports::Shared;
use super::push::PushGateways;
use crate::model::UserId;
use crate::ports::{PushError, Registered, Suppression, SuppressionCursor};

/// Devices, preferences, directory, and who is not written to. Clones share everything.
#[derive(Clone)]
pub struct Registry {
    shared: Shared,
    gateways: PushGateways,
}

impl Registry {
    /// Over these parts.
    pub fn new(shared: Shared, gateways: PushGateways) -> Self {
        Self { shared, gateways }
    }

    /// Registers a device of the caller. The push service is asked nothing; what cannot be a target is refused.
    ///
    /// # Errors
    /// [`NotificationError`].
    pub async fn register(&self, user: UserId, request: RegisterDevice) -> Result<Registered, NotificationError> {
        let kind = IntegrationType::of(&request.target);
        let field = match kind {
            IntegrationType::WebPush => "subscriptionJson",
            IntegrationType::Fcm => "token",
        };
        let Some(gateway) = self.gateways.of(kind) else {
            return Err(NotificationError::field("integrationType", "this kind of push service is not configured"));
        };
        gateway.check(&request.target).map_err(|error| match error {
            PushError::Blocked(_) => NotificationError::field(field, "the endpoint is not allowed"),
            PushError::Invalid(why) => NotificationError::field(field, why),
            other => NotificationError::Internal(other.to_string()),
        })?;
        let now = self.shared.ports.clock.now();
        let device = Device {
            id: DeviceId(self.shared.ports.ids.uuid()),
            user_id: user,
            target: request.target,
            os_version: request.os_version,
            vapid_key_id: request.vapid_key_id,
            created_at: now,
            last_seen_at: now,
            must_resubscribe: false,
        };
        Ok(self.shared.ports.store.register(device).await?)
    }

    /// The caller's devices.
    ///
    /// # Errors
    /// The store's.
    pub async fn devices(&self, user: UserId) -> Result<Vec<Device>, NotificationError> {
        Ok(self.shared.ports.store.devices(user).await?)
    }

    /// Forgets one of the caller's devices.
    ///
    /// # Errors
    /// [`NotFound`](NotificationError::NotFound), or the store's.
    pub async fn remove(&self, user: UserId, id: DeviceId) -> Result<(), NotificationError> {
        match self.shared.ports.store.remove(user, id).await? {
            true => Ok(()),
            false => Err(NotificationError::NotFound),
        }
    }

    /// The caller's preferences.
    ///
    /// # Errors
    /// The store's.
    pub async fn preferences(&self, user: UserId) -> Result<Vec<Preference>, NotificationError> {
        Ok(self.shared.ports.store.preferences(user).await?)
    }

    /// Puts these in the place of the caller's preferences.
    ///
    /// # Errors
    /// The store's.
    pub async fn set_preferences(&self, user: UserId, preferences: SetPreferences) -> Result<(), NotificationError> {
        Ok(self.shared.ports.store.set_preferences(user, preferences.0).await?)
    }

    /// Brings entries into the directory, over those of the same ids; in parts, each of which is written whole.
    ///
    /// # Errors
    /// The store's; the parts before are written.
    pub async fn import(&self, users: &[UserEntry], units: &[UnitEntry]) -> Result<(), NotificationError> {
        for part in users.chunks(DIRECTORY_BATCH_MAX) {
            self.shared.ports.store.upsert_directory(part.to_vec(), Vec::new()).await?;
        }
        for part in units.chunks(DIRECTORY_BATCH_MAX) {
            self.shared.ports.store.upsert_directory(Vec::new(), part.to_vec()).await?;
        }
        Ok(())
    }

    /// One click: no more mails to the address that the token was made for. Known and unknown tokens answer alike at the
    /// edge; here `false` says that there is no such token.
    ///
    /// # Errors
    /// The store's.
    pub async fn unsubscribe(&self, token: &str) -> Result<bool, NotificationError> {
        const TOKEN_BYTES_MAX: usize = 128;
        match (1..=TOKEN_BYTES_MAX).contains(&token.len()) {
            true => Ok(self.shared.ports.store.unsubscribe(token).await?),
            false => Ok(false),
        }
    }

    /// A page of the addresses that are not written to, the last one first, and where the next one begins.
    ///
    /// # Errors
    /// The store's.
    pub async fn suppressions(
        &self,
        params: SuppressionParams,
    ) -> Result<(Vec<Suppression>, Option<SuppressionCursor>), NotificationError> {
        let wanted = usize::try_from(params.take).unwrap_or(usize::MAX);
        // One more tells whether there are more.
        let mut page = self.shared.ports.store.suppressions(params.after, params.take.saturating_add(1)).await?;
        let has_more = page.len() > wanted;
        page.truncate(wanted);
        let last = page.last().filter(|_| has_more);
        let next = last.map(|last| SuppressionCursor { since: last.since, address: last.address.clone() });
        Ok((page, next))
    }

    /// Writes to an address again.
    ///
    /// # Errors
    /// [`NotFound`](NotificationError::NotFound), or the store's.
    pub async fn unsuppress(&self, address: &MailAddress) -> Result<(), NotificationError> {
        match self.shared.ports.store.unsuppress(address).await? {
            true => Ok(()),
            false => Err(NotificationError::NotFound),
        }
    }
}
