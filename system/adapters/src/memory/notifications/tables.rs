//! The state.

use std::collections::BTreeMap;

use coherence::Timestamp;
use domain::model::{EventId, UnitId, UserId};
use domain::notification::model::{
    AttachmentId, Body, Channel, ChannelSet, DeliveryId, DeliveryStage, DeliveryStatus, Device, DeviceId,
    IntegrationType, MailItem, Name, Notification, NotificationId, NotificationType, Preference, StoredAttachment,
    Title, UserEntry,
};
use domain::ports::{IdempotencyKey, IdempotencyRecord, RenderedMail, Suppression, UnknownPolicy};

use super::handle::Moment;
use super::work::{DeliveryRow, Waiting};

/// What was accepted for one user.
#[derive(Debug, Clone)]
pub(super) struct AcceptedRow {
    pub(super) event_id: EventId,
    pub(super) user_id: UserId,
    pub(super) title: Title,
    pub(super) body: Body,
    pub(super) kind: NotificationType,
    pub(super) channels: ChannelSet,
    pub(super) at: Timestamp,
}

/// The inbox of one user.
#[derive(Debug, Clone, Default)]
pub(super) struct InboxTable {
    /// The position of the last change.
    pub(super) last: u64,
    /// Oldest first.
    pub(super) rows: BTreeMap<(Timestamp, NotificationId), (u64, Notification)>,
}

/// A row of the mail queue, beside its delivery.
#[derive(Debug, Clone)]
pub(super) struct QueueRow {
    pub(super) rendered: RenderedMail,
    pub(super) on_unknown: UnknownPolicy,
}

/// All that the store holds.
#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) accepted: BTreeMap<(EventId, UserId), NotificationId>,
    pub(super) notifications: BTreeMap<NotificationId, AcceptedRow>,
    pub(super) inboxes: BTreeMap<UserId, InboxTable>,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) targets: BTreeMap<(IntegrationType, String), DeviceId>,
    pub(super) preferences: BTreeMap<UserId, Vec<Preference>>,
    pub(super) users: BTreeMap<UserId, UserEntry>,
    pub(super) units: BTreeMap<UnitId, Name>,
    pub(super) deliveries: BTreeMap<DeliveryId, DeliveryRow>,
    pub(super) waiting: BTreeMap<DeliveryStage, Waiting>,
    pub(super) order: u64,
    pub(super) mails: BTreeMap<DeliveryId, MailItem>,
    pub(super) queue: BTreeMap<DeliveryId, QueueRow>,
    pub(super) attachments: BTreeMap<AttachmentId, (Timestamp, StoredAttachment)>,
    /// How many bytes these may have; `None`: any number.
    pub(super) files_max: Option<u64>,
    pub(super) suppressions: BTreeMap<String, Suppression>,
    pub(super) tokens: BTreeMap<String, String>,
    pub(super) token_of: BTreeMap<String, String>,
    pub(super) answers: BTreeMap<IdempotencyKey, IdempotencyRecord>,
}

impl Tables {
    /// A delivery that waits from now on.
    pub(super) fn new_delivery(&mut self, channel: Channel, moment: Moment) -> DeliveryRow {
        self.order += 1;
        DeliveryRow {
            channel,
            notification: None,
            device: None,
            status: DeliveryStatus::Pending,
            attempts: 0,
            last_error: None,
            created_at: moment.wall,
            updated_at: moment.wall,
            waits_since: moment.wall,
            due: moment.now,
            held: None,
            order: self.order,
        }
    }

    /// The user's devices, the one registered first first.
    pub(super) fn devices_of(&self, user: UserId) -> Vec<Device> {
        let mut devices: Vec<Device> = self.devices.values().filter(|device| device.user_id == user).cloned().collect();
        devices.sort_by_key(|device| (device.created_at, device.id));
        devices
    }

    pub(super) fn forget_device(&mut self, id: DeviceId) -> bool {
        let Some(device) = self.devices.remove(&id) else { return false };
        let kind = IntegrationType::of(&device.target);
        self.targets.remove(&(kind, domain::notification::model::target_address(&device.target).to_owned()));
        true
    }
}
