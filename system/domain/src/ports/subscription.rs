//! The JSON by which a browser describes its subscription, and by which a device's row keeps it.

use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, Engine};
use serde::{Deserialize, Serialize};

use super::push::WebPushSubscription;

/// The longest JSON of a subscription: an endpoint of 2 KiB, its keys, and what browsers add.
pub const SUBSCRIPTION_BYTES_MAX: usize = 4_096;

/// A text is no subscription. Nothing here repeats it: it is a capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// It is longer than any.
    #[error("longer than {SUBSCRIPTION_BYTES_MAX} bytes")]
    TooLong,
    /// It is no JSON of the form `{"endpoint", "keys": {"p256dh", "auth"}}`.
    #[error("not the JSON of a subscription, {{\"endpoint\", \"keys\": {{\"p256dh\", \"auth\"}}}}")]
    Json,
    /// A key is no base64, or not of its length.
    #[error("keys.{name} is not {bytes} bytes in base64url")]
    Key {
        /// Which.
        name: &'static str,
        /// How many bytes it must have.
        bytes: usize,
    },
}

#[derive(Serialize, Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    endpoint: std::borrow::Cow<'a, str>,
    keys: Keys,
}

#[derive(Serialize, Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

/// With or without padding: both are written by libraries of browsers and servers.
const TOLERANT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl WebPushSubscription {
    /// Reads what `PushSubscription.toJSON()` gives (W3C Push API section 8). Other members are ignored; keys are taken in
    /// base64url and in standard base64, with and without padding. Whether the endpoint may be sent to and the key is a
    /// point on its curve is the gateway's to say ([`check`](super::PushGateway::check)).
    ///
    /// # Errors
    /// It is none.
    pub fn from_json(text: &str) -> Result<Self, SubscriptionError> {
        if text.len() > SUBSCRIPTION_BYTES_MAX {
            return Err(SubscriptionError::TooLong);
        }
        let json: Json<'_> = serde_json::from_str(text).map_err(|_| SubscriptionError::Json)?;
        Ok(Self {
            p256dh: key("p256dh", &json.keys.p256dh)?,
            auth: key("auth", &json.keys.auth)?,
            endpoint: json.endpoint.into_owned(),
        })
    }

    /// The same for a row: one spelling for each subscription, so that rows can be compared. It is a capability; no log and
    /// no answer may show it.
    ///
    /// # Errors
    /// Never in fact: text is always JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let keys = Keys { p256dh: URL_SAFE_NO_PAD.encode(self.p256dh), auth: URL_SAFE_NO_PAD.encode(self.auth) };
        serde_json::to_string(&Json { endpoint: (&*self.endpoint).into(), keys })
    }
}

fn key<const N: usize>(name: &'static str, text: &str) -> Result<[u8; N], SubscriptionError> {
    let wrong = SubscriptionError::Key { name, bytes: N };
    let decoded = TOLERANT.decode(text.replace('+', "-").replace('/', "_")).map_err(|_| wrong.clone())?;
    decoded.try_into().map_err(|_| wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn json(p256dh: &str, auth: &str) -> String {
        format!(
            r#"{{"endpoint":"https://push.example.com/a","expirationTime":null,"keys":{{"p256dh":"{p256dh}","auth":"{auth}"}}}}"#
        )
    }

    #[test]
    fn every_spelling_of_base64() {
        let plain = WebPushSubscription::from_json(&json(P256DH, AUTH)).unwrap();
        assert_eq!(plain.auth[..3], [5, 48, 89]);
        let standard = |text: &str| text.replace('-', "+").replace('_', "/");
        for (p256dh, auth) in [
            (format!("{P256DH}="), format!("{AUTH}==")),
            (standard(P256DH), standard(AUTH)),
            (format!("{}=", standard(P256DH)), format!("{}==", standard(AUTH))),
            (P256DH.to_owned(), AUTH.replace('_', "\\/")),
        ] {
            assert_eq!(WebPushSubscription::from_json(&json(&p256dh, &auth)).unwrap(), plain);
        }
        let stored = plain.to_json().unwrap();
        assert_eq!(
            stored,
            format!(r#"{{"endpoint":"https://push.example.com/a","keys":{{"p256dh":"{P256DH}","auth":"{AUTH}"}}}}"#)
        );
        assert_eq!(WebPushSubscription::from_json(&stored).unwrap(), plain);
    }

    #[test]
    fn what_is_none_is_refused() {
        let p256dh = SubscriptionError::Key { name: "p256dh", bytes: 65 };
        let auth = SubscriptionError::Key { name: "auth", bytes: 16 };
        let refused = |text: &str| WebPushSubscription::from_json(text).unwrap_err();
        for text in ["", "not base64!", &P256DH[..80], AUTH, "BCVx\\u0000"] {
            assert_eq!(refused(&json(text, AUTH)), p256dh, "{text}");
        }
        for text in ["", "A", P256DH, "BTBZMqHH6r4Tts7J_aSIggAA", "BTBZ MqHH6r4Tts7J_aSIg"] {
            assert_eq!(refused(&json(P256DH, text)), auth, "{text}");
        }
        for text in ["", "[]", "{}", r#"{"endpoint":"https://a.example"}"#, r#"{"endpoint":7,"keys":{}}"#] {
            assert_eq!(refused(text), SubscriptionError::Json, "{text}");
        }
        assert_eq!(refused(&json(&"A".repeat(5_000), AUTH)), SubscriptionError::TooLong);
    }
}
