//! The channels, and sets of them.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::model::rules;

/// A way to a user (specification 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Channel {
    /// A row that the user's clients show.
    InApp,
    /// To each of the user's devices.
    PushNotification,
    /// By mail.
    Email,
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 3] = [Self::InApp, Self::PushNotification, Self::Email];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InApp => "InApp",
            Self::PushNotification => "PushNotification",
            Self::Email => "Email",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::InApp => 1,
            Self::PushNotification => 2,
            Self::Email => 4,
        }
    }
}

/// Some of the channels, or none. On the wire a list of names; `"All"` is read as all of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ChannelSet(u8);

impl ChannelSet {
    /// None: the user wants not to be told.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self(7);

    /// These.
    pub fn of(channels: impl IntoIterator<Item = Channel>) -> Self {
        Self(channels.into_iter().fold(0, |bits, channel| bits | channel.bit()))
    }

    /// Whether `channel` is among them.
    pub const fn contains(self, channel: Channel) -> bool {
        self.0 & channel.bit() != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The channels, in their order.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::ALL.into_iter().filter(move |channel| self.contains(*channel))
    }

    /// As a number, for stores.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set of such a number; bits that mean nothing are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Reads `"All"`, or a list of names of which none comes twice.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        const MESSAGE: &str = "must be \"All\" or a list of InApp, PushNotification, Email";
        let Some(names) = value.as_array() else {
            return match rules::text(value) {
                Ok("All") => Ok(Self::ALL),
                _ => Err(MESSAGE.to_owned()),
            };
        };
        let mut set = Self::NONE;
        for name in names {
            let found = Channel::ALL.into_iter().find(|channel| name.as_str() == Some(channel.name()));
            match found {
                Some(channel) if !set.contains(channel) => set.0 |= channel.bit(),
                Some(_) => return Err("must not name a channel twice".to_owned()),
                None => return Err(MESSAGE.to_owned()),
            }
        }
        Ok(set)
    }
}

impl fmt::Debug for ChannelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for ChannelSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
