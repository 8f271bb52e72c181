//! Other people's crates for the encryption of Web Push, with the same receiver and the same plaintext.

use adapters::testing::Receiver;
use web_push_native::p256::PublicKey;
use web_push_native::{Auth, WebPushBuilder};

/// Where requests would go; none is sent.
const ENDPOINT: &str = "https://push.example.com/1";

/// web-push-native, without VAPID: ours is encrypted apart from its token too.
pub(super) struct Native(WebPushBuilder);

impl Native {
    /// For a receiver.
    pub(super) fn new(receiver: &Receiver) -> Self {
        let key = PublicKey::from_sec1_bytes(&receiver.p256dh).unwrap();
        let auth = Auth::clone_from_slice(&receiver.auth);
        Self(WebPushBuilder::new(ENDPOINT.parse().unwrap(), key, auth))
    }

    /// An encrypted message; answers its length.
    pub(super) fn encrypt(&self, plaintext: &[u8]) -> usize {
        self.0.build(plaintext.to_vec()).unwrap().body().len()
    }
}

/// The web-push crate, whose encryption is OpenSSL's.
#[cfg(feature = "peer-web-push")]
pub(super) struct WebPush(web_push::SubscriptionInfo);

#[cfg(feature = "peer-web-push")]
impl WebPush {
    /// For a receiver.
    pub(super) fn new(receiver: &Receiver) -> Self {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let [key, auth] = [&receiver.p256dh[..], &receiver.auth[..]].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Self(web_push::SubscriptionInfo::new(ENDPOINT, &key, &auth))
    }

    /// An encrypted message; answers its length.
    pub(super) fn encrypt(&self, plaintext: &[u8]) -> usize {
        let mut builder = web_push::WebPushMessageBuilder::new(&self.0);
        builder.set_payload(web_push::ContentEncoding::Aes128Gcm, plaintext);
        builder.build().unwrap().payload.unwrap().content.len()
    }
}
