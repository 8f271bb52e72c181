//! What a service worker gets.

use std::borrow::Cow;

use domain::ports::{PUSH_TAG_CHARS_MAX, PushMessage};
use serde::Serialize;

use super::encrypt::PLAINTEXT_BYTES_MAX;
use crate::outgoing::{cut, json_bytes};

/// A title may take a quarter, an icon another: the text is what a message is for.
const TITLE_BYTES_MAX: usize = 1_024;
const ICON_BYTES_MAX: usize = 1_024;
/// Padding brings a payload to a multiple of this. What is pushed is one of a few kinds of message with numbers in it, and
/// without padding its exact length tells a push service which. The step is that of Mozilla's own library: 128 bytes cost
/// less than the headers of the request.
const PADDING_STEP: usize = 128;
#[derive(Serialize)]
struct Payload<'a> {
    title: Cow<'a, str>,
    body: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
}

/// `{title, body, icon, tag}` in at most [`PLAINTEXT_BYTES_MAX`] bytes: the body is cut at the end of a character, a title
/// beyond 1 KiB too, and an icon beyond that is left out (half a URL is none).
///
/// # Errors
/// Never in fact: text is always JSON.
pub fn payload(message: &PushMessage) -> Result<Vec<u8>, serde_json::Error> {
    let icon =
        message.icon.as_deref().filter(|icon| icon.len() <= ICON_BYTES_MAX && json_bytes(icon) <= ICON_BYTES_MAX);
    let title = cut(&message.title, TITLE_BYTES_MAX);
    let mut payload = Payload { title, body: Cow::Borrowed(""), icon, tag: topic(&message.tag) };
    let around = serde_json::to_vec(&payload)?.len();
    payload.body = cut(&message.body, PLAINTEXT_BYTES_MAX.saturating_sub(around));
    serde_json::to_vec(&payload)
}

/// The tag, if a push service would take it as a topic (RFC 8030 section 5.4). One that it would not take costs the message its replacement
/// of an earlier one, rather than its delivery.
pub(super) fn topic(tag: &str) -> Option<&str> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    ((1..=PUSH_TAG_CHARS_MAX).contains(&tag.len()) && tag.bytes().all(is_legal)).then_some(tag)
}

/// The zeros that go with a payload of this length.
pub(super) fn padding(length: usize) -> usize {
    length.next_multiple_of(PADDING_STEP).min(PLAINTEXT_BYTES_MAX).saturating_sub(length)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::ports::Urgency;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn message(title: &str, body: &str, icon: Option<&str>, tag: &str) -> PushMessage {
        PushMessage {
            title: title.to_owned(),
            body: body.to_owned(),
            icon: icon.map(str::to_owned),
            tag: tag.to_owned(),
            ttl: Duration::from_secs(60),
            urgency: Urgency::Normal,
        }
    }

    fn text(message: &PushMessage) -> String {
        String::from_utf8(payload(message).unwrap()).unwrap()
    }

    #[test]
    fn the_specified_fields() {
        let full = message("Alert", "Demand \"dropped\" 30%", Some("/icon.png"), "evt-1");
        let expected = r#"{"title":"Alert","body":"Demand \"dropped\" 30%","icon":"/icon.png","tag":"evt-1"}"#;
        assert_eq!(text(&full), expected);
        assert_eq!(text(&message("a", "b", None, "")), r#"{"title":"a","body":"b"}"#);
    }

    #[test]
    fn a_megabyte_becomes_a_full_record() {
        let long = "😀".repeat(300_000);
        for message in [message(&long, &long, Some(&long), &long), message("a", &long, None, "b")] {
            let length = payload(&message).unwrap().len();
            assert!((PLAINTEXT_BYTES_MAX - 4..=PLAINTEXT_BYTES_MAX).contains(&length), "{length}");
        }
    }

    #[test]
    fn topics_are_what_push_services_take() {
        assert_eq!(topic("AZaz09-_AZaz09-_AZaz09-_AZaz09-_"), Some("AZaz09-_AZaz09-_AZaz09-_AZaz09-_"));
        for tag in ["", "a b", "a\r\nX: y", "ä", "a=", &"x".repeat(33)] {
            assert_eq!(topic(tag), None, "{tag:?}");
        }
    }

    #[test]
    fn padding_hides_lengths_and_never_overflows() {
        for length in 0..=PLAINTEXT_BYTES_MAX {
            let padded = length + padding(length);
            assert!(
                padded <= PLAINTEXT_BYTES_MAX && (padded.is_multiple_of(PADDING_STEP) || padded == PLAINTEXT_BYTES_MAX)
            );
        }
        assert_eq!(padding(PLAINTEXT_BYTES_MAX + 1), 0);
    }

    proptest! {
        #[test]
        fn any_text_fits_and_reads_back(
            title in "\\PC{0,40}|[\"\\\\\u{0}-\u{1f}😀]{0,300}",
            body in "\\PC{0,5000}|[\"\\\\\u{0}-\u{1f}]{0,2000}|[😀👍🏽🇩🇪é]{900,1100}",
            icon in proptest::option::of("\\PC{0,2000}"),
        ) {
            let message = message(&title, &body, icon.as_deref(), "tag");
            let bytes = payload(&message).unwrap();
            prop_assert!(bytes.len() <= PLAINTEXT_BYTES_MAX);
            let json: Value = serde_json::from_slice(&bytes).unwrap();
            let shown = json["body"].as_str().unwrap();
            let is_beginning = shown.strip_suffix('…').is_some_and(|kept| body.starts_with(kept));
            prop_assert!(shown == body || is_beginning);
        }
    }
}
