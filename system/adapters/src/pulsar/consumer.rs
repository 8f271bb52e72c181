//! The port's consumer: attachments one after the other, and the window.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{BusError, Consumer, Delivery, MessageId, StartAt, Subscription, SubscriptionKind};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, sleep_until};

use super::attachment::Attachment;
use super::batches::Batches;
use super::bus::Shared;
use super::errors::JoinError;
use super::places::Place;
use super::window::{Turn, Window};

/// The first wait before a lost subscription is joined again; it doubles.
const REJOIN_FIRST: Duration = Duration::from_millis(50);
/// The longest. A broker that is back is found within it.
const REJOIN_MAX: Duration = Duration::from_secs(1);
/// Waits differ by up to this share, so that instances do not come back in step.
const SPREAD: f64 = 0.2;

type Joining = Pin<Box<dyn Future<Output = Result<Attachment, BusError>> + Send>>;

enum Link {
    /// On the subscription.
    Up(Box<Attachment>),
    /// Waiting for a turn on it, or for the broker.
    Down(Joining),
    Closed,
}

pub(super) struct PulsarConsumer {
    shared: Arc<Shared>,
    subscription: Subscription,
    /// `None` once it is dropped.
    place: Option<Place>,
    link: Link,
    window: Window,
    batches: Batches,
    /// What is to be told about the connection.
    news: VecDeque<Delivery>,
    is_lost: bool,
}

impl PulsarConsumer {
    /// Joins; a consumer of an exclusive subscription that somebody has waits in `next`.
    pub(super) async fn join(shared: Arc<Shared>, subscription: Subscription, place: Place) -> Result<Self, BusError> {
        let link = match stay(&shared, &subscription, subscription.start).await {
            Ok(attachment) => Link::Up(Box::new(attachment)),
            Err(JoinError::Bus(error)) => return Err(error),
            Err(JoinError::Busy) => match subscription.kind {
                SubscriptionKind::Exclusive => {
                    Link::Down(join_again(Arc::clone(&shared), subscription.clone(), subscription.start))
                }
                SubscriptionKind::Shared => {
                    return Err(BusError::Refused(format!("subscription {} is exclusive", subscription.name)));
                }
            },
        };
        let (max, timeout) = (shared.config.unacked_max, shared.config.redelivery_timeout);
        let window = Window::new(subscription.kind, max, timeout);
        Ok(Self {
            shared,
            subscription,
            place: Some(place),
            link,
            window,
            batches: Batches::default(),
            news: VecDeque::new(),
            is_lost: false,
        })
    }

    /// The stay is over; the next one begins behind what was published meanwhile, unless the cursor is durable.
    fn lose(&mut self) {
        let start = match self.subscription.durable {
            // Where it would start if it were new: it may have been deleted meanwhile.
            true => self.subscription.start,
            false => StartAt::Latest,
        };
        let again = Link::Down(join_again(Arc::clone(&self.shared), self.subscription.clone(), start));
        if let Link::Up(attachment) = std::mem::replace(&mut self.link, again) {
            // What it holds besides is the broker's again; its end must not be waited for.
            drop(attachment);
        }
        self.window.lose();
        self.batches.lose();
        self.is_lost = true;
        self.news.push_back(Delivery::Lost);
    }

    /// A client that takes no orders is gone. While there is no room for messages nothing else shows it.
    fn unless_gone(&mut self, answer: Result<(), BusError>) -> Result<(), BusError> {
        answer.map_err(|error| {
            self.lose();
            BusError::Unavailable(Some(Arc::new(error)))
        })
    }

    fn attachment(&mut self) -> Result<&mut Attachment, BusError> {
        if self.place.as_ref().is_none_or(Place::is_closed) {
            return Err(BusError::Closed);
        }
        match &mut self.link {
            Link::Up(attachment) => Ok(attachment),
            Link::Down(_) => Err(BusError::Unavailable(None)),
            Link::Closed => Err(BusError::Closed),
        }
    }

    /// One step; `None`: take another one. Everything that is awaited can be dropped.
    async fn step(&mut self) -> Result<Option<Delivery>, BusError> {
        if let Some(news) = self.news.pop_front() {
            return Ok(Some(news));
        }
        let Some(place) = self.place.as_ref().filter(|place| !place.is_closed()) else {
            self.go();
            return Err(BusError::Closed);
        };
        match &mut self.link {
            Link::Closed => Err(BusError::Closed),
            Link::Down(joining) => {
                let joined = tokio::select! {
                    biased;
                    () = place.closed() => return Ok(None),
                    joined = joining => joined,
                };
                match joined {
                    Ok(attachment) => {
                        self.link = Link::Up(Box::new(attachment));
                        if std::mem::take(&mut self.is_lost) {
                            self.news.push_back(Delivery::Restored);
                        }
                        Ok(None)
                    }
                    Err(error) => {
                        self.link = Link::Closed;
                        Err(error)
                    }
                }
            }
            Link::Up(attachment) => {
                let due = match self.window.turn(Instant::now()) {
                    Turn::Deliver(message) => return Ok(Some(Delivery::Message(message))),
                    Turn::GiveBack(ids) => {
                        let mut given = Ok(());
                        for id in self.batches.give_back(ids) {
                            given = given.and(attachment.give_back(id).await);
                        }
                        // A client that is gone gives back everything.
                        let _told_next = self.unless_gone(given);
                        return Ok(None);
                    }
                    Turn::Wait(due) => due,
                };
                let has_room = self.window.has_room();
                let received = tokio::select! {
                    biased;
                    () = place.closed() => return Ok(None),
                    () = until(due) => return Ok(None),
                    received = attachment.next(has_room) => received,
                };
                match received {
                    // Of a batch that comes again, what is not here and not done already.
                    Some(received) if self.batches.admit(&received) => self.window.push(received),
                    Some(_) => {}
                    None => self.lose(),
                }
                Ok(None)
            }
        }
    }

    /// Leaves in the background: nobody waits for it but whoever joins next.
    fn go(&mut self) {
        let link = std::mem::replace(&mut self.link, Link::Closed);
        let Some(mut place) = self.place.take() else { return };
        // Without a runtime the connection is closed by its end; what was acknowledged last may come again.
        let Ok(runtime) = Handle::try_current() else { return };
        let attachment = match link {
            Link::Up(attachment) => Some(attachment),
            Link::Down(_) | Link::Closed if place.is_closed() => None,
            Link::Down(_) | Link::Closed => return,
        };
        place.begin_to_leave();
        let (shared, subscription) = (Arc::clone(&self.shared), self.subscription.clone());
        runtime.spawn(async move {
            if let Some(attachment) = attachment {
                attachment.leave().await;
            }
            if place.is_closed() && subscription.durable {
                // The client may have joined the deleted subscription again, which made it anew.
                let deleted = shared.admin.delete_subscription(subscription.topic, &subscription.name).await;
                if let Err(error) = deleted {
                    tracing::warn!(%error, name = subscription.name, "a deleted subscription may be there again");
                }
            }
            drop(place);
        });
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// One try. A subscription that is not durable waits for nobody: who waits would miss what is published. If its name is
/// taken, by a connection whose end the broker has not noticed yet, it gets another one, which ends with it anyway.
async fn stay(shared: &Shared, subscription: &Subscription, start: StartAt) -> Result<Attachment, JoinError> {
    match Attachment::join(&shared.config, subscription, start).await {
        Err(JoinError::Busy) if !subscription.durable => {
            let name = format!("{}-{:016x}", subscription.name, shared.rng.next_u64());
            Attachment::join(&shared.config, &Subscription { name, ..subscription.clone() }, start).await
        }
        joined => joined,
    }
}

/// Tries until it is on the subscription. Only what no repetition changes ends it.
fn join_again(shared: Arc<Shared>, subscription: Subscription, start: StartAt) -> Joining {
    Box::pin(async move {
        let mut wait = REJOIN_FIRST;
        loop {
            let pause = match stay(&shared, &subscription, start).await {
                Ok(attachment) => return Ok(attachment),
                Err(JoinError::Busy) => {
                    wait = REJOIN_FIRST;
                    shared.config.standby_interval
                }
                Err(JoinError::Bus(error)) if error.is_retryable() => {
                    tracing::debug!(%error, name = subscription.name, "a subscription cannot be joined");
                    let pause = wait;
                    wait = (2 * wait).min(REJOIN_MAX);
                    pause
                }
                Err(JoinError::Bus(error)) => return Err(error),
            };
            sleep(pause.mul_f64(shared.rng.factor(SPREAD))).await;
        }
    })
}

#[async_trait]
impl Consumer for PulsarConsumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        loop {
            if let Some(delivery) = self.step().await? {
                return Ok(delivery);
            }
        }
    }

    async fn ack(&mut self, id: MessageId) -> Result<(), BusError> {
        self.attachment()?;
        if let Some(entry) = self.batches.ack(id) {
            let acked = self.attachment()?.ack(entry).await;
            self.unless_gone(acked)?;
        }
        self.window.ack(id);
        Ok(())
    }

    async fn ack_through(&mut self, id: MessageId) -> Result<(), BusError> {
        if self.subscription.kind != SubscriptionKind::Exclusive {
            return Err(BusError::Refused("a shared subscription acknowledges one message at a time".to_owned()));
        }
        self.attachment()?;
        if let Some(entry) = self.batches.ack_through(id) {
            let acked = self.attachment()?.ack_through(entry).await;
            self.unless_gone(acked)?;
        }
        self.window.ack_through(id);
        Ok(())
    }

    async fn nack(&mut self, id: MessageId) -> Result<(), BusError> {
        self.attachment()?;
        self.window.nack(id, Instant::now() + self.shared.config.redelivery_delay);
        Ok(())
    }
}

impl Drop for PulsarConsumer {
    fn drop(&mut self) {
        self.go();
    }
}
