//! One stay on a subscription, which ends at the first sign of a loss.

use std::time::Duration;

use domain::ports::{BusError, MessageId, StartAt, Subscription, SubscriptionKind};
use futures_util::StreamExt as _;
use pulsar::consumer::{DeadLetterPolicy, InitialPosition};
use pulsar::proto::MessageIdData;
use pulsar::{Consumer, ConsumerOptions, SubType};
use tokio::sync::watch;

use super::client::{Use, connect};
use super::errors::{JoinError, bus_error, is_of_one_message, join_error};
use super::executor::Watched;
use super::message::{Received, entry_data};
use super::{PulsarConfig, names};

/// How many messages the broker may send ahead. More would wait here while another consumer of the subscription is idle.
const PERMITS: u32 = 64;
/// How many of those the client holds for us; while it is full, the client does nothing else, acknowledging included.
const QUEUE: u32 = 64;

/// A consumer of the crate with a client of its own.
pub(super) struct Attachment {
    consumer: Consumer<Vec<u8>, Watched>,
    topic: String,
    tasks: watch::Receiver<u64>,
    patience: Duration,
}

impl Attachment {
    /// Joins the subscription, which is made if it is new, at `start`. Dropping the call leaves nothing behind.
    ///
    /// # Errors
    /// [`JoinError::Busy`] if it is exclusive and somebody has it.
    pub(super) async fn join(
        config: &PulsarConfig,
        subscription: &Subscription,
        start: StartAt,
    ) -> Result<Self, JoinError> {
        let joining = Self::join_unbounded(config, subscription, start);
        // Connecting, twice, looking up, joining.
        let joined = tokio::time::timeout(4 * config.operation_timeout, joining).await;
        joined.map_err(|_| JoinError::Bus(BusError::Timeout))?
    }

    async fn join_unbounded(
        config: &PulsarConfig,
        subscription: &Subscription,
        start: StartAt,
    ) -> Result<Self, JoinError> {
        let (client, executor) = connect(config, Use::Stay).await?;
        let topic = names::topic(&config.namespace, subscription.topic);
        let mut builder = client
            .consumer()
            .with_topic(&topic)
            .with_subscription(&subscription.name)
            .with_subscription_type(match subscription.kind {
                SubscriptionKind::Shared => SubType::Shared,
                SubscriptionKind::Exclusive => SubType::Exclusive,
            })
            .with_batch_size(PERMITS)
            .with_options(options(subscription.durable, start));
        if subscription.kind == SubscriptionKind::Shared {
            builder = builder.with_dead_letter_policy(DeadLetterPolicy {
                max_redeliver_count: usize::try_from(config.dead_letter_after).unwrap_or(usize::MAX),
                dead_letter_topic: names::dead_letters(&topic, &subscription.name),
            });
        }
        let mut consumer: Consumer<Vec<u8>, Watched> = builder.build().await.map_err(join_error)?;
        if consumer.topics() != [topic.as_str()] {
            return Err(JoinError::Bus(BusError::Refused(format!("{topic} has partitions, so it keeps no order"))));
        }
        // Answered by the consumer's own task: by then it has spawned what it needs, and rests. Not `check_connection`: that
        // pings, a connection waits for one answer to a ping at a time, and one that it forgets breaks it.
        consumer.connections().await.map_err(|error| JoinError::Bus(bus_error(error)))?;
        Ok(Self { consumer, topic, tasks: executor.tasks(), patience: config.operation_timeout })
    }

    /// The next message; `None`: the stay is over. Without room it waits for its end alone; some ends do not show then.
    /// Cancel-safe.
    pub(super) async fn next(&mut self, has_room: bool) -> Option<Received> {
        loop {
            let item = tokio::select! {
                biased;
                // The sender lives as long as the client: only a change ends the wait.
                _ = self.tasks.changed() => None,
                item = self.consumer.next(), if has_room => item,
            };
            match item {
                Some(Ok(message)) => return Some(Received::new(message)),
                // It stays unacknowledged: what it was, nobody can say, not even its id.
                Some(Err(error)) if is_of_one_message(&error) => {
                    tracing::warn!(%error, topic = self.topic, "a message cannot be decompressed and is left out");
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, topic = self.topic, "the subscription is lost");
                    return None;
                }
                None => {
                    tracing::warn!(topic = self.topic, "the subscription is lost");
                    return None;
                }
            }
        }
    }

    /// Hands the acknowledgement of an entry to the client, which sends it and tells nobody whether it arrived.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) async fn ack(&mut self, id: MessageId) -> Result<(), BusError> {
        let acked = self.consumer.ack_with_id(&self.topic, entry_data(id)).await;
        acked.map_err(|error| bus_error(error.into()))
    }

    /// The same for all up to this one.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) async fn ack_through(&mut self, id: MessageId) -> Result<(), BusError> {
        let acked = self.consumer.cumulative_ack_with_id(&self.topic, entry_data(id)).await;
        acked.map_err(|error| bus_error(error.into()))
    }

    /// Gives an entry back to the broker, which delivers it again at once.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) async fn give_back(&mut self, id: MessageId) -> Result<(), BusError> {
        let given = self.consumer.nack_with_id(&self.topic, entry_data(id)).await;
        given.map_err(|error| bus_error(error.into()))
    }

    /// Leaves: the acknowledgements first, then what is not acknowledged goes to the others. Bounded.
    pub(super) async fn leave(self) {
        let Self { mut consumer, topic, patience, .. } = self;
        // The client's task closes in its turn, after the acknowledgements that it was handed before.
        let closed = async { while !close(&mut consumer).await {} };
        if tokio::time::timeout(patience, closed).await.is_err() {
            tracing::warn!(topic, "the subscription was not left in time: what was acknowledged last may come again");
        }
    }
}

/// Asks the client's task to close. `false`: it did not get to it, since its queue is full; that is emptied now, ask again.
async fn close(consumer: &mut Consumer<Vec<u8>, Watched>) -> bool {
    const CLOSE_MAX: Duration = Duration::from_millis(100);
    const EMPTY_MAX: Duration = Duration::from_millis(1);
    if tokio::time::timeout(CLOSE_MAX, consumer.close()).await.is_ok() {
        // Or it is gone; either way there is nothing more to do.
        return true;
    }
    while let Ok(Some(_left_to_others)) = tokio::time::timeout(EMPTY_MAX, consumer.next()).await {}
    false
}

fn options(durable: bool, start: StartAt) -> ConsumerOptions {
    let position = match start {
        StartAt::Earliest => InitialPosition::Earliest,
        StartAt::Latest => InitialPosition::Latest,
    };
    let options =
        ConsumerOptions::default().durable(durable).with_initial_position(position).with_receiver_queue_size(QUEUE);
    match durable {
        true => options,
        // A cursor that is not durable begins at a message, by the ids that Pulsar reserves.
        false => options.starting_on_message(match start {
            StartAt::Earliest => reserved(u64::MAX),
            StartAt::Latest => reserved(i64::MAX.unsigned_abs()),
        }),
    }
}

fn reserved(both: u64) -> MessageIdData {
    MessageIdData { ledger_id: both, entry_id: both, ..MessageIdData::default() }
}
