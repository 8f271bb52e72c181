//! The message of HTTP v1.

use std::borrow::Cow;

use coherence::Timestamp;
use domain::ports::{PushMessage, Urgency};
use serde::Serialize;

use crate::outgoing::{cut, json_bytes};

/// What Google and Apple take: 4,096 bytes. Which parts Google counts is not written down, so all but the token are.
const MESSAGE_BYTES_MAX: usize = 4_000;
const TITLE_BYTES_MAX: usize = 512;
/// `apns-collapse-id` has at most 64 bytes.
const COLLAPSE_BYTES_MAX: usize = 64;
/// 28 days, the longest that Google takes.
const TTL_SECONDS_MAX: u64 = 28 * 24 * 3_600;
/// The app's own picture in the status bar, by its name in the app, as the specification has it.
const ANDROID_ICON: &str = "ic_notification";

#[derive(Serialize)]
struct Envelope<'a> {
    message: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    token: &'a str,
    notification: Text<'a>,
    apns: Apns<'a>,
    android: Android<'a>,
}

#[derive(Serialize, Clone, Copy)]
struct Text<'a> {
    title: &'a str,
    body: &'a str,
}

#[derive(Serialize)]
struct Apns<'a> {
    headers: ApnsHeaders<'a>,
    payload: ApnsPayload<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ApnsHeaders<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    apns_collapse_id: Option<&'a str>,
    apns_expiration: String,
    apns_priority: &'static str,
}

#[derive(Serialize)]
struct ApnsPayload<'a> {
    aps: Aps<'a>,
}

#[derive(Serialize)]
struct Aps<'a> {
    alert: Text<'a>,
    badge: u32,
    sound: &'static str,
}

#[derive(Serialize)]
struct Android<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    collapse_key: Option<&'a str>,
    priority: &'static str,
    ttl: String,
    notification: AndroidNotification<'a>,
}

#[derive(Serialize)]
struct AndroidNotification<'a> {
    icon: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
}

/// The specification's object inside `{"message": ...}`, with `aps` under `apns.payload` (ruling 18). The tag becomes the
/// collapse ids of both platforms and Android's tag, so that a message sent twice (Google knows no idempotency key)
/// replaces itself. The text stands in it twice; its body is cut at the end of a character so that the whole, the token
/// aside, has at most 4,000 bytes.
///
/// # Errors
/// Never in fact: text is always JSON.
pub fn message(token: &str, message: &PushMessage, now: Timestamp) -> Result<Vec<u8>, serde_json::Error> {
    let tag = Some(&*message.tag).filter(|tag| (1..=COLLAPSE_BYTES_MAX).contains(&json_bytes(tag)));
    let title = cut(&message.title, TITLE_BYTES_MAX);
    let around = serde_json::to_vec(&envelope("", Text { title: &title, body: "" }, tag, message, now))?.len();
    let body: Cow<'_, str> = cut(&message.body, MESSAGE_BYTES_MAX.saturating_sub(around) / 2);
    serde_json::to_vec(&envelope(token, Text { title: &title, body: &body }, tag, message, now))
}

fn envelope<'a>(
    token: &'a str,
    text: Text<'a>,
    tag: Option<&'a str>,
    message: &PushMessage,
    now: Timestamp,
) -> Envelope<'a> {
    // Whoever says that it may wait for power and Wi-Fi must not wake a device for it. All else is as specified.
    let (priority, apns_priority) = match message.urgency {
        Urgency::Low => ("normal", "5"),
        Urgency::Normal | Urgency::High => ("high", "10"),
    };
    let ttl = message.ttl.as_secs().min(TTL_SECONDS_MAX);
    let expires = u64::try_from(now.as_second()).unwrap_or_default() + ttl;
    Envelope {
        message: Message {
            token,
            notification: text,
            apns: Apns {
                headers: ApnsHeaders { apns_collapse_id: tag, apns_expiration: expires.to_string(), apns_priority },
                payload: ApnsPayload { aps: Aps { alert: text, badge: 1, sound: "default" } },
            },
            android: Android {
                collapse_key: tag,
                priority,
                ttl: format!("{ttl}s"),
                notification: AndroidNotification { icon: ANDROID_ICON, tag },
            },
        },
    }
}
