//! What the smaller requests say: which page, up to when, since when.

use std::fmt;
use std::str::FromStr;

use coherence::Timestamp;

use super::{InboxCursor, MailAddress};
use crate::model::input::{Fields, json};
use crate::model::list::{Query, whole};
use crate::model::{InputError, TAKE_DEFAULT, TAKE_MAX, rules};
use crate::notification::INBOX_SKIP_MAX;
use crate::ports::{InboxStart, SuppressionCursor};

/// `?skip&take&cursor` of a user's notifications, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxParams {
    /// Where the page starts.
    pub start: InboxStart,
    /// At most this many items.
    pub take: u32,
}

impl InboxParams {
    /// Reads the pairs of a query string, decoded. Parameters that the list does not have are ignored.
    ///
    /// # Errors
    /// [`InputError::Fields`] with every parameter that is wrong.
    pub fn from_query<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, InputError> {
        let mut query = Query::of(pairs, &["skip", "take", "cursor"]);
        let take = query.read("take", |text| whole(text, 1, TAKE_MAX)).unwrap_or(TAKE_DEFAULT);
        let skip = query.read("skip", |text| whole(text, 0, INBOX_SKIP_MAX));
        let cursor: Option<InboxCursor> = query.read("cursor", |text| text.parse().map_err(str::to_owned));
        if query.has("skip") && query.has("cursor") {
            query.fail("skip", "cannot be combined with `cursor`");
        }
        query.finish(Self { start: cursor.map_or(InboxStart::Skip(skip.unwrap_or(0)), InboxStart::After), take })
    }
}

/// `?take&cursor` of the list of suppressed addresses, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionParams {
    /// After which one the page starts; `None`: at the first one.
    pub after: Option<SuppressionCursor>,
    /// At most this many items.
    pub take: u32,
}

impl SuppressionParams {
    /// Reads the pairs of a query string, decoded. Parameters that the list does not have are ignored.
    ///
    /// # Errors
    /// [`InputError::Fields`] with every parameter that is wrong.
    pub fn from_query<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, InputError> {
        const TAKE_DEFAULT: u32 = 100;
        const TAKE_MAX: u32 = 1_000;
        let mut query = Query::of(pairs, &["take", "cursor"]);
        let take = query.read("take", |text| whole(text, 1, TAKE_MAX)).unwrap_or(TAKE_DEFAULT);
        let after = query.read("cursor", |text| text.parse().map_err(str::to_owned));
        query.finish(Self { after, take })
    }
}

/// The text of a cursor: the time in microseconds, and the address in hexadecimal digits, so that it can stand in a URL.
impl fmt::Display for SuppressionCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.since.as_microsecond())?;
        self.address.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for SuppressionCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const MESSAGE: &str = "is not a cursor that this service gave";
        let (micros, address) = text.split_once('.').ok_or(MESSAGE)?;
        let micros: i64 = micros.parse().map_err(|_| MESSAGE)?;
        let digits = |pair: &[u8]| {
            let pair =
                std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
            pair.filter(|pair| pair.len() == 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())
        };
        let address: Option<Vec<u8>> = address.as_bytes().chunks(2).map(digits).collect();
        let address = address.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(MESSAGE)?;
        // What stores keep is an address, folded.
        let address = MailAddress::new(address).map_err(|_| MESSAGE)?.folded();
        Ok(Self { since: Timestamp::from_microsecond(micros).map_err(|_| MESSAGE)?, address })
    }
}

/// The body of `POST /notifications/read-all`, checked: `{until?}`. No body says the same as `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadAll {
    /// Up to when; `None`: up to now.
    pub until: Option<Timestamp>,
}

impl ReadAll {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`InputError`] with every field that is wrong.
    pub fn from_json(body: &[u8]) -> Result<Self, InputError> {
        if body.is_empty() {
            return Ok(Self { until: None });
        }
        let value = json(body)?;
        let mut fields = Fields::of(&value)?;
        let until = fields.optional("until", |value| rules::text(value).and_then(rules::instant));
        fields.finish(Some(Self { until }))
    }
}

/// The body of the request that sends again what failed since a time, checked: `{since}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResendSince {
    /// Since when.
    pub since: Timestamp,
}

impl ResendSince {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`InputError`] with every field that is wrong.
    pub fn from_json(body: &[u8]) -> Result<Self, InputError> {
        let value = json(body)?;
        let mut fields = Fields::of(&value)?;
        let since = fields.required("since", |value| rules::text(value).and_then(rules::instant));
        fields.finish(since.map(|since| Self { since }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::model::NotificationId;

    fn wrong<T: std::fmt::Debug>(read: Result<T, InputError>) -> Vec<String> {
        match read {
            Err(InputError::Fields(errors)) => errors.into_iter().map(|error| error.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_page_is_read_or_each_wrong_parameter_named() {
        let read = |pairs: &[(&'static str, &str)]| InboxParams::from_query(pairs.iter().copied());
        assert_eq!(read(&[]), Ok(InboxParams { start: InboxStart::Skip(0), take: 20 }));
        let cursor = InboxCursor { created_at: Timestamp::UNIX_EPOCH, id: NotificationId(uuid::Uuid::from_u128(7)) };
        let text = cursor.to_string();
        let page = read(&[("cursor", &text), ("take", "100"), ("colour", "blue")]);
        assert_eq!(page, Ok(InboxParams { start: InboxStart::After(cursor), take: 100 }));
        for (pairs, fields) in [
            (&[("take", "0"), ("skip", "-1")][..], &["take", "skip"][..]),
            (&[("take", "101"), ("cursor", "x")], &["take", "cursor"]),
            (&[("take", "+5"), ("take", "5")], &["take"]),
            (&[("skip", "100001")], &["skip"]),
            (&[("skip", "1"), ("cursor", &text)], &["skip"]),
        ] {
            assert_eq!(wrong(read(pairs)), fields, "{pairs:?}");
        }
    }

    #[test]
    fn times_are_times() {
        assert_eq!(ReadAll::from_json(b""), Ok(ReadAll { until: None }));
        assert_eq!(ReadAll::from_json(b"{}"), Ok(ReadAll { until: None }));
        let at = ReadAll::from_json(br#"{"until": "2025-11-12T10:30:00Z"}"#).unwrap();
        assert_eq!(at.until.unwrap().to_string(), "2025-11-12T10:30:00Z");
        assert_eq!(wrong(ReadAll::from_json(br#"{"until": "now", "from": 1}"#)), ["until", "from"]);
        assert_eq!(wrong(ResendSince::from_json(b"{}")), ["since"]);
        assert!(ResendSince::from_json(b"").is_err());
    }

    #[test]
    fn a_page_of_suppressed_addresses() {
        let since = Timestamp::from_microsecond(1_762_943_400_123_456).unwrap();
        let cursor = SuppressionCursor { since, address: "anna+x@example.com".to_owned() };
        let text = cursor.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'.'), "{text}");
        let read =
            SuppressionParams::from_query([("cursor", text.as_str()), ("take", "1000"), ("other", "x")]).unwrap();
        assert_eq!(read, SuppressionParams { after: Some(cursor), take: 1_000 });
        let none: [(&str, &str); 0] = [];
        assert_eq!(SuppressionParams::from_query(none).unwrap(), SuppressionParams { after: None, take: 100 });
        for bad in ["", "1", "1.", "x.61", "1.6", "1.zz", "1.+1", "1.ff", "1.61", "99999999999999999999.6140612e62"] {
            let wrong = wrong(SuppressionParams::from_query([("cursor", bad), ("take", "0")]));
            assert_eq!(wrong, ["take", "cursor"], "{bad}");
        }
    }
}
