//! The jobs of an instance, by its roles: what carries changes from the store to every cache.

use std::sync::Arc;

use coherence::follower::Follower;
use coherence::publisher::PublisherConfig;
use coherence::{FollowerHandle, Section};
use domain::forecast::ForecastService;
use domain::monitor::{ConsistencyMonitor, MonitorConfig, MonitorPorts, MonitorStatusHandle};
use domain::relay::{OutboxRelay, RelayPorts, RelayStatusHandle};
use domain::roads::{InvalidationRoad, RoadStatusHandle, UpdatedRoad, UpdatedRoadPorts};
use domain::sync::{SyncConfig, SyncPorts, SyncService, SyncStatusHandle};
use domain::tracker::{ChangeTracker, TrackerConfig, TrackerPorts, TrackerStatusHandle};
use domain::{LeaseTimes, Wake};

use super::ports::Ports;
use super::settings;
use crate::config::{CacheFreshness, Config, InstanceRole};
use crate::http::forecasts::JsonViews;
use crate::serve::{Importance, Tasks};

/// The wakes of an instance's jobs.
#[derive(Debug, Clone, Default)]
pub(super) struct Wakes {
    tracker: Wake,
    relay: Wake,
}

impl Wakes {
    /// What a commit wakes.
    pub(super) fn of_commits(&self) -> Wake {
        Wake::joined([self.tracker.clone(), self.relay.clone()])
    }
}

/// Jobs that do not run yet.
pub(super) struct Pipeline {
    follower: Option<Follower<JsonViews>>,
    invalidations: Option<InvalidationRoad<JsonViews>>,
    updates: Option<UpdatedRoad>,
    tracker: Option<ChangeTracker>,
    sync: Option<SyncService>,
    relay: Option<OutboxRelay>,
    monitor: Option<ConsistencyMonitor<JsonViews>>,
}

/// Where the jobs stand; `None`: the instance has no such job.
#[derive(Clone, Default)]
pub struct PipelineStatus {
    /// The follower of the stream.
    pub follower: Option<FollowerHandle>,
    /// The road of invalidations.
    pub invalidations: Option<RoadStatusHandle>,
    /// The road of updates.
    pub updates: Option<RoadStatusHandle>,
    /// The tracker.
    pub tracker: Option<TrackerStatusHandle>,
    /// The sync.
    pub sync: Option<SyncStatusHandle>,
    /// The relay.
    pub relay: Option<RelayStatusHandle>,
    /// The monitor.
    pub monitor: Option<MonitorStatusHandle>,
}

impl Pipeline {
    /// The jobs of the instance `name`, by its roles.
    pub(super) fn new(
        config: &Config,
        ports: &Ports,
        section: &Section,
        service: &ForecastService<JsonViews>,
        wakes: &Wakes,
        name: &str,
    ) -> Self {
        let has = |role| config.roles.has(role);
        let serves = has(InstanceRole::ForecastApi);
        let follows = serves && config.cache.freshness == CacheFreshness::EndToEnd;
        let follower = || {
            let backplane = Arc::clone(&ports.backplane);
            service.caches().follower(backplane, section.clone(), settings::follower(config))
        };
        let invalidations = || {
            let (bus, rng) = (Arc::clone(&ports.bus), Arc::clone(&ports.rng));
            InvalidationRoad::new(service.clone(), bus, rng, wakes.tracker.clone(), name)
        };
        let updates = || {
            let needed = UpdatedRoadPorts {
                bus: Arc::clone(&ports.bus),
                shared: Arc::clone(&ports.shared),
                rng: Arc::clone(&ports.rng),
            };
            UpdatedRoad::new(needed, wakes.tracker.clone())
        };
        let relay = |outbox| {
            let needed = RelayPorts {
                outbox,
                bus: Arc::clone(&ports.bus),
                parking: Arc::clone(&ports.parking),
                clock: Arc::clone(&ports.clock),
                rng: Arc::clone(&ports.rng),
            };
            OutboxRelay::new(needed, wakes.relay.clone())
        };
        Self {
            follower: follows.then(follower),
            // Whoever tracks hears of the commits of other instances by it.
            invalidations: (serves || has(InstanceRole::Tracker)).then(invalidations),
            updates: has(InstanceRole::Sync).then(updates),
            tracker: has(InstanceRole::Tracker).then(|| tracker(config, ports, section, wakes)),
            sync: has(InstanceRole::Sync).then(|| sync(config, ports, section)),
            monitor: (serves && has(InstanceRole::Monitor)).then(|| monitor(config, ports, service)),
            relay: ports.outbox.clone().filter(|_| has(InstanceRole::Relay)).map(relay),
        }
    }

    pub(super) fn status(&self) -> PipelineStatus {
        PipelineStatus {
            follower: self.follower.as_ref().map(Follower::handle),
            invalidations: self.invalidations.as_ref().map(InvalidationRoad::status),
            updates: self.updates.as_ref().map(UpdatedRoad::status),
            tracker: self.tracker.as_ref().map(ChangeTracker::status),
            sync: self.sync.as_ref().map(SyncService::status),
            relay: self.relay.as_ref().map(OutboxRelay::status),
            monitor: self.monitor.as_ref().map(ConsistencyMonitor::status),
        }
    }

    /// Starts them. A follower or a road that ended would leave the instance blind, and a tracker, a sync or a relay the
    /// whole system behind: these are critical.
    pub(super) fn spawn(self, tasks: &Tasks) {
        let stop = || tasks.stop_token().cancelled_owned();
        let critical = Importance::Critical;
        if let Some(follower) = self.follower {
            let stop = stop();
            tasks.spawn("follower", critical, async move {
                tokio::select! {
                    biased;
                    () = stop => {}
                    () = follower.run() => {}
                }
            });
        }
        if let Some(road) = self.invalidations {
            tasks.spawn("invalidations", critical, road.run(stop()));
        }
        if let Some(road) = self.updates {
            tasks.spawn("updates", critical, road.run(stop()));
        }
        if let Some(tracker) = self.tracker {
            tasks.spawn("tracker", critical, tracker.run(stop()));
        }
        if let Some(sync) = self.sync {
            tasks.spawn("sync", critical, sync.run(stop()));
        }
        if let Some(relay) = self.relay {
            tasks.spawn("relay", critical, relay.run(stop()));
        }
        if let Some(monitor) = self.monitor {
            // It measures; nothing depends on it.
            tasks.spawn("monitor", Importance::Ordinary, monitor.run(stop()));
        }
    }
}

fn lease(config: &Config) -> LeaseTimes {
    let lease = &config.lease;
    LeaseTimes { life: lease.life, renew_every: lease.renew, standby_every: lease.retry }
}

fn tracker(config: &Config, ports: &Ports, section: &Section, wakes: &Wakes) -> ChangeTracker {
    let settings = TrackerConfig {
        beacon_every: config.tracker.beacon,
        lease: lease(config),
        batch: config.tracker.read_max,
        ..TrackerConfig::new(section.clone())
    };
    let needed = TrackerPorts {
        store: Arc::clone(&ports.store),
        leases: Arc::clone(&ports.leases),
        feed: Arc::clone(&ports.feed),
        bus: Arc::clone(&ports.bus),
        backplane: Arc::clone(&ports.backplane),
        clock: Arc::clone(&ports.clock),
        rng: Arc::clone(&ports.rng),
        ids: Arc::clone(&ports.ids),
    };
    ChangeTracker::new(settings, needed, wakes.tracker.clone())
}

fn sync(config: &Config, ports: &Ports, section: &Section) -> SyncService {
    let bases_bytes = usize::try_from(config.sync.bases_bytes).unwrap_or(usize::MAX);
    let settings = SyncConfig {
        lease: lease(config),
        publisher: PublisherConfig { shared_ttl: config.shared.ttl, bases_bytes, timeout: config.shared.timeout },
        poison_retries: config.sync.attempts_max,
        ..SyncConfig::new(section.clone())
    };
    let needed = SyncPorts {
        leases: Arc::clone(&ports.leases),
        store: Arc::clone(&ports.store),
        bus: Arc::clone(&ports.bus),
        parking: Arc::clone(&ports.parking),
        shared: Arc::clone(&ports.shared),
        backplane: Arc::clone(&ports.backplane),
        clock: Arc::clone(&ports.clock),
        rng: Arc::clone(&ports.rng),
        ids: Arc::clone(&ports.ids),
    };
    SyncService::new(settings, needed)
}

fn monitor(config: &Config, ports: &Ports, service: &ForecastService<JsonViews>) -> ConsistencyMonitor<JsonViews> {
    let monitor = &config.monitor;
    let settings = MonitorConfig { interval: monitor.every, recent: monitor.recent, random: monitor.random };
    let needed = MonitorPorts { store: Arc::clone(&ports.store), rng: Arc::clone(&ports.rng) };
    ConsistencyMonitor::new(settings, needed, service.clone())
}
