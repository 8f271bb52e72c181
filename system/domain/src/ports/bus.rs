//! The message bus: durable topics, subscriptions with cursors (DESIGN section 4).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use coherence::Timestamp;
use serde::{Deserialize, Serialize};

/// The topics of the system. Their names are the specification's (section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// `forecast:updated`
    ForecastUpdated,
    /// `forecast:invalidation`
    ForecastInvalidation,
    /// `forecast:completed`
    ForecastCompleted,
    /// `cdc:forecasts`
    CdcForecasts,
    /// `notification:changed`, ours: whose inbox changed, between the instances of the notification service
    NotificationChanged,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 5] = [
        Self::ForecastUpdated,
        Self::ForecastInvalidation,
        Self::ForecastCompleted,
        Self::CdcForecasts,
        Self::NotificationChanged,
    ];

    /// The topic's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForecastUpdated => "forecast:updated",
            Self::ForecastInvalidation => "forecast:invalidation",
            Self::ForecastCompleted => "forecast:completed",
            Self::CdcForecasts => "cdc:forecasts",
            Self::NotificationChanged => "notification:changed",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The property of messages of which only the newest matters: its value is `true`. Such a message replaces earlier ones
/// with this property, of its topic and key, that every durable subscription of the topic has acknowledged; all earlier
/// ones, if there is no durable subscription. So a message that repeats for ever fills no topic. A subscription that is
/// not durable may miss the replaced ones; a bus may replace them later.
///
/// Of those that nobody acknowledged, a bus keeps [`COMPACTED_BACKLOG_MAX`] of a key: what repeats for ever must not stop
/// the writes of others while its reader is away.
pub const COMPACTED: &str = "compacted";

/// How many compacted messages of one key wait for a reader that is away; then the oldest go unread.
pub const COMPACTED_BACKLOG_MAX: usize = 256;

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The key: messages of one key keep their order, also where a bus has partitions.
    pub key: String,
    /// The body, JSON.
    #[serde(with = "payload")]
    pub payload: Bytes,
    /// Properties beside the body, such as `traceparent`.
    pub properties: BTreeMap<String, String>,
}

impl Outgoing {
    /// Whether it replaces earlier messages of its key ([`COMPACTED`]).
    pub fn is_compacted(&self) -> bool {
        self.properties.get(COMPACTED).is_some_and(|value| value == "true")
    }
}

mod payload {
    //! A payload inside an envelope: JSON text as a string, so that an envelope stays readable.
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _, ser::Error as _};

    pub(super) fn serialize<S: Serializer>(payload: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(payload).map_err(S::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        String::deserialize(deserializer).map(Bytes::from).map_err(D::Error::custom)
    }
}

/// Names a message within its topic; ordered as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(pub u128);

/// A message received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusMessage {
    /// Its id, for the acknowledgement.
    pub id: MessageId,
    /// What was published.
    pub message: Outgoing,
    /// When it was published, by the bus's clock.
    pub published_at: Timestamp,
    /// How often it was delivered on this subscription before.
    pub redeliveries: u32,
}

/// What a subscription yields. What a reconnection means is decided above the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A message; it is delivered again unless it is acknowledged in time.
    Message(BusMessage),
    /// The connection is lost: from here on messages may be missed (non-durable) or late (durable).
    Lost,
    /// The connection is back.
    Restored,
}

/// How consumers of one subscription share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionKind {
    /// Each message goes to one of the consumers.
    Shared,
    /// One consumer receives all, in order; others wait until it is gone.
    Exclusive,
}

/// Where a new subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// With the oldest message that the topic retains.
    Earliest,
    /// With the next message published.
    Latest,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topic.
    pub topic: Topic,
    /// Its name; consumers that give the same name share its cursor.
    pub name: String,
    /// How consumers share it.
    pub kind: SubscriptionKind,
    /// Whether the cursor outlives its consumers. A non-durable subscription ends with its consumer.
    pub durable: bool,
    /// Where it starts, if it is new.
    pub start: StartAt,
}

/// Why the bus refused or failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BusError {
    /// No connection, or it broke; whether a message was published is unknown.
    #[error("the message bus cannot be reached")]
    Unavailable(#[source] Option<Arc<dyn std::error::Error + Send + Sync>>),
    /// The deadline passed; whether a message was published is unknown.
    #[error("the message bus did not answer in time")]
    Timeout,
    /// The bus holds as much as it may.
    #[error("the message bus is full: {0}")]
    Full(String),
    /// The bus, or this consumer, was closed.
    #[error("the message bus is closed")]
    Closed,
    /// The call does not fit the subscription, such as another kind than that of its consumers.
    #[error("the message bus refuses the call: {0}")]
    Refused(String),
    /// What the bus holds cannot be read.
    #[error("the message bus holds something unreadable: {0}")]
    Corrupt(String),
}

impl BusError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout | Self::Full(_) => true,
            Self::Closed | Self::Refused(_) | Self::Corrupt(_) => false,
        }
    }
}

/// The bus.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Publishes one message; when it answers, the message is durable.
    async fn publish(&self, topic: Topic, message: Outgoing) -> Result<MessageId, BusError>;

    /// Publishes `messages` in their order; when it answers, all are durable. After an error a first part of them may have
    /// been published; a bus that can publishes all or nothing.
    async fn publish_all(&self, topic: Topic, messages: Vec<Outgoing>) -> Result<(), BusError> {
        for message in messages {
            self.publish(topic, message).await?;
        }
        Ok(())
    }

    /// The newest message that the topic retains, acknowledged or not; no subscription is involved.
    async fn last(&self, topic: Topic) -> Result<Option<BusMessage>, BusError>;

    /// Creates the subscription if it is new, and joins it. When it answers, messages published from now on will be
    /// delivered. A consumer of an exclusive subscription that another one holds waits in [`Consumer::next`].
    /// One that would share a subscription in another way than its consumers do is [refused](BusError::Refused).
    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError>;

    /// Deletes a durable subscription and its cursor; its consumers are closed. Unknown names are ignored.
    async fn unsubscribe(&self, topic: Topic, name: &str) -> Result<(), BusError>;
}

/// One consumer of a subscription. Dropping it gives what it did not acknowledge to the others at once.
#[async_trait]
pub trait Consumer: Send {
    /// The next delivery; waits for one. Cancel-safe: a dropped call loses nothing.
    async fn next(&mut self) -> Result<Delivery, BusError>;

    /// The message's effect is done: it is not delivered again.
    async fn ack(&mut self, id: MessageId) -> Result<(), BusError>;

    /// The same for this message and all before it. Only on exclusive subscriptions; [refused](BusError::Refused) on
    /// shared ones.
    async fn ack_through(&mut self, id: MessageId) -> Result<(), BusError>;

    /// The message could not be worked on: it is delivered again after the redelivery delay.
    ///
    /// On an exclusive subscription the order is kept: the message and everything delivered after it that is not
    /// acknowledged come again, in order, and until then nothing overtakes it. The same holds for a message that was not
    /// acknowledged in time. On a shared subscription each message comes again by itself.
    async fn nack(&mut self, id: MessageId) -> Result<(), BusError>;
}
