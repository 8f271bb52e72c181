//! For programs without a change feed: whoever writes tells its changes here.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;

use super::error::PublishError;
use super::publish::{Publisher, SourceChange};
use crate::ambient::WallClock;
use crate::key::{Key, Tag};
use crate::stream::{SourceMark, Stations};
use crate::version::{Fence, Version};

/// How often a change is tried again because other writers of the section were faster.
const TRIES_MAX: u32 = 16;

/// Tells the changes of a program that has no change feed, under [`crate::Freshness::Backplane`]. Several writers may
/// share a section: each continues where the others left the stream. Clones share everything.
///
/// What a writer does not tell (it crashed between its commit and [`Self::changed`]) no instance learns before its
/// documents are read again; that is what a feed is for.
#[derive(Clone)]
pub struct Writer {
    publisher: Arc<Mutex<Publisher>>,
    clock: Arc<dyn WallClock>,
}

impl Writer {
    /// A writer over a publisher that nobody else uses.
    pub fn new(publisher: Publisher, clock: Arc<dyn WallClock>) -> Self {
        Self { publisher: Arc::new(Mutex::new(publisher)), clock }
    }

    /// The source holds `value` (`None`: nothing) under `key` at `version` now. `tags` are those of the queries that may
    /// show it, before and after.
    ///
    /// # Errors
    /// [`PublishError`]; where it is retryable, tell the same change again.
    pub async fn changed(
        &self,
        key: &Key,
        version: Version,
        value: Option<Bytes>,
        tags: &[Tag],
    ) -> Result<(), PublishError> {
        let mut publisher = self.publisher.lock().await;
        let change = SourceChange {
            key: key.clone(),
            version,
            body: value,
            tags: tags.to_vec(),
            tags_complete: true,
            changed_at: self.clock.now(),
            pull: false,
            traceparent: None,
            stations: Stations::default(),
        };
        for _ in 0..TRIES_MAX {
            if publisher.head().is_none() {
                self.step_in(&mut publisher, version).await?;
            }
            // Without a feed there is no place in it; but another writer's message must not be taken for this one.
            let mark = publisher.unique_mark();
            match publisher.publish(&change, mark).await {
                // The publisher knows by now where the others are.
                Err(PublishError::OutOfStep) => {}
                outcome => return outcome,
            }
        }
        Err(PublishError::Outrun)
    }

    /// The beacon of this hop: all that writers told is in the stream. Call it every 500 ms, or [`Self::run`] it.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn beat(&self) -> Result<(), PublishError> {
        let mut publisher = self.publisher.lock().await;
        let read_at = self.clock.now();
        for _ in 0..TRIES_MAX {
            // Each time: a writer that began an epoch at the same moment as another one must not turn back to its own.
            self.step_in(&mut publisher, Version::ZERO).await?;
            let Some(incarnation) = publisher.head().map(|head| head.incarnation) else { continue };
            match publisher.announce(incarnation, SourceMark::default(), read_at).await {
                Err(PublishError::OutOfStep) => {}
                outcome => return outcome,
            }
        }
        Err(PublishError::Outrun)
    }

    /// Beats until it is dropped.
    pub async fn run(&self, every: Duration) {
        loop {
            if let Err(error) = self.beat().await {
                tracing::warn!(%error, "no beacon went out");
            }
            tokio::time::sleep(every).await;
        }
    }

    /// Continues where the stream is, or begins one.
    async fn step_in(&self, publisher: &mut Publisher, version: Version) -> Result<(), PublishError> {
        if publisher.claim(Fence::default()).await?.is_none() {
            let now = self.clock.now();
            match publisher.begin_epoch(version.incarnation, SourceMark::default(), now).await {
                // Another writer began it at the same moment: the next try finds it.
                Err(PublishError::OutOfStep) => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }
}
