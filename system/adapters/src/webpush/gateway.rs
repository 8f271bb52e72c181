//! The gateway.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::WallClock;
use domain::ports::{
    PushError, PushGateway, PushMessage, PushOrigin, PushReceipt, PushTarget, Urgency, WebPushSubscription,
};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::encrypt::{EncryptError, encrypt, is_point};
use super::ephemeral::{EphemeralKeys, FreshKeys};
use super::payload::{padding, payload, topic};
use super::statuses::outcome;
use super::tokens::{Tokens, VapidSubject};
use super::vapid_key::VapidKey;
use crate::outgoing::{AddressPolicy, Endpoint, Outgoing};

const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const TOPIC: HeaderName = HeaderName::from_static("topic");
/// The longest that every push service takes: Google's 28 days (Mozilla's are 30).
const TTL_MAX: Duration = Duration::from_secs(28 * 24 * 3_600);

/// What makes a gateway.
pub struct WebPushConfig {
    /// The key that devices subscribe with.
    pub key: VapidKey,
    /// Who answers for the messages.
    pub subject: VapidSubject,
}

/// Web Push. One attempt is one POST; see the module's story.
pub struct WebPushGateway {
    outgoing: Outgoing,
    tokens: Tokens,
    ephemeral: Arc<dyn EphemeralKeys>,
}

impl WebPushGateway {
    /// A gateway with fresh keys for each message.
    pub fn new(config: WebPushConfig, outgoing: Outgoing, clock: Arc<dyn WallClock>) -> Self {
        Self::with_keys(config, outgoing, clock, Arc::new(FreshKeys))
    }

    /// A gateway with the keys of `ephemeral`, for tests.
    pub fn with_keys(
        config: WebPushConfig,
        outgoing: Outgoing,
        clock: Arc<dyn WallClock>,
        ephemeral: Arc<dyn EphemeralKeys>,
    ) -> Self {
        Self { outgoing, tokens: Tokens::new(config.key, config.subject, clock), ephemeral }
    }

    /// The key that devices subscribe with: its public half for browsers, its id for the rows of devices.
    pub fn key(&self) -> &VapidKey {
        self.tokens.key()
    }

    fn judge<'a>(&self, target: &'a PushTarget) -> Result<(&'a WebPushSubscription, Endpoint), PushError> {
        let PushTarget::WebPush(subscription) = target else {
            return Err(PushError::Invalid("not a subscription of Web Push".to_owned()));
        };
        Ok((subscription, self.outgoing.check(&subscription.endpoint)?))
    }

    fn headers(&self, origin: &PushOrigin, message: &PushMessage) -> Result<HeaderMap, PushError> {
        let authorization = self.tokens.authorization(origin);
        let authorization = authorization.map_err(|error| PushError::Unreachable(Some(Arc::new(error))))?;
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(TTL, HeaderValue::from(message.ttl.min(TTL_MAX).as_secs()));
        headers.insert(URGENCY, HeaderValue::from_static(urgency(message.urgency)));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(Ok(topic)) = topic(&message.tag).map(HeaderValue::from_str) {
            headers.insert(TOPIC, topic);
        }
        Ok(headers)
    }
}

#[async_trait]
impl PushGateway for WebPushGateway {
    fn check(&self, target: &PushTarget) -> Result<(), PushError> {
        let (subscription, _) = self.judge(target)?;
        match is_point(&subscription.p256dh) {
            true => Ok(()),
            false => Err(PushError::Invalid(EncryptError::NoPoint.to_string())),
        }
    }

    fn origin(&self, target: &PushTarget) -> PushOrigin {
        let origin = match target {
            PushTarget::WebPush(subscription) => AddressPolicy::origin_of(&subscription.endpoint),
            PushTarget::Fcm { .. } => None,
        };
        // Whatever is no URL fails alike, without asking anybody.
        origin.unwrap_or_else(|| PushOrigin("invalid".into()))
    }

    async fn attempt(&self, target: &PushTarget, message: &PushMessage) -> Result<PushReceipt, PushError> {
        // Judged again: the policy may have changed since the device was registered.
        let (subscription, endpoint) = self.judge(target)?;
        let body = self.seal(subscription, message)?;
        let headers = self.headers(endpoint.origin(), message)?;
        outcome(&self.outgoing.post(&endpoint, headers, body).await?, &endpoint)
    }
}

impl WebPushGateway {
    fn seal(&self, subscription: &WebPushSubscription, message: &PushMessage) -> Result<Vec<u8>, PushError> {
        let plaintext = payload(message).map_err(|error| PushError::Unreachable(Some(Arc::new(error))))?;
        let sealed = self.ephemeral.next().and_then(|ephemeral| {
            encrypt(&plaintext, padding(plaintext.len()), &subscription.p256dh, &subscription.auth, &ephemeral)
        });
        sealed.map_err(|error| match error {
            EncryptError::NoPoint => PushError::Invalid(error.to_string()),
            // Ours, and passing: without randomness or memory nothing was sent.
            EncryptError::TooLong | EncryptError::Crypto => PushError::Unreachable(Some(Arc::new(error))),
        })
    }
}

const fn urgency(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Low => "low",
        Urgency::Normal => "normal",
        Urgency::High => "high",
    }
}
