//! What a tracker needs from outside, and what can be set about it.

use std::sync::Arc;
use std::time::Duration;

use coherence::{Backplane, Rng, Section, WallClock};

use crate::leader::LeaseTimes;
use crate::ports::{Bus, ChangeFeed, Ids, Leases, Store};

/// What a tracker needs from outside.
#[derive(Clone)]
pub struct TrackerPorts {
    /// For the incarnation.
    pub store: Arc<dyn Store>,
    /// For the lease, and the cursor in it.
    pub leases: Arc<dyn Leases>,
    /// What it reads.
    pub feed: Arc<dyn ChangeFeed>,
    /// Where it tells.
    pub bus: Arc<dyn Bus>,
    /// Whose head shows what was told before.
    pub backplane: Arc<dyn Backplane>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// Jitter.
    pub rng: Arc<dyn Rng>,
    /// Ids of events, and of itself.
    pub ids: Arc<dyn Ids>,
}

/// What can be set about a tracker.
#[derive(Debug, Clone)]
pub struct TrackerConfig {
    /// The section whose head shows what was told before.
    pub section: Section,
    /// How often the beacon goes out, also when nothing changes.
    pub beacon_every: Duration,
    /// The times of its lease.
    pub lease: LeaseTimes,
    /// How many changes it reads, and tells, at a time.
    pub batch: u32,
}

impl TrackerConfig {
    /// The defaults: a beacon every 500 ms, batches of 500.
    pub fn new(section: Section) -> Self {
        Self { section, beacon_every: Duration::from_millis(500), lease: LeaseTimes::default(), batch: 500 }
    }
}
