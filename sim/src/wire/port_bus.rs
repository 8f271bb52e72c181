//! The bus from afar.

use std::collections::BTreeMap;
use std::sync::Arc;

use adapters::memory::MemoryBus;
use async_trait::async_trait;
use domain::event::{CacheInvalidation, CdcMessage, Event as _, ForecastCompleted};
use domain::ports::{Bus, BusError, BusMessage, Consumer, Delivery, MessageId, Outgoing, Subscription, Topic};
use futures_util::FutureExt;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::conn::WireError;
use super::consumer_session::{ConsumerSession, Order, Settlement};
use super::link::Link;
use super::net::Net;
use super::server::{Open, Session};
use super::slab::Cargo;
use super::subscribed::{Subscribed, Yield};
use crate::log::{Event, Notified, Told, Ver, narrow};
use crate::world::{BUS, BUS_PORT};

/// The bus behind the wire.
pub struct RemoteBus {
    net: Net,
    link: Link<MemoryBus>,
}

impl RemoteBus {
    /// The bus as the host of `net` reaches it.
    pub fn new(net: Net) -> Self {
        Self { link: Link::new(net.clone(), BUS, BUS_PORT), net }
    }
}

impl RemoteBus {
    fn telling(&self, topic: Topic, message: &Outgoing) {
        if topic == Topic::CdcForecasts
            && let Some(Told { term, .. }) = told(&message.payload)
        {
            self.net.log.record(&self.net.host, None, Event::Telling { term });
        }
    }

    fn duplicates(&self) -> bool {
        let twice = self.net.weather.duplicates();
        if twice {
            self.net.mark("published_twice");
        }
        twice
    }
}

fn bus_error(error: WireError) -> BusError {
    match error {
        WireError::Broken => BusError::Unavailable(None),
        WireError::Timeout => BusError::Timeout,
    }
}

#[async_trait]
impl Bus for RemoteBus {
    async fn publish(&self, topic: Topic, message: Outgoing) -> Result<MessageId, BusError> {
        self.telling(topic, &message);
        let (twice, key) = (self.duplicates(), message.key.clone());
        let bus_net = self.net.at(BUS);
        let publish = move |bus: MemoryBus| async move {
            if twice {
                bus.publish(topic, message.clone()).await?;
            }
            let published = bus.publish(topic, message.clone()).await?;
            took(&bus_net, topic, &message);
            Ok(published)
        };
        let published = self.link.call_about(publish, || Some(key));
        published.await.map_err(bus_error)?
    }

    async fn publish_all(&self, topic: Topic, messages: Vec<Outgoing>) -> Result<(), BusError> {
        if let Some(first) = messages.first() {
            self.telling(topic, first);
        }
        let twice = self.duplicates();
        let keys = messages.iter().map(|message| message.key.as_str()).collect::<Vec<_>>().join(" ");
        let bus_net = self.net.at(BUS);
        let publish = move |bus: MemoryBus| async move {
            if twice {
                bus.publish_all(topic, messages.clone()).await?;
            }
            bus.publish_all(topic, messages.clone()).await?;
            messages.iter().for_each(|message| took(&bus_net, topic, message));
            Ok(())
        };
        let published = self.link.call_about(publish, || Some(keys));
        published.await.map_err(bus_error)?
    }

    async fn last(&self, topic: Topic) -> Result<Option<BusMessage>, BusError> {
        self.link.call(move |bus| async move { bus.last(topic).await }).await.map_err(bus_error)?
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError> {
        let (net, topic) = (self.net.at(BUS), subscription.topic);
        let open = Arc::new(move || opening(subscription.clone(), net.clone()));
        let begun = Subscribed::begin(self.net.clone(), BUS, BUS_PORT, open).await;
        let (answer, subscribed) = begun.map_err(bus_error)?;
        match answer.downcast::<Option<BusError>>().map(|error| *error) {
            Ok(None) => {
                let unsettled = BTreeMap::new();
                Ok(Box::new(RemoteConsumer { net: self.net.clone(), subscribed, topic, unsettled }))
            }
            Ok(Some(error)) => Err(error),
            Err(_) => Err(BusError::Unavailable(None)),
        }
    }

    async fn unsubscribe(&self, topic: Topic, name: &str) -> Result<(), BusError> {
        let name = name.to_owned();
        self.link.call(move |bus| async move { bus.unsubscribe(topic, &name).await }).await.map_err(bus_error)?
    }
}

/// Writes down what the bus has taken.
fn took(net: &Net, topic: Topic, message: &Outgoing) {
    let event = match topic {
        Topic::CdcForecasts => told(&message.payload).map(Event::Told),
        _ => Some(Event::Published { payload: xxh3_64(&message.payload) }),
    };
    if topic == Topic::ForecastCompleted
        && let Some(event) = completed(&message.payload)
    {
        net.log.record(&net.host, None, Event::Notify(Notified::Told { event }));
    }
    if let Some(event) = event {
        net.log.record(&net.host, None, event);
    }
}

/// The event that a payload of `forecast:completed` is.
fn completed(payload: &[u8]) -> Option<Uuid> {
    ForecastCompleted::read(payload).ok()?.event_id.map(|id| id.0)
}

fn told(payload: &[u8]) -> Option<Told> {
    let message = CdcMessage::read(payload).ok()?;
    let (incarnation, mark) = message.stands()?;
    let term = Ver(incarnation.0, mark.token.0);
    let beacon = matches!(message, CdcMessage::Beacon(_));
    Some(Told { term, counter: mark.counter, position: narrow(mark.position.0), beacon })
}

/// What the acknowledgement of a message says, where a checker asks for it.
fn acknowledged(topic: Topic, message: &BusMessage) -> Option<Event> {
    match topic {
        Topic::CdcForecasts => {
            let Told { term, counter, .. } = told(&message.message.payload)?;
            Some(Event::ToldAcknowledged { term, counter })
        }
        Topic::ForecastInvalidation => {
            let event: CacheInvalidation = serde_json::from_slice(&message.message.payload).ok()?;
            let version = Ver(event.incarnation?.0, event.version_id?.0);
            let company = |tag: &String| tag.strip_prefix("company:")?.parse().ok();
            let companies = event.tags.iter().filter_map(company).collect();
            Some(Event::InvalidationAcknowledged { key: event.entity_id.0, version, companies })
        }
        Topic::ForecastCompleted => {
            let event = completed(&message.message.payload)?;
            Some(Event::Notify(Notified::Acknowledged { event }))
        }
        _ => None,
    }
}

fn opening(subscription: Subscription, net: Net) -> Open<MemoryBus> {
    Box::new(move |bus, _| {
        async move {
            let (order, topic) = (Order::of(&subscription), subscription.topic);
            match bus.subscribe(subscription).await {
                Ok(consumer) => {
                    let session: Box<dyn Session> = Box::new(ConsumerSession::new(consumer, order, topic, net));
                    (Box::new(None::<BusError>) as Cargo, Some(session))
                }
                Err(error) => (Box::new(Some(error)) as Cargo, None),
            }
        }
        .boxed()
    })
}

struct RemoteConsumer {
    net: Net,
    subscribed: Subscribed,
    topic: Topic,
    /// What an acknowledgement of a message that was handed out would say.
    unsettled: BTreeMap<MessageId, Event>,
}

impl RemoteConsumer {
    async fn settle(&self, settlement: Settlement) -> Result<(), BusError> {
        let answer = self.subscribed.settle(Box::new(settlement)).await.map_err(bus_error)?;
        answer.downcast::<Result<(), BusError>>().map_or(Err(BusError::Unavailable(None)), |settled| *settled)
    }
}

#[async_trait]
impl Consumer for RemoteConsumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        match self.subscribed.next().await {
            Some(Yield::Item(cargo)) => {
                let delivery = cargo.downcast::<Delivery>().map_err(|_| BusError::Closed)?;
                if let Delivery::Message(message) = &*delivery
                    && message.redeliveries > 0
                {
                    self.net.mark("bus_redelivery");
                }
                if let Delivery::Message(message) = &*delivery
                    && let Some(event) = acknowledged(self.topic, message)
                {
                    self.unsettled.insert(message.id, event);
                }
                Ok(*delivery)
            }
            Some(Yield::Lost) => Ok(Delivery::Lost),
            Some(Yield::Restored) => Ok(Delivery::Restored),
            None => Err(BusError::Closed),
        }
    }

    async fn ack(&mut self, id: MessageId) -> Result<(), BusError> {
        if let Some(event) = self.unsettled.remove(&id) {
            self.net.log.record(&self.net.host, None, event);
        }
        self.settle(Settlement::Ack(id)).await
    }

    async fn ack_through(&mut self, id: MessageId) -> Result<(), BusError> {
        let later = self.unsettled.split_off(&MessageId(id.0.saturating_add(1)));
        if let Some((_, event)) = std::mem::replace(&mut self.unsettled, later).pop_last() {
            self.net.log.record(&self.net.host, None, event);
        }
        self.settle(Settlement::AckThrough(id)).await
    }

    async fn nack(&mut self, id: MessageId) -> Result<(), BusError> {
        self.settle(Settlement::Nack(id)).await
    }
}
