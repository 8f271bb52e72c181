//! The backplane from afar. Its server loses Pub/Sub messages where the nemesis says so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::backplane::{
    Backplane, BackplaneDelivery, BackplaneError, BackplaneSubscription, Claimed, Publication, Published, Replay,
};
use coherence::stream::{ChangeMessage, Head, Section};
use coherence::{Fence, Sequence, StreamEpoch};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::conn::WireError;
use super::link::Link;
use super::net::Net;
use super::server::{Open, Session};
use super::slab::Cargo;
use super::subscribed::{Subscribed, Yield};
use super::weather::Weather;
use crate::log::{Event, Sending};
use crate::world::{SHARED, SHARED_PORT, SharedHost};

/// No clock within the bound is further from the right time.
const SKEW_HALF: SignedDuration = SignedDuration::from_millis(500);

/// The backplane behind the wire.
pub struct RemoteBackplane {
    net: Net,
    link: Link<SharedHost>,
}

impl RemoteBackplane {
    /// The backplane as the host of `net` reaches it.
    pub fn new(net: Net) -> Self {
        Self { link: Link::new(net.clone(), SHARED, SHARED_PORT), net }
    }
}

fn backplane_error(error: WireError) -> BackplaneError {
    match error {
        WireError::Broken => BackplaneError::Unavailable(None),
        WireError::Timeout => BackplaneError::Timeout,
    }
}

#[async_trait]
impl Backplane for RemoteBackplane {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        let section = section.clone();
        let claimed = self.link.call(move |host: SharedHost| async move { host.claim(section, fence).await });
        claimed.await.map_err(backplane_error)?
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        let section = section.clone();
        let key = publication.data_key.clone();
        let publish = move |host: SharedHost| async move { host.publish(section, publication).await };
        let published = self.link.call_about(publish, || Some(key));
        published.await.map_err(backplane_error)?
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        let section = section.clone();
        let announced = self.link.call(move |host| async move { host.announce(section, fence, head).await });
        announced.await.map_err(backplane_error)?
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        let section = section.clone();
        let asked = self.link.call(move |host| async move { host.backplane.head(&section).await });
        let found = asked.await.map_err(backplane_error)?;
        if let Ok(Some(head)) = &found {
            let (epoch, sequence) = (head.stream_epoch.0, head.sequence.0);
            self.net.log.record(&self.net.host, None, Event::Looked { epoch, sequence });
        }
        found
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        let section = section.clone();
        let replayed = self.link.call(move |host| async move { host.replay(section, epoch, after, limit).await });
        replayed.await.map_err(backplane_error)?
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        let (section, weather) = (section.clone(), Arc::clone(&self.net.weather));
        let open = Arc::new(move || opening(section.clone(), Arc::clone(&weather)));
        let begun = Subscribed::begin(self.net.clone(), SHARED, SHARED_PORT, open).await;
        let (answer, subscribed) = begun.map_err(backplane_error)?;
        match answer.downcast::<Option<BackplaneError>>().map(|error| *error) {
            Ok(None) => Ok(Box::new(RemoteSubscription { net: self.net.clone(), subscribed, last: None })),
            Ok(Some(error)) => Err(error),
            Err(_) => Err(BackplaneError::Unavailable(None)),
        }
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        self.link.call(|host| async move { host.backplane.identity().await }).await.map_err(backplane_error)?
    }
}

fn opening(section: Section, weather: Arc<Weather>) -> Open<SharedHost> {
    Box::new(move |host, peer| {
        async move {
            match host.backplane.subscribe(&section).await {
                Ok(inner) => {
                    let deafened = weather.deafened(&peer);
                    let (overtaken, again) = (None, None);
                    let session = Lossy { inner, host, peer, weather, deafened, overtaken, again };
                    let session: Box<dyn Session> = Box::new(session);
                    (Box::new(None::<BackplaneError>) as Cargo, Some(session))
                }
                Err(error) => (Box::new(Some(error)) as Cargo, None),
            }
        }
        .boxed()
    })
}

/// A subscription on the server's side, for one subscriber.
struct Lossy {
    inner: Box<dyn BackplaneSubscription>,
    host: SharedHost,
    peer: String,
    weather: Arc<Weather>,
    /// How often the peer's subscriptions had gone deaf when this one began.
    deafened: u64,
    /// Waits for the next one to overtake it, until then.
    overtaken: Option<(BackplaneDelivery, Instant)>,
    /// Comes once more.
    again: Option<BackplaneDelivery>,
}

/// What no message overtakes goes after so long.
const OVERTAKEN_MAX: Duration = Duration::from_millis(300);

impl Lossy {
    /// What comes next in the order of this subscriber; `None`: the subscription is over.
    async fn next_in_disorder(&mut self) -> Option<BackplaneDelivery> {
        if let Some(again) = self.again.take() {
            return Some(again);
        }
        loop {
            let until = self.overtaken.as_ref().map(|(_, until)| *until);
            let delivery = tokio::select! {
                biased;
                delivery = self.inner.next() => delivery.ok()?,
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    match self.overtaken.take() {
                        Some((late, _)) => return Some(late),
                        None => continue,
                    }
                }
            };
            if !matches!(delivery, BackplaneDelivery::Change(_) | BackplaneDelivery::Head(_)) {
                // A loss is told in its place; what waited is lost with it.
                self.overtaken = None;
                return Some(delivery);
            }
            let (is_doubled, is_overtaken) = self.weather.disorder(&self.peer);
            if let Some((late, _)) = self.overtaken.take() {
                self.host.net.mark("pubsub_overtaken");
                self.again = Some(late);
                return Some(delivery);
            }
            if is_overtaken {
                self.overtaken = Some((delivery, Instant::now() + OVERTAKEN_MAX));
                continue;
            }
            if is_doubled {
                self.host.net.mark("pubsub_doubled");
                self.again = Some(delivery.clone());
            }
            return Some(delivery);
        }
    }
}

#[async_trait]
impl Session for Lossy {
    async fn next(&mut self) -> Option<Cargo> {
        loop {
            let delivery = self.next_in_disorder().await?;
            if self.weather.deafened(&self.peer) > self.deafened {
                self.host.net.mark("subscription_deaf");
                continue;
            }
            let may_be_lost = matches!(delivery, BackplaneDelivery::Change(_) | BackplaneDelivery::Head(_));
            if may_be_lost && self.weather.is_lost(&self.peer) {
                self.host.net.mark("pubsub_lost");
                self.host.net.slab.lose(|| {
                    let (what, about) = describe(&delivery);
                    Sending { from: &self.host.net.host, to: &self.peer, what, about }
                });
                continue;
            }
            return Some(Box::new(delivery));
        }
    }

    async fn settle(&mut self, _: Cargo) -> Cargo {
        Box::new(())
    }

    fn describe(&self, cargo: &Cargo) -> (String, Option<String>) {
        cargo.downcast_ref().map(describe).unwrap_or_default()
    }
}

/// Names a delivery and the thing that it is about.
fn describe(delivery: &BackplaneDelivery) -> (String, Option<String>) {
    match delivery {
        BackplaneDelivery::Change(payload) => {
            let message = ChangeMessage::read(payload).ok();
            let version = message.as_ref().map_or(0, |message| message.version_id.0);
            (format!("change {version}"), message.map(|message| message.data_key))
        }
        BackplaneDelivery::Head(_) => ("head".to_owned(), None),
        BackplaneDelivery::Lost => ("lost".to_owned(), None),
        BackplaneDelivery::Restored => ("restored".to_owned(), None),
    }
}

struct RemoteSubscription {
    net: Net,
    subscribed: Subscribed,
    /// Of the last change handed over.
    last: Option<(StreamEpoch, u64)>,
}

impl RemoteSubscription {
    /// Writes down a change that does not follow the one before it, so that C5 can ask who noticed.
    fn watch(&mut self, delivery: &BackplaneDelivery) {
        let place = match delivery {
            BackplaneDelivery::Change(payload) => {
                let message = ChangeMessage::read(payload).ok();
                message.and_then(|message| Some((message.stream_epoch?, message.sequence?.0)))
            }
            BackplaneDelivery::Head(payload) => {
                // One from the future is refused, whatever it says: a clock is wrong.
                let soon = self.net.time.wall().saturating_add(SKEW_HALF).unwrap_or(Timestamp::MAX);
                let head = Head::read(payload).ok().filter(|head| head.read_at <= soon);
                head.map(|head| (head.stream_epoch, head.sequence.0))
            }
            BackplaneDelivery::Lost | BackplaneDelivery::Restored => {
                self.last = None;
                return;
            }
        };
        let Some((epoch, sequence)) = place else { return };
        let head = matches!(delivery, BackplaneDelivery::Head(_));
        let reach = u64::from(!head);
        if let Some((known, last)) = self.last
            && known == epoch
            && sequence > last + reach
        {
            self.net.log.record(
                &self.net.host,
                None,
                Event::Jumped { epoch: epoch.0, after: last, to: sequence, head },
            );
        }
        // One that comes late, or twice, takes nobody back.
        self.last = match self.last {
            Some((known, last)) if known == epoch => Some((epoch, last.max(sequence))),
            _ => Some((epoch, sequence)),
        };
    }
}

#[async_trait]
impl BackplaneSubscription for RemoteSubscription {
    async fn next(&mut self) -> Result<BackplaneDelivery, BackplaneError> {
        let delivery = match self.subscribed.next().await {
            Some(Yield::Item(cargo)) => *cargo.downcast().map_err(|_| BackplaneError::Closed)?,
            Some(Yield::Lost) => BackplaneDelivery::Lost,
            Some(Yield::Restored) => BackplaneDelivery::Restored,
            None => return Err(BackplaneError::Closed),
        };
        self.watch(&delivery);
        Ok(delivery)
    }
}
