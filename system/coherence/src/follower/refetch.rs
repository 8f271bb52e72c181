//! Fetching what a repair dropped before somebody asks for it: with jitter and a budget, so that all instances that lost
//! the same message do not fall upon the source together (table 7 row 23 of the research).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::cache::{Cache, Loader};
use crate::document::Render;
use crate::key::Key;
use crate::options::ReadOptions;
use crate::stats::count;
use crate::version::Version;

/// How many keys may wait to be fetched; what is beyond is fetched by its next reader.
pub const REFETCHES_WAITING_MAX: usize = 10_000;

/// How refetches are spread.
#[derive(Debug, Clone, Copy)]
pub struct RefetchBudget {
    /// Fetches a second, at most.
    pub per_s: u32,
    /// The first of a burst waits up to this long.
    pub jitter: Duration,
}

impl Default for RefetchBudget {
    /// 500 a second after up to 250 ms.
    fn default() -> Self {
        Self { per_s: 500, jitter: Duration::from_millis(250) }
    }
}

/// The queue of keys to fetch.
#[derive(Debug, Clone)]
pub(crate) struct Refetches(mpsc::Sender<(Key, Version)>);

pub(crate) fn queue() -> (Refetches, mpsc::Receiver<(Key, Version)>) {
    let (sender, receiver) = mpsc::channel(REFETCHES_WAITING_MAX);
    (Refetches(sender), receiver)
}

impl Refetches {
    pub(crate) fn push<R: Render>(&self, cache: &Cache<R>, key: Key, version: Version) {
        if self.0.try_send((key, version)).is_err() {
            count(&cache.inner.core.counters.refetches_dropped);
        }
    }
}

/// Fetches what is queued until the queue's end is dropped.
pub(crate) async fn run<R: Render>(
    cache: Cache<R>,
    loader: Arc<dyn Loader>,
    options: ReadOptions,
    budget: RefetchBudget,
    mut waiting: mpsc::Receiver<(Key, Version)>,
) {
    let core = Arc::clone(&cache.inner.core);
    let pause = Duration::from_secs(1) / budget.per_s.max(1);
    let mut burst = false;
    while let Some((key, version)) = waiting.recv().await {
        if !burst {
            tokio::time::sleep(budget.jitter.mul_f64(core.rng.factor(0.5) - 0.5)).await;
        }
        // A suspect instance would fetch for nothing: it stores nothing.
        while !core.trust.is_held(tokio::time::Instant::now()) && !waiting.is_closed() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let held = core.l2.get(key.as_str()).is_some_and(|entry| entry.version >= version);
        if !held {
            let options = ReadOptions { min_version: Some(version), max_stale: None, ..options.clone() };
            // A failure is the next reader's to meet.
            drop(cache.get_or_load(&key, &options, &loader).await);
            count(&core.counters.refetched);
            tokio::time::sleep(pause).await;
        }
        burst = !waiting.is_empty();
    }
}
