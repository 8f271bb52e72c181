//! From a commit to every instance.

use std::collections::BTreeMap;
use std::time::Instant;

use hdrhistogram::Histogram;
use jiff::Timestamp;

use super::observers::{Heard, Sighting, Stamps};
use super::traffic::Write;
use crate::engine::Percentiles;
use crate::http::Version;

/// The parts of the specification's budget (section 5.2), with what it gives each, in milliseconds: between which stamps.
const PARTS: [(&str, f64, f64); 5] = [
    ("CDC detection: committed to detected", 100.0, 500.0),
    ("polling to Pulsar: detected to confirmed", 100.0, 300.0),
    ("Pulsar propagation: confirmed to consumed", 50.0, 100.0),
    ("Redis Pub/Sub delivery: consumed to received", 10.0, 50.0),
    ("instance processing: received to applied", 10.0, 50.0),
];

/// One part of the way.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// What the specification gives it, in milliseconds.
    pub budget_ms: (f64, f64),
    /// What it took.
    pub took: Percentiles,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Propagation {
    /// Writes that were observed.
    pub writes: u64,
    /// Write and instance pairs that must be seen.
    pub expected: u64,
    /// Those that were seen.
    pub seen: u64,
    /// Within a second.
    pub within_1s: u64,
    /// Within five seconds.
    pub within_5s: u64,
    /// From the sending of a write (so: at least from its commit) to the first event or reply that shows it, over all instances.
    pub took: Histogram<u64>,
    /// By target.
    pub by_target: Vec<Percentiles>,
    /// The parts, by the stamps of the changes.
    pub parts: Vec<Part>,
    /// From commit to application by these stamps.
    pub stamped: Percentiles,
    /// Resets that streams told of.
    pub resets: u64,
    /// Streams that ended before the run did.
    pub streams_lost: u64,
    /// Events and polled versions that observers were shown.
    pub shown: u64,
    /// How often one of them was older than what the same observer was shown before (C1).
    pub went_back: u64,
    /// Targets that were polled, for want of a stream.
    pub polled: u64,
}

/// Joins writes with what was seen of them.
pub(super) fn join(
    writes: &[Write],
    polled: &[Sighting],
    heard: &[Heard],
    targets: usize,
    started: Instant,
) -> Propagation {
    let mut seen: BTreeMap<(usize, usize), Vec<(u64, Version)>> = BTreeMap::new();
    for sighting in polled {
        seen.entry((sighting.target, sighting.item)).or_default().push((sighting.at_ns, sighting.version));
    }
    for (target, heard) in heard.iter().enumerate() {
        for event in &heard.seen {
            let at_ns = u64::try_from(event.at.saturating_duration_since(started).as_nanos()).unwrap_or(u64::MAX);
            seen.entry((target, event.item)).or_default().push((at_ns, event.version));
        }
    }
    for sightings in seen.values_mut() {
        sightings.sort_unstable();
    }
    let mut took = crate::engine::histogram(3);
    let mut by_target = vec![crate::engine::histogram(3); targets];
    let (mut found, mut within_1s, mut within_5s) = (0, 0, 0);
    for write in writes {
        for (target, own) in by_target.iter_mut().enumerate() {
            let sightings = seen.get(&(target, write.item)).map_or(&[][..], Vec::as_slice);
            let begin = sightings.partition_point(|(at_ns, _)| *at_ns < write.sent_ns);
            let first = sightings[begin..].iter().find(|(_, version)| *version >= write.version);
            // The writer's own reply has shown it on its instance.
            let acked = (target == 0).then_some(write.acked_ns);
            let first = first.map(|(at_ns, _)| *at_ns).into_iter().chain(acked).min();
            let Some(at_ns) = first else { continue };
            let ns = at_ns.saturating_sub(write.sent_ns).max(1);
            found += 1;
            within_1s += u64::from(ns <= 1_000_000_000);
            within_5s += u64::from(ns <= 5_000_000_000);
            took.saturating_record(ns);
            own.saturating_record(ns);
        }
    }
    let (parts, stamped) = parts(heard);
    Propagation {
        writes: writes.len() as u64,
        expected: (writes.len() * targets) as u64,
        seen: found,
        within_1s,
        within_5s,
        took,
        by_target: by_target.iter().map(Percentiles::of).collect(),
        parts,
        stamped,
        resets: heard.iter().map(|heard| heard.resets).sum(),
        streams_lost: heard.iter().filter(|heard| heard.ended_early).count() as u64,
        shown: heard.iter().map(|heard| heard.seen.len() as u64).sum(),
        went_back: heard.iter().map(|heard| heard.went_back).sum(),
        polled: heard.iter().filter(|heard| heard.is_polled).count() as u64,
    }
}

fn parts(heard: &[Heard]) -> (Vec<Part>, Percentiles) {
    let mut histograms = vec![crate::engine::histogram(3); PARTS.len()];
    let mut whole = crate::engine::histogram(3);
    for event in heard.iter().flat_map(|heard| &heard.seen) {
        for (histogram, (from, to)) in histograms.iter_mut().zip(stations(&event.stamps)) {
            record(histogram, from, to);
        }
        record(&mut whole, event.stamps.committed_at, event.stamps.applied_at);
    }
    let parts = PARTS.iter().zip(&histograms).map(|((name, least, most), histogram)| Part {
        name,
        budget_ms: (*least, *most),
        took: Percentiles::of(histogram),
    });
    (parts.collect(), Percentiles::of(&whole))
}

type Moment = Option<Timestamp>;

/// What each part lies between, in the order of [`PARTS`].
fn stations(stamps: &Stamps) -> [(Moment, Moment); 5] {
    [
        (stamps.committed_at, stamps.detected_at),
        (stamps.detected_at, stamps.confirmed_at),
        (stamps.confirmed_at, stamps.consumed_at),
        // The sync's own work (consumed to published) is part of it: the specification has no line for it.
        (stamps.consumed_at, stamps.published_at.and(stamps.received_at)),
        (stamps.received_at, stamps.applied_at),
    ]
}

fn record(histogram: &mut Histogram<u64>, from: Moment, to: Moment) {
    if let (Some(from), Some(to)) = (from, to) {
        let ns = to.as_nanosecond().saturating_sub(from.as_nanosecond());
        histogram.saturating_record(u64::try_from(ns.max(1)).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn version(id: u64) -> Version {
        Version { incarnation: 1, id }
    }

    #[test]
    fn a_write_is_seen_by_the_first_reply_that_shows_it_or_something_newer() {
        let write = |id, sent_ms: u64| Write {
            item: 0,
            version: version(id),
            sent_ns: sent_ms * MS,
            acked_ns: (sent_ms + 1) * MS,
        };
        let seen = |target, id, at_ms: u64| Sighting { target, item: 0, version: version(id), at_ns: at_ms * MS };
        let polled = [seen(1, 1, 5), seen(1, 3, 1_500), seen(0, 2, 11), seen(0, 3, 100)];
        let found = join(&[write(2, 10), write(3, 20)], &polled, &[], 3, Instant::now());
        assert_eq!((found.writes, found.expected, found.seen), (2, 6, 4), "the third target has seen nothing");
        assert_eq!((found.within_1s, found.within_5s), (2, 4));
        assert_eq!(found.by_target[1].count, 2);
        assert!(found.by_target[1].max / MS >= 1_489, "{:?}", found.by_target[1]);
    }
}
