//! The bus from afar.

use std::sync::Arc;

use adapters::memory::MemoryBus;
use async_trait::async_trait;
use domain::ports::{Bus, BusError, BusMessage, Consumer, Delivery, MessageId, Outgoing, Subscription, Topic};
use futures_util::FutureExt;

use super::conn::WireError;
use super::consumer_session::{ConsumerSession, Order, Settlement};
use super::link::Link;
use super::net::Net;
use super::server::{Open, Session};
use super::slab::Cargo;
use super::subscribed::{Subscribed, Yield};
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
        let twice = self.duplicates();
        let published = self.link.call(move |bus: MemoryBus| async move {
            if twice {
                bus.publish(topic, message.clone()).await?;
            }
            bus.publish(topic, message).await
        });
        published.await.map_err(bus_error)?
    }

    async fn publish_all(&self, topic: Topic, messages: Vec<Outgoing>) -> Result<(), BusError> {
        let twice = self.duplicates();
        let published = self.link.call(move |bus| async move {
            if twice {
                bus.publish_all(topic, messages.clone()).await?;
            }
            bus.publish_all(topic, messages).await
        });
        published.await.map_err(bus_error)?
    }

    async fn last(&self, topic: Topic) -> Result<Option<BusMessage>, BusError> {
        self.link.call(move |bus| async move { bus.last(topic).await }).await.map_err(bus_error)?
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>, BusError> {
        let net = self.net.at(BUS);
        let open = Arc::new(move || opening(subscription.clone(), net.clone()));
        let begun = Subscribed::begin(self.net.clone(), BUS, BUS_PORT, open).await;
        let (answer, subscribed) = begun.map_err(bus_error)?;
        match answer.downcast::<Option<BusError>>().map(|error| *error) {
            Ok(None) => Ok(Box::new(RemoteConsumer { net: self.net.clone(), subscribed })),
            Ok(Some(error)) => Err(error),
            Err(_) => Err(BusError::Unavailable(None)),
        }
    }

    async fn unsubscribe(&self, topic: Topic, name: &str) -> Result<(), BusError> {
        let name = name.to_owned();
        self.link.call(move |bus| async move { bus.unsubscribe(topic, &name).await }).await.map_err(bus_error)?
    }
}

fn opening(subscription: Subscription, net: Net) -> Open<MemoryBus> {
    Box::new(move |bus, _| {
        async move {
            let order = Order::of(&subscription);
            match bus.subscribe(subscription).await {
                Ok(consumer) => {
                    let session: Box<dyn Session> = Box::new(ConsumerSession::new(consumer, order, net));
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
                Ok(*delivery)
            }
            Some(Yield::Lost) => Ok(Delivery::Lost),
            Some(Yield::Restored) => Ok(Delivery::Restored),
            None => Err(BusError::Closed),
        }
    }

    async fn ack(&mut self, id: MessageId) -> Result<(), BusError> {
        self.settle(Settlement::Ack(id)).await
    }

    async fn ack_through(&mut self, id: MessageId) -> Result<(), BusError> {
        self.settle(Settlement::AckThrough(id)).await
    }

    async fn nack(&mut self, id: MessageId) -> Result<(), BusError> {
        self.settle(Settlement::Nack(id)).await
    }
}
