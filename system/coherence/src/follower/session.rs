//! One subscription, from its beginning to its loss.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::apply::Applied;
use super::gap::Step;
use super::lease::Worth;
use super::run::{Followed, Follower};
use super::verify::{Verified, verify};
use crate::backplane::{BackplaneDelivery, BackplaneError, BackplaneSubscription, Replay};
use crate::document::Render;
use crate::error::LoadError;
use crate::event::{CacheEvent, SyncError};
use crate::stats::count;
use crate::stream::{ChangeMessage, Head};

/// How many messages one look into the stream takes.
const REPLAY_MESSAGES: usize = 500;
/// After a failed comparison of all versions the next one waits so long.
const RETRY: Duration = Duration::from_millis(200);
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
    verifying: Option<JoinHandle<Result<Verified, LoadError>>>,
    /// They must be compared (again) not before then.
    verify_at: Option<Instant>,
    /// The last head: it is what the lease is prolonged by when a repair ends.
    head: Option<Head>,
    looked_at: Instant,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(running) = &self.verifying {
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
        // The session before may have adopted a position and ended before all was compared: nothing else would tell.
        let verify_at = follower.unverified.then(Instant::now);
        let mut session = Self { subscription, verifying: None, verify_at, head: None, looked_at: Instant::now() };
        follower.handle.status.update(|status| status.connected = true);
        if let Some(head) = follower.look().await {
            session.on_head(follower, head).await;
        }
        Ok(session)
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
                    if let Some(ended) = self.on_tick(follower).await {
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

    async fn on_tick<R: Render>(&mut self, follower: &mut Follower<R>) -> Option<Ended> {
        if self.verifying.is_none() && self.verify_at.is_some_and(|at| at <= Instant::now()) {
            self.resync(follower, None).await;
        }
        let trusted = follower.cache.inner.core.trust.is_held(Instant::now());
        if trusted || self.looked_at.elapsed() < follower.config.look_every {
            return None;
        }
        self.looked_at = Instant::now();
        let stored = follower.look().await?;
        let heard = self.head.as_ref().map(|head| head.read_at);
        let deaf = heard.is_none_or(|heard| stored.read_at.duration_since(heard) > DEAF);
        match deaf && matches!(follower.worth(&stored), Worth::Until { .. }) {
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
                apply_one(follower, message);
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
        // A burst after a stall ends with the freshest; an older one must not hide it.
        let fresher = self
            .head
            .as_ref()
            .is_none_or(|known| known.stream_epoch != head.stream_epoch || known.read_at <= head.read_at);
        if fresher {
            self.head = Some(head);
        }
        self.prolong(follower);
        show_position(follower);
    }

    /// Prolongs the lease by the last head, if all up to it is applied and nothing is open.
    fn prolong<R: Render>(&self, follower: &mut Follower<R>) {
        let Some(head) = &self.head else { return };
        let open = self.verifying.is_some() || self.verify_at.is_some();
        if open || follower.position.on_head(head) != Step::InOrder {
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

    /// A message of another stream: a new one, or a late one of the stream before. The stored head tells.
    async fn other_stream<R: Render>(&mut self, follower: &mut Follower<R>) {
        match follower.look().await {
            Some(stored) if follower.position.epoch() == Some(stored.stream_epoch) => {
                count(&follower.cache.inner.core.counters.duplicates);
            }
            _ => self.resync(follower, None).await,
        }
    }

    /// Repairs a jump from the stream; where that does not reach back, everything is compared.
    async fn replay<R: Render>(&mut self, follower: &mut Follower<R>) {
        let core = Arc::clone(&follower.cache.inner.core);
        count(&core.counters.gaps);
        follower.error(SyncError::Gap);
        follower.cache.begin_generation();
        let Some(epoch) = follower.position.epoch() else { return };
        loop {
            let after = follower.position.applied();
            let asked = follower.backplane.replay(&follower.section, epoch, after, REPLAY_MESSAGES);
            let found = tokio::time::timeout(follower.config.timeout, asked).await;
            let messages = match found.unwrap_or(Err(BackplaneError::Timeout)) {
                Ok(Replay::Messages(messages)) => messages,
                Ok(Replay::OutOfReach) => {
                    follower.error(SyncError::OutOfReach);
                    return self.resync(follower, None).await;
                }
                // The gap stays open: the next message or head asks again.
                Err(error) => {
                    tracing::warn!(section = %follower.section, %error, "the stream cannot be read");
                    return;
                }
            };
            let last = messages.len() < REPLAY_MESSAGES;
            for payload in messages {
                let Ok(message) = ChangeMessage::read(&payload) else {
                    follower.error(SyncError::Unreadable);
                    return self.resync(follower, None).await;
                };
                follower.position.advance();
                apply_one(follower, message);
            }
            if last {
                count(&core.counters.replays);
                return;
            }
        }
    }

    /// Adopts the stored head, or `shown` if there is none to be had, and compares all tracked versions beside what
    /// follows.
    async fn resync<R: Render>(&mut self, follower: &mut Follower<R>, shown: Option<&Head>) {
        let core = Arc::clone(&follower.cache.inner.core);
        // Before the look: what it finds decides whether there is anything to do.
        self.verify_at = Some(Instant::now() + RETRY);
        follower.unverified = true;
        if let Some(running) = self.verifying.take() {
            running.abort();
        }
        let Some(head) = follower.look().await.or_else(|| shown.cloned()) else { return };
        if follower.position.epoch().is_some_and(|mine| mine != head.stream_epoch) {
            follower.error(SyncError::EpochChanged);
        }
        // What lies between is not told to anybody.
        follower.reset();
        core.observe(head.incarnation);
        follower.position.adopt(&head);
        core.trust.set_epoch(head.stream_epoch);
        // After the epoch: a fill that read L3 in the old one must not be stored.
        follower.cache.begin_generation();
        follower.trust_shared(&head);
        count(&core.counters.resyncs);
        follower.handle.status.update(|status| status.resyncing = true);
        let (cache, loader) = (follower.cache.clone(), Arc::clone(&follower.loader));
        self.verify_at = None;
        if self.head.as_ref().is_none_or(|known| known.stream_epoch != head.stream_epoch) {
            self.head = Some(head.clone());
        }
        self.verifying = Some(tokio::spawn(async move { verify(&cache, &loader, head.stream_epoch).await }));
    }

    fn on_verified<R: Render>(
        &mut self,
        follower: &mut Follower<R>,
        verified: Result<Result<Verified, LoadError>, tokio::task::JoinError>,
    ) {
        self.verifying = None;
        match verified {
            Ok(Ok(found)) => {
                let (compared, old) = (found.compared, found.old.len());
                tracing::info!(section = %follower.section, compared, old, "all tracked versions are compared");
                for (key, version) in found.old {
                    follower.refetches.push(&follower.cache, key, version);
                }
                follower.unverified = false;
                follower.handle.status.update(|status| status.resyncing = false);
                self.prolong(follower);
            }
            Ok(Err(error)) => {
                tracing::warn!(section = %follower.section, %error, "versions cannot be compared; tried again");
                self.verify_at = Some(Instant::now() + RETRY);
            }
            Err(error) => {
                tracing::error!(section = %follower.section, %error, "the comparison of versions was broken off");
                self.verify_at = Some(Instant::now() + RETRY);
            }
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

fn apply_one<R: Render>(follower: &Follower<R>, message: ChangeMessage) {
    let clock = follower.cache.inner.core.trust.clock();
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
