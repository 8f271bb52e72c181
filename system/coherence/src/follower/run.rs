//! The follower: one session after the other.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast};

use super::gap::Position;
use super::refetch::{self, RefetchBudget, Refetches};
use super::session::{Ended, Session};
use super::status::{FollowerStatus, StatusCell};
use super::told::Told;
use crate::backplane::Backplane;
use crate::cache::{Cache, Loader};
use crate::core::FOREVER;
use crate::document::Render;
use crate::event::{CacheEvent, SyncError};
use crate::mutant;
use crate::options::ReadOptions;
use crate::stats::count;
use crate::stream::{ChangeMessage, Head, Section};

/// How many followed changes wait for a slow listener before it is told that it lost some.
pub const FOLLOWED_MAX: usize = 4_096;

/// What can be set about a follower.
#[derive(Debug, Clone)]
pub struct FollowerConfig {
    /// After this long a call of the backplane has failed.
    pub timeout: Duration,
    /// How often a suspect follower looks at the stored head.
    pub look_every: Duration,
    /// The first wait before a new subscription; it doubles up to [`Self::reconnect_max`].
    pub reconnect: Duration,
    /// The longest wait before a new subscription.
    pub reconnect_max: Duration,
    /// How refetches are spread.
    pub refetch: RefetchBudget,
    /// How refetches read.
    pub read: ReadOptions,
}

impl Default for FollowerConfig {
    /// Calls of at most 500 ms, a look every 250 ms, reconnections after 50 ms to 1 s.
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(500),
            look_every: Duration::from_millis(250),
            reconnect: Duration::from_millis(50),
            reconnect_max: Duration::from_secs(1),
            refetch: RefetchBudget::default(),
            read: ReadOptions::default(),
        }
    }
}

/// What a listener of a follower hears, in the stream's order.
#[derive(Debug, Clone)]
pub enum Followed {
    /// A change was applied.
    Change {
        /// It.
        message: Arc<ChangeMessage>,
        /// When it was received here.
        received_at: Timestamp,
        /// When it was applied here.
        applied_at: Timestamp,
    },
    /// What was heard so far may have holes: load anew.
    Reset,
}

/// A handle to a follower that runs: for status, listeners, and operators.
#[derive(Clone)]
pub struct FollowerHandle {
    pub(super) status: StatusCell,
    pub(super) followed: broadcast::Sender<Followed>,
    pub(super) resync: Arc<Notify>,
}

impl FollowerHandle {
    /// Where it stands.
    pub fn status(&self) -> FollowerStatus {
        self.status.read()
    }

    /// Hears what is applied from now on.
    pub fn listen(&self) -> broadcast::Receiver<Followed> {
        self.followed.subscribe()
    }

    /// Compares all versions anew, as an operator may want.
    pub fn request_resync(&self) {
        self.resync.notify_one();
    }
}

/// The follower of one section for one cache.
#[doc(alias = "DataManager")]
#[doc(alias = "DistributedDataManager")]
pub struct Follower<R: Render> {
    pub(super) cache: Cache<R>,
    pub(super) backplane: Arc<dyn Backplane>,
    pub(super) section: Section,
    pub(super) loader: Arc<dyn Loader>,
    pub(super) config: FollowerConfig,
    pub(super) handle: FollowerHandle,
    pub(super) refetches: Refetches,
    /// Where the instance is; it outlives a session, so that a new one replays what was missed.
    pub(super) position: Position,
    /// What listeners heard.
    pub(super) told: Told,
    /// Whether the tiers were trusted when it was last looked.
    pub(super) was_trusted: bool,
    waiting: Option<tokio::sync::mpsc::Receiver<(crate::key::Key, crate::version::Version)>>,
}

impl<R: Render> Follower<R> {
    /// A follower that does not run yet.
    pub fn new(
        cache: Cache<R>,
        backplane: Arc<dyn Backplane>,
        section: Section,
        loader: Arc<dyn Loader>,
        config: FollowerConfig,
    ) -> Self {
        let (refetches, waiting) = refetch::queue();
        let handle = FollowerHandle {
            status: StatusCell::default(),
            followed: broadcast::channel(FOLLOWED_MAX).0,
            resync: Arc::default(),
        };
        Self {
            cache,
            backplane,
            section,
            loader,
            config,
            handle,
            refetches,
            position: Position::default(),
            told: Told::default(),
            was_trusted: false,
            waiting: Some(waiting),
        }
    }

    /// A handle, also from before it runs.
    pub fn handle(&self) -> FollowerHandle {
        self.handle.clone()
    }

    /// Follows until it is dropped. Run it as a task of its own; the cache stays suspect without it.
    pub async fn run(mut self) {
        let Some(waiting) = self.waiting.take() else { return };
        // A follower before this one may have left the tiers trusted.
        self.was_trusted = self.cache.is_trusted();
        let trusted = self.was_trusted;
        self.handle.status.update(|status| status.trusted = trusted);
        let refetching = refetch::run(
            self.cache.clone(),
            Arc::clone(&self.loader),
            self.config.read.clone(),
            self.config.refetch,
            waiting,
        );
        tokio::select! {
            biased;
            () = self.follow() => {}
            () = refetching => {}
        }
    }

    async fn follow(&mut self) {
        let mut wait = self.config.reconnect;
        loop {
            match Session::begin(self).await {
                Ok(mut session) => {
                    let begun = tokio::time::Instant::now();
                    let ended = session.run(self).await;
                    if begun.elapsed() > self.config.reconnect_max {
                        wait = self.config.reconnect;
                    }
                    if session.is_open() && !mutant!(ComparisonForgotten) {
                        // What was to be compared is not: the next session begins as the first one did.
                        self.position = Position::default();
                    }
                    tracing::info!(section = %self.section, ?ended, "the subscription ended; a new one begins");
                    if matches!(ended, Ended::Lost) {
                        self.error(SyncError::ConnectionLost);
                    }
                }
                Err(error) => tracing::debug!(section = %self.section, %error, "no subscription"),
            }
            self.handle.status.update(|status| status.connected = false);
            // While there is no subscription the stored head still says whether L3 may be trusted.
            let wait_now = if mutant!(NoResubscribe) { FOREVER } else { self.jittered(wait) };
            let until = tokio::time::Instant::now() + wait_now;
            while tokio::time::Instant::now() < until {
                self.look().await;
                self.watch_lease();
                let next = until.min(tokio::time::Instant::now() + self.config.look_every);
                tokio::time::sleep_until(next).await;
            }
            wait = (wait * 2).min(self.config.reconnect_max);
        }
    }

    fn jittered(&self, wait: Duration) -> Duration {
        wait.mul_f64(self.cache.inner.core.rng.factor(0.3))
    }

    /// Reads the stored head; what it is worth, L3 is worth. Answers it, if there is one.
    pub(super) async fn look(&mut self) -> Option<Head> {
        let head = stored_head(Arc::clone(&self.backplane), self.section.clone(), self.config.timeout).await?;
        self.trust_shared(&head);
        Some(head)
    }

    pub(super) fn trust_shared(&self, head: &Head) {
        let trust = &self.cache.inner.core.trust;
        // L3 holds values of this epoch only; who follows another one cannot judge them.
        if self.position.epoch() == Some(head.stream_epoch)
            && let super::lease::Worth::Until { deadline, .. } = self.worth(head)
        {
            trust.extend_shared(deadline);
        }
    }

    pub(super) fn worth(&self, head: &Head) -> super::lease::Worth {
        let wall = self.cache.inner.core.trust.clock().now();
        super::lease::worth(head.read_at, wall, tokio::time::Instant::now())
    }

    /// Notices that the lease ended, once each time.
    pub(super) fn watch_lease(&mut self) {
        let core = &self.cache.inner.core;
        if !self.was_trusted || core.trust.is_held(tokio::time::Instant::now()) {
            return;
        }
        self.was_trusted = false;
        count(&core.counters.suspicions);
        // What began while the tiers were trusted must not be stored when they are trusted again.
        self.cache.begin_generation();
        core.emit(CacheEvent::SuspicionBegan);
        let now = core.trust.clock().now();
        self.handle.status.update(|status| {
            status.trusted = false;
            status.suspect_since = Some(now);
        });
        tracing::warn!(section = %self.section, "the lease ended: reads go past the local tiers");
        self.reset();
    }

    /// Tells listeners to load anew.
    pub(super) fn reset(&mut self) {
        self.told.forget();
        // Nobody listening is fine.
        let _ = self.handle.followed.send(Followed::Reset);
    }

    pub(super) fn error(&self, error: SyncError) {
        let core = &self.cache.inner.core;
        core.emit(CacheEvent::SyncErrorHappened { error });
        tracing::warn!(section = %self.section, error = error.name(), "SyncErrorHappened");
    }
}

/// The stored head, if it can be had in time.
pub(super) async fn stored_head(backplane: Arc<dyn Backplane>, section: Section, timeout: Duration) -> Option<Head> {
    tokio::time::timeout(timeout, backplane.head(&section)).await.ok()?.ok()?
}
