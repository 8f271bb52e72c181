//! Devices.

use std::sync::Arc;

use async_trait::async_trait;
use domain::model::UserId;
use domain::notification::model::{
    DEVICES_PER_USER_MAX, Device, DeviceId, IntegrationType, proves_ownership, target_address,
};
use domain::ports::{Devices, NotificationStoreError, PushTarget, Registered};

use super::SqlServerNotifications;
use super::handle::failed;
use crate::sqlserver::connection::{Session, Stop, transaction};
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::Columns;
use crate::sqlserver::statement::{int, text, text_or_null, time, uuid};
use crate::sqlserver::statements::{
    NOTIFICATIONS_DEVICE_COUNT, NOTIFICATIONS_DEVICE_KNOWN, NOTIFICATIONS_DEVICE_PUT, NOTIFICATIONS_DEVICE_REMOVE,
    NOTIFICATIONS_DEVICES,
};

async fn register(session: &mut Session, new: &Device) -> Result<Registered, Stop<NotificationStoreError>> {
    let kind = IntegrationType::of(&new.target) as i64;
    let known = session.rows(&NOTIFICATIONS_DEVICE_KNOWN, [int(kind), text(target_address(&new.target))]).await?;
    let known = known.first().map(|row| Columns::of(row).device()).transpose()?;
    let registered = match known {
        Some(known) if known.user_id == new.user_id => Registered { id: known.id, is_new: false },
        Some(other) if !proves_ownership(&other.target, &new.target) => {
            return Err(Stop::Port(NotificationStoreError::DeviceTaken));
        }
        _ => {
            let rows = session.rows(&NOTIFICATIONS_DEVICE_COUNT, [uuid(new.user_id.0)]).await?;
            let count = rows.first().map_or(Ok(0), |row| Columns::of(row).place())?;
            if count >= DEVICES_PER_USER_MAX {
                return Err(Stop::Port(NotificationStoreError::TooManyDevices));
            }
            Registered { id: new.id, is_new: true }
        }
    };
    put(session, registered.id, new).await?;
    Ok(registered)
}

async fn put(session: &mut Session, id: DeviceId, device: &Device) -> Result<(), SqlError> {
    let (token, subscription) = match &device.target {
        PushTarget::WebPush(subscription) => (None, Some(subscription.to_json())),
        PushTarget::Fcm { token } => (Some(token.clone()), None),
    };
    let values = [
        uuid(id.0),
        uuid(device.user_id.0),
        int(IntegrationType::of(&device.target) as i64),
        text_or_null(token),
        text_or_null(subscription),
        text_or_null(device.os_version.clone()),
        text_or_null(device.vapid_key_id.clone()),
        text(target_address(&device.target)),
        time(device.created_at)?,
        time(device.last_seen_at)?,
    ];
    session.rows(&NOTIFICATIONS_DEVICE_PUT, values).await.map(drop)
}

#[async_trait]
impl Devices for SqlServerNotifications {
    async fn register(&self, device: Device) -> Result<Registered, NotificationStoreError> {
        let device = Arc::new(device);
        transaction(&self.shared.pool, move |session| {
            let device = Arc::clone(&device);
            Box::pin(async move { register(session, &device).await })
        })
        .await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, NotificationStoreError> {
        let rows = self.shared.rows(&NOTIFICATIONS_DEVICES, [uuid(user.0)]).await.map_err(failed)?;
        rows.iter().map(|row| Columns::of(row).device()).collect::<Result<_, _>>().map_err(failed)
    }

    async fn remove(&self, user: UserId, id: DeviceId) -> Result<bool, NotificationStoreError> {
        let removed = self.shared.changed(&NOTIFICATIONS_DEVICE_REMOVE, [uuid(id.0), uuid(user.0)]).await;
        Ok(removed.map_err(failed)? > 0)
    }
}
