//! The requests that send something.

use serde_json::Value;

use super::{Body, Channel, ChannelSet, IntegrationType, NotificationType, Title, attachments};
use crate::model::input::{Fields, json};
use crate::model::rules;
use crate::model::{InputError, UserId};
use crate::ports::Attachment;

/// The body of `POST /notifications`, checked: `{userId, title, body, type?, channels, attachments?}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendNotification {
    /// To whom.
    pub user_id: UserId,
    /// What it says first.
    pub title: Title,
    /// What it says.
    pub body: Body,
    /// Why; `Alert` if the request does not say.
    pub kind: NotificationType,
    /// How.
    pub channels: ChannelSet,
    /// The files of the mail.
    pub attachments: Vec<Attachment>,
}

impl SendNotification {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`InputError`] with every field that is wrong; what is wrong with files, if nothing else is.
    pub fn from_json(bytes: &[u8]) -> Result<Self, InputError> {
        let value = json(bytes)?;
        let mut fields = Fields::of(&value)?;
        let user_id: Option<UserId> = fields.required("userId", rules::id);
        let title = fields.required("title", title);
        let body = fields.required("body", body);
        let kind = fields.optional("type", kind).unwrap_or(NotificationType::Alert);
        let channels = fields.required("channels", |value| match ChannelSet::read(value) {
            Ok(set) if set.is_empty() => Err("must name a channel".to_owned()),
            read => read,
        });
        let files = fields.optional(attachments::FIELD, Ok);
        let attachments = Vec::new();
        let read =
            (|| Some(Self { user_id: user_id?, title: title?, body: body?, kind, channels: channels?, attachments }))();
        let read = fields.finish(read)?;
        let attachments = files.map_or_else(|| Ok(Vec::new()), attachments::read)?;
        if !attachments.is_empty() && !read.channels.contains(Channel::Email) {
            return Err(InputError::field(attachments::FIELD, "go with mails: `channels` does not name Email"));
        }
        Ok(Self { attachments, ..read })
    }
}

/// The devices that a push goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum DeviceFilter {
    /// All of the user's.
    #[default]
    Both,
    /// Those of one kind.
    Only(IntegrationType),
}

impl DeviceFilter {
    /// Whether it lets this kind through.
    pub fn lets(self, kind: IntegrationType) -> bool {
        match self {
            Self::Both => true,
            Self::Only(only) => only == kind,
        }
    }
}

/// The body of `POST /send-push-notification`, checked: `{userId, title, body, deviceType?}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendPush {
    /// To whom.
    pub user_id: UserId,
    /// What it says first.
    pub title: Title,
    /// What it says.
    pub body: Body,
    /// To which devices.
    pub devices: DeviceFilter,
}

impl SendPush {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`InputError`] with every field that is wrong.
    pub fn from_json(bytes: &[u8]) -> Result<Self, InputError> {
        let value = json(bytes)?;
        let mut fields = Fields::of(&value)?;
        let user_id: Option<UserId> = fields.required("userId", rules::id);
        let title = fields.required("title", title);
        let body = fields.required("body", body);
        let devices = fields.optional("deviceType", device_type).unwrap_or_default();
        let read = (|| Some(Self { user_id: user_id?, title: title?, body: body?, devices }))();
        fields.finish(read)
    }
}

fn title(value: &Value) -> Result<Title, String> {
    rules::text(value).and_then(Title::new)
}

fn body(value: &Value) -> Result<Body, String> {
    rules::text(value).and_then(Body::new)
}

fn kind(value: &Value) -> Result<NotificationType, String> {
    let found = NotificationType::ALL.into_iter().find(|kind| value.as_str() == Some(kind.name()));
    found.ok_or_else(|| "must be ForecastCompleted or Alert".to_owned())
}

fn device_type(value: &Value) -> Result<DeviceFilter, String> {
    match value.as_str() {
        Some("Both") => Ok(DeviceFilter::Both),
        Some("WebPush") => Ok(DeviceFilter::Only(IntegrationType::WebPush)),
        Some("FCM") => Ok(DeviceFilter::Only(IntegrationType::Fcm)),
        _ => Err("must be WebPush, FCM or Both".to_owned()),
    }
}
