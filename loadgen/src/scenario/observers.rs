//! One event stream to each target: when an instance says that it has applied a change, and the stamps that came with it. A
//! target that offers none is polled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use jiff::Timestamp;
use serde::Deserialize;

use super::poller::{Wanted, poll};
use crate::failure::Failure;
use crate::http::{BaseUrl, BlockingClient, Stream, Version};

/// Events kept of each stream.
const EVENTS_MAX: usize = 500_000;
/// The longest event.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// A target was seen to have a version of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Which target.
    pub target: usize,
    /// Which item.
    pub item: usize,
    /// At least this version.
    pub version: Version,
    /// When, in nanoseconds from the start of the run.
    pub at_ns: u64,
}

/// The stamps that travel with a change (`event: change`).
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Stamps {
    pub(super) committed_at: Option<Timestamp>,
    pub(super) detected_at: Option<Timestamp>,
    pub(super) confirmed_at: Option<Timestamp>,
    pub(super) consumed_at: Option<Timestamp>,
    pub(super) published_at: Option<Timestamp>,
    pub(super) received_at: Option<Timestamp>,
    pub(super) applied_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    id: String,
    version_id: u64,
    incarnation: Option<u64>,
    #[serde(flatten)]
    stamps: Stamps,
}

/// One event, as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) item: usize,
    pub(super) version: Version,
    pub(super) at: Instant,
    pub(super) stamps: Stamps,
}

/// What one stream brought.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) seen: Vec<Seen>,
    pub(super) resets: u64,
    pub(super) ended_early: bool,
    /// How often an item's version fell (C1); a reset begins anew.
    pub(super) went_back: u64,
    /// Whether the target was polled.
    pub(super) is_polled: bool,
    /// The highest version of each item since the last reset.
    highest: BTreeMap<usize, Version>,
}

impl Heard {
    /// Of a target that is polled.
    pub(super) fn polled() -> Self {
        Self { is_polled: true, ..Self::default() }
    }

    /// The target shows this version of an item.
    pub(super) fn note(&mut self, item: usize, version: Version, at: Instant, stamps: Stamps) {
        let highest = self.highest.entry(item).or_insert(version);
        self.went_back += u64::from(version < *highest);
        *highest = version.max(*highest);
        if self.seen.len() < EVENTS_MAX {
            self.seen.push(Seen { item, version, at, stamps });
        }
    }
}

/// The streams to all targets, and whoever asks those that have none.
pub(super) struct Observers {
    stop: Arc<AtomicBool>,
    /// What the polled ones are to show.
    wanted: Vec<Arc<Wanted>>,
    notes: Vec<String>,
    threads: Vec<JoinHandle<Heard>>,
}

impl Observers {
    /// Opens a stream to each target; where there is none, the target is polled.
    pub(super) fn open(targets: &[BaseUrl], token: &str, ids: &[String]) -> Result<Self, Failure> {
        let items: BTreeMap<String, usize> = ids.iter().cloned().zip(0..).collect();
        let items = Arc::new(items);
        let stop = Arc::<AtomicBool>::default();
        let shared: Arc<[String]> = ids.into();
        let (mut threads, mut wanted, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for target in targets {
            let client = BlockingClient::new(target.clone(), Some(token.to_owned()));
            let (status, stream) = client.stream("/api/forecasts/changes")?;
            let (items, stop) = (Arc::clone(&items), Arc::clone(&stop));
            let Some(stream) = stream else {
                notes.push(format!(
                    "{target}: the event stream answers {status}: it is polled with If-None-Match, whose spacing is the \
                     grain of its times, and whose requests the server counts, too"
                ));
                let (own, ids) = (Arc::<Wanted>::default(), Arc::clone(&shared));
                wanted.push(Arc::clone(&own));
                threads.push(thread::spawn(move || poll(client, &ids, &own, &stop)));
                continue;
            };
            threads.push(thread::spawn(move || listen(stream, &items, &stop)));
        }
        Ok(Self { stop, wanted, notes, threads })
    }

    /// Who wants to know of each write.
    pub(super) fn wanted(&self) -> Vec<Arc<Wanted>> {
        self.wanted.clone()
    }

    /// What a reader should know.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Ends the streams: what each brought, by target.
    pub(super) fn close(self) -> Vec<Heard> {
        self.stop.store(true, Ordering::SeqCst);
        // A thread that panicked has heard nothing, which its target's sightings will show.
        self.threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    }
}

fn listen(mut stream: Stream, items: &BTreeMap<String, usize>, stop: &AtomicBool) -> Heard {
    let (mut heard, mut pending) = (Heard::default(), Vec::new());
    while !stop.load(Ordering::SeqCst) {
        if stream.read(&mut pending).is_err() {
            heard.ended_early = true;
            break;
        }
        let at = Instant::now();
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            take_line(&line, at, items, &mut heard);
        }
        if pending.len() > EVENT_BYTES_MAX {
            heard.ended_early = true;
            break;
        }
    }
    heard
}

/// An event's lines are whole in one chunk of the reply, so that the lines of chunk sizes lie between events.
fn take_line(line: &[u8], at: Instant, items: &BTreeMap<String, usize>, heard: &mut Heard) {
    let line = line.trim_ascii();
    if line == b"event: reset" {
        heard.resets += 1;
        heard.highest.clear();
        return;
    }
    let Some(data) = line.strip_prefix(b"data: ") else { return };
    let Ok(change) = serde_json::from_slice::<Change>(data) else { return };
    let Some(item) = items.get(&change.id) else { return };
    let version = Version { incarnation: change.incarnation.unwrap_or(0), id: change.version_id };
    heard.note(*item, version, at, change.stamps);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_taken_from_between_the_chunks() {
        let items = BTreeMap::from([("a".to_owned(), 0)]);
        let mut heard = Heard::default();
        let wire = b"1f\r\nid: 1-2\nevent: change\ndata: {\"id\":\"a\",\"versionId\":7,\"incarnation\":1,\"committedAt\":\"2026-01-01T00:00:00Z\"}\n\n\r\n\
            10\r\nid: 1-3\nevent: reset\ndata: {}\n\n\r\n";
        for line in wire.split_inclusive(|byte| *byte == b'\n') {
            take_line(line, Instant::now(), &items, &mut heard);
        }
        assert_eq!((heard.seen.len(), heard.resets), (1, 1));
        assert_eq!(heard.seen[0].version, Version { incarnation: 1, id: 7 });
        assert!(heard.seen[0].stamps.committed_at.is_some() && heard.seen[0].stamps.applied_at.is_none());
    }

    #[test]
    fn a_stream_that_goes_back_is_noticed() {
        let items = BTreeMap::from([("a".to_owned(), 0), ("b".to_owned(), 1)]);
        let mut heard = Heard::default();
        let mut tell = |id: &str, version: u64| {
            let line = format!("data: {{\"id\":\"{id}\",\"versionId\":{version},\"incarnation\":1}}\n");
            take_line(line.as_bytes(), Instant::now(), &items, &mut heard);
            heard.went_back
        };
        assert_eq!([tell("a", 3), tell("b", 1), tell("a", 3), tell("a", 4)], [0; 4], "each item has its own");
        assert_eq!([tell("a", 3), tell("a", 4), tell("b", 0)], [1, 1, 2]);
        take_line(b"event: reset\n", Instant::now(), &items, &mut heard);
        take_line(b"data: {\"id\":\"a\",\"versionId\":1,\"incarnation\":1}\n", Instant::now(), &items, &mut heard);
        assert_eq!(heard.went_back, 2, "after a reset a client begins anew");
    }
}
