//! Devices.

use async_trait::async_trait;
use domain::model::UserId;
use domain::notification::model::{
    DEVICES_PER_USER_MAX, Device, DeviceId, IntegrationType, proves_ownership, target_address,
};
use domain::ports::{Devices, NotificationStoreError, Registered};

use super::MemoryNotifications;
use super::tables::Tables;

impl Tables {
    fn register(&mut self, device: Device) -> Result<Registered, NotificationStoreError> {
        let key = (IntegrationType::of(&device.target), target_address(&device.target).to_owned());
        let known = self.targets.get(&key).and_then(|id| self.devices.get(id)).cloned();
        match known {
            Some(known) if known.user_id == device.user_id => {
                let id = known.id;
                self.devices.insert(id, Device { id, created_at: known.created_at, ..device });
                return Ok(Registered { id, is_new: false });
            }
            Some(other) if !proves_ownership(&other.target, &device.target) => {
                return Err(NotificationStoreError::DeviceTaken);
            }
            other => {
                if self.devices_of(device.user_id).len() >= DEVICES_PER_USER_MAX {
                    return Err(NotificationStoreError::TooManyDevices);
                }
                if let Some(other) = other {
                    self.forget_device(other.id);
                }
            }
        }
        let id = device.id;
        self.targets.insert(key, id);
        self.devices.insert(id, device);
        Ok(Registered { id, is_new: true })
    }
}

#[async_trait]
impl Devices for MemoryNotifications {
    async fn register(&self, device: Device) -> Result<Registered, NotificationStoreError> {
        self.call("register", |tables, _| tables.register(device)).await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, NotificationStoreError> {
        self.call("devices", |tables, _| Ok(tables.devices_of(user))).await
    }

    async fn remove(&self, user: UserId, id: DeviceId) -> Result<bool, NotificationStoreError> {
        self.call("remove", |tables, _| {
            let is_theirs = tables.devices.get(&id).is_some_and(|device| device.user_id == user);
            Ok(is_theirs && tables.forget_device(id))
        })
        .await
    }
}
