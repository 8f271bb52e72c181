//! Repairs: from the stream where it reaches back, by comparing all versions where it does not.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::run::Follower;
use super::session::{Session, apply_one};
use super::verify::{Deadlines, Verified, verify};
use crate::backplane::{BackplaneError, Replay};
use crate::document::Render;
use crate::error::LoadError;
use crate::event::SyncError;
use crate::mutant;
use crate::stats::count;
use crate::stream::{ChangeMessage, Head};

/// How many messages one look into the stream takes.
const REPLAY_MESSAGES: usize = 500;
/// After so many looks into the stream that failed, everything is compared.
const REPLAY_TRIES: u32 = 3;
/// After a failed comparison of all versions the next one waits so long.
const RETRY: Duration = Duration::from_millis(200);
/// A question for many versions may take at least so long.
const VERIFY_MIN: Duration = Duration::from_secs(2);

impl Session {
    /// A message of another stream: a new one, or a late one of the stream before. The stored head tells.
    pub(super) async fn other_stream<R: Render>(&mut self, follower: &mut Follower<R>) {
        match follower.look().await {
            Some(stored) if follower.position.epoch() == Some(stored.stream_epoch) => {
                count(&follower.cache.inner.core.counters.duplicates);
            }
            _ => self.resync(follower, None).await,
        }
    }

    /// Repairs a jump from the stream; where that does not reach back, everything is compared.
    pub(super) async fn replay<R: Render>(&mut self, follower: &mut Follower<R>) {
        let core = Arc::clone(&follower.cache.inner.core);
        count(&core.counters.gaps);
        follower.error(SyncError::Gap);
        follower.cache.begin_generation();
        let Some(epoch) = follower.position.epoch() else { return };
        loop {
            let after = follower.position.applied();
            let page = (REPLAY_MESSAGES >> (3 * self.replays_failed)).max(1);
            let asked = follower.backplane.replay(&follower.section, epoch, after, page);
            let found = tokio::time::timeout(follower.config.timeout, asked).await;
            let messages = match found.unwrap_or(Err(BackplaneError::Timeout)) {
                Ok(Replay::Messages(messages)) => messages,
                Ok(Replay::OutOfReach) => {
                    follower.error(SyncError::OutOfReach);
                    return self.resync(follower, None).await;
                }
                Err(error) => {
                    tracing::warn!(section = %follower.section, %error, "the stream cannot be read");
                    self.replays_failed += 1;
                    if !error.is_retryable() || self.replays_failed >= REPLAY_TRIES {
                        self.replays_failed = 0;
                        follower.error(SyncError::OutOfReach);
                        return self.resync(follower, None).await;
                    }
                    // The gap stays open: the next message or head asks again, for less.
                    return;
                }
            };
            self.replays_failed = 0;
            let last = messages.len() < page;
            for payload in messages {
                let Ok(message) = ChangeMessage::read(&payload) else {
                    follower.error(SyncError::Unreadable);
                    return self.resync(follower, None).await;
                };
                follower.position.advance();
                if !mutant!(ReplayAppliesNothing) {
                    apply_one(follower, message);
                }
            }
            if last {
                count(&core.counters.replays);
                return;
            }
        }
    }

    /// Adopts the stored head, or `shown` if there is none to be had, and compares all tracked versions beside what
    /// follows.
    pub(super) async fn resync<R: Render>(&mut self, follower: &mut Follower<R>, shown: Option<&Head>) {
        let core = Arc::clone(&follower.cache.inner.core);
        // Before the look: what it finds decides whether there is anything to do.
        self.verify_at = Some(Instant::now() + RETRY);
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
        let deadlines =
            Deadlines { shared: follower.config.timeout, source: follower.config.read.hard_timeout.max(VERIFY_MIN) };
        self.verify_at = None;
        if self.head.as_ref().is_none_or(|known| known.stream_epoch != head.stream_epoch) {
            self.head = Some(head.clone());
        }
        self.verifying = Some(tokio::spawn(async move { verify(&cache, &loader, head.stream_epoch, deadlines).await }));
    }

    pub(super) fn on_verified<R: Render>(
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
