//! `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.

use std::time::Duration;

use coherence::Timestamp;
use jiff::fmt::rfc2822;

/// The longest wait that is believed: beyond it the header is a mistake, or an attempt to stop us.
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// How long to wait from `now`; `None` if that is not what the text says. A date gone by is no wait.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits for a number are more than the longest wait too.
        return Some(text.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs).min(RETRY_AFTER_MAX));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let wait = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let now: Timestamp = "2015-10-21T07:27:00Z".parse().unwrap();
        let wait = |text| retry_after(text, now);
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait(" 0 "), Some(Duration::ZERO));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(wait("Wed, 21 Oct 2015 07:26:00 GMT"), Some(Duration::ZERO), "gone by");
        assert_eq!(wait("Fri, 23 Oct 2015 07:28:00 GMT"), Some(RETRY_AFTER_MAX));
        assert_eq!(wait("86400"), Some(RETRY_AFTER_MAX));
        assert_eq!(wait("99999999999999999999999999"), Some(RETRY_AFTER_MAX));
        for text in ["", "-1", "1.5", "soon", "120s", "\u{661}"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }
}
