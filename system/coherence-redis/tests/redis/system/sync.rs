//! The sync: the feed, in order, into the stream; a beacon every 500 ms; what fails is tried again.

use std::sync::Arc;
use std::time::Duration;

use coherence::publisher::PublisherConfig;
use coherence::stream::Stations;
use coherence::testing::Seed;
use coherence::{
    Fence, FencingToken, Incarnation, Key, PublishError, Publisher, SourceChange, SourceMark, Timestamp, Version,
    WallClock,
};
use coherence_redis::Redis;
use tokio::time::Instant;

use super::source::{Machine, Source, body, section};

/// The beacon's interval (DESIGN section 3.5).
const BEACON: Duration = Duration::from_millis(500);
/// Between two looks at the feed, and after a failure.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn publisher(redis: &Redis, id: &str, seed: u64) -> Publisher {
    let config = PublisherConfig::default();
    Publisher::new(section(), redis.shared_tier(), redis.backplane(), Arc::new(Machine), Seed::rng(seed), id, config)
}

pub(crate) fn change(key: &Key, version: u64) -> SourceChange {
    SourceChange {
        key: key.clone(),
        version: Version::new(1, version),
        body: Some(body(key, version)),
        tags: Vec::new(),
        tags_complete: true,
        changed_at: Machine.now(),
        pull: false,
        traceparent: None,
        stations: Stations::default(),
    }
}

struct Sync {
    publisher: Publisher,
    done: usize,
    read_at: Timestamp,
}

/// Runs until it is dropped.
pub(crate) async fn run(source: Arc<Source>, publisher: Publisher) {
    let mut sync = Sync { publisher, done: 0, read_at: Machine.now() };
    let fence = Fence { incarnation: Incarnation(1), token: FencingToken(1) };
    while sync.publisher.claim(fence).await.is_err() {
        tokio::time::sleep(PAUSE).await;
    }
    let mut beacon = Instant::now();
    loop {
        // Before the read: what is committed later is not in it.
        let read_at = Machine.now();
        for (key, version, _) in source.feed(sync.done) {
            sync.publish(&key, version).await;
            sync.done += 1;
        }
        sync.read_at = read_at;
        if beacon <= Instant::now() {
            beacon = Instant::now() + BEACON;
            sync.announce().await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl Sync {
    fn mark(&self) -> SourceMark {
        let feed_position = u128::try_from(self.done).unwrap();
        SourceMark { tracker_token: FencingToken(1), tracker_counter: self.done as u64, feed_position }
    }

    async fn publish(&mut self, key: &Key, version: u64) {
        let mark = SourceMark { feed_position: u128::try_from(self.done + 1).unwrap(), ..self.mark() };
        loop {
            match self.publisher.publish(&change(key, version), mark).await {
                Ok(()) => return,
                Err(error) => self.failed(&error).await,
            }
        }
    }

    async fn announce(&mut self) {
        loop {
            match self.publisher.announce(Incarnation(1), self.mark(), self.read_at).await {
                Ok(()) => return,
                Err(error) => self.failed(&error).await,
            }
        }
    }

    async fn failed(&mut self, error: &PublishError) {
        match error {
            PublishError::OutOfStep => {
                let begun = self.publisher.begin_epoch(Incarnation(1), self.mark(), self.read_at).await;
                if begun.is_ok() {
                    tracing::info!("a new epoch");
                }
            }
            error => {
                assert!(error.is_retryable(), "{error:?}");
                tracing::debug!(%error, "tried again");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
