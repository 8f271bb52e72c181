//! Messages and their ids, as Pulsar has them and as the port has them.

use std::collections::BTreeMap;

use bytes::Bytes;
use coherence::Timestamp;
use domain::ports::{BusError, BusMessage, MessageId, Outgoing};
use pulsar::Payload;
use pulsar::consumer::Message;
use pulsar::producer;
use pulsar::proto::MessageIdData;

/// The longest payload that is published, before compression. The broker refuses entries of 5 MiB, by default.
pub(super) const PAYLOAD_BYTES_MAX: usize = 4 << 20;

/// How many bits of an id name the place inside a batch. Batches have at most some thousand messages, and a ledger far less
/// than 2^48 entries.
const PLACE_BITS: u32 = 16;
const PLACE_MASK: u128 = (1 << PLACE_BITS) - 1;

/// Ledger, entry, and the place inside the entry: 0 if it is no batch, else counted from 1. We publish no batches, others
/// may. Ledgers of a topic rise.
pub(super) fn id(data: &MessageIdData) -> MessageId {
    let place = data.batch_index.and_then(|index| u16::try_from(index + 1).ok()).unwrap_or(0);
    MessageId(u128::from(data.ledger_id) << 64 | u128::from(data.entry_id) << PLACE_BITS | u128::from(place))
}

/// The entry that holds the message; it is what the broker knows of acknowledgements.
pub(super) fn entry(id: MessageId) -> MessageId {
    MessageId(id.0 & !PLACE_MASK)
}

/// The place inside the entry, as in [`id`].
pub(super) fn place(id: MessageId) -> u16 {
    // The mask leaves 16 bits.
    (id.0 & PLACE_MASK) as u16
}

/// The entry for the broker.
pub(super) fn entry_data(id: MessageId) -> MessageIdData {
    // The shift leaves 64 bits, and the lower half its 48.
    let (ledger_id, entry_id) = ((id.0 >> 64) as u64, (id.0 as u64) >> PLACE_BITS);
    MessageIdData { ledger_id, entry_id, ..MessageIdData::default() }
}

/// What goes to the broker.
///
/// # Errors
/// It is too long.
pub(super) fn outgoing(message: Outgoing) -> Result<producer::Message, BusError> {
    if message.payload.len() > PAYLOAD_BYTES_MAX {
        return Err(BusError::Refused(format!("{} bytes; {PAYLOAD_BYTES_MAX} are allowed", message.payload.len())));
    }
    Ok(producer::Message {
        payload: message.payload.to_vec(),
        properties: message.properties.into_iter().collect(),
        partition_key: Some(message.key),
        ..producer::Message::default()
    })
}

/// A message received, not counted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) id: MessageId,
    pub(super) message: Outgoing,
    pub(super) published_at: Timestamp,
    /// How many messages its entry has; 1 if it is no batch.
    pub(super) of: u16,
}

impl Received {
    pub(super) fn new(message: Message<Vec<u8>>) -> Self {
        let id = id(&message.message_id.id);
        let of = message.message_id.batch_size.and_then(|of| u16::try_from(of).ok()).unwrap_or(1);
        let Payload { metadata, data } = message.payload;
        let properties: BTreeMap<_, _> = metadata.properties.into_iter().map(|kv| (kv.key, kv.value)).collect();
        let published = i64::try_from(metadata.publish_time).ok();
        Self {
            id,
            message: Outgoing {
                // Others may publish without one.
                key: metadata.partition_key.unwrap_or_default(),
                payload: Bytes::from(data),
                properties,
            },
            // A time that no calendar has is the publisher's mistake; nothing is ordered by it.
            published_at: published
                .and_then(|ms| Timestamp::from_millisecond(ms).ok())
                .unwrap_or(Timestamp::UNIX_EPOCH),
            of,
        }
    }

    /// As the port hands it out.
    pub(super) fn delivered(self, redeliveries: u32) -> BusMessage {
        BusMessage { id: self.id, message: self.message, published_at: self.published_at, redeliveries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_are_ordered() {
        let of = |ledger_id, entry_id, batch_index| {
            id(&MessageIdData { ledger_id, entry_id, batch_index, ..MessageIdData::default() })
        };
        let ordered = [of(1, 7, None), of(1, 8, Some(0)), of(1, 8, Some(1)), of(2, 0, Some(-1)), of(2, 1, None)];
        assert!(ordered.is_sorted_by(|a, b| a < b), "{ordered:?}");
        assert_eq!(ordered.map(place), [0, 1, 2, 0, 0]);
        assert_eq!(entry(ordered[1]), entry(ordered[2]));
        let data = entry_data(of(u64::MAX, 7, Some(3)));
        assert_eq!((data.ledger_id, data.entry_id, data.batch_index), (u64::MAX, 7, None));
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let message = |length| Outgoing {
            key: "k".to_owned(),
            payload: Bytes::from(vec![b'x'; length]),
            properties: BTreeMap::new(),
        };
        assert!(outgoing(message(PAYLOAD_BYTES_MAX)).is_ok());
        assert!(matches!(outgoing(message(PAYLOAD_BYTES_MAX + 1)), Err(BusError::Refused(_))));
    }
}
