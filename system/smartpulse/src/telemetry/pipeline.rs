//! Where follower, tracker, sync, roads and relay stand, read at each scrape.

use coherence::{FollowerStatus, WallClock};
use domain::monitor::MonitorStatus;
use domain::relay::RelayStatus;
use domain::roads::RoadStatus;
use domain::sync::SyncStatus;
use domain::tracker::TrackerStatus;
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::table::{C, G, Metric, Value, count, gauge, register_table, whole};
use crate::app::PipelineStatus;
use crate::http::streams::StreamSlots;

/// What one scrape sees.
struct Seen {
    follower: Option<FollowerStatus>,
    is_trusted: bool,
    tracker: Option<TrackerStatus>,
    sync: Option<SyncStatus>,
    invalidations: Option<RoadStatus>,
    updates: Option<RoadStatus>,
    relay: Option<RelayStatus>,
    monitor: Option<MonitorStatus>,
    streams: usize,
    now: coherence::Timestamp,
}

/// A metric of a job that the instance does not have is not scraped.
const METRICS: [Metric<Seen>; 34] = [
    ("coherence_trusted", "Whether the local tiers are trusted", G, |seen| gauge(seen.is_trusted)),
    ("coherence_head_age_seconds", "Time since the feed was read to its end, as the last beacon said", G, |seen| {
        let head = seen.follower.as_ref()?.head.as_ref()?;
        Some(Value::Gauge(seen.now.duration_since(head.read_at).as_secs_f64()))
    }),
    ("coherence_stream_sequence", "Changes of the stream's epoch applied by this instance", G, |seen| {
        whole(seen.follower.as_ref()?.applied.0)
    }),
    ("coherence_head_sequence", "Changes of the stream's epoch that the last beacon told of", G, |seen| {
        whole(seen.follower.as_ref()?.head.as_ref()?.sequence.0)
    }),
    ("streams_open", "Event streams that are open now", G, |seen| whole(seen.streams as u64)),
    ("tracker_leader", "Whether this instance is the tracker", G, |seen| gauge(seen.tracker.as_ref()?.is_leader)),
    ("tracker_position", "Everything in the feed up to here is confirmed by the bus", G, |seen| {
        position(seen.tracker.as_ref()?.cursor.0)
    }),
    ("tracker_backlog", "How many commits the feed's end is ahead, where the feed can tell (CDC cannot)", G, |seen| {
        whole(seen.tracker.as_ref()?.backlog?)
    }),
    ("tracker_changes", "Changes told to the bus", C, |seen| count(seen.tracker.as_ref()?.changes)),
    ("tracker_beacons", "Beacons sent", C, |seen| count(seen.tracker.as_ref()?.beacons)),
    ("tracker_errors", "Calls of feed, bus or store that failed", C, |seen| count(seen.tracker.as_ref()?.errors)),
    ("tracker_holes", "Places where continuity was lost", C, |seen| count(seen.tracker.as_ref()?.holes)),
    ("tracker_terms", "Terms begun as the tracker", C, |seen| count(seen.tracker.as_ref()?.terms)),
    ("sync_leader", "Whether this instance is the sync", G, |seen| gauge(seen.sync.as_ref()?.is_leader)),
    ("sync_position", "Everything in the feed up to here is in the stream", G, |seen| {
        position(seen.sync.as_ref()?.position.0)
    }),
    ("sync_changes", "Changes published with their document", C, |seen| count(seen.sync.as_ref()?.changes)),
    ("sync_pulls", "Changes published without it", C, |seen| count(seen.sync.as_ref()?.pulls)),
    ("sync_beacons", "Beacons announced", C, |seen| count(seen.sync.as_ref()?.beacons)),
    ("sync_epochs", "Stream epochs begun, since continuity could not be shown", C, |seen| {
        count(seen.sync.as_ref()?.epochs)
    }),
    ("sync_parked", "Events parked", C, |seen| count(seen.sync.as_ref()?.parked)),
    ("sync_errors", "Calls that failed and are tried again", C, |seen| count(seen.sync.as_ref()?.errors)),
    ("sync_terms", "Terms begun as the sync", C, |seen| count(seen.sync.as_ref()?.terms)),
    ("invalidations", "Events of forecast:invalidation that took effect", C, |seen| {
        count(seen.invalidations.as_ref()?.events)
    }),
    ("updates", "Events of forecast:updated that took effect", C, |seen| count(seen.updates.as_ref()?.events)),
    ("relay_published", "Events of the outbox published", C, |seen| count(seen.relay.as_ref()?.published)),
    ("relay_parked", "Events that the bus refused for good, and that are parked", C, |seen| {
        count(seen.relay.as_ref()?.parked)
    }),
    ("relay_errors", "Sweeps of the outbox that failed on their way", C, |seen| count(seen.relay.as_ref()?.errors)),
    ("relay_stuck_seconds", "How long the oldest event of the outbox has waited", G, |seen| {
        let since = seen.relay.as_ref()?.stuck_since;
        Some(Value::Gauge(since.map_or(0.0, |since| seen.now.duration_since(since).as_secs_f64().max(0.0))))
    }),
    ("sync_gave_way", "Terms as the sync that ended since nothing could be written", C, |seen| {
        count(seen.sync.as_ref()?.gave_way)
    }),
    ("monitor_writes", "Writes of which the monitor saw the answer that shows them", C, |seen| {
        count(seen.monitor.as_ref()?.writes)
    }),
    ("monitor_within_1s", "Of these, no answer was older a second after the write or later", C, |seen| {
        count(seen.monitor.as_ref()?.within_1s)
    }),
    ("monitor_within_5s", "Of these, no answer was older five seconds after the write or later", C, |seen| {
        count(seen.monitor.as_ref()?.within_5s)
    }),
    ("monitor_violations", "Writes that an answer did not show five seconds after (C3)", C, |seen| {
        count(seen.monitor.as_ref()?.violations)
    }),
    ("monitor_consistent_ratio", "Share of the writes that every answer showed within five seconds", G, |seen| {
        let monitor = seen.monitor.as_ref()?;
        let writes = monitor.writes.max(monitor.within_5s);
        Some(Value::Gauge(if writes == 0 { 1.0 } else { monitor.within_5s as f64 / writes as f64 }))
    }),
];

fn position(position: u128) -> Option<Value> {
    Some(Value::Gauge(position as f64))
}

/// Registers what the jobs tell. `is_trusted` says whether the local tiers are.
pub fn register_pipeline(
    catalogue: &mut Catalogue,
    status: PipelineStatus,
    is_trusted: impl Fn() -> bool + Send + Sync + 'static,
    streams: StreamSlots,
    clock: Arc<dyn WallClock>,
) {
    let look = move || Seen {
        follower: status.follower.as_ref().map(|handle| handle.status()),
        is_trusted: is_trusted(),
        tracker: status.tracker.as_ref().map(|handle| handle.read()),
        sync: status.sync.as_ref().map(|handle| handle.read()),
        invalidations: status.invalidations.as_ref().map(|handle| handle.read()),
        updates: status.updates.as_ref().map(|handle| handle.read()),
        relay: status.relay.as_ref().map(|handle| handle.read()),
        monitor: status.monitor.as_ref().map(|handle| handle.read()),
        streams: streams.open(),
        now: clock.now(),
    };
    register_table(catalogue, &METRICS, look);
}
