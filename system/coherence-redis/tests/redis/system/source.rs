//! The source: rows with versions, the feed of their changes, and when each was committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use coherence::{Document, Key, LoadError, Loader, Section, Timestamp, Version, WallClock};
use tokio::time::Instant;

/// Rows of the source.
pub(crate) const KEYS: u64 = 60;

/// The machine's clock.
pub(crate) struct Machine;

impl WallClock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

pub(crate) fn section() -> Section {
    Section::new("production", "forecast").unwrap()
}

pub(crate) fn key(n: u64) -> Key {
    section().key(&format!("row-{n}")).unwrap()
}

/// The one form of a row at a version.
pub(crate) fn body(key: &Key, version: u64) -> Bytes {
    Bytes::from(format!(r#"{{"id":"{key}","versionId":{version},"demand":{}}}"#, version * 3))
}

#[derive(Default)]
struct Rows {
    /// When each version of a row was committed; the first has version 1.
    committed: BTreeMap<Key, Vec<Instant>>,
    feed: Vec<(Key, u64, Instant)>,
}

/// The source. It never fails.
#[derive(Default)]
pub(crate) struct Source {
    rows: Mutex<Rows>,
}

impl Source {
    /// A source in which every row was written once.
    pub(crate) fn new() -> Arc<Self> {
        let source = Self::default();
        (0..KEYS).for_each(|n| {
            source.commit(&key(n));
        });
        Arc::new(source)
    }

    /// Writes a row once more.
    pub(crate) fn commit(&self, key: &Key) -> u64 {
        let mut rows = self.rows.lock().unwrap();
        let now = Instant::now();
        let committed = rows.committed.entry(key.clone()).or_default();
        committed.push(now);
        let version = u64::try_from(committed.len()).unwrap();
        rows.feed.push((key.clone(), version, now));
        version
    }

    /// The version that a row has now.
    pub(crate) fn latest(&self, key: &Key) -> u64 {
        self.rows.lock().unwrap().committed.get(key).map_or(0, |committed| u64::try_from(committed.len()).unwrap())
    }

    /// The version that a row had before so long.
    pub(crate) fn before(&self, key: &Key, ago: Duration) -> u64 {
        let rows = self.rows.lock().unwrap();
        let Some(until) = Instant::now().checked_sub(ago) else { return 0 };
        let count = rows.committed.get(key).map_or(0, |committed| committed.iter().filter(|at| **at <= until).count());
        u64::try_from(count).unwrap()
    }

    /// Changes from the place `from` on.
    pub(crate) fn feed(&self, from: usize) -> Vec<(Key, u64, Instant)> {
        self.rows.lock().unwrap().feed.get(from..).unwrap_or_default().to_vec()
    }

    /// Commits so far.
    pub(crate) fn commits(&self) -> usize {
        self.rows.lock().unwrap().feed.len()
    }
}

#[async_trait]
impl Loader for Source {
    async fn load(&self, key: &Key) -> Result<Document, LoadError> {
        let version = self.latest(key);
        // A read takes its time, and brings what was there when it began.
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(Document::present(Version::new(1, version), body(key, version)))
    }

    async fn versions(&self, keys: &[Key]) -> Result<Option<Vec<Version>>, LoadError> {
        Ok(Some(keys.iter().map(|key| Version::new(1, self.latest(key))).collect()))
    }
}
