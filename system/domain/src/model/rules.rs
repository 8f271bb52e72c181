//! What a value of the model must look like: one rule each, used wherever the value comes in.

use std::borrow::Cow;
use std::str::FromStr;

use coherence::Timestamp;
use serde_json::Value;

use super::Status;

/// The largest demand or supply, in the unit of the feed.
pub const AMOUNT_MAX: f64 = 1e12;
/// The most labels (`tags`) of one forecast.
pub const LABELS_MAX: usize = 16;
/// The longest label, in characters.
pub const LABEL_CHARS_MAX: usize = 64;
/// The earliest forecast date: 1900-01-01T00:00:00Z.
pub const FORECAST_DATE_MIN: Timestamp = Timestamp::constant(-2_208_988_800, 0);
/// What all forecast dates are before: 2201-01-01T00:00:00Z.
pub const FORECAST_DATE_END: Timestamp = Timestamp::constant(7_289_654_400, 0);

/// The nanoseconds of a microsecond: dates are kept to the microsecond, as the stores hold them.
const MICROSECOND_NS: i128 = 1_000;

/// An amount of energy.
pub(super) fn amount(value: &Value) -> Result<f64, String> {
    number(value, AMOUNT_MAX)
}

/// A share.
pub(super) fn confidence(value: &Value) -> Result<f64, String> {
    number(value, 1.0)
}

fn number(value: &Value, max: f64) -> Result<f64, String> {
    let Some(number) = value.as_f64() else {
        return Err("must be a number".to_owned());
    };
    if !(0.0..=max).contains(&number) {
        return Err(format!("must be from 0 to {max}"));
    }
    // -0.0 is in the range, and must not be another value than 0.0.
    Ok(number + 0.0)
}

/// Whether a flag is set.
pub(crate) fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// An id.
pub(crate) fn id<T: FromStr>(value: &Value) -> Result<T, String> {
    text(value).and_then(id_text)
}

/// An id in its one text form.
pub(crate) fn id_text<T: FromStr>(text: &str) -> Result<T, String> {
    const HYPHENATED_CHARS: usize = 36;
    match text.parse() {
        Ok(id) if text.len() == HYPHENATED_CHARS => Ok(id),
        _ => Err("must be a UUID, such as 6f9619ff-8b86-d011-b42d-00c04fc964ff".to_owned()),
    }
}

/// Where a forecast stands.
pub(super) fn status(value: &Value) -> Result<Status, String> {
    text(value).and_then(status_text)
}

/// The same from its text.
pub(super) fn status_text(text: &str) -> Result<Status, String> {
    Status::ALL
        .into_iter()
        .find(|status| status.name() == text)
        .ok_or_else(|| "must be Pending, Completed or Failed".to_owned())
}

/// The time that is forecast.
pub(super) fn forecast_date(value: &Value) -> Result<Timestamp, String> {
    let date = microseconds(instant(text(value)?)?);
    match (FORECAST_DATE_MIN..FORECAST_DATE_END).contains(&date) {
        true => Ok(date),
        false => Err("must be in the years 1900 to 2200".to_owned()),
    }
}

/// A point in time in the form of RFC 3339, which is narrower than what the parser takes. Those of year 9999 become
/// those of 9998.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    const MESSAGE: &str = "must be a time in the form of RFC 3339, such as 2025-11-12T10:30:00Z";
    if !shaped_like_rfc3339(text) {
        return Err(MESSAGE.to_owned());
    }
    // The last days of year 9999, which some clients send for "never", are beyond what a Timestamp can hold. The year
    // before is as far out of all our bounds, and has as many days.
    let text = text.strip_prefix("9999").map_or(Cow::Borrowed(text), |rest| Cow::Owned(format!("9998{rest}")));
    text.parse().map_err(|_| MESSAGE.to_owned())
}

fn shaped_like_rfc3339(text: &str) -> bool {
    fn fits(text: &[u8], pattern: &[u8]) -> bool {
        text.len() == pattern.len()
            && text.iter().zip(pattern).all(|(byte, expected)| match expected {
                b'0' => byte.is_ascii_digit(),
                b'T' => byte.eq_ignore_ascii_case(&b'T'),
                b'+' => matches!(byte, b'+' | b'-'),
                exact => byte == exact,
            })
    }
    const SECONDS: &[u8] = b"0000-00-00T00:00:00";
    let Some((seconds, rest)) = text.as_bytes().split_at_checked(SECONDS.len()) else {
        return false;
    };
    let zone = match rest {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            &fraction[digits..]
        }
        whole => whole,
    };
    // The parser knows offsets of more than a day.
    let offset = || fits(zone, b"+00:00") && zone.get(1..3) < Some(&b"24"[..]) && zone.get(4..6) < Some(&b"60"[..]);
    fits(seconds, SECONDS) && (matches!(zone, b"Z" | b"z") || offset())
}

/// Cuts `time` to the microsecond, downwards also before 1970.
pub fn microseconds(time: Timestamp) -> Timestamp {
    let nanoseconds = time.as_nanosecond().div_euclid(MICROSECOND_NS) * MICROSECOND_NS;
    // Only the very first representable nanoseconds have no microsecond below them.
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(time)
}

/// The first microsecond that is not before `time`: `x >= time` and `x >= this` say the same of whole microseconds.
pub(super) fn microseconds_up(time: Timestamp) -> Timestamp {
    let down = microseconds(time);
    if down == time {
        return time;
    }
    Timestamp::from_nanosecond(down.as_nanosecond() + MICROSECOND_NS).unwrap_or(time)
}

/// The free labels of a document.
pub(super) fn labels(value: &Value) -> Result<Vec<String>, String> {
    let Some(values) = value.as_array() else {
        return Err("must be a list of texts".to_owned());
    };
    if values.len() > LABELS_MAX {
        return Err(format!("must have at most {LABELS_MAX} entries"));
    }
    let mut labels: Vec<String> = Vec::with_capacity(values.len());
    for value in values {
        let label = text(value)?;
        if !(1..=LABEL_CHARS_MAX).contains(&label.chars().count()) {
            return Err(format!("each entry must have 1 to {LABEL_CHARS_MAX} characters"));
        }
        if label.chars().any(char::is_control) {
            return Err("an entry must not contain control characters".to_owned());
        }
        if labels.iter().any(|earlier| earlier == label) {
            return Err("an entry must not come twice".to_owned());
        }
        labels.push(label.to_owned());
    }
    Ok(labels)
}

/// A text.
pub(crate) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be a text".to_owned())
}
