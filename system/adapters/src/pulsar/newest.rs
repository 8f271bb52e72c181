//! The newest message of a topic, without a subscription.

use domain::ports::{BusError, BusMessage, Topic};
use futures_util::StreamExt as _;
use pulsar::proto::MessageIdData;
use pulsar::{Consumer, ConsumerOptions, SubType};

use super::client::{Client, Use, connect};
use super::errors::{bus_error, is_of_one_message};
use super::executor::Watched;
use super::message::{self, Received};
use super::{PulsarConfig, names};

/// What Pulsar says of a topic that retains nothing: -1.
const NO_ENTRY: u64 = u64::MAX;
/// The entry before the first one.
const BEFORE_FIRST: u64 = u64::MAX;

/// The newest message that the topic retains.
pub(super) async fn newest(config: &PulsarConfig, topic: Topic) -> Result<Option<BusMessage>, BusError> {
    let looking = look(config, names::topic(&config.namespace, topic));
    // Connecting, and two stays.
    let found = tokio::time::timeout(4 * config.operation_timeout, looking).await;
    found.map_err(|_| BusError::Timeout)?
}

async fn look(config: &PulsarConfig, topic: String) -> Result<Option<BusMessage>, BusError> {
    let (client, _executor) = connect(config, Use::Stay).await?;
    let latest = MessageIdData {
        ledger_id: i64::MAX.unsigned_abs(),
        entry_id: i64::MAX.unsigned_abs(),
        ..MessageIdData::default()
    };
    let mut probe = reader(&client, &topic, latest).await?;
    let last = probe.get_last_message_id().await.map_err(bus_error)?;
    // Its cursor is not durable: it goes with the connection, if not before.
    let _closed = probe.close().await;
    let [last] = &last[..] else {
        return Err(BusError::Refused(format!("{topic} has partitions, so it has no newest message")));
    };
    if last.entry_id == NO_ENTRY {
        return Ok(None);
    }
    // A cursor begins behind its message.
    let before = MessageIdData {
        ledger_id: last.ledger_id,
        entry_id: last.entry_id.checked_sub(1).unwrap_or(BEFORE_FIRST),
        ..MessageIdData::default()
    };
    let mut reader = reader(&client, &topic, before).await?;
    loop {
        let received = match reader.next().await {
            Some(Ok(message)) => Received::new(message),
            Some(Err(error)) if is_of_one_message(&error) => return Err(BusError::Corrupt(error.to_string())),
            Some(Err(error)) => return Err(bus_error(error)),
            None => return Err(BusError::Unavailable(None)),
        };
        // What was published meanwhile is newer still.
        if received.id >= message::id(last) {
            let _closed = reader.close().await;
            return Ok(Some(received.delivered(0)));
        }
    }
}

/// A reader behind `start`; the crate gives it a random name.
async fn reader(client: &Client, topic: &str, start: MessageIdData) -> Result<Consumer<Vec<u8>, Watched>, BusError> {
    let options = ConsumerOptions::default().durable(false).starting_on_message(start);
    let builder = client.consumer().with_topic(topic).with_subscription_type(SubType::Exclusive).with_batch_size(1);
    builder.with_options(options).build().await.map_err(bus_error)
}
