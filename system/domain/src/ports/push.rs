//! Push services: Web Push (RFC 8030) and FCM HTTP v1, one gateway each.
//!
//! A gateway makes single attempts and says what came of them. Deadlines of attempts, retries, limits per origin, the
//! breaker and what becomes of a device are the use case's (`PushSender`): the simulation must see them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

/// The public key of a device, an uncompressed point on P-256 (RFC 8291 section 2.1), in bytes.
pub const P256DH_BYTES: usize = 65;
/// The secret that a device shares with its senders (RFC 8291 section 3.2), in bytes.
pub const AUTH_BYTES: usize = 16;

/// The longest tag of a message: that of `Topic` (RFC 8030 section 5.4).
pub const PUSH_TAG_CHARS_MAX: usize = 32;

/// A subscription of a browser (W3C Push API). The endpoint is a capability: whoever knows it can send. `Debug` and
/// errors show its origin only.
#[derive(Clone, PartialEq, Eq)]
pub struct WebPushSubscription {
    /// Where messages go, an absolute URL.
    pub endpoint: String,
    /// The device's public key.
    pub p256dh: [u8; P256DH_BYTES],
    /// The shared secret.
    pub auth: [u8; AUTH_BYTES],
}

impl fmt::Debug for WebPushSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebPushSubscription").finish_non_exhaustive()
    }
}

/// Where a push message goes.
#[derive(Clone, PartialEq, Eq)]
pub enum PushTarget {
    /// `IntegrationType` 0.
    WebPush(WebPushSubscription),
    /// `IntegrationType` 1.
    Fcm {
        /// The registration token of the app on its device. A capability too.
        token: String,
    },
}

impl fmt::Debug for PushTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebPush(_) => "WebPush",
            Self::Fcm { .. } => "Fcm",
        })
    }
}

/// How soon a device should be woken (RFC 8030 section 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// While the device is on power and Wi-Fi.
    Low,
    /// As messages are.
    Normal,
    /// At once.
    High,
}

/// What a device shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushMessage {
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The picture beside it, a URL.
    pub icon: Option<String>,
    /// What a later message with the same tag replaces, on the push service and on the device: at most
    /// [`PUSH_TAG_CHARS_MAX`] characters of the base64url alphabet, made from the event id, so that an attempt whose answer
    /// was lost shows once.
    pub tag: String,
    /// How long a push service keeps it for a device that is off.
    pub ttl: Duration,
    /// How soon it should be there.
    pub urgency: Urgency,
}

/// A push service took a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushReceipt {
    /// The status that it answered with.
    pub status: u16,
}

/// The push service behind a target: scheme, host and port. Limits and breakers are kept for each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PushOrigin(pub Arc<str>);

/// What an attempt came to, if nothing was accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PushError {
    /// The device is gone for good: 404, 410, `UNREGISTERED`.
    #[error("the device is gone ({status})")]
    Gone {
        /// The status answered.
        status: u16,
    },
    /// The device subscribed with another key of ours, or with another project: it must subscribe again.
    #[error("the device is bound to another sender ({status})")]
    SenderMismatch {
        /// The status answered.
        status: u16,
    },
    /// The push service refuses us, whatever the device: somebody must look.
    #[error("the push service refuses our credentials ({status}): {reason}")]
    Unauthorized {
        /// The status answered.
        status: u16,
        /// Its own words, cut, without capabilities.
        reason: String,
    },
    /// The push service refuses this message.
    #[error("the push service refuses the message ({status}): {reason}")]
    Rejected {
        /// The status answered.
        status: u16,
        /// Its own words, cut, without capabilities.
        reason: String,
    },
    /// Too many messages: 429, 406.
    #[error("the push service asks us to wait ({status})")]
    Throttled {
        /// The status answered.
        status: u16,
        /// For how long, if it says so.
        retry_after: Option<Duration>,
    },
    /// A fault of the push service: 5xx.
    #[error("the push service fails ({status})")]
    Failing {
        /// The status answered.
        status: u16,
        /// When it wants to be asked again, if it says so.
        retry_after: Option<Duration>,
    },
    /// No connection, or it broke; the message may have arrived. The client's error is the source.
    #[error("the push service cannot be reached")]
    Unreachable(#[source] Option<Arc<dyn std::error::Error + Send + Sync>>),
    /// No answer in time; the message may have arrived.
    #[error("the push service did not answer in time")]
    Timeout,
    /// The address policy forbids the endpoint.
    #[error("the endpoint is not allowed: {0}")]
    Blocked(String),
    /// The target cannot be one: keys that are no keys, an endpoint that is no URL.
    #[error("not a push target: {0}")]
    Invalid(String),
}

impl PushError {
    /// Whether the same attempt may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Failing { .. } | Self::Unreachable(_) | Self::Timeout => true,
            Self::Gone { .. }
            | Self::SenderMismatch { .. }
            | Self::Unauthorized { .. }
            | Self::Rejected { .. }
            | Self::Blocked(_)
            | Self::Invalid(_) => false,
        }
    }

    /// How long the push service wants to be left alone, if it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } | Self::Failing { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether it says something about the push service rather than about one device or message: breakers count these.
    pub fn blames_the_origin(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Failing { .. } | Self::Unreachable(_) | Self::Timeout)
    }
}

/// One kind of push service.
#[async_trait]
pub trait PushGateway: Send + Sync + 'static {
    /// Whether `target` can be one, as far as that can be told without asking anybody: keys, URL, address policy for
    /// literal addresses. Called when a device is registered.
    ///
    /// # Errors
    /// [`Invalid`](PushError::Invalid) or [`Blocked`](PushError::Blocked).
    fn check(&self, target: &PushTarget) -> Result<(), PushError>;

    /// The push service behind `target`.
    fn origin(&self, target: &PushTarget) -> PushOrigin;

    /// Sends `message` once. A body that is too large is cut at a character boundary. Dropping the future abandons the
    /// attempt; the message may arrive nevertheless.
    ///
    /// # Errors
    /// What came of it, if nothing was accepted.
    async fn attempt(&self, target: &PushTarget, message: &PushMessage) -> Result<PushReceipt, PushError>;
}
