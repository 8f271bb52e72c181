//! The devices of users (`SysUserDeviceInfo`).

use async_trait::async_trait;

use super::NotificationStoreError;
use crate::model::UserId;
use crate::notification::model::{Device, DeviceId};

/// What a registration came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The device: the one registered first for this target.
    pub id: DeviceId,
    /// Whether it was not known, or was another user's.
    pub is_new: bool,
}

/// The devices of users.
#[async_trait]
pub trait Devices: Send + Sync + 'static {
    /// Registers a device. One with the same endpoint or token is the same device: its keys, versions and times become the
    /// new ones, its id and `created_at` stay, and it need not subscribe again any more. If it is another user's, it moves
    /// to this one, provided that the keys are the same; it has a new id then.
    ///
    /// # Errors
    /// [`DeviceTaken`](NotificationStoreError::DeviceTaken), [`TooManyDevices`](NotificationStoreError::TooManyDevices), or
    /// the store's: then it may have been registered.
    async fn register(&self, device: Device) -> Result<Registered, NotificationStoreError>;

    /// The user's devices, the one registered first first.
    ///
    /// # Errors
    /// The store's.
    async fn devices(&self, user: UserId) -> Result<Vec<Device>, NotificationStoreError>;

    /// Forgets a device; `false`: the user has no such device.
    ///
    /// # Errors
    /// The store's; it may be gone.
    async fn remove(&self, user: UserId, id: DeviceId) -> Result<bool, NotificationStoreError>;
}
