//! Names of cached things: keys and tags.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest key or tag in bytes; longer ones are refused where they enter (as in Microsoft's HybridCache).
pub const NAME_BYTES_MAX: usize = 1_024;

/// Why a text cannot name a key or a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a key or tag must not be empty")]
    Empty,
    /// The text is longer than [`NAME_BYTES_MAX`].
    #[error("a key or tag has at most {NAME_BYTES_MAX} bytes, this one has {0}")]
    TooLong(usize),
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps `text`.
            ///
            /// # Errors
            /// [`NameError`] if `text` is empty or longer than [`NAME_BYTES_MAX`].
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, NameError> {
                let text: Arc<str> = text.into();
                match text.len() {
                    0 => Err(NameError::Empty),
                    1..=NAME_BYTES_MAX => Ok(Self(text)),
                    longer => Err(NameError::TooLong(longer)),
                }
            }

            /// Joins a short constant prefix and an id of fixed size, as in `forecast:<uuid>`; cannot fail, as neither
            /// part comes near [`NAME_BYTES_MAX`].
            pub fn prefixed(prefix: &'static str, id: impl fmt::Display) -> Self {
                let text = format!("{prefix}{id}");
                debug_assert!((1..=NAME_BYTES_MAX).contains(&text.len()));
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name! {
    /// The name of one cached thing, such as `forecast:6f9619ff-8b86-d011-b42d-00c04fc964ff`. Cheap to clone.
    Key
}

name! {
    /// A mark that entries carry so that they can be evicted together, such as `company:<uuid>`. Cheap to clone.
    Tag
}

impl Key {
    /// The tag of this key alone: the same text. Every list that shows the item carries it (DESIGN section 3.2).
    pub fn tag(&self) -> Tag {
        Tag(Arc::clone(&self.0))
    }
}

impl Tag {
    /// The key that this tag would belong to, if it is a key's own tag.
    pub fn key(&self) -> Key {
        Key(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_bounds() {
        assert_eq!(Key::new(""), Err(NameError::Empty));
        assert_eq!(Tag::new("x".repeat(NAME_BYTES_MAX + 1)), Err(NameError::TooLong(NAME_BYTES_MAX + 1)));
        assert!(Key::new("x".repeat(NAME_BYTES_MAX)).is_ok());
        assert_eq!(Key::prefixed("forecast:", 7).tag().as_str(), "forecast:7");
    }
}
