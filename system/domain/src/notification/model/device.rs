//! Devices of users (`SysUserDeviceInfo`), and the request that registers one.

use coherence::Timestamp;
use serde_json::Value;

use super::DeviceId;
use crate::model::input::{Fields, json as read_json};
use crate::model::rules;
use crate::model::{InputError, UserId};
use crate::ports::{PushTarget, SubscriptionError, WebPushSubscription};

/// The most devices of one user.
pub const DEVICES_PER_USER_MAX: usize = 50;
/// The longest registration token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 4_096;
/// The longest name of an operating system, in characters.
pub const OS_VERSION_CHARS_MAX: usize = 64;
/// The longest name of a VAPID key, in characters: the key itself in base64url.
pub const VAPID_KEY_CHARS_MAX: usize = 100;

/// Which kind of push service is behind a device. The numbers are the specification's `IntegrationType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IntegrationType {
    /// A browser.
    WebPush = 0,
    /// An app.
    Fcm = 1,
}

impl IntegrationType {
    /// Of a target.
    pub const fn of(target: &PushTarget) -> Self {
        match target {
            PushTarget::WebPush(_) => Self::WebPush,
            PushTarget::Fcm { .. } => Self::Fcm,
        }
    }
}

/// One device of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Names it.
    pub id: DeviceId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where pushes to it go.
    pub target: PushTarget,
    /// What runs there, as it told.
    pub os_version: Option<String>,
    /// The VAPID key that it subscribed with, as it told.
    pub vapid_key_id: Option<String>,
    /// When it was registered first.
    pub created_at: Timestamp,
    /// When it was registered last.
    pub last_seen_at: Timestamp,
    /// It is bound to another sender: nothing is sent to it until it registers again.
    pub must_resubscribe: bool,
}

/// What names a target among all: two registrations of it are one device. A capability; never shown.
pub fn target_address(target: &PushTarget) -> &str {
    match target {
        PushTarget::WebPush(subscription) => &subscription.endpoint,
        PushTarget::Fcm { token } => token,
    }
}

/// Whether whoever registers `new` has shown that it is the device behind `old`: it knows the same keys. A token of FCM
/// is all that there is to know.
pub fn proves_ownership(old: &PushTarget, new: &PushTarget) -> bool {
    old == new
}

/// The body of `POST /devices`, checked: `{integrationType, token?, subscriptionJson?, osVersion?, vapidKeyId?}`. The
/// subscription may be a text, as the column holds it, or the object itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterDevice {
    /// Where pushes go.
    pub target: PushTarget,
    /// What runs there.
    pub os_version: Option<String>,
    /// The VAPID key that the browser subscribed with.
    pub vapid_key_id: Option<String>,
}

impl RegisterDevice {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`InputError`] with every field that is wrong.
    pub fn from_json(body: &[u8]) -> Result<Self, InputError> {
        let value = read_json(body)?;
        let mut fields = Fields::of(&value)?;
        let kind = fields.required("integrationType", |value| match value.as_u64() {
            Some(0) => Ok(IntegrationType::WebPush),
            Some(1) => Ok(IntegrationType::Fcm),
            _ => Err("must be 0 (Web Push) or 1 (FCM)".to_owned()),
        });
        let target = match kind {
            Some(IntegrationType::WebPush) => {
                fields.refuse("token", "is for FCM");
                fields.required("subscriptionJson", subscription).map(PushTarget::WebPush)
            }
            Some(IntegrationType::Fcm) => {
                fields.refuse("subscriptionJson", "is for Web Push");
                fields.required("token", token).map(|token| PushTarget::Fcm { token })
            }
            None => {
                fields.optional("token", token);
                fields.optional("subscriptionJson", subscription);
                None
            }
        };
        let os_version = fields.optional("osVersion", |value| line(value, OS_VERSION_CHARS_MAX));
        let vapid_key_id = fields.optional("vapidKeyId", |value| line(value, VAPID_KEY_CHARS_MAX));
        fields.finish(target.map(|target| Self { target, os_version, vapid_key_id }))
    }
}

fn subscription(value: &Value) -> Result<WebPushSubscription, String> {
    let read = match value {
        Value::String(text) => WebPushSubscription::from_json(text),
        Value::Object(_) => WebPushSubscription::from_value(value),
        _ => Err(SubscriptionError::Json),
    };
    read.map_err(|error| error.to_string())
}

fn token(value: &Value) -> Result<String, String> {
    let token = rules::text(value)?;
    match (1..=TOKEN_BYTES_MAX).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(token.to_owned()),
        false => Err(format!("must have 1 to {TOKEN_BYTES_MAX} printable ASCII characters")),
    }
}

fn line(value: &Value, max: usize) -> Result<String, String> {
    let text = rules::text(value)?;
    if text.len() > 4 * max || !(1..=max).contains(&text.chars().count()) {
        return Err(format!("must have 1 to {max} characters"));
    }
    match text.chars().any(char::is_control) {
        true => Err("must not contain control characters".to_owned()),
        false => Ok(text.to_owned()),
    }
}
