//! Devices.

use async_trait::async_trait;
use domain::model::UserId;
use domain::notification::model::{
    DEVICES_PER_USER_MAX, Device, DeviceId, IntegrationType, proves_ownership, target_address,
};
use domain::ports::{Devices, NotificationStoreError, PushTarget, Registered};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::SqliteNotifications;
use super::columns::{DEVICE, device};
use super::handle::failed;
use crate::sqlite::row;

pub(super) const LIST: &str = "FROM SysUserDeviceInfo s WHERE s.UserId = ?1 ORDER BY s.CreatedAt, s.Id";

pub(super) const KNOWN: &str = "FROM SysUserDeviceInfo s WHERE s.IntegrationType = ?1 AND s.Address = ?2";

const COUNT: &str = "SELECT count(*) FROM SysUserDeviceInfo WHERE UserId = ?1";

/// The device that stood under this address goes first, if it has another id.
const PUT: &str = "DELETE FROM SysUserDeviceInfo WHERE IntegrationType = ?3 AND Address = ?8 AND Id <> ?1; \
     INSERT INTO SysUserDeviceInfo (Id, UserId, IntegrationType, Token, SubscriptionJson, OSVersion, VapidKeyId, \
         Address, CreatedAt, LastSeenAt, MustResubscribe) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0) \
     ON CONFLICT (Id) DO UPDATE SET Token = ?4, SubscriptionJson = ?5, OSVersion = ?6, VapidKeyId = ?7, \
         LastSeenAt = ?10, MustResubscribe = 0; \
     COMMIT";

const REMOVE: &str = "DELETE FROM SysUserDeviceInfo WHERE Id = ?1 AND UserId = ?2";

async fn register(connection: &mut SqliteConnection, new: Device) -> Result<Registered, NotificationStoreError> {
    let kind = IntegrationType::of(&new.target) as i64;
    let known = sqlx::query(AssertSqlSafe(format!("BEGIN IMMEDIATE; SELECT {DEVICE} {KNOWN}")));
    let known = known.bind(kind).bind(target_address(&new.target).to_owned());
    let known = known.fetch_all(&mut *connection).await.map_err(failed)?;
    let known = known.first().map_or(Ok(None), |found| device(found, 0)).map_err(failed)?;
    let registered = match known {
        Some(known) if known.user_id == new.user_id => Registered { id: known.id, is_new: false },
        Some(other) if !proves_ownership(&other.target, &new.target) => {
            return Err(NotificationStoreError::DeviceTaken);
        }
        _ => {
            let count = sqlx::query_scalar::<_, i64>(COUNT).bind(row::blob(new.user_id.0));
            let count = count.fetch_one(&mut *connection).await.map_err(failed)?;
            if usize::try_from(count).unwrap_or(usize::MAX) >= DEVICES_PER_USER_MAX {
                return Err(NotificationStoreError::TooManyDevices);
            }
            Registered { id: new.id, is_new: true }
        }
    };
    put(connection, Device { id: registered.id, ..new }).await.map_err(failed)?;
    Ok(registered)
}

async fn put(connection: &mut SqliteConnection, device: Device) -> Result<(), sqlx::Error> {
    let (token, subscription) = match &device.target {
        PushTarget::WebPush(subscription) => (None, Some(subscription.to_json())),
        PushTarget::Fcm { token } => (Some(token.clone()), None),
    };
    sqlx::query(PUT)
        .bind(row::blob(device.id.0))
        .bind(row::blob(device.user_id.0))
        .bind(IntegrationType::of(&device.target) as i64)
        .bind(token)
        .bind(subscription)
        .bind(device.os_version.clone())
        .bind(device.vapid_key_id.clone())
        .bind(target_address(&device.target).to_owned())
        .bind(device.created_at.as_microsecond())
        .bind(device.last_seen_at.as_microsecond())
        .execute(connection)
        .await
        .map(drop)
}

#[async_trait]
impl Devices for SqliteNotifications {
    async fn register(&self, device: Device) -> Result<Registered, NotificationStoreError> {
        self.write(move |connection| Box::pin(register(connection, device))).await
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Device>, NotificationStoreError> {
        let query = sqlx::query(AssertSqlSafe(format!("SELECT {DEVICE} {LIST}"))).bind(row::blob(user.0));
        let rows = query.fetch_all(self.readers()).await.map_err(failed)?;
        rows.iter().filter_map(|found| device(found, 0).transpose()).collect::<Result<_, _>>().map_err(failed)
    }

    async fn remove(&self, user: UserId, id: DeviceId) -> Result<bool, NotificationStoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let query = sqlx::query(REMOVE).bind(row::blob(id.0)).bind(row::blob(user.0));
                let removed = query.execute(connection).await.map_err(failed)?;
                Ok(removed.rows_affected() > 0)
            })
        })
        .await
    }
}
