//! One subscription, from its beginning to its loss.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::apply::Applied;
use super::gap::Step;
use super::lease::Worth;
use super::run::{Followed, Follower, stored_head};
use super::verify::Verified;
use crate::backplane::{BackplaneDelivery, BackplaneError, BackplaneSubscription};
use crate::document::Render;
use crate::error::LoadError;
use crate::event::{CacheEvent, SyncError};
use crate::mutant;
use crate::stats::count;
use crate::stream::{ChangeMessage, Head};

/// A stored head that is so much fresher than the last one received says that the subscription is deaf.
const DEAF: jiff::SignedDuration = jiff::SignedDuration::from_millis(1_500);

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The connection, or deliveries, were lost.
    Lost,
    /// Heads are stored, and none is received.
    Deaf,
}

/// One subscription.
pub(super) struct Session {
    subscription: Box<dyn BackplaneSubscription>,
    /// All versions are being compared: the lease is not prolonged meanwhile.
    pub(super) verifying: Option<JoinHandle<Result<Verified, LoadError>>>,
    /// They must be compared (again) not before then.
    pub(super) verify_at: Option<Instant>,
    /// The last head: it is what the lease is prolonged by when a repair ends.
    pub(super) head: Option<Head>,
    /// A look at the stored head, which must not keep deliveries waiting.
    looking: Option<JoinHandle<Option<Head>>>,
    /// Looks into the stream that failed since one succeeded.
    pub(super) replays_failed: u32,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(running) = &self.verifying {
            running.abort();
        }
        if let Some(running) = &self.looking {
            running.abort();
        }
    }
}

impl Session {
    /// Subscribes, begins a generation, and catches up with the stored head.
    pub(super) async fn begin<R: Render>(follower: &mut Follower<R>) -> Result<Self, BackplaneError> {
        let subscribing = follower.backplane.subscribe(&follower.section);
        let subscription =
            tokio::time::timeout(follower.config.timeout, subscribing).await.unwrap_or(Err(BackplaneError::Timeout))?;
        count(&follower.cache.inner.core.counters.subscriptions);
        // A fill that began before may have read what changed unheard.
        follower.cache.begin_generation();
        let mut session =
            Self { subscription, verifying: None, verify_at: None, head: None, looking: None, replays_failed: 0 };
        follower.handle.status.update(|status| status.connected = true);
        if let Some(head) = follower.look().await {
            session.on_head(follower, head).await;
        }
        Ok(session)
    }

    /// Whether versions are to be compared still.
    pub(super) fn is_open(&self) -> bool {
        self.verifying.is_some() || self.verify_at.is_some()
    }

    /// Follows until the subscription is lost.
    pub(super) async fn run<R: Render>(&mut self, follower: &mut Follower<R>) -> Ended {
        let mut tick = tokio::time::interval(follower.config.look_every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let resync = Arc::clone(&follower.handle.resync);
        loop {
            tokio::select! {
                biased;
                // Timers before messages: a process that was frozen must notice its lapse before it hears of anything.
                _ = tick.tick() => {
                    follower.watch_lease();
                    self.on_tick(follower).await;
                }
                looked = joined(&mut self.looking) => {
                    self.looking = None;
                    if let Some(ended) = self.on_looked(follower, looked.ok().flatten()) {
                        return ended;
                    }
                }
                verified = joined(&mut self.verifying) => self.on_verified(follower, verified),
                () = resync.notified() => self.resync(follower, None).await,
                delivery = self.subscription.next() => {
                    follower.watch_lease();
                    if let Some(ended) = self.on_delivery(follower, delivery).await {
                        return ended;
                    }
                }
            }
        }
    }

    async fn on_tick<R: Render>(&mut self, follower: &mut Follower<R>) {
        if self.verifying.is_none() && self.verify_at.is_some_and(|at| at <= Instant::now()) {
            self.resync(follower, None).await;
        }
        if self.looking.is_none() && !follower.cache.inner.core.trust.is_held(Instant::now()) {
            let (backplane, section) = (Arc::clone(&follower.backplane), follower.section.clone());
            self.looking = Some(tokio::spawn(stored_head(backplane, section, follower.config.timeout)));
        }
    }

    /// The stored head says whether L3 may be trusted, and whether heads go out that are not heard here.
    fn on_looked<R: Render>(&self, follower: &Follower<R>, stored: Option<Head>) -> Option<Ended> {
        let stored = stored?;
        follower.trust_shared(&stored);
        // One from the future was heard before the clocks were set back: it says nothing of how long ago that was.
        let present = |head: &&Head| follower.worth(head) != Worth::Future || mutant!(FutureHeadKept);
        let heard = self.head.as_ref().filter(present).map(|head| head.read_at);
        let deaf = heard.is_none_or(|heard| stored.read_at.duration_since(heard) > DEAF);
        match deaf && matches!(follower.worth(&stored), Worth::Until { .. }) && !mutant!(DeafnessUnnoticed) {
            true => Some(Ended::Deaf),
            false => None,
        }
    }

    async fn on_delivery<R: Render>(
        &mut self,
        follower: &mut Follower<R>,
        delivery: Result<BackplaneDelivery, BackplaneError>,
    ) -> Option<Ended> {
        match delivery {
            Ok(BackplaneDelivery::Change(payload)) => match ChangeMessage::read(&payload) {
                Ok(message) => self.on_change(follower, message).await,
                Err(error) => self.unreadable(follower, &error.to_string()),
            },
            Ok(BackplaneDelivery::Head(payload)) => match Head::read(&payload) {
                Ok(head) => self.on_head(follower, head).await,
                Err(error) => self.unreadable(follower, &error.to_string()),
            },
            // Whatever was delivered in between is gone: a new session asks the stream.
            Ok(BackplaneDelivery::Lost | BackplaneDelivery::Restored) | Err(_) => return Some(Ended::Lost),
        }
        None
    }

    /// Its place in the stream stays empty, which the next message or head shows.
    fn unreadable<R: Render>(&self, follower: &Follower<R>, error: &str) {
        count(&follower.cache.inner.core.counters.unreadable);
        tracing::warn!(section = %follower.section, error, "a message cannot be read");
        follower.error(SyncError::Unreadable);
    }

    async fn on_change<R: Render>(&mut self, follower: &mut Follower<R>, message: ChangeMessage) {
        let (Some(epoch), Some(sequence)) = (message.stream_epoch, message.sequence) else {
            // Another program's message, exactly as specified: it has no place in the stream.
            apply_one(follower, message);
            return;
        };
        match follower.position.on_change(epoch, sequence) {
            Step::InOrder => {
                follower.position.advance();
                if !(self.is_open() && mutant!(ResyncDropsChanges)) {
                    apply_one(follower, message);
                }
            }
            Step::Known => count(&follower.cache.inner.core.counters.duplicates),
            Step::Replay => self.replay(follower).await,
            Step::Resync => self.other_stream(follower).await,
        }
        show_position(follower);
    }

    /// The beacon.
    async fn on_head<R: Render>(&mut self, follower: &mut Follower<R>, head: Head) {
        let core = Arc::clone(&follower.cache.inner.core);
        count(&core.counters.heads);
        if follower.worth(&head) == Worth::Future {
            count(&core.counters.heads_refused);
            tracing::warn!(section = %follower.section, read_at = %head.read_at, "a head from the future: a clock is wrong");
            return;
        }
        core.observe(head.incarnation);
        let now = core.trust.clock().now();
        follower.handle.status.update(|status| {
            status.head = Some(head.clone());
            status.head_received_at = Some(now);
        });
        match follower.position.on_head(&head) {
            Step::InOrder | Step::Known => {}
            Step::Replay => self.replay(follower).await,
            Step::Resync => self.resync(follower, Some(&head)).await,
        }
        follower.trust_shared(&head);
        // A burst after a stall ends with the freshest; an older one must not hide it. One that is from the future now was
        // sent before the clocks were set back: it would hide all others until they are as far again.
        let fresher = self.head.as_ref().is_none_or(|known| {
            let present = follower.worth(known) != Worth::Future || mutant!(FutureHeadKept);
            let comparable = known.stream_epoch == head.stream_epoch && present;
            !comparable || known.read_at <= head.read_at
        });
        if fresher {
            self.head = Some(head);
        }
        self.prolong(follower);
        show_position(follower);
    }

    /// Prolongs the lease by the last head, if all up to it is applied and nothing is open.
    pub(super) fn prolong<R: Render>(&self, follower: &mut Follower<R>) {
        let Some(head) = &self.head else { return };
        let comparing = self.is_open() && !mutant!(LeaseWhileComparing);
        if comparing || (follower.position.on_head(head) != Step::InOrder && !mutant!(LeaseOverOpenGap)) {
            return;
        }
        let Worth::Until { deadline, verified } = follower.worth(head) else { return };
        let core = &follower.cache.inner.core;
        core.trust.extend(deadline, verified);
        if !follower.was_trusted && core.trust.is_held(Instant::now()) {
            follower.was_trusted = true;
            core.emit(CacheEvent::TrustRegained);
            tracing::info!(section = %follower.section, sequence = %head.sequence, "the lease holds");
            follower.handle.status.update(|status| {
                status.trusted = true;
                status.suspect_since = None;
            });
        }
    }
}

/// Waits for the comparison, if one runs.
async fn joined<T>(running: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    match running {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}

pub(super) fn apply_one<R: Render>(follower: &mut Follower<R>, message: ChangeMessage) {
    let core = Arc::clone(&follower.cache.inner.core);
    let clock = core.trust.clock();
    let received_at = clock.now();
    let key = match message.key(&follower.section) {
        Ok(key) => key,
        Err(error) => {
            count(&follower.cache.inner.core.counters.unreadable);
            tracing::warn!(section = %follower.section, %error, "a message names nothing of this section");
            // It may have been anything.
            follower.cache.inner.core.evict_queries();
            return;
        }
    };
    let applied = follower.cache.apply(&key, &message);
    let version = message.version(follower.cache.incarnation());
    let is_news = follower.told.is_news(&key, version);
    if applied == Applied::Pull {
        if !message.pull {
            follower.error(SyncError::BaseMismatch);
        }
        follower.refetches.push(&follower.cache, key, version);
    }
    let applied_at = clock.now();
    tracing::debug!(
        section = %follower.section,
        data_key = message.data_key,
        %version,
        sequence = message.sequence.map(|sequence| sequence.0),
        traceparent = message.traceparent,
        ?applied,
        "change applied"
    );
    if !is_news {
        return;
    }
    // Nobody listening is fine.
    let _ = follower.handle.followed.send(Followed::Change { message: Arc::new(message), received_at, applied_at });
}

fn show_position<R: Render>(follower: &Follower<R>) {
    let position = follower.position;
    follower.handle.status.update(|status| {
        status.epoch = position.epoch();
        status.applied = position.applied();
    });
}
