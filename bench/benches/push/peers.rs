//! Other people's crates for the encryption of Web Push, with the same receiver and the same plaintext.

use adapters::testing::Receiver;
use web_push_native::p256::PublicKey;
use web_push_native::{Auth, WebPushBuilder};

/// Where requests would go; none is sent.
const ENDPOINT: &str = "https://push.example.com/1";

fn bytes(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// web-push-native, without VAPID: ours is encrypted apart from its token too.
pub struct Native(WebPushBuilder);

impl Native {
    /// For a receiver.
    pub fn new(receiver: &Receiver) -> Self {
        let key = PublicKey::from_sec1_bytes(&bytes(&receiver.p256dh)).unwrap();
        let auth = Auth::clone_from_slice(&bytes(&receiver.auth));
        Self(WebPushBuilder::new(ENDPOINT.parse().unwrap(), key, auth))
    }

    /// An encrypted message; answers its length.
    pub fn encrypt(&self, plaintext: &[u8]) -> usize {
        self.0.build(plaintext.to_vec()).unwrap().body().len()
    }
}

/// The web-push crate, whose encryption is OpenSSL's.
#[cfg(feature = "peer-web-push")]
pub struct WebPush(web_push::SubscriptionInfo);

#[cfg(feature = "peer-web-push")]
impl WebPush {
    /// For a receiver.
    pub fn new(receiver: &Receiver) -> Self {
        Self(web_push::SubscriptionInfo::new(ENDPOINT, &receiver.p256dh, &receiver.auth))
    }

    /// An encrypted message; answers its length.
    pub fn encrypt(&self, plaintext: &[u8]) -> usize {
        let mut builder = web_push::WebPushMessageBuilder::new(&self.0);
        builder.set_payload(web_push::ContentEncoding::Aes128Gcm, plaintext);
        builder.build().unwrap().payload.unwrap().content.len()
    }
}
