//! What became of a notification on each channel.

use coherence::Timestamp;
use serde::Serialize;

use super::{Channel, DeliveryId, DeviceId};

/// The longest error that a delivery keeps, in characters.
pub const DELIVERY_ERROR_CHARS_MAX: usize = 300;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// It waits for its turn, or for another attempt. A mail is not rendered yet.
    Pending,
    /// A mail: rendered, in the queue.
    Queued,
    /// A mail: handed to the mail server, which has not answered yet.
    Sending,
    /// The other side has it.
    Sent,
    /// It was given up.
    Failed,
    /// The device is gone.
    Removed,
    /// Nobody knows whether the mail server has it; it is held for a person.
    Unknown,
    /// A mail to somebody who is not written to.
    Suppressed,
    /// There was nothing to send to: no mail address, a device that must subscribe again.
    Skipped,
}

impl DeliveryStatus {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Failed,
        Self::Removed,
        Self::Unknown,
        Self::Suppressed,
        Self::Skipped,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Removed => "removed",
            Self::Unknown => "unknown",
            Self::Suppressed => "suppressed",
            Self::Skipped => "skipped",
        }
    }

    /// Whether nothing more happens to it by itself.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Queued | Self::Sending)
    }

    /// Whether a person may send it again.
    pub const fn can_be_resent(self) -> bool {
        matches!(self, Self::Failed | Self::Unknown)
    }
}

/// What a delivery waits for. The numbers are what stores keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryStage {
    /// A push, for its attempt.
    Push = 1,
    /// A mail, for its rendering.
    Render = 2,
    /// A rendered mail, for the mail server.
    Send = 3,
}

impl DeliveryStage {
    /// What a delivery over this channel waits for that stands so; `None`: nothing more happens to it by itself.
    pub const fn of(channel: Channel, status: DeliveryStatus) -> Option<Self> {
        match (channel, status) {
            (Channel::PushNotification, DeliveryStatus::Pending) => Some(Self::Push),
            (Channel::Email, DeliveryStatus::Pending) => Some(Self::Render),
            (Channel::Email, DeliveryStatus::Queued | DeliveryStatus::Sending) => Some(Self::Send),
            _ => None,
        }
    }
}

/// One delivery of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Names it, where it can be sent again.
    pub id: DeliveryId,
    /// Over which channel.
    pub channel: Channel,
    /// To which device.
    pub device_id: Option<DeviceId>,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// What came of the last attempt, if that failed.
    pub last_error: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
