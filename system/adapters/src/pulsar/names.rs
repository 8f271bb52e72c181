//! Names of topics: the client's, and the admin API's.

use std::fmt::Write as _;

use domain::ports::Topic;

/// The full name of a topic, for the client.
pub(super) fn topic(namespace: &str, topic: Topic) -> String {
    format!("persistent://{namespace}/{}", topic.name())
}

/// Where a shared subscription's dead letters go, by Pulsar's convention.
pub(super) fn dead_letters(topic: &str, subscription: &str) -> String {
    format!("{topic}-{subscription}-DLQ")
}

/// One segment of a path, percent-encoded as RFC 3986 has it: names have colons.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_pulsars() {
        let name = topic("public/default", Topic::CdcForecasts);
        assert_eq!(name, "persistent://public/default/cdc:forecasts");
        assert_eq!(dead_letters(&name, "s"), "persistent://public/default/cdc:forecasts-s-DLQ");
        assert_eq!(segment("cdc:forecasts"), "cdc%3Aforecasts");
        assert_eq!(segment("a/b c%ü"), "a%2Fb%20c%25%C3%BC");
    }
}
