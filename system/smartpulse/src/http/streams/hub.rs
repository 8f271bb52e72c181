//! What all streams of changes of an instance share.

use std::sync::Arc;

use coherence::{Backplane, FollowerHandle, Rng, Section, WallClock};

use super::base::StreamBase;
use super::slots::StreamSlots;
use crate::auth::Tickets;
use crate::config::{LimitsConfig, StreamsConfig};
use crate::serve::Drain;

/// What streams of changes need from outside.
#[derive(Clone)]
pub struct StreamPorts {
    /// The follower of the instance; `None` where it follows nothing (`cache.freshness = "ttl"`).
    pub follower: Option<FollowerHandle>,
    /// Where missed changes are read.
    pub backplane: Arc<dyn Backplane>,
    /// The section of forecasts.
    pub section: Section,
    /// Tickets in place of tokens.
    pub tickets: Arc<dyn Tickets>,
    /// Wall time, which ends tokens.
    pub clock: Arc<dyn WallClock>,
    /// Randomness of tickets.
    pub rng: Arc<dyn Rng>,
    /// The end of the instance, which ends its streams.
    pub drain: Drain,
}

/// The streams of changes of an instance.
#[derive(Clone)]
pub struct StreamHub {
    pub(super) ports: StreamPorts,
    pub(super) base: StreamBase,
}

impl StreamHub {
    /// No stream is open yet.
    pub fn new(ports: StreamPorts, settings: &StreamsConfig, limits: &LimitsConfig) -> Self {
        let (tickets, clock) = (Arc::clone(&ports.tickets), Arc::clone(&ports.clock));
        let base = StreamBase::new(tickets, clock, Arc::clone(&ports.rng), ports.drain.clone(), settings, limits);
        Self { ports, base }
    }

    /// The count of open streams, for the metrics.
    pub fn slots(&self) -> &StreamSlots {
        self.base.slots()
    }

    /// What these streams share with those of other things.
    pub(in crate::http) fn base(&self) -> &StreamBase {
        &self.base
    }
}
