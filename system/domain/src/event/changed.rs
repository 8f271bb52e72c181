//! `cdc:forecasts` (specification 6.1, step 4): what the tracker read in the store's change feed, and its beacon.
//!
//! Beside the specified members each message of the tracker carries its mark: its term's token, its own counter without
//! holes in that term, and the positions in the feed between which it stands. Another program's message, exactly as
//! specified, has no mark.

use bytes::Bytes;
use coherence::{FencingToken, Incarnation, SourceMark, Timestamp, Version, VersionId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::EventError;
use crate::model::{EventId, Forecast, ForecastId};
use crate::ports::{COMPACTED, Change, FeedPosition, Operation, Outgoing};

/// The key of beacons on the topic.
pub const BEACON_KEY: &str = "__beacon";
/// The property with the trace that made a change (W3C Trace Context).
pub const TRACEPARENT: &str = "traceparent";

/// The member `Operation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CdcOperation {
    /// The row came into being.
    Insert,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
    /// No change: the feed was read to its end.
    Beacon,
}

impl From<Operation> for CdcOperation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Insert => Self::Insert,
            Operation::Update => Self::Update,
            Operation::Delete => Self::Delete,
        }
    }
}

/// Where a message of the tracker stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrackerMark {
    /// The tracker's term.
    pub token: FencingToken,
    /// 1, 2, 3, ... in the term, over changes and beacons.
    pub counter: u64,
    /// Everything in the feed up to here was told before this message.
    pub follows: FeedPosition,
    /// With this message, up to here.
    pub position: FeedPosition,
}

impl TrackerMark {
    /// How far along the feed the stream is with this message in it.
    pub fn source(&self) -> SourceMark {
        SourceMark { tracker_token: self.token, tracker_counter: self.counter, feed_position: self.position.0 }
    }

    /// How far it is right before this message.
    pub fn source_before(&self) -> SourceMark {
        let tracker_counter = self.counter.saturating_sub(1);
        SourceMark { tracker_token: self.token, tracker_counter, feed_position: self.follows.0 }
    }
}

/// A row of the store was changed, whoever did it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[doc(alias = "ForecastChangedEvent")]
pub struct ForecastChanged {
    /// Names the event.
    pub event_id: EventId,
    /// When it was made.
    pub timestamp: Timestamp,
    /// The row's version afterwards; of a deleted row the tombstone's.
    pub version_id: VersionId,
    /// What happened.
    pub operation: CdcOperation,
    /// The row.
    pub entity_id: ForecastId,
    /// The document, to the byte as the caches hold it; null for a delete.
    #[serde(default)]
    pub data: Option<Box<RawValue>>,
    /// Added: the database's life in which the version counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// Added: the tags before and after the change, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Added: whether `Tags` are all, since the feed knew where the row was filed before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tags_complete: bool,
    /// Added: when it was committed, by the store's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Timestamp>,
    /// Added: when the tracker read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_at: Option<Timestamp>,
    /// Added: the tracker's term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracker_token: Option<FencingToken>,
    /// Added: the tracker's counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracker_counter: Option<u64>,
    /// Added: the position in the feed that this message follows.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "position")]
    pub follows_position: Option<FeedPosition>,
    /// Added: its own position.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "position")]
    pub feed_position: Option<FeedPosition>,
}

mod position {
    //! Decimal text: 128 bits fit no number of JSON.
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::ports::FeedPosition;

    #[allow(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(position: &Option<FeedPosition>, to: S) -> Result<S::Ok, S::Error> {
        match position {
            Some(position) => to.collect_str(position),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<FeedPosition>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map(FeedPosition).map_err(D::Error::custom)).transpose()
    }
}

impl ForecastChanged {
    /// The message of a change that the tracker read at `detected_at`.
    ///
    /// # Errors
    /// [`EventError`] if the document has no JSON form, which no document has.
    pub fn new(
        event_id: EventId,
        now: Timestamp,
        detected_at: Timestamp,
        change: &Change,
        mark: TrackerMark,
    ) -> Result<Self, EventError> {
        let after = change.after.as_ref();
        let data = after.map(serde_json::value::to_raw_value).transpose();
        let (old, new) = (change.before, after.map(Forecast::placement));
        let tags = match (&old, &new) {
            (Some(old), Some(new)) => old.tags_with(new),
            (Some(only), None) | (None, Some(only)) => only.tags(),
            (None, None) => Vec::new(),
        };
        Ok(Self {
            event_id,
            timestamp: now,
            version_id: change.version.id,
            operation: change.operation.into(),
            entity_id: change.id,
            data: data.map_err(EventError::new)?,
            incarnation: Some(change.version.incarnation),
            tags: tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            tags_complete: old.is_some() || change.operation == Operation::Insert,
            committed_at: change.committed_at,
            detected_at: Some(detected_at),
            tracker_token: Some(mark.token),
            tracker_counter: Some(mark.counter),
            follows_position: Some(mark.follows),
            feed_position: Some(mark.position),
        })
    }

    /// Where the message stands; `None` for another program's.
    pub fn mark(&self) -> Option<TrackerMark> {
        Some(TrackerMark {
            token: self.tracker_token?,
            counter: self.tracker_counter?,
            follows: self.follows_position?,
            position: self.feed_position?,
        })
    }

    /// The version afterwards; a message without an incarnation counts in `known`.
    pub fn version(&self, known: Incarnation) -> Version {
        Version { incarnation: self.incarnation.unwrap_or(known), id: self.version_id }
    }

    /// The document as the caches hold it. `None` also where another program's message has only a part of it.
    pub fn document(&self) -> Option<Bytes> {
        let text = self.data.as_ref()?.get();
        let read: Forecast = serde_json::from_str(text).ok()?;
        let is_it = read.id == self.entity_id && read.version_id == self.version_id;
        if !is_it {
            return None;
        }
        match self.mark() {
            Some(_) => Some(Bytes::copy_from_slice(text.as_bytes())),
            // Another program may write members in another order.
            None => serde_json::to_vec(&read).ok().map(Bytes::from),
        }
    }

    /// The message as it goes to the bus.
    ///
    /// # Errors
    /// [`EventError`], which no message can bring about.
    pub fn outgoing(&self, traceparent: Option<&str>) -> Result<Outgoing, EventError> {
        let properties = traceparent.map(|trace| (TRACEPARENT.to_owned(), trace.to_owned()));
        let payload = serde_json::to_vec(self).map_err(EventError::new)?;
        let (key, payload) = (self.entity_id.to_string(), Bytes::from(payload));
        Ok(Outgoing { key, payload, properties: properties.into_iter().collect() })
    }
}

/// The beacon: the feed was read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FeedBeacon {
    /// Names the event.
    pub event_id: EventId,
    /// When it was made.
    pub timestamp: Timestamp,
    /// Always [`CdcOperation::Beacon`].
    pub operation: CdcOperation,
    /// The wall time before the feed was read to its end; all that was read is on the topic before this message.
    pub read_at: Timestamp,
    /// The database's life.
    pub incarnation: Incarnation,
    /// The tracker's term.
    pub tracker_token: FencingToken,
    /// The tracker's counter.
    pub tracker_counter: u64,
    /// The position in the feed that this message follows.
    #[serde(with = "position")]
    pub follows_position: Option<FeedPosition>,
    /// The position to which the feed was read.
    #[serde(with = "position")]
    pub feed_position: Option<FeedPosition>,
}

impl FeedBeacon {
    /// The beacon that says so.
    pub fn new(
        event_id: EventId,
        now: Timestamp,
        read_at: Timestamp,
        incarnation: Incarnation,
        mark: TrackerMark,
    ) -> Self {
        Self {
            event_id,
            timestamp: now,
            operation: CdcOperation::Beacon,
            read_at,
            incarnation,
            tracker_token: mark.token,
            tracker_counter: mark.counter,
            follows_position: Some(mark.follows),
            feed_position: Some(mark.position),
        }
    }

    /// Where it stands.
    pub fn mark(&self) -> TrackerMark {
        TrackerMark {
            token: self.tracker_token,
            counter: self.tracker_counter,
            follows: self.follows_position.unwrap_or_default(),
            position: self.feed_position.unwrap_or_default(),
        }
    }

    /// The message as it goes to the bus, where it replaces earlier beacons.
    ///
    /// # Errors
    /// [`EventError`], which no beacon can bring about.
    pub fn outgoing(&self) -> Result<Outgoing, EventError> {
        let payload = serde_json::to_vec(self).map_err(EventError::new)?;
        let properties = [(COMPACTED.to_owned(), "true".to_owned())].into();
        Ok(Outgoing { key: BEACON_KEY.to_owned(), payload: Bytes::from(payload), properties })
    }
}

/// What tells the two kinds of messages apart.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kind {
    operation: CdcOperation,
}

/// A message of `cdc:forecasts`.
#[derive(Debug, Clone)]
pub enum CdcMessage {
    /// A row was changed.
    Change(Box<ForecastChanged>),
    /// The feed was read to its end.
    Beacon(FeedBeacon),
}

impl CdcMessage {
    /// Reads the body of a message; members that are not known are ignored.
    ///
    /// # Errors
    /// [`EventError`] if it is neither.
    pub fn read(payload: &[u8]) -> Result<Self, EventError> {
        // A change first, in one pass: a beacon is one message of many.
        let error = match serde_json::from_slice::<ForecastChanged>(payload) {
            Ok(change) if change.operation != CdcOperation::Beacon => return Ok(Self::Change(Box::new(change))),
            Ok(_) => None,
            Err(error) => Some(error),
        };
        let kind: Kind = serde_json::from_slice(payload).map_err(EventError::new)?;
        match (kind.operation, error) {
            (CdcOperation::Beacon, _) | (_, None) => {
                serde_json::from_slice(payload).map(Self::Beacon).map_err(EventError::new)
            }
            (_, Some(error)) => Err(EventError::new(error)),
        }
    }

    /// Where the message stands, with its database's life; `None` for another program's.
    pub fn stands(&self) -> Option<(Incarnation, TrackerMark)> {
        match self {
            Self::Change(change) => change.incarnation.zip(change.mark()),
            Self::Beacon(beacon) => Some((beacon.incarnation, beacon.mark())),
        }
    }
}
