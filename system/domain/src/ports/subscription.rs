//! The JSON by which a browser describes its subscription, and by which a device's row keeps it.

use std::borrow::Cow;

use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, Engine};
use serde::Deserialize;
use serde_json::Value;

use super::push::WebPushSubscription;

/// The longest JSON of a subscription: an endpoint of 2 KiB, its keys, and what browsers add.
pub const SUBSCRIPTION_BYTES_MAX: usize = 4_096;
/// The longest endpoint, in bytes: push services stay below half of it.
pub const ENDPOINT_BYTES_MAX: usize = 2_048;
/// The longest text of a key, in whichever spelling; the longest key has 88.
const KEY_CHARS_MAX: usize = 128;

/// A text is no subscription. Nothing here repeats it: it is a capability. Worded as what is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// It is longer than any.
    #[error("must have at most {SUBSCRIPTION_BYTES_MAX} bytes")]
    TooLong,
    /// It is no JSON of the form `{"endpoint", "keys": {"p256dh", "auth"}}`.
    #[error("must be the JSON of a subscription, {{\"endpoint\", \"keys\": {{\"p256dh\", \"auth\"}}}}")]
    Json,
    /// The endpoint is too long for any, or has what no URL has.
    #[error("`endpoint` must be a URL of at most {ENDPOINT_BYTES_MAX} bytes")]
    Endpoint,
    /// A key is no base64, or not of its length.
    #[error("`keys.{name}` must be {bytes} bytes in base64url")]
    Key {
        /// Which.
        name: &'static str,
        /// How many bytes it must have.
        bytes: usize,
    },
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    endpoint: Cow<'a, str>,
    #[serde(borrow)]
    keys: Keys<'a>,
}

#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(borrow)]
    p256dh: Cow<'a, str>,
    #[serde(borrow)]
    auth: Cow<'a, str>,
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
        Self::read(serde_json::from_str(text).map_err(|_| SubscriptionError::Json)?)
    }

    /// The same of an object that stands inside other JSON, whose length was bounded with it.
    ///
    /// # Errors
    /// It is none.
    pub fn from_value(value: &Value) -> Result<Self, SubscriptionError> {
        Self::read(Json::deserialize(value).map_err(|_| SubscriptionError::Json)?)
    }

    fn read(json: Json<'_>) -> Result<Self, SubscriptionError> {
        let endpoint = json.endpoint;
        if !(1..=ENDPOINT_BYTES_MAX).contains(&endpoint.len()) || !endpoint.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(SubscriptionError::Endpoint);
        }
        Ok(Self {
            p256dh: key("p256dh", &json.keys.p256dh)?,
            auth: key("auth", &json.keys.auth)?,
            endpoint: endpoint.into_owned(),
        })
    }

    /// The same for a row: one spelling for each subscription, so that rows can be compared. It is a capability; no log and
    /// no answer may show it.
    pub fn to_json(&self) -> String {
        let endpoint = Value::from(self.endpoint.as_str());
        let [p256dh, auth] = [&self.p256dh[..], &self.auth].map(|key| URL_SAFE_NO_PAD.encode(key));
        format!(r#"{{"endpoint":{endpoint},"keys":{{"p256dh":"{p256dh}","auth":"{auth}"}}}}"#)
    }
}

fn key<const N: usize>(name: &'static str, text: &str) -> Result<[u8; N], SubscriptionError> {
    let wrong = SubscriptionError::Key { name, bytes: N };
    if text.len() > KEY_CHARS_MAX {
        return Err(wrong);
    }
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
        let stored = plain.to_json();
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
        for text in ["", "not base64!", &P256DH[..80], AUTH, "BCVx\\u0000", &"A".repeat(200)] {
            assert_eq!(refused(&json(text, AUTH)), p256dh, "{text}");
        }
        for text in ["", "A", P256DH, "BTBZMqHH6r4Tts7J_aSIggAA", "BTBZ MqHH6r4Tts7J_aSIg"] {
            assert_eq!(refused(&json(P256DH, text)), auth, "{text}");
        }
        for text in ["", "[]", "{}", r#"{"endpoint":"https://a.example"}"#, r#"{"endpoint":7,"keys":{}}"#] {
            assert_eq!(refused(text), SubscriptionError::Json, "{text}");
        }
        assert_eq!(refused(&json(&"A".repeat(5_000), AUTH)), SubscriptionError::TooLong);
        let twice = json(P256DH, AUTH).replacen('{', r#"{"endpoint":"https://elsewhere.example/","#, 1);
        assert_eq!(refused(&twice), SubscriptionError::Json, "which of the two?");
    }

    #[test]
    fn an_endpoint_is_bounded_and_printable() {
        let at = |endpoint: &str| json(P256DH, AUTH).replace("https://push.example.com/a", endpoint);
        let longest = format!("https://push.example.com/{}", "x".repeat(ENDPOINT_BYTES_MAX - 25));
        assert_eq!(WebPushSubscription::from_json(&at(&longest)).unwrap().endpoint, longest);
        let too_long = format!("{longest}x");
        for endpoint in ["", "https://a.example/a b", "https://a.example/\\r\\nX: y", "https://ä.example/", &too_long]
        {
            let refused = WebPushSubscription::from_json(&at(endpoint)).unwrap_err();
            assert_eq!(refused, SubscriptionError::Endpoint, "{endpoint}");
        }
    }

    #[test]
    fn an_object_is_read_as_its_text_is() {
        let quoted = WebPushSubscription {
            endpoint: r#"https://push.example.com/"\a"#.to_owned(),
            ..WebPushSubscription::from_json(&json(P256DH, AUTH)).unwrap()
        };
        let stored = quoted.to_json();
        assert_eq!(WebPushSubscription::from_json(&stored).unwrap(), quoted);
        assert_eq!(WebPushSubscription::from_value(&serde_json::from_str(&stored).unwrap()).unwrap(), quoted);
        for value in [Value::Null, serde_json::json!([]), serde_json::json!({"endpoint": "https://a.example/"})] {
            assert_eq!(WebPushSubscription::from_value(&value).unwrap_err(), SubscriptionError::Json, "{value}");
        }
    }
}
