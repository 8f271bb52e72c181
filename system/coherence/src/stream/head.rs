//! The head of a section: how far its stream goes, and when the source was last read to its end.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::MessageError;
use crate::version::{Fence, FencingToken, Incarnation, Sequence, StreamEpoch};

/// How far along the source's feed something is: what a new sync continues from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SourceMark {
    /// The fencing token of the tracker.
    #[serde(default)]
    pub tracker_token: FencingToken,
    /// The tracker's own counter, without holes in its term.
    #[serde(default)]
    pub tracker_counter: u64,
    /// The feed's position: everything up to it is in the stream.
    #[serde(default, with = "position")]
    pub feed_position: u128,
}

mod position {
    //! Decimal text: 128 bits fit no number of JSON.
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(position: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(position)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The head of a section's stream, published as the beacon and stored beside the stream (DESIGN section 3.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Head {
    /// The database's life.
    pub incarnation: Incarnation,
    /// The stream's life.
    pub stream_epoch: StreamEpoch,
    /// The last message of the stream.
    pub sequence: Sequence,
    /// The source was read to its end at this time, and all that was read is in the stream. Wall time *before* the read.
    pub read_at: Timestamp,
    /// How far along the feed.
    #[serde(flatten)]
    pub source: SourceMark,
    /// Which servers hold the stream and the values: another one means that continuity cannot be shown.
    #[serde(default)]
    pub identity: String,
}

impl Head {
    /// Reads a head; members that are not known are ignored.
    ///
    /// # Errors
    /// [`MessageError`] if it is not one.
    pub fn read(payload: &[u8]) -> Result<Self, MessageError> {
        serde_json::from_slice(payload).map_err(|error| MessageError(error.to_string()))
    }

    /// The JSON text.
    ///
    /// # Errors
    /// [`MessageError`], which no head can bring about.
    pub fn write(&self) -> Result<Bytes, MessageError> {
        serde_json::to_vec(self).map(Bytes::from).map_err(|error| MessageError(error.to_string()))
    }

    /// The tracker's token with its incarnation, so that it can be compared.
    pub fn tracker(&self) -> Fence {
        Fence { incarnation: self.incarnation, token: self.source.tracker_token }
    }
}
