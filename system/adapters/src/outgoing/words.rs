//! What a service says about a failure, fit for a log.

use serde_json::Value;

const REASON_CHARS_MAX: usize = 200;
/// Longer words are tokens, keys or URLs rather than words; the names of errors that are known have 24 at most.
const WORD_BYTES_MAX: usize = 32;
/// Shorter parts of an endpoint (`v1`, `send`) are no secrets, and also words.
const SECRET_BYTES_MIN: usize = 6;
const HIDDEN: &str = "***";

/// The words of `text`, or of the fields that push services put them in, without anything that holds a part of
/// `secrets`, a URL, or a word too long to be one.
pub(crate) fn reason<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let secrets: Vec<&str> = secrets.into_iter().filter(|secret| secret.len() >= SECRET_BYTES_MIN).collect();
    let said = serde_json::from_str(text).ok().and_then(|json| from_json(&json)).unwrap_or_else(|| text.to_owned());
    let mut cleaned = String::new();
    for word in said.split_whitespace() {
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        cleaned.push_str(if is_secret(word, &secrets) { HIDDEN } else { word });
        // What remains is cut anyway.
        if cleaned.len() > REASON_CHARS_MAX * 4 {
            break;
        }
    }
    cleaned.retain(|char| !char.is_control());
    match cleaned.char_indices().nth(REASON_CHARS_MAX) {
        Some((at, _)) => cleaned.truncate(at),
        None if cleaned.is_empty() => cleaned.push_str("no reason given"),
        None => {}
    }
    cleaned
}

fn is_secret(word: &str, secrets: &[&str]) -> bool {
    let bare = word.trim_matches(|char: char| !char.is_ascii_alphanumeric());
    let is_long = word.split(|char: char| !(char.is_alphanumeric() || "-_+/=:%.".contains(char)));
    is_long.into_iter().any(|part| part.len() > WORD_BYTES_MAX)
        || word.contains("://")
        || secrets
            .iter()
            .any(|secret| word.contains(secret) || (bare.len() > 2 * SECRET_BYTES_MIN && secret.contains(bare)))
}

/// Apple: `reason`; Mozilla: `errno` and `message`; Google: `error.status` and `error.message`; OAuth: `error`.
fn from_json(json: &Value) -> Option<String> {
    let error = &json["error"];
    let parts = [&json["reason"], &json["errno"], &error["status"], &json["message"], &error["message"], error];
    let parts = parts.into_iter().filter_map(|part| match part {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let said: Vec<String> = parts.chain(json["error_description"].as_str().map(str::to_owned)).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        reason(text, [])
    }

    #[test]
    fn each_services_form() {
        assert_eq!(plain(r#"{"reason":"BadJwtToken"}"#), "BadJwtToken");
        assert_eq!(
            plain(
                r#"{"code":401,"errno":109,"error":"Unauthorized","more_info":"http://x","message":"VAPID public key mismatch"}"#
            ),
            "109 VAPID public key mismatch Unauthorized"
        );
        assert_eq!(
            plain(r#"{"error":{"code":403,"message":"SenderId mismatch","status":"PERMISSION_DENIED"}}"#),
            "PERMISSION_DENIED SenderId mismatch"
        );
        assert_eq!(plain(r#"{"error":"invalid_grant","error_description":"Bad\r\nclock"}"#), "invalid_grant Bad clock");
        assert_eq!(plain("<html>\n<h1>502 Bad Gateway</h1>"), "<html> <h1>502 Bad Gateway</h1>");
        assert_eq!(plain(" \r\n"), "no reason given");
        assert_eq!(plain("{}"), "{}");
    }

    #[test]
    fn no_capability_gets_through() {
        let token = "gAAAAABl-x9Q".repeat(8);
        for text in [
            format!("no such subscription {token}"),
            format!("\"https://push.example.com/{token}\" unknown"),
            format!("see https://a.example/x and ({}),", &token[..40]),
            "topic upAbc123 is gone".to_owned(),
            "prefix of the path: upAbc123/device-of-anna/more".to_owned(),
        ] {
            let cleaned = reason(&text, [&*token, "upAbc123", "v1"]);
            assert!(cleaned.contains(HIDDEN), "{cleaned}");
            for secret in [&token[..40], "upAbc123", "://"] {
                assert!(!cleaned.contains(secret), "{cleaned}");
            }
        }
    }

    #[test]
    fn it_is_short_and_on_one_line() {
        let cleaned = plain(&"é\u{1b}[31m word\n".repeat(10_000));
        assert_eq!(cleaned.chars().count(), REASON_CHARS_MAX);
        assert!(!cleaned.chars().any(char::is_control));
    }
}
