//! A place in the stream of changes, as the `id` of an event names it.

use std::fmt;
use std::str::FromStr;

use coherence::{ChangeMessage, FollowerStatus, Sequence, StreamEpoch};

/// `<stream epoch, hexadecimal>-<sequence>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) epoch: StreamEpoch,
    pub(super) sequence: Sequence,
}

impl Place {
    /// No place of any stream: whoever comes back with it is told to load anew.
    pub(super) const NONE: Self = Self { epoch: StreamEpoch(0), sequence: Sequence(0) };

    /// Where a message stands; `None` for one of another program, which has no place.
    pub(super) fn of(message: &ChangeMessage) -> Option<Self> {
        Some(Self { epoch: message.stream_epoch?, sequence: message.sequence? })
    }

    /// Up to where an instance has applied all; `None` before it followed anything.
    pub(super) fn applied(status: &FollowerStatus) -> Option<Self> {
        Some(Self { epoch: status.epoch?, sequence: status.applied })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch.0, self.sequence)
    }
}

/// A text that names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (epoch, sequence) = text.split_once('-').ok_or(NoPlace)?;
        // As it is written, and in no other way: no sign, no capitals.
        let hex = epoch.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let decimal = sequence.bytes().all(|byte| byte.is_ascii_digit());
        match (hex && decimal, u64::from_str_radix(epoch, 16), sequence.parse()) {
            (true, Ok(epoch), Ok(sequence)) => Ok(Self { epoch: StreamEpoch(epoch), sequence: Sequence(sequence) }),
            _ => Err(NoPlace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place { epoch: StreamEpoch(u64::MAX - 5), sequence: Sequence(42) };
        assert_eq!(place.to_string(), "fffffffffffffffa-42");
        assert_eq!(place.to_string().parse(), Ok(place));
        for bad in ["", "-", "a", "a-", "-1", "A-1", "+a-1", "a-+1", "g-1", "a-1-2", "fffffffffffffffff-1"] {
            assert_eq!(bad.parse::<Place>(), Err(NoPlace), "{bad}");
        }
    }
}
