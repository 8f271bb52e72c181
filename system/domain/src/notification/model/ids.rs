//! Ids of what only this service has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};
use xxhash_rust::xxh3::xxh3_128;

use crate::model::EventId;
use crate::model::ids::id;

id! {
    /// One notification of one user.
    NotificationId
}
id! {
    /// One device of one user (`SysUserDeviceInfo.Id`).
    DeviceId
}
id! {
    /// One delivery: a notification to one device, or one mail. The row of the mail queue has the same id.
    DeliveryId
}
id! {
    /// A file that goes with mails.
    AttachmentId
}
id! {
    /// One claim of work: what its results must name, so that those of an earlier claim are told apart.
    ClaimId
}

fn derived(kind: u8, parts: &[&[u8]]) -> Uuid {
    let mut text = vec![kind];
    parts.iter().for_each(|part| text.extend_from_slice(part));
    Builder::from_custom_bytes(xxh3_128(&text).to_be_bytes()).into_uuid()
}

impl DeliveryId {
    /// The push of a notification to a device: always the same one.
    pub fn of_push(notification: NotificationId, device: DeviceId) -> Self {
        Self(derived(1, &[notification.0.as_bytes(), device.0.as_bytes()]))
    }

    /// The mail of a notification.
    pub fn of_mail(notification: NotificationId) -> Self {
        Self(derived(2, &[notification.0.as_bytes()]))
    }

    /// A mail that belongs to no notification: the `number`th of what `key` names.
    pub fn of_enqueued(key: EventId, number: u32) -> Self {
        Self(derived(3, &[key.0.as_bytes(), &number.to_be_bytes()]))
    }
}

/// The event that a body without an id is.
pub(crate) fn event_of_body(body: &[u8]) -> EventId {
    EventId(derived(4, &[body]))
}
