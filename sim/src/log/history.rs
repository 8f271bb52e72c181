//! The log itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::event::Event;
use crate::world::SimTime;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its place.
    pub ordinal: u64,
    /// Simulated milliseconds.
    pub at_ms: u64,
    /// Where it happened.
    pub host: String,
    /// The record that brought it about, where that is known.
    pub cause: Option<u64>,
    /// What happened.
    pub event: Event,
}

/// Writes to the log. Clones write to the same.
#[derive(Clone)]
pub struct Log {
    time: Arc<SimTime>,
    records: Arc<Mutex<Vec<Record>>>,
}

impl Log {
    /// An empty log.
    pub fn new(time: Arc<SimTime>) -> Self {
        Self { time, records: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends; answers the ordinal.
    pub fn record(&self, host: &str, cause: Option<u64>, event: Event) -> u64 {
        let mut records = self.lock();
        let ordinal = records.len() as u64;
        tracing::debug!(host, ?event, "log");
        records.push(Record { ordinal, at_ms: self.time.now_ms(), host: host.to_owned(), cause, event });
        ordinal
    }

    /// Something that a batch must see.
    pub fn mark(&self, host: &str, name: &str) {
        self.record(host, None, Event::Mark { name: name.to_owned() });
    }

    /// The records from `ordinal` on.
    pub fn from(&self, ordinal: usize) -> Vec<Record> {
        self.lock().get(ordinal..).unwrap_or_default().to_vec()
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hash over the lines of all records.
    pub fn digest(&self) -> String {
        let mut hash = Xxh3Default::new();
        for record in self.lock().iter() {
            // A record of plain values always serialises.
            hash.update(&serde_json::to_vec(record).unwrap_or_default());
            hash.update(b"\n");
        }
        format!("{:032x}", hash.digest128())
    }
}
