//! Texts that people read or that name where mail goes: of bounded length, and free of what could break a header.

use std::fmt;

/// The longest title, in characters.
pub const TITLE_CHARS_MAX: usize = 200;
/// The longest text, in characters.
pub const BODY_CHARS_MAX: usize = 2_000;
/// The longest name of a person or a unit, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// The longest mail address, in bytes (RFC 5321 section 4.5.3.1.3).
pub const ADDRESS_BYTES_MAX: usize = 254;
/// The longest part of an address before the `@`, in bytes.
const LOCAL_BYTES_MAX: usize = 64;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $max:expr, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// What is wrong with it, for people.
            pub fn new(text: impl Into<String>) -> Result<Self, String> {
                let text = text.into();
                // First what is cheap: a text of a megabyte is not counted.
                if text.len() > 4 * $max || !(1..=$max).contains(&text.chars().count()) {
                    return Err(format!("must have 1 to {} characters", $max));
                }
                if text.chars().any(|c| breaks_lines(c) && !$allowed.contains(&c)) {
                    return Err("must not contain control characters".to_owned());
                }
                match text.trim().is_empty() {
                    true => Err("must not be empty".to_owned()),
                    false => Ok(Self(text)),
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

const NONE: [char; 0] = [];

/// A control character, or a separator of lines or paragraphs, at which some readers break lines, too.
pub(super) fn breaks_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

text! {
    /// What a notification says first; the subject of its mail.
    Title, TITLE_CHARS_MAX, NONE
}
text! {
    /// What a notification says. May have several lines.
    Body, BODY_CHARS_MAX, ['\n', '\r', '\t', '\u{2028}', '\u{2029}']
}
text! {
    /// The name of a person or of a unit.
    Name, NAME_CHARS_MAX, NONE
}

/// Where mail goes: ASCII, `local@domain`, no quoting.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailAddress(String);

impl MailAddress {
    /// Checks `text`.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        match is_address(&text) {
            true => Ok(Self(text)),
            false => Err("must be a mail address, such as anna@example.com".to_owned()),
        }
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What tells addresses apart: mail servers treat both spellings as one.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Debug for MailAddress {
    /// The domain only: addresses are personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "***@{}", self.0.rsplit_once('@').map_or("", |(_, domain)| domain))
    }
}

fn is_address(text: &str) -> bool {
    if text.len() > ADDRESS_BYTES_MAX {
        return false;
    }
    let Some((local, domain)) = text.split_once('@') else { return false };
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let is_dotted = |text: &str, fits: &dyn Fn(char) -> bool| {
        text.split('.').all(|part| !part.is_empty() && part.chars().all(fits))
    };
    let is_label = |label: &str| label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-');
    local.len() <= LOCAL_BYTES_MAX
        && is_dotted(local, &atom)
        && is_dotted(domain, &|c| c.is_ascii_alphanumeric() || c == '-')
        && domain.split('.').all(is_label)
}

/// The beginning of `text` that has at most `chars` characters.
pub(crate) fn cut(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_break_a_header_is_refused() {
        for bad in [
            "",
            "  ",
            "a\r\nBcc: x@y",
            "a\nb",
            "a\u{0}",
            "a\u{85}b",
            "a\u{2028}b",
            &"x".repeat(201),
            &"x".repeat(1 << 20),
        ] {
            assert!(Title::new(bad).is_err(), "{bad:.20?}");
            assert!(Name::new(bad).is_err(), "{bad:.20?}");
        }
        assert_eq!(Title::new("\u{1f343}".repeat(200)).unwrap().as_str().chars().count(), 200);
        assert!(Body::new("two\nlines\tand a tab\u{2029}").is_ok());
        assert!(Body::new("a\u{7}").is_err() && Body::new("x".repeat(2_001)).is_err());
    }

    #[test]
    fn addresses_are_addresses() {
        for good in ["anna@example.com", "a.b+c@x-y.example", "root@localhost", "o'neil@sub.example.org"] {
            assert!(MailAddress::new(good).is_ok(), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "anna",
            "@x",
            "a@",
            "a@@b",
            "a b@x.com",
            "a@x..com",
            ".a@x.com",
            "a.@x.com",
            "a@-x.com",
            "a@x\r\n.com",
            "a@x.com\r\nBcc: b@x.com",
            "<a@x.com>",
            "\"a\"@x.com",
            "a,b@x.com",
            "ä@x.com",
            &long,
        ] {
            assert!(MailAddress::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(MailAddress::new("Anna@Example.com").unwrap().folded(), "anna@example.com");
        assert_eq!(format!("{:?}", MailAddress::new("anna@example.com").unwrap()), "***@example.com");
    }
}
