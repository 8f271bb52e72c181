//! What a sync needs from outside, and what can be set about it.

use std::sync::Arc;
use std::time::Duration;

use coherence::publisher::PublisherConfig;
use coherence::{Backplane, Rng, Section, SharedTier, WallClock};

use crate::leader::LeaseTimes;
use crate::ports::{Bus, Ids, Leases, Parking, Store};

/// The subscription of the sync (specification 6.1, step 5).
pub const SUBSCRIPTION: &str = "productionforecast-cdc-sync";

/// What a sync needs from outside.
#[derive(Clone)]
pub struct SyncPorts {
    /// For the lease.
    pub leases: Arc<dyn Leases>,
    /// For a new incarnation, where the database turns out to be put back.
    pub store: Arc<dyn Store>,
    /// What it reads.
    pub bus: Arc<dyn Bus>,
    /// For messages that cannot be worked on.
    pub parking: Arc<dyn Parking>,
    /// The first step of a change.
    pub shared: Arc<dyn SharedTier>,
    /// The second.
    pub backplane: Arc<dyn Backplane>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// Jitter, and stream epochs.
    pub rng: Arc<dyn Rng>,
    /// Names the process.
    pub ids: Arc<dyn Ids>,
}

/// What can be set about a sync.
#[derive(Debug, Clone)]
pub struct SyncConfig {
    /// The section.
    pub section: Section,
    /// The times of its lease.
    pub lease: LeaseTimes,
    /// The publisher.
    pub publisher: PublisherConfig,
    /// How often a message that fails is tried before it is parked. Failures that pass by themselves do not count.
    pub poison_retries: u32,
    /// The first wait after a failure; it doubles.
    pub retry: Duration,
    /// The longest.
    pub retry_max: Duration,
}

impl SyncConfig {
    /// The defaults: 5 tries, waits of 50 ms to 1 s.
    pub fn new(section: Section) -> Self {
        Self {
            section,
            lease: LeaseTimes::default(),
            publisher: PublisherConfig::default(),
            poison_retries: 5,
            retry: crate::backoff::BACKOFF_FIRST,
            retry_max: crate::backoff::BACKOFF_MAX,
        }
    }
}
