//! Sections `[lease]`, `[tracker]`, `[sync]`, `[follower]` and `[monitor]`: how changes travel.

use std::time::Duration;

use super::reader::Reader;

/// The leases of tracker and sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseConfig {
    /// How long a lease lasts that is not renewed.
    pub life: Duration,
    /// How often its holder renews it.
    pub renew: Duration,
    /// How often a standby asks for it.
    pub retry: Duration,
}

impl LeaseConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            life: r.millis("lease.life_ms", 100..=60_000),
            renew: r.millis("lease.renew_ms", 10..=30_000),
            retry: r.millis("lease.retry_ms", 10..=30_000),
        }
    }

    /// A renewal must have a second chance; and a take-over must fit into the lease of the instances, or each would cost
    /// them their trust (DESIGN section 3.5: beacon + life + retry + 0.2 s + the bound on clocks <= 3.5 s).
    pub(super) fn check(&self, r: &mut Reader<'_>, beacon: Duration) {
        const SLACK: Duration = Duration::from_millis(200);
        if beacon + self.life + self.retry + SLACK + coherence::SKEW_MAX > coherence::LEASE {
            r.combination(
                "`tracker.beacon_ms` + `lease.life_ms` + `lease.retry_ms` must be at most 2300: a take-over would take \
                 longer than instances trust their caches",
            );
        }
        if self.renew * 2 >= self.life {
            r.combination("`lease.renew_ms` must be less than half of `lease.life_ms`: one lost renewal would end it");
        }
    }
}

/// The tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerSettings {
    /// The time between two beacons.
    pub beacon: Duration,
    /// How many changes one read of the feed takes.
    pub read_max: u32,
}

impl TrackerSettings {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self { beacon: r.millis("tracker.beacon_ms", 50..=3_000), read_max: r.int32("tracker.read_max", 1..=10_000) }
    }
}

/// The sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncSettings {
    /// How often an event is tried before it is parked.
    pub attempts_max: u32,
    /// The last documents that patches are made against: their size.
    pub bases_bytes: u64,
}

impl SyncSettings {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            attempts_max: r.int32("sync.attempts_max", 1..=100),
            bases_bytes: r.int("sync.bases_bytes", 0..=1 << 40),
        }
    }
}

/// The follower of each instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerSettings {
    /// How often a suspect instance looks at the stored head.
    pub look: Duration,
    /// The first wait before a new subscription.
    pub reconnect: Duration,
    /// The longest one.
    pub reconnect_max: Duration,
    /// Documents fetched a second after a repair.
    pub refetch_per_s: u32,
    /// The first of them waits up to this long.
    pub refetch_jitter: Duration,
}

impl FollowerSettings {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            look: r.millis("follower.look_ms", 10..=3_000),
            reconnect: r.millis("follower.reconnect_ms", 1..=60_000),
            reconnect_max: r.millis("follower.reconnect_max_ms", 1..=60_000),
            refetch_per_s: r.int32("follower.refetch_per_s", 1..=100_000),
            refetch_jitter: r.millis("follower.refetch_jitter_ms", 0..=10_000),
        }
    }

    pub(super) fn check(&self, r: &mut Reader<'_>) {
        if self.reconnect > self.reconnect_max {
            r.combination("`follower.reconnect_ms` is longer than `follower.reconnect_max_ms`");
        }
    }
}

/// The monitor of consistency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitorSettings {
    /// How often it asks.
    pub every: Duration,
    /// How many forecasts that changed lately it asks for each time.
    pub recent: usize,
    /// How many others.
    pub random: usize,
}

impl MonitorSettings {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            every: r.millis("monitor.every_ms", 100..=3_600_000),
            recent: r.size("monitor.recent", 1..=500),
            random: r.size("monitor.random", 0..=500),
        }
    }
}
