//! Several instances over the same backends; each part of each instance can be stopped, killed and frozen.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryStore, MemoryStoreConfig};
use coherence::backplane::{MemoryBackplane, MemoryBackplaneLimits};
use coherence::follower::{FollowerConfig, FollowerHandle};
use coherence::shared::{MemorySharedTier, MemorySharedTierLimits};
use coherence::testing::{Seed, TestClock};
use coherence::{CacheConfig, CacheEvent, Freshness, Level, Maintenance, Rng, Section, SharedTier, Version, WallClock};
use domain::Wake;
use domain::forecast::{Answered, ForecastConfig, ForecastPorts, ForecastService};
use domain::model::{Forecast, ForecastId, ListParams, forecast_key};
use domain::ports::{Ids, Lookup, Store};
use domain::roads::{InvalidationRoad, RoadStatusHandle, UpdatedRoad, UpdatedRoadPorts};
use domain::sync::{SyncConfig, SyncPorts, SyncService, SyncStatus, SyncStatusHandle};
use domain::tracker::{ChangeTracker, TrackerConfig, TrackerPorts, TrackerStatus, TrackerStatusHandle};
use serde_json::Value;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;

use super::ports::{Ice, TestBackplane, TestFeed, TestIds, TestShared};
use crate::service::harness::{TestViews, caller, everyone, patch, request};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Follower,
    Tracker,
    Sync,
    Invalidation,
    Updated,
}

pub(super) const PARTS: [Part; 5] = [Part::Follower, Part::Tracker, Part::Sync, Part::Invalidation, Part::Updated];

pub(super) struct Node {
    pub(super) service: ForecastService<TestViews>,
    pub(super) follower: FollowerHandle,
    pub(super) tracker: TrackerStatusHandle,
    pub(super) sync: SyncStatusHandle,
    pub(super) invalidation: RoadStatusHandle,
    pub(super) updated: RoadStatusHandle,
    pub(super) backplane: Arc<TestBackplane>,
    pub(super) events: broadcast::Receiver<CacheEvent>,
    pub(super) ices: BTreeMap<Part, Ice>,
    pub(super) wake: Wake,
    stops: BTreeMap<Part, Arc<Notify>>,
    jobs: BTreeMap<Part, JoinHandle<()>>,
}

pub(super) struct Cluster {
    pub(super) store: MemoryStore,
    pub(super) feed: Arc<TestFeed>,
    pub(super) bus: MemoryBus,
    pub(super) shared: Arc<TestShared>,
    pub(super) backplane: MemoryBackplane,
    pub(super) clock: Arc<TestClock>,
    pub(super) section: Section,
    pub(super) ids: Arc<dyn Ids>,
    pub(super) rng: Arc<dyn Rng>,
    pub(super) nodes: Vec<Node>,
}

impl Cluster {
    /// `n` instances, all parts of which run, after the first beacon.
    pub(super) async fn new(n: usize) -> Self {
        Self::with(n, &PARTS).await
    }

    /// `n` instances of which only these parts run.
    pub(super) async fn with(n: usize, parts: &[Part]) -> Self {
        let clock = TestClock::new();
        let wall: Arc<dyn WallClock> = clock.clone();
        let bus = MemoryBus::new(MemoryBusConfig::default(), wall.clone());
        let store = MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), wall);
        let feed = Arc::new(TestFeed {
            inner: store.clone(),
            hangs: AtomicBool::new(false),
            still: Mutex::default(),
            mended: Notify::new(),
            corrupt: Mutex::default(),
            again: AtomicU32::new(0),
        });
        let shared = Arc::new(TestShared {
            inner: MemorySharedTier::new(MemorySharedTierLimits::default()),
            poison: Mutex::default(),
            hangs: AtomicBool::new(false),
            poisoned: AtomicU32::new(0),
        });
        let rng = Seed::rng(7);
        let mut cluster = Self {
            store,
            feed,
            bus,
            shared,
            backplane: MemoryBackplane::new(MemoryBackplaneLimits::default()),
            clock,
            section: Section::new("production", "forecast").unwrap(),
            ids: Arc::new(TestIds(rng.clone())),
            rng,
            nodes: Vec::new(),
        };
        cluster.add_nodes(n, parts).await;
        cluster
    }

    /// The same instances over the same backends, but all parts of them run.
    pub(super) async fn start(mut self) -> Self {
        let n = self.nodes.drain(..).count();
        self.add_nodes(n, &PARTS).await;
        self
    }

    async fn add_nodes(&mut self, n: usize, parts: &[Part]) {
        for number in 0..n {
            self.add_node(number, parts);
            // So that the first instance leads, in every test.
            pause(20).await;
        }
        if parts == PARTS {
            self.until("all instances hold a lease", ms(2_000), || self.all_trusted()).await;
        }
    }

    fn add_node(&mut self, number: usize, parts: &[Part]) {
        let wall: Arc<dyn WallClock> = self.clock.clone();
        let (store, shared): (Arc<dyn Store>, Arc<dyn SharedTier>) =
            (Arc::new(self.store.clone()), self.shared.clone());
        let bus = Arc::new(self.bus.clone());
        let backplane = Arc::new(TestBackplane {
            inner: Arc::new(self.backplane.clone()),
            holds: AtomicBool::new(false),
            held: AtomicU32::new(0),
            let_go: Notify::new(),
        });
        let wake = Wake::new();
        let ports = ForecastPorts {
            store,
            shared: shared.clone(),
            ids: self.ids.clone(),
            clock: wall.clone(),
            rng: self.rng.clone(),
            wake: wake.clone(),
        };
        let cache = CacheConfig {
            freshness: Freshness::EndToEnd,
            maintenance: Maintenance::EachOperation,
            ..CacheConfig::default()
        };
        let service = ForecastService::new(ForecastConfig { cache, ..ForecastConfig::default() }, ports, TestViews);
        let follower = service.caches().follower(backplane.clone(), self.section.clone(), FollowerConfig::default());
        let tracker = self.new_tracker(&backplane, &wake);
        let sync = self.new_sync(&backplane);
        let invalidation = InvalidationRoad::new(
            service.clone(),
            bus.clone(),
            self.rng.clone(),
            wake.clone(),
            &format!("node-{number}"),
        );
        let updated = UpdatedRoad::new(UpdatedRoadPorts { bus, shared, rng: self.rng.clone() }, wake.clone());
        let mut node = Node {
            wake: wake.clone(),
            events: service.caches().cache().events(),
            follower: follower.handle(),
            tracker: tracker.status(),
            sync: sync.status(),
            invalidation: invalidation.status(),
            updated: updated.status(),
            backplane,
            service,
            ices: BTreeMap::new(),
            stops: BTreeMap::new(),
            jobs: BTreeMap::new(),
        };
        let mut start = |part, make: Box<dyn FnOnce(Stop) -> Job>| {
            if parts.contains(&part) {
                node.start(part, make);
            }
        };
        start(Part::Follower, Box::new(|_| Box::pin(follower.run())));
        start(Part::Tracker, Box::new(|stop| Box::pin(tracker.run(stop))));
        start(Part::Sync, Box::new(|stop| Box::pin(sync.run(stop))));
        start(Part::Invalidation, Box::new(|stop| Box::pin(invalidation.run(stop))));
        start(Part::Updated, Box::new(|stop| Box::pin(updated.run(stop))));
        self.nodes.push(node);
    }
}

impl Cluster {
    fn new_sync(&self, backplane: &Arc<TestBackplane>) -> SyncService {
        let ports = SyncPorts {
            leases: Arc::new(self.store.clone()),
            store: Arc::new(self.store.clone()),
            bus: Arc::new(self.bus.clone()),
            parking: Arc::new(self.store.clone()),
            shared: self.shared.clone(),
            backplane: backplane.clone(),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            ids: self.ids.clone(),
        };
        SyncService::new(SyncConfig::new(self.section.clone()), ports)
    }

    pub(super) fn new_tracker(&self, backplane: &Arc<TestBackplane>, wake: &Wake) -> ChangeTracker {
        let ports = TrackerPorts {
            store: Arc::new(self.store.clone()),
            leases: Arc::new(self.store.clone()),
            feed: self.feed.clone(),
            bus: Arc::new(self.bus.clone()),
            backplane: backplane.clone(),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            ids: self.ids.clone(),
        };
        ChangeTracker::new(TrackerConfig::new(self.section.clone()), ports, wake.clone())
    }
}

type Job = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
type Stop = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Node {
    pub(super) fn start(&mut self, part: Part, make: impl FnOnce(Stop) -> Job) {
        let stop = Arc::new(Notify::new());
        let (told, ice) = (stop.clone(), Ice::default());
        let job = make(Box::pin(async move { told.notified().await }));
        self.jobs.insert(part, tokio::spawn(ice.around(job)));
        self.stops.insert(part, stop);
        self.ices.insert(part, ice);
    }

    /// Ends the part as a crash would: nothing is said, nothing is released.
    pub(super) fn kill(&self, part: Part) {
        self.jobs[&part].abort();
    }

    /// Ends the part in order.
    pub(super) async fn stop(&mut self, part: Part) {
        self.stops[&part].notify_one();
        self.jobs.remove(&part).unwrap().await.unwrap();
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.service.caches().cache().is_trusted()
    }

    /// What a client is answered.
    pub(super) async fn read(&self, id: ForecastId) -> (Option<f64>, Version, Level) {
        let answer = self.service.caches().get(id, None).await.unwrap();
        (answer.view.map(|forecast| forecast.demand), answer.version, answer.level)
    }

    /// The version that L2 holds and would serve.
    pub(super) async fn tracked(&self, id: ForecastId) -> Option<Version> {
        let report = self.service.caches().cache().explain(&forecast_key(id)).await;
        report.l2.filter(|tier| tier.served).map(|tier| tier.version)
    }

    /// A list of all forecasts of all companies.
    pub(super) async fn list_everything(&self) -> (Vec<f64>, bool) {
        let answer = self.service.list(&everyone(), &ListParams::from_query([("take", "20")]).unwrap()).await.unwrap();
        (answer.view.items.iter().map(|item| item.demand).collect(), answer.hit)
    }

    /// A list: the demands shown, and whether the output cache answered.
    pub(super) async fn list(&self, query: &[(&str, &str)]) -> (Vec<f64>, bool) {
        let params = ListParams::from_query(query.iter().copied()).unwrap();
        let answer = self.service.list(&caller(), &params).await.unwrap();
        (answer.view.items.iter().map(|item| item.demand).collect(), answer.hit)
    }

    pub(super) async fn create(&self, body: &Value) -> Forecast {
        match self.service.create(&caller(), request(body), None).await.unwrap() {
            Answered::Now(saved) => saved.forecast,
            Answered::Before(_) => panic!("nothing was named"),
        }
    }

    pub(super) async fn patch(&self, id: ForecastId, body: Value) -> Version {
        self.service.patch(&caller(), id, patch(&body), None).await.unwrap().version
    }

    /// The versions of DataChanged since the last call, for one forecast.
    pub(super) fn data_changed(&mut self, id: ForecastId) -> Vec<Option<Version>> {
        let mut versions = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            match event {
                CacheEvent::DataChanged { key, version } if key == forecast_key(id) => versions.push(version),
                _ => {}
            }
        }
        versions
    }
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) async fn pause(millis: u64) {
    tokio::time::sleep(ms(millis)).await;
}

impl Cluster {
    pub(super) fn all_trusted(&self) -> bool {
        self.nodes.iter().all(Node::is_trusted)
    }

    /// Waits until `is_so`, looking every 5 ms; answers how long it took.
    pub(super) async fn until(&self, what: &str, at_most: Duration, is_so: impl Fn() -> bool) -> Duration {
        let start = tokio::time::Instant::now();
        while !is_so() {
            assert!(start.elapsed() < at_most, "not within {at_most:?}: {what}\n{}", self.state());
            pause(5).await;
        }
        start.elapsed()
    }

    pub(super) fn state(&self) -> String {
        let state =
            |node: &Node| format!("{:?}\n{:?}\n{:?}", node.tracker.read(), node.sync.read(), node.follower.status());
        self.nodes.iter().map(state).collect::<Vec<_>>().join("\n---\n")
    }

    pub(super) fn leader(&self) -> Option<usize> {
        self.nodes.iter().position(|node| node.tracker.read().is_leader)
    }

    pub(super) fn tracker(&self) -> TrackerStatus {
        self.nodes[self.leader().unwrap()].tracker.read()
    }

    pub(super) fn sync_leader(&self) -> Option<usize> {
        self.nodes.iter().position(|node| node.sync.read().is_leader)
    }

    pub(super) fn sync(&self) -> SyncStatus {
        self.nodes[self.sync_leader().unwrap()].sync.read()
    }

    /// Every instance reads the forecast, so that it is tracked everywhere.
    pub(super) async fn warm(&self, id: ForecastId) {
        for node in &self.nodes {
            node.read(id).await;
        }
    }

    pub(super) async fn lookup(&self, id: ForecastId) -> Lookup {
        self.store.get(id).await.unwrap()
    }

    /// What every instance answers is what the store holds.
    pub(super) async fn assert_converged(&self, ids: &[ForecastId]) {
        for id in ids {
            let found = self.lookup(*id).await;
            let demand = match &found {
                Lookup::Found { forecast, .. } => Some(forecast.demand),
                Lookup::Absent { .. } => None,
            };
            for (number, node) in self.nodes.iter().enumerate() {
                let (answered, version, level) = node.read(*id).await;
                assert_eq!((answered, version), (demand, found.version()), "{id} at node {number} from {level:?}");
            }
        }
    }
}
