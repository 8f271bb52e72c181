//! A backplane whose deliveries a test decides about.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::backplane::{
    Backplane, BackplaneDelivery, BackplaneError, BackplaneSubscription, Claimed, Publication, Published, Replay,
};
use crate::stream::{Head, Section};
use crate::version::{Fence, Sequence, StreamEpoch};

/// What happens to one delivery on its way to one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Deliver,
    /// It is lost, and nobody is told.
    Lose,
    /// It arrives twice.
    Repeat,
    /// It arrives after the next one.
    Delay,
}

type Decide = dyn Fn(&BackplaneDelivery) -> Fate + Send + Sync;

/// Decides about each delivery of the backplane inside, for each subscriber. Everything else passes through.
#[derive(Clone)]
pub struct LossyBackplane {
    inner: Arc<dyn Backplane>,
    decide: Arc<Mutex<Arc<Decide>>>,
    /// Every call fails, and subscriptions are lost.
    cut: Arc<watch::Sender<bool>>,
    /// Every call fails; subscriptions go on.
    mute: Arc<AtomicBool>,
}

impl LossyBackplane {
    /// Delivers all, until it is told otherwise.
    pub fn new(inner: Arc<dyn Backplane>) -> Self {
        let all: Arc<Decide> = Arc::new(|_| Fate::Deliver);
        Self {
            inner,
            decide: Arc::new(Mutex::new(all)),
            cut: Arc::new(watch::Sender::new(false)),
            mute: Arc::default(),
        }
    }

    /// Cuts this side off, or mends it: every call fails, subscriptions are lost.
    pub fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }

    /// Lets every call fail while subscriptions go on, as where one of two connections is broken; or mends it.
    pub fn mute(&self, mute: bool) {
        self.mute.store(mute, Ordering::SeqCst);
    }

    /// Others have their turn during a call, as over a network.
    async fn up(&self) -> Result<(), BackplaneError> {
        tokio::task::yield_now().await;
        if *self.cut.borrow() || self.mute.load(Ordering::SeqCst) {
            Err(BackplaneError::Unavailable(None))
        } else {
            Ok(())
        }
    }

    /// From now on `decide` decides.
    pub fn decide(&self, decide: impl Fn(&BackplaneDelivery) -> Fate + Send + Sync + 'static) {
        *self.decide.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(decide);
    }
}

#[async_trait]
impl Backplane for LossyBackplane {
    async fn claim(&self, section: &Section, fence: Fence) -> Result<Claimed, BackplaneError> {
        self.up().await?;
        self.inner.claim(section, fence).await
    }

    async fn publish(&self, section: &Section, publication: Publication) -> Result<Published, BackplaneError> {
        self.up().await?;
        self.inner.publish(section, publication).await
    }

    async fn announce(&self, section: &Section, fence: Fence, head: Head) -> Result<Published, BackplaneError> {
        self.up().await?;
        self.inner.announce(section, fence, head).await
    }

    async fn head(&self, section: &Section) -> Result<Option<Head>, BackplaneError> {
        self.up().await?;
        self.inner.head(section).await
    }

    async fn replay(
        &self,
        section: &Section,
        epoch: StreamEpoch,
        after: Sequence,
        limit: usize,
    ) -> Result<Replay, BackplaneError> {
        self.up().await?;
        self.inner.replay(section, epoch, after, limit).await
    }

    async fn subscribe(&self, section: &Section) -> Result<Box<dyn BackplaneSubscription>, BackplaneError> {
        self.up().await?;
        let inner = self.inner.subscribe(section).await?;
        let decide = Arc::clone(&self.decide);
        Ok(Box::new(LossySubscription {
            inner,
            cut: self.cut.subscribe(),
            decide,
            ready: VecDeque::new(),
            delayed: VecDeque::new(),
        }))
    }

    async fn identity(&self) -> Result<String, BackplaneError> {
        self.up().await?;
        self.inner.identity().await
    }
}

struct LossySubscription {
    inner: Box<dyn BackplaneSubscription>,
    cut: watch::Receiver<bool>,
    decide: Arc<Mutex<Arc<Decide>>>,
    ready: VecDeque<BackplaneDelivery>,
    delayed: VecDeque<BackplaneDelivery>,
}

#[async_trait]
impl BackplaneSubscription for LossySubscription {
    async fn next(&mut self) -> Result<BackplaneDelivery, BackplaneError> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Ok(ready);
            }
            let delivery = tokio::select! {
                biased;
                _ = self.cut.wait_for(|cut| *cut) => return Ok(BackplaneDelivery::Lost),
                delivery = self.inner.next() => delivery?,
            };
            let decide = Arc::clone(&self.decide.lock().unwrap_or_else(PoisonError::into_inner));
            match decide(&delivery) {
                Fate::Lose => {}
                Fate::Delay => self.delayed.push_back(delivery),
                Fate::Repeat => self.ready.extend([delivery.clone(), delivery]),
                Fate::Deliver => {
                    self.ready.push_back(delivery);
                    self.ready.append(&mut self.delayed);
                }
            }
        }
    }
}
