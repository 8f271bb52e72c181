//! The log of one topic: its messages, and which of them are compacted.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use coherence::Timestamp;
use domain::ports::{BusError, BusMessage, COMPACTED_BACKLOG_MAX, MessageId, Outgoing};
use tokio::time::Instant;

/// A message as it would travel.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    pub(super) bytes: Bytes,
    /// The key, if the message replaces earlier ones of it.
    compacted: Option<String>,
}

impl Encoded {
    pub(super) fn new(message: &Outgoing) -> Result<Self, BusError> {
        let bytes = serde_json::to_vec(message).map_err(|error| BusError::Corrupt(error.to_string()))?;
        Ok(Self { bytes: bytes.into(), compacted: message.is_compacted().then(|| message.key.clone()) })
    }
}

/// A message of the log.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    encoded: Encoded,
    published_at: Timestamp,
    pub(super) kept_since: Instant,
}

impl Stored {
    pub(super) fn decode(&self, id: u64, redeliveries: u32) -> Result<BusMessage, BusError> {
        let message =
            serde_json::from_slice(&self.encoded.bytes).map_err(|error| BusError::Corrupt(error.to_string()))?;
        Ok(BusMessage { id: MessageId(id.into()), message, published_at: self.published_at, redeliveries })
    }
}

/// The messages of one topic.
#[derive(Debug, Default)]
pub(super) struct Log {
    last: u64,
    messages: BTreeMap<u64, Stored>,
    /// The compacted messages of each key.
    compacted: BTreeMap<String, BTreeSet<u64>>,
}

impl Log {
    /// The first message at or after `from`.
    pub(super) fn first_from(&self, from: u64) -> Option<u64> {
        self.messages.range(from..).next().map(|(id, _)| *id)
    }

    pub(super) fn has(&self, id: u64) -> bool {
        self.messages.contains_key(&id)
    }

    pub(super) fn get(&self, id: u64) -> Option<&Stored> {
        self.messages.get(&id)
    }

    pub(super) fn next_id(&self) -> u64 {
        self.last + 1
    }

    pub(super) fn oldest(&self) -> Option<(u64, &Stored)> {
        self.messages.first_key_value().map(|(id, stored)| (*id, stored))
    }

    pub(super) fn newest(&self) -> Option<(u64, &Stored)> {
        self.messages.last_key_value().map(|(id, stored)| (*id, stored))
    }

    /// Appends a message; answers its id.
    pub(super) fn append(&mut self, encoded: Encoded, published_at: Timestamp, kept_since: Instant) -> u64 {
        self.last += 1;
        if let Some(key) = &encoded.compacted {
            self.compacted.entry(key.clone()).or_default().insert(self.last);
        }
        self.messages.insert(self.last, Stored { encoded, published_at, kept_since });
        self.last
    }

    /// Removes a message; answers its bytes.
    pub(super) fn remove(&mut self, id: u64) -> u64 {
        let Some(stored) = self.messages.remove(&id) else { return 0 };
        if let Some(key) = &stored.encoded.compacted
            && let Some(ids) = self.compacted.get_mut(key)
        {
            ids.remove(&id);
            if ids.is_empty() {
                self.compacted.remove(key);
            }
        }
        stored.encoded.bytes.len() as u64
    }

    /// If message `by` is compacted, removes the earlier ones of its key that may go; answers their bytes.
    pub(super) fn compact(&mut self, by: u64, may_go: impl Fn(u64) -> bool) -> u64 {
        let key = self.messages.get(&by).and_then(|stored| stored.encoded.compacted.as_ref());
        let Some(ids) = key.and_then(|key| self.compacted.get(key)) else { return 0 };
        let surplus = ids.len().saturating_sub(COMPACTED_BACKLOG_MAX);
        let earlier = ids.range(..by).copied().enumerate();
        let replaced: Vec<u64> =
            earlier.filter(|(place, id)| *place < surplus || may_go(*id)).map(|(_, id)| id).collect();
        replaced.into_iter().map(|id| self.remove(id)).sum()
    }
}
