//! The values of the notification service, valid by construction; what comes from outside is parsed into them once
//! ([`SendNotification`], [`SendPush`], [`RegisterDevice`], [`SetPreferences`], [`InboxParams`], ...), and everything wrong is named at once.

mod attachments;
mod channel;
mod delivery;
mod device;
mod directory;
mod ids;
mod mail;
mod notification;
mod params;
mod preference;
mod send;
mod text;

pub use channel::{Channel, ChannelSet};
pub use delivery::{DELIVERY_ERROR_CHARS_MAX, Delivery, DeliveryStage, DeliveryStatus};
pub use device::{
    DEVICES_PER_USER_MAX, Device, IntegrationType, OS_VERSION_CHARS_MAX, RegisterDevice, TOKEN_BYTES_MAX,
    VAPID_KEY_CHARS_MAX, proves_ownership, target_address,
};
pub use directory::{DIRECTORY_BATCH_MAX, Directory, UnitEntry, UserEntry};
pub(crate) use ids::event_of_body;
pub use ids::{AttachmentId, ClaimId, DeliveryId, DeviceId, NotificationId};
pub use mail::{
    ATTACHMENT_NAME_BYTES_MAX, ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX, MailItem, StoredAttachment, check_attachments,
    check_room_for_files,
};
pub use notification::{InboxCursor, InboxPosition, Notification, NotificationType};
pub use params::{InboxParams, ReadAll, ResendSince, SuppressionParams};
pub use preference::{PREFERENCES_PER_USER_MAX, Preference, SetPreferences};
pub use send::{DeviceFilter, SendNotification, SendPush};
pub(crate) use text::cut;
pub use text::{ADDRESS_BYTES_MAX, BODY_CHARS_MAX, Body, MailAddress, NAME_CHARS_MAX, Name, TITLE_CHARS_MAX, Title};
