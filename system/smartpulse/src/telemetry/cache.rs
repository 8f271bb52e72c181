//! What the tiers did and hold, read from the caches at each scrape.

use coherence::{CacheSizes, CacheStats};
use domain::forecast::ForecastService;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::catalogue::{Catalogue, Descriptor, PREFIX};
use crate::http::forecasts::JsonViews;

type Counter = (&'static str, &'static str, fn(&CacheStats) -> u64);
type Gauge = (&'static str, &'static str, fn(&Held) -> u64);

/// Answers by the tier that gave them; `output` is the output cache of lists.
const ANSWERS: (&str, &str) = ("cache_answers", "Reads answered, by the tier that answered (label `tier`)");

type Tier = (&'static str, fn(&CacheStats) -> u64);

const TIERS: [Tier; 5] = [
    ("L1", |stats| stats.hits_l1),
    ("L2", |stats| stats.hits_l2),
    ("L3", |stats| stats.hits_l3),
    ("L4", |stats| stats.hits_l4),
    ("output", |stats| stats.hits_output),
];

const COUNTERS: [Counter; 25] = [
    ("cache_builds", "Lists built from the store", |stats| stats.builds),
    ("cache_joins", "Reads that waited for a fill or a build begun by another", |stats| stats.joins),
    ("cache_loads", "Rows read from the store by fills", |stats| stats.loads),
    ("cache_stale", "Answers older than their life, given because the store failed or was slow", |stats| stats.stale),
    ("cache_refused", "Fills and builds answered but not stored, since something newer was known", |stats| {
        stats.refused
    }),
    ("cache_rereads", "Reads of the store repeated, since something newer became known meanwhile", |stats| {
        stats.rereads
    }),
    ("cache_shared_stored", "Values stored in L3 by fills", |stats| stats.shared_stored),
    ("cache_shared_refused", "Fills that L3 refused, since the key had changed", |stats| stats.shared_refused),
    ("cache_shared_errors", "Failures of L3", |stats| stats.shared_errors),
    ("cache_floors_forgotten", "Floors forgotten early for want of room (cache.floors_max)", |stats| {
        stats.floors_forgotten
    }),
    ("cache_stamps_forgotten", "Tag stamps forgotten early for want of room (cache.stamps_max)", |stats| {
        stats.stamps_forgotten
    }),
    ("coherence_changes_applied", "Changes of the stream applied to the tiers", |stats| stats.changes_applied),
    ("coherence_patched", "Of those, tracked documents that were patched", |stats| stats.patched),
    ("coherence_duplicates", "Changes of the stream that were known already", |stats| stats.duplicates),
    ("coherence_pulls", "Patches that did not fit the tracked document, which is fetched", |stats| stats.pulls),
    ("coherence_gaps", "Jumps of the stream's sequence", |stats| stats.gaps),
    ("coherence_replays", "Repairs from the stream", |stats| stats.replays),
    ("coherence_resyncs", "Repairs by comparing all tracked versions", |stats| stats.resyncs),
    ("coherence_refetched", "Documents fetched after a repair, before anybody asked", |stats| stats.refetched),
    ("coherence_refetches_dropped", "Documents left to their next reader for want of room", |stats| {
        stats.refetches_dropped
    }),
    ("coherence_heads", "Beacons received", |stats| stats.heads),
    ("coherence_heads_refused", "Beacons refused: from the future, or unreadable", |stats| stats.heads_refused),
    ("coherence_unreadable", "Messages of the stream that cannot be read", |stats| stats.unreadable),
    ("coherence_subscriptions", "Subscriptions to the stream begun, the first one included", |stats| {
        stats.subscriptions
    }),
    ("coherence_suspicions", "Times that the lease was lost and the local tiers with it", |stats| stats.suspicions),
];

const GAUGES: [Gauge; 7] = [
    ("cache_l1_entries", "Entries in L1", |held| held.tiers.l1_entries),
    ("cache_l1_bytes", "Memory of L1, about", |held| held.tiers.l1_bytes),
    ("cache_l2_entries", "Entries in L2", |held| held.tiers.l2_entries),
    ("cache_l2_bytes", "Memory of L2, about", |held| held.tiers.l2_bytes),
    ("cache_output_entries", "Lists in the output cache", |held| held.output_entries),
    ("cache_output_bytes", "Memory of the output cache, about", |held| held.output_bytes),
    ("cache_floors", "Floors in force", |held| held.tiers.floors),
];

struct Held {
    tiers: CacheSizes,
    output_entries: u64,
    output_bytes: u64,
}

struct CacheCollector(ForecastService<JsonViews>);

impl std::fmt::Debug for CacheCollector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CacheCollector")
    }
}

/// Registers the caches of a service.
pub fn register_cache(catalogue: &mut Catalogue, service: &ForecastService<JsonViews>) {
    let describe = |kind, suffix: &str, name: &str, help: &str| Descriptor {
        name: format!("{PREFIX}_{name}{suffix}"),
        kind,
        unit: if name.ends_with("_bytes") { "bytes".to_owned() } else { String::new() },
        help: help.to_owned(),
    };
    let answers = std::iter::once(describe("counter", "_total", ANSWERS.0, ANSWERS.1));
    let counters = COUNTERS.iter().map(|(name, help, _)| describe("counter", "_total", name, help));
    let gauges = GAUGES.iter().map(|(name, help, _)| describe("gauge", "", name, help));
    catalogue.register_collector(CacheCollector(service.clone()), answers.chain(counters).chain(gauges));
}

impl Collector for CacheCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let caches = self.0.caches();
        let stats = caches.cache().stats();
        let (name, help) = ANSWERS;
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (tier, value) in TIERS {
            metric.encode_family(&[("tier", tier)])?.encode_counter::<NoLabelSet, _, u64>(&value(&stats), None)?;
        }
        for (name, help, value) in COUNTERS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, u64>(&value(&stats), None)?;
        }
        let (output_entries, output_bytes) = caches.output().sizes();
        let held = Held { tiers: caches.cache().sizes(), output_entries, output_bytes };
        for (name, help, value) in GAUGES {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            metric.encode_gauge(&value(&held))?;
        }
        Ok(())
    }
}
