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

/// Ledger and entry; ledgers of a topic rise.
pub(super) fn id(data: &MessageIdData) -> MessageId {
    MessageId((u128::from(data.ledger_id) << 64) | u128::from(data.entry_id))
}

/// The same back. The halves are what the shifts left of them.
pub(super) fn id_data(id: MessageId) -> MessageIdData {
    MessageIdData { ledger_id: (id.0 >> 64) as u64, entry_id: id.0 as u64, ..MessageIdData::default() }
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
}

impl Received {
    pub(super) fn new(message: Message<Vec<u8>>) -> Self {
        let id = id(&message.message_id.id);
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
        let of = |ledger_id, entry_id| id(&MessageIdData { ledger_id, entry_id, ..MessageIdData::default() });
        assert!(of(1, u64::MAX) < of(2, 0) && of(2, 0) < of(2, 1));
        let data = id_data(of(u64::MAX, 7));
        assert_eq!((data.ledger_id, data.entry_id), (u64::MAX, 7));
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
