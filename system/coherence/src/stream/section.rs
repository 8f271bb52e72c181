//! What a stream is about: one section of one partition.

use std::fmt;
use std::sync::Arc;

use crate::key::{Key, NameError};

/// The longest name of a partition or a section, in bytes.
pub const SECTION_NAME_BYTES_MAX: usize = 64;

/// One section of one partition, such as `production` / `forecast`: what has one stream, one head and one lease.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Section {
    partition: Arc<str>,
    name: Arc<str>,
}

/// Why a text cannot name a partition or a section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot name a partition or a section: 1 to {SECTION_NAME_BYTES_MAX} letters, digits, - and _")]
pub struct SectionError(String);

impl Section {
    /// Names a section.
    ///
    /// # Errors
    /// [`SectionError`]: a name with `:` would make one channel mean two things.
    pub fn new(partition: &str, name: &str) -> Result<Self, SectionError> {
        for text in [partition, name] {
            let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            if !plain || text.is_empty() || text.len() > SECTION_NAME_BYTES_MAX {
                return Err(SectionError(text.to_owned()));
            }
        }
        Ok(Self { partition: partition.into(), name: name.into() })
    }

    /// The partition.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The section's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key of one of its things in the tiers: `<section>:<data key>`.
    ///
    /// # Errors
    /// [`NameError`] if that is too long.
    pub fn key(&self, data_key: &str) -> Result<Key, NameError> {
        if data_key.is_empty() {
            return Err(NameError::Empty);
        }
        Key::new(format!("{}:{data_key}", self.name))
    }

    /// The data key of one of its keys; `None` for a key of another section.
    pub fn data_key<'k>(&self, key: &'k Key) -> Option<&'k str> {
        let rest = key.as_str().strip_prefix(&*self.name)?.strip_prefix(':')?;
        Some(rest).filter(|rest| !rest.is_empty())
    }

    /// The channel of one of its things: `__dataChanged:<partition>:<section>:<data key>` (specification 3.3).
    pub fn channel(&self, data_key: &str) -> String {
        format!("{self}:{data_key}")
    }

    /// The channel, and the key, of its head. The braces keep head and stream in one slot of a cluster.
    pub fn head_name(&self) -> String {
        format!("{{{self}}}:__head")
    }

    /// The key of its repair stream.
    pub fn stream_name(&self) -> String {
        format!("{{{self}}}:__stream")
    }
}

impl fmt::Display for Section {
    /// `__dataChanged:<partition>:<section>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "__dataChanged:{}:{}", self.partition, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_specification() {
        let section = Section::new("production", "forecast").unwrap();
        assert_eq!(section.channel("forecast_001"), "__dataChanged:production:forecast:forecast_001");
        assert_eq!(section.head_name(), "{__dataChanged:production:forecast}:__head");
        let key = section.key("7").unwrap();
        assert_eq!((key.as_str(), section.data_key(&key)), ("forecast:7", Some("7")));
        assert_eq!(Section::new("production", "forecasts").unwrap().data_key(&key), None);
    }

    #[test]
    fn a_name_that_would_make_a_channel_ambiguous_is_refused() {
        for bad in ["", "a:b", "a b", "a*", &"x".repeat(SECTION_NAME_BYTES_MAX + 1)] {
            assert!(Section::new(bad, "s").is_err() && Section::new("p", bad).is_err(), "{bad}");
        }
    }
}
