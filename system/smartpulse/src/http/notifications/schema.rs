//! The shapes on the wire, for the API description. Requests are parsed by the domain, which names every wrong field; a
//! test holds these shapes against what it accepts and writes.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A notification of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification)]
pub struct NotificationDocument {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What it says first.
    #[schema(example = "Forecast Completed")]
    pub title: String,
    /// What it says.
    #[schema(example = "Your forecast for Unit A is ready")]
    pub body: String,
    /// `ForecastCompleted` or `Alert`.
    #[schema(example = "ForecastCompleted")]
    pub r#type: String,
    /// When it was first marked as read; null while it is not.
    #[schema(required, format = DateTime)]
    pub read_at: Option<String>,
    /// When it was stored.
    #[schema(format = DateTime, example = "2025-11-12T10:30:00Z")]
    pub created_at: String,
}

/// A message to a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SendNotification)]
pub struct SendBody {
    /// To whom.
    pub user_id: Uuid,
    /// What it says first: 1 to 200 characters, in one line.
    #[schema(example = "Production Alert")]
    pub title: String,
    /// What it says: 1 to 2,000 characters.
    #[schema(example = "Demand dropped 30%")]
    pub body: String,
    /// `ForecastCompleted` or `Alert` (the default).
    pub r#type: Option<String>,
    /// How: `"All"`, or some of `InApp`, `PushNotification`, `Email`.
    pub channels: Channels,
    /// The files of the mail; only with `Email`. At most 5, and 10 MiB together.
    #[schema(max_items = 5)]
    pub attachments: Option<Vec<AttachmentBody>>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Attachment)]
pub struct AttachmentBody {
    /// Its name: 1 to 200 bytes, and no path.
    #[schema(example = "forecast.csv")]
    pub name: String,
    /// Its media type.
    #[schema(example = "text/csv")]
    pub r#type: String,
    /// Its bytes, in base64.
    #[schema(format = Byte)]
    pub bytes: String,
}

/// `"All"`, or a list of `InApp`, `PushNotification`, `Email`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Channels {
    /// `All`.
    All(String),
    /// Some of them.
    Some(Vec<String>),
}

/// A message to a user's devices.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SendPush)]
pub struct PushBody {
    /// To whom.
    pub user_id: Uuid,
    /// What it says first: 1 to 200 characters, in one line.
    #[schema(example = "Alert")]
    pub title: String,
    /// What it says: 1 to 2,000 characters. What is too long for a push service is cut at a character boundary.
    #[schema(example = "Forecast alert: production down 20%")]
    pub body: String,
    /// `WebPush`, `FCM` or `Both` (the default).
    #[schema(example = "Both")]
    pub device_type: Option<String>,
}

/// Up to when.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ReadAll)]
pub struct ReadAllBody {
    /// Only what was stored up to this time; by default up to now.
    #[schema(format = DateTime)]
    pub until: Option<String>,
}

/// Since when.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ResendSince)]
pub struct ResendBody {
    /// What failed at this time or later.
    #[schema(format = DateTime)]
    pub since: String,
}

/// A device to register.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RegisterDevice)]
pub struct DeviceBody {
    /// 0: a browser (Web Push); 1: an app (FCM).
    #[schema(minimum = 0, maximum = 1)]
    pub integration_type: u64,
    /// Of an app: its registration token.
    pub token: Option<String>,
    /// Of a browser: what `PushSubscription.toJSON()` gives, as an object or as its text.
    pub subscription_json: Option<Subscription>,
    /// What runs there.
    pub os_version: Option<String>,
    /// The VAPID key that the browser subscribed with.
    pub vapid_key_id: Option<String>,
}

/// A subscription of a browser, or its text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Subscription {
    /// As a text.
    Text(String),
    /// As an object.
    Object(SubscriptionObject),
}

/// A subscription of a browser (W3C Push API). Other members are ignored.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionObject {
    /// Where messages go: an https URL of a public host.
    pub endpoint: String,
    /// Its keys.
    pub keys: SubscriptionKeys,
}

/// The keys of a subscription, in base64url.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionKeys {
    /// 65 bytes: a point on P-256, not compressed.
    pub p256dh: String,
    /// 16 bytes.
    pub auth: String,
}

/// A wish of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NotificationPreference)]
pub struct PreferenceBody {
    /// The company; one of the token's.
    pub company_id: Uuid,
    /// One of its units; null, or left out: all of them.
    pub unit_id: Option<Uuid>,
    /// How: `"All"`, or some of `InApp`, `PushNotification`, `Email`; an empty list: not at all.
    pub channels: Channels,
}

/// All wishes of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NotificationPreferences)]
pub struct PreferencesBody {
    /// At most 200, each company and unit once.
    #[schema(max_items = 200)]
    pub items: Vec<PreferenceBody>,
}

/// One delivery of a notification.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Delivery)]
pub struct DeliveryDocument {
    /// Names it.
    pub id: Uuid,
    /// `InApp`, `PushNotification` or `Email`.
    pub channel: String,
    /// To which device; null for the other channels.
    #[schema(required)]
    pub device_id: Option<Uuid>,
    /// `pending`, `queued`, `sending`, `sent`, `failed`, `removed`, `unknown`, `suppressed` or `skipped`.
    #[schema(example = "sent")]
    pub status: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What came of the last attempt, if that failed.
    #[schema(required)]
    pub last_error: Option<String>,
    /// When it was accepted.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}
