//! What the parts of the service need from outside, and from each other.

use std::sync::Arc;
use std::time::Duration;

use coherence::{Rng, WallClock};

use super::alerts::Alerts;
use super::live::Announce;
use super::meter::DeliveryMeter;
use crate::ports::{Ids, NotificationStore};
use crate::wake::Wake;

/// What the parts need from outside.
#[derive(Clone)]
pub struct NotificationPorts {
    /// Where everything is kept.
    pub store: Arc<dyn NotificationStore>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// Jitter and tokens.
    pub rng: Arc<dyn Rng>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
}

/// What the parts of one instance share.
#[derive(Clone)]
pub struct Shared {
    /// What they need from outside.
    pub ports: NotificationPorts,
    /// For what a person must see.
    pub alerts: Alerts,
    /// Told of changes of inboxes.
    pub live: Arc<dyn Announce>,
    /// Told of deliveries.
    pub meter: Arc<dyn DeliveryMeter>,
    /// Wakes the push sender.
    pub push_wake: Wake,
    /// Wakes the mail batch worker.
    pub mail_wake: Wake,
    /// Wakes the mail sender.
    pub queue_wake: Wake,
}

/// How long a job waits at most before it asks the store again: what other instances accept is not told to it.
pub const POLL_EVERY: Duration = Duration::from_secs(1);

/// The life of a claim that nobody respects: the planted bug `intent-lease-ignored`.
pub(super) const NO_LEASE: Duration = Duration::from_millis(20);
