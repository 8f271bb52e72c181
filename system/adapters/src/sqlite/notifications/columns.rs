//! What the tables hold, as values of the model.

use domain::model::UserId;
use domain::notification::model::{
    AttachmentId, Body, Channel, ChannelSet, DeliveryId, DeliveryStatus, Device, DeviceId, IntegrationType,
    MailAddress, MailItem, Name, Notification, NotificationId, NotificationType, Title,
};
use domain::ports::{PushTarget, TemplateId, WebPushSubscription};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::sqlite::row;

/// How a channel stands in `Channel`: as its bit.
pub(super) fn channel_bit(channel: Channel) -> i64 {
    ChannelSet::of([channel]).bits().into()
}

pub(super) fn channel(value: i64) -> Result<Channel, sqlx::Error> {
    match value {
        1 => Ok(Channel::InApp),
        2 => Ok(Channel::PushNotification),
        4 => Ok(Channel::Email),
        other => row::value(Err(format!("the channel {other}"))),
    }
}

pub(super) fn kind(name: &str) -> Result<NotificationType, sqlx::Error> {
    let found = NotificationType::ALL.into_iter().find(|kind| kind.name() == name);
    row::value(found.ok_or_else(|| format!("the type {name}")))
}

pub(super) fn status(name: &str) -> Result<DeliveryStatus, sqlx::Error> {
    let found = DeliveryStatus::ALL.into_iter().find(|status| status.name() == name);
    row::value(found.ok_or_else(|| format!("the status {name}")))
}

pub(super) fn attempts(value: i64) -> u32 {
    u32::try_from(value).unwrap_or_default()
}

pub(super) fn title(row: &SqliteRow, column: usize) -> Result<Title, sqlx::Error> {
    row::value(Title::new(row.try_get_unchecked::<String, _>(column)?))
}

pub(super) fn body(row: &SqliteRow, column: usize) -> Result<Body, sqlx::Error> {
    row::value(Body::new(row.try_get_unchecked::<String, _>(column)?))
}

pub(super) fn name(text: String) -> Result<Name, sqlx::Error> {
    row::value(Name::new(text))
}

pub(super) fn address(text: String) -> Result<MailAddress, sqlx::Error> {
    row::value(MailAddress::new(text))
}

pub(super) const NOTIFICATION: &str = "Id, UserId, Title, Body, Type, ReadAt, CreatedAt";

/// Reads [`NOTIFICATION`], which begins at column `first`; `None` if it is empty.
pub(super) fn notification(found: &SqliteRow, first: usize) -> Result<Option<Notification>, sqlx::Error> {
    let Some(id) = row::optional_id(found, first)? else { return Ok(None) };
    let read_at: Option<i64> = found.try_get_unchecked(first + 5)?;
    Ok(Some(Notification {
        id: NotificationId(id),
        user_id: UserId(row::id(found, first + 1)?),
        title: title(found, first + 2)?,
        body: body(found, first + 3)?,
        kind: kind(found.try_get_unchecked(first + 4)?)?,
        read_at: read_at.map(row::time).transpose()?,
        created_at: row::time(found.try_get_unchecked(first + 6)?)?,
    }))
}

pub(super) const DEVICE: &str = "s.Id, s.UserId, s.IntegrationType, s.Token, s.SubscriptionJson, s.OSVersion, \
                                 s.VapidKeyId, s.CreatedAt, s.LastSeenAt, s.MustResubscribe";

/// Reads [`DEVICE`], which begins at column `first`; `None` if it is empty.
pub(super) fn device(found: &SqliteRow, first: usize) -> Result<Option<Device>, sqlx::Error> {
    let Some(id) = row::optional_id(found, first)? else { return Ok(None) };
    let kind: i64 = found.try_get_unchecked(first + 2)?;
    let target = match kind == IntegrationType::WebPush as i64 {
        true => {
            let json: String = found.try_get_unchecked(first + 4)?;
            PushTarget::WebPush(row::value(WebPushSubscription::from_json(&json).map_err(|error| error.to_string()))?)
        }
        false => PushTarget::Fcm { token: found.try_get_unchecked(first + 3)? },
    };
    Ok(Some(Device {
        id: DeviceId(id),
        user_id: UserId(row::id(found, first + 1)?),
        target,
        os_version: found.try_get_unchecked(first + 5)?,
        vapid_key_id: found.try_get_unchecked(first + 6)?,
        created_at: row::time(found.try_get_unchecked(first + 7)?)?,
        last_seen_at: row::time(found.try_get_unchecked(first + 8)?)?,
        must_resubscribe: found.try_get_unchecked::<i64, _>(first + 9)? != 0,
    }))
}

/// Reads the columns of a mail from `MailIntents`, from its address to its files, which begin at column `first`.
pub(super) fn mail_item(found: &SqliteRow, first: usize) -> Result<MailItem, sqlx::Error> {
    let to_name: Option<String> = found.try_get_unchecked(first + 1)?;
    let data: &str = found.try_get_unchecked(first + 5)?;
    Ok(MailItem {
        to: address(found.try_get_unchecked(first)?)?,
        to_name: to_name.map(name).transpose()?,
        user_id: row::optional_id(found, first + 2)?.map(UserId),
        subject: title(found, first + 3)?,
        template: TemplateId(found.try_get_unchecked(first + 4)?),
        data: row::value(serde_json::from_str(data).map_err(|error| error.to_string()))?,
        attachments: attachments(found.try_get_unchecked(first + 6)?)?,
    })
}

/// The files of a mail, in their order.
pub(super) fn attachments(json: &str) -> Result<Vec<AttachmentId>, sqlx::Error> {
    let ids: Vec<Uuid> = row::value(serde_json::from_str(json).map_err(|error| error.to_string()))?;
    Ok(ids.into_iter().map(AttachmentId).collect())
}

pub(super) fn delivery_id(found: &SqliteRow, column: usize) -> Result<DeliveryId, sqlx::Error> {
    row::id(found, column).map(DeliveryId)
}
