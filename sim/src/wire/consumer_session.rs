//! A consumer on the bus's side. Here messages overtake each other and acknowledgements come late, where the nemesis says
//! so.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{BusError, Consumer, Delivery, MessageId, Subscription, SubscriptionKind, Topic};
use tokio::time::Instant;

use super::net::Net;
use super::server::Session;
use super::slab::Cargo;

/// A driver takes so many messages ahead of its consumer. The bus's patience with a message begins when it hands it out:
/// what waits in a long queue would come again and again.
const AHEAD_MAX: usize = 32;
/// How often late acknowledgements are looked at: their fault may have ended.
const LATE_LOOK: Duration = Duration::from_millis(100);

/// What the order of a subscription's messages is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// One topic without partitions, one consumer.
    Kept,
    /// A partition for each key.
    OfKeys,
    /// Redelivery, and several consumers.
    Nothing,
}

impl Order {
    pub(super) fn of(subscription: &Subscription) -> Self {
        match (subscription.topic, subscription.kind) {
            (Topic::CdcForecasts, _) => Self::Kept,
            (_, SubscriptionKind::Exclusive) => Self::OfKeys,
            (_, SubscriptionKind::Shared) => Self::Nothing,
        }
    }
}

/// What a consumer says about a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Settlement {
    Ack(MessageId),
    AckThrough(MessageId),
    Nack(MessageId),
}

impl Settlement {
    /// Whether the consumer is done with this message.
    fn is_about(self, message: MessageId) -> bool {
        matches!(self, Self::Nack(id) if id == message) || self.covers(message)
    }

    /// Whether it acknowledges this message.
    fn covers(self, message: MessageId) -> bool {
        match self {
            Self::Ack(id) => id == message,
            Self::AckThrough(id) => message <= id,
            Self::Nack(_) => false,
        }
    }
}

/// On its way to the consumer.
struct OnItsWay {
    delivery: Delivery,
    from: Instant,
}

impl OnItsWay {
    /// Whether `later` must not overtake it.
    fn is_before(&self, later: &Self, order: Order) -> bool {
        match (&self.delivery, &later.delivery) {
            (Delivery::Message(one), Delivery::Message(other)) => match order {
                Order::Kept => true,
                Order::OfKeys => one.message.key == other.message.key,
                Order::Nothing => false,
            },
            _ => true,
        }
    }
}

pub(super) struct ConsumerSession {
    /// There until it is dropped.
    consumer: Option<Box<dyn Consumer>>,
    order: Order,
    topic: Topic,
    net: Net,
    under_way: VecDeque<OnItsWay>,
    /// Handed over, and not settled by the consumer.
    handed: BTreeSet<MessageId>,
    /// Acknowledgements that the bus does not know yet, each with its time.
    late: VecDeque<(Instant, Settlement)>,
}

impl ConsumerSession {
    /// `net` is the bus's.
    pub(super) fn new(consumer: Box<dyn Consumer>, order: Order, topic: Topic, net: Net) -> Self {
        let (under_way, handed, late) = (VecDeque::new(), BTreeSet::new(), VecDeque::new());
        Self { consumer: Some(consumer), order, topic, net, under_way, handed, late }
    }

    async fn apply(&mut self, settlement: Settlement) -> Result<(), BusError> {
        let Some(consumer) = &mut self.consumer else { return Err(BusError::Closed) };
        match settlement {
            Settlement::Ack(id) => consumer.ack(id).await,
            Settlement::AckThrough(id) => consumer.ack_through(id).await,
            Settlement::Nack(id) => consumer.nack(id).await,
        }
    }

    /// Tells the bus the acknowledgements that are due; all, if they are late no more.
    async fn apply_late(&mut self) {
        let all = self.net.weather.ack_delay().is_zero();
        while let Some((due, settlement)) = self.late.front().copied()
            && (all || due <= Instant::now())
        {
            self.late.pop_front();
            // The consumer was told that it is done; what the bus does not take comes again.
            drop(self.apply(settlement).await);
        }
    }

    fn take_in(&mut self, delivery: Delivery) {
        let now = Instant::now();
        let wait = match (&delivery, self.order) {
            (Delivery::Message(_), Order::OfKeys | Order::Nothing) => self.net.weather.held_back(),
            _ => Duration::ZERO,
        };
        if let Delivery::Message(message) = &delivery
            && message.redeliveries > 0
            && self.late.iter().any(|(_, late)| late.covers(message.id))
        {
            self.net.mark("redelivered_after_effect");
        }
        self.under_way.push_back(OnItsWay { delivery, from: now + wait });
    }

    /// What arrives now: the first that nothing holds back.
    fn arrived(&mut self) -> Option<Delivery> {
        let now = Instant::now();
        let may_go = |place: &usize| {
            let one = &self.under_way[*place];
            one.from <= now && !self.under_way.range(..*place).any(|earlier| earlier.is_before(one, self.order))
        };
        let place = (0..self.under_way.len()).find(may_go)?;
        if place > 0 {
            self.net.mark("bus_reordered");
        }
        self.under_way.remove(place).map(|one| one.delivery)
    }

    /// When to look again, whatever the bus does.
    fn look_again(&self) -> Option<Instant> {
        let now = Instant::now();
        // What is due and still here waits for one that is not.
        let arrives = self.under_way.iter().map(|one| one.from).filter(|from| *from > now).min();
        let late = self.late.front().map(|(due, _)| (*due).min(now + LATE_LOOK));
        arrives.into_iter().chain(late).min()
    }
}

impl Drop for ConsumerSession {
    /// A consumer that goes gives back what it holds, from now on: that must be the bus's now, and not its host's. Its
    /// late acknowledgements are lost with it.
    fn drop(&mut self) {
        let consumer = self.consumer.take();
        self.net.time.within(|| drop(consumer));
    }
}

#[async_trait]
impl Session for ConsumerSession {
    async fn next(&mut self) -> Option<Cargo> {
        loop {
            if self.net.weather.is_road_cut(self.topic) {
                // It never ends.
                self.net.weather.hit(if self.topic == Topic::CdcForecasts {
                    "road_cut_cdc"
                } else {
                    "road_cut_invalidation"
                });
                return std::future::pending().await;
            }
            self.apply_late().await;
            if let Some(delivery) = self.arrived() {
                if let Delivery::Message(message) = &delivery {
                    self.handed.insert(message.id);
                }
                return Some(Box::new(delivery));
            }
            let again = self.look_again();
            let has_room = self.handed.len() + self.under_way.len() < AHEAD_MAX;
            let consumer = self.consumer.as_mut()?;
            let delivery = tokio::select! {
                biased;
                delivery = consumer.next(), if has_room => delivery.ok()?,
                () = tokio::time::sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => continue,
                // Whatever is settled begins this anew.
                else => std::future::pending().await,
            };
            self.take_in(delivery);
        }
    }

    async fn settle(&mut self, command: Cargo) -> Cargo {
        let settlement = match command.downcast::<Settlement>() {
            Ok(settlement) => *settlement,
            Err(_) => return Box::new(Err::<(), _>(BusError::Closed)),
        };
        self.handed.retain(|id| !settlement.is_about(*id));
        let delay = self.net.weather.ack_delay();
        if delay.is_zero() || matches!(settlement, Settlement::Nack(_)) {
            return Box::new(self.apply(settlement).await);
        }
        self.net.mark("acknowledged_late");
        self.late.push_back((Instant::now() + delay, settlement));
        Box::new(Ok::<(), BusError>(()))
    }

    fn describe(&self, cargo: &Cargo) -> (String, Option<String>) {
        match cargo.downcast_ref::<Delivery>() {
            Some(Delivery::Message(message)) => (self.topic.to_string(), Some(message.message.key.clone())),
            _ => Default::default(),
        }
    }
}
