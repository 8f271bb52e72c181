//! Producers, one for each topic that is published to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use domain::ports::{BusError, MessageId, Outgoing, Topic};
use pulsar::compression::{Compression, CompressionZstd};
use pulsar::producer::SendFuture;
use pulsar::{Producer, ProducerOptions, proto::CommandSendReceipt};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::client::{Use, connect};
use super::errors::bus_error;
use super::executor::Watched;
use super::{PulsarConfig, message, names};

/// How many messages of one call are on their way at a time.
const IN_FLIGHT_MAX: usize = 200;

/// A topic's producer, once somebody published; `None` again after an error, since nobody knows what state it is in.
#[derive(Default)]
struct Slot {
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    producer: Option<Producer<Watched>>,
    /// It is being made. Callers that give up leave this to the next one: else a broker that takes longer than a caller waits
    /// would never have a producer.
    making: Option<JoinHandle<Result<Producer<Watched>, BusError>>>,
    /// How often one was made: an error of an earlier one is no news of this one.
    made: u64,
}

pub(super) struct Producers {
    config: Arc<PulsarConfig>,
    slots: StdMutex<BTreeMap<Topic, Arc<Slot>>>,
}

impl Producers {
    pub(super) fn new(config: Arc<PulsarConfig>) -> Self {
        Self { config, slots: StdMutex::default() }
    }

    /// Publishes in order; answers with the last id. On an error a first part may have been published; a later part without
    /// an earlier one only if the connection was lost at the moment at which the earlier one's time had run out.
    pub(super) async fn publish(&self, topic: Topic, messages: Vec<Outgoing>) -> Result<Option<MessageId>, BusError> {
        let messages = messages.into_iter().map(message::outgoing).collect::<Result<Vec<_>, _>>()?;
        let slot = self.slot(topic);
        let mut last = None;
        let mut messages = messages.into_iter().peekable();
        while messages.peek().is_some() {
            let (made, sent) = self.send(topic, &slot, messages.by_ref().take(IN_FLIGHT_MAX)).await?;
            for receipt in sent {
                match receipt.await.map_err(bus_error).and_then(published) {
                    Ok(id) => last = Some(id),
                    Err(error) => {
                        give_up(&slot, made).await;
                        return Err(error);
                    }
                }
            }
        }
        Ok(last)
    }

    /// Closes all producers.
    pub(super) async fn close(&self) {
        let slots = std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner));
        for (topic, slot) in slots {
            let producer = slot.current.lock().await.producer.take();
            let Some(mut producer) = producer else { continue };
            match tokio::time::timeout(self.config.operation_timeout, producer.close()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, %topic, "a producer did not close"),
                Err(_) => tracing::debug!(%topic, "a producer did not close in time"),
            }
        }
    }

    fn slot(&self, topic: Topic) -> Arc<Slot> {
        Arc::clone(self.slots.lock().unwrap_or_else(PoisonError::into_inner).entry(topic).or_default())
    }

    /// Queues the messages, in order, nobody else's between them. What a dropped call queued may be published.
    async fn send(
        &self,
        topic: Topic,
        slot: &Slot,
        messages: impl Iterator<Item = pulsar::producer::Message>,
    ) -> Result<(u64, Vec<SendFuture>), BusError> {
        let mut current = slot.current.lock().await;
        if current.producer.is_none() {
            let config = &self.config;
            let making = current.making.get_or_insert_with(|| tokio::spawn(make(Arc::clone(config), topic)));
            let made = making.await;
            current.making = None;
            current.producer = Some(made.map_err(|_| BusError::Closed)??);
            current.made += 1;
        }
        let mut sent = Vec::new();
        for message in messages {
            let Some(producer) = &mut current.producer else { return Err(BusError::Closed) };
            match producer.send_non_blocking(message).await {
                Ok(receipt) => sent.push(receipt),
                Err(error) => {
                    current.producer = None;
                    return Err(bus_error(error));
                }
            }
        }
        Ok((current.made, sent))
    }
}

async fn make(config: Arc<PulsarConfig>, topic: Topic) -> Result<Producer<Watched>, BusError> {
    let name = names::topic(&config.namespace, topic);
    let making = async {
        let (client, _executor) = connect(&config, Use::Publishing).await?;
        let options = ProducerOptions {
            compression: compression(topic),
            // Publishers wait while the queue is full; their deadlines end the wait.
            block_queue_if_full: true,
            ..ProducerOptions::default()
        };
        // Without a name of its own: the broker would take a restarted process's first messages for old ones, where it
        // removes duplicates.
        client.producer().with_topic(&name).with_options(options).build().await.map_err(bus_error)
    };
    // Connecting, twice, looking up, making.
    let made = tokio::time::timeout(4 * config.operation_timeout, making).await;
    let producer = made.map_err(|_| BusError::Timeout)??;
    match producer.partitions() {
        None => Ok(producer),
        Some(_) => Err(BusError::Refused(format!("{name} has partitions, so it keeps no order"))),
    }
}

/// Messages of changes hold documents; the others are short.
fn compression(topic: Topic) -> Option<Compression> {
    match topic {
        Topic::CdcForecasts => Some(Compression::Zstd(CompressionZstd::default())),
        Topic::ForecastUpdated
        | Topic::ForecastInvalidation
        | Topic::ForecastCompleted
        | Topic::NotificationChanged => None,
    }
}

fn published(receipt: CommandSendReceipt) -> Result<MessageId, BusError> {
    match receipt.message_id {
        Some(data) => Ok(message::id(&data)),
        None => Err(BusError::Corrupt("a receipt without an id".to_owned())),
    }
}

async fn give_up(slot: &Slot, made: u64) {
    let mut current = slot.current.lock().await;
    if current.made == made {
        current.producer = None;
    }
}
