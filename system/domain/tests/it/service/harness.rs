//! A service over the memory adapters, with a store and a shared tier that can be made to misbehave.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use adapters::memory::{MemoryBus, MemoryBusConfig, MemoryStore, MemoryStoreConfig};
use async_trait::async_trait;
use coherence::shared::{MemorySharedTier, MemorySharedTierLimits};
use coherence::{
    Answer, Document, FillOutcome, FillToken, Incarnation, Key, Render, Rng, SharedError, SharedLookup, SharedTier,
    SharedValue, SharedWrite, StreamEpoch, Timestamp, Version, VersionId, WallClock, WriteOutcome,
};
use domain::forecast::{
    Answered, Caller, ForecastConfig, ForecastPorts, ForecastService, Listed, Role, Saved, ServiceError, Views,
};
use domain::model::{
    CompanyId, CreateForecast, Forecast, ForecastId, ListParams, NaturalKey, PatchForecast, Scope, UserId,
};
use domain::ports::{
    Bus, Committed, Consumer, Delivery, IdempotencyKey, IdempotencyRecord, Ids, ListPage, ListQuery, Lookup, StartAt,
    Store, StoreError, Subscription, SubscriptionKind, Topic, WriteSet,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::uuid;

/// Views as simple as they can be: the document, parsed.
#[derive(Clone)]
pub(crate) struct TestViews;

impl Render for TestViews {
    type View = Option<Arc<Forecast>>;

    fn render(&self, _key: &Key, document: &Document) -> Result<Self::View, String> {
        let read = |body: &bytes::Bytes| serde_json::from_slice(body).map(Arc::new).map_err(|error| error.to_string());
        document.body.as_ref().map(read).transpose()
    }

    fn weight_bytes(&self, _view: &Self::View) -> usize {
        300
    }

    fn normalise(&self, _key: &Key, body: bytes::Bytes) -> Result<bytes::Bytes, String> {
        let forecast: Forecast = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        serde_json::to_vec(&forecast).map(bytes::Bytes::from).map_err(|error| error.to_string())
    }
}

impl Views for TestViews {
    type List = Arc<Listed>;

    fn company_id(&self, view: &Self::View) -> Option<CompanyId> {
        view.as_ref().map(|forecast| forecast.company_id)
    }

    fn render_list(&self, page: &Listed) -> Result<Self::List, String> {
        Ok(Arc::new(page.clone()))
    }

    fn list_weight_bytes(&self, list: &Self::List) -> usize {
        300 * (1 + list.items.len())
    }
}

/// Wall time that follows tokio's.
pub(crate) struct TestClock(Instant);

impl WallClock for TestClock {
    fn now(&self) -> Timestamp {
        const START: i128 = 1_762_943_400_000_000_000;
        Timestamp::from_nanosecond(START + i128::try_from(self.0.elapsed().as_nanos()).unwrap()).unwrap()
    }
}

/// Splitmix64 from a seed; also makes the ids.
pub(crate) struct TestRng(AtomicU64);

impl Rng for TestRng {
    fn next_u64(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Ids for TestRng {
    fn uuid(&self) -> Uuid {
        Uuid::from_u64_pair(self.next_u64(), self.next_u64())
    }
}

/// The memory store, with faults.
pub(crate) struct TestStore {
    pub(crate) inner: MemoryStore,
    /// Reads of single rows, lists and natural keys.
    pub(crate) reads: AtomicU32,
    pub(crate) lists: AtomicU32,
    /// Everything that was asked to be committed.
    pub(crate) commits: Mutex<Vec<WriteSet>>,
    /// Commits wait here; closed to waiting by default.
    pub(crate) gate: Semaphore,
    pub(crate) gated: AtomicBool,
    /// Commits take effect but answer that they did not in time.
    pub(crate) forgets_to_answer: AtomicBool,
    pub(crate) down: AtomicBool,
    /// How long a commit takes, in milliseconds.
    pub(crate) commit_ms: AtomicU64,
    /// How long the answer of a look for a kept answer is on its way, in milliseconds.
    pub(crate) lookup_ms: AtomicU64,
    /// So many commits are outrun by another writer's.
    pub(crate) rivals: AtomicU32,
}

impl TestStore {
    fn up(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) { Err(StoreError::Unavailable(None)) } else { Ok(()) }
    }

    /// Another writer raises the demand of the row that is about to be written.
    async fn rival(&self, set: &WriteSet) {
        let one_less = |rivals: u32| rivals.checked_sub(1);
        if self.rivals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
            return;
        }
        for row in &set.rows {
            if let Lookup::Found { forecast, .. } = self.inner.get(row.id).await.unwrap() {
                let other = Forecast { demand: forecast.demand + 1.0, ..forecast.clone() };
                behind(&self.inner, other.revised(&forecast, forecast.updated_at)).await;
            }
        }
    }
}

/// A write that no cache is told of.
pub(crate) async fn behind(store: &MemoryStore, after: Forecast) {
    let expected = coherence::VersionId(after.version_id.0 - 1);
    let rows = vec![domain::ports::RowWrite { id: after.id, expected, after: Some(after) }];
    let incarnation = store.incarnation().await.unwrap();
    store
        .commit(WriteSet { incarnation, rows, outbox: Vec::new(), idempotency: None, traceparent: None })
        .await
        .unwrap();
}

#[async_trait]
impl Store for TestStore {
    async fn get(&self, id: ForecastId) -> Result<Lookup, StoreError> {
        self.up()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.get(id).await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        self.up()?;
        self.lists.fetch_add(1, Ordering::SeqCst);
        self.inner.list(query).await
    }

    async fn find(&self, keys: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError> {
        self.up()?;
        self.inner.find(keys).await
    }

    async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError> {
        self.up()?;
        self.commits.lock().unwrap().push(set.clone());
        if self.gated.load(Ordering::SeqCst) {
            self.gate.acquire().await.unwrap().forget();
        }
        tokio::time::sleep(Duration::from_millis(self.commit_ms.load(Ordering::SeqCst))).await;
        self.rival(&set).await;
        let committed = self.inner.commit(set).await?;
        if self.forgets_to_answer.load(Ordering::SeqCst) { Err(StoreError::Timeout) } else { Ok(committed) }
    }

    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        self.up()?;
        let found = self.inner.idempotency(key).await;
        tokio::time::sleep(Duration::from_millis(self.lookup_ms.load(Ordering::SeqCst))).await;
        found
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        self.up()?;
        self.inner.incarnation().await
    }

    async fn versions(&self, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
        self.up()?;
        self.inner.versions(ids).await
    }

    async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError> {
        self.inner.raise_incarnation(above).await
    }
}

/// The in-process shared tier, which can be down.
pub(crate) struct TestShared {
    pub(crate) inner: MemorySharedTier,
    pub(crate) down: AtomicBool,
}

impl TestShared {
    fn up(&self) -> Result<(), SharedError> {
        if self.down.load(Ordering::SeqCst) { Err(SharedError::Timeout) } else { Ok(()) }
    }
}

#[async_trait]
impl SharedTier for TestShared {
    async fn get(&self, key: &Key, token: FillToken, epoch: StreamEpoch) -> Result<SharedLookup, SharedError> {
        self.up()?;
        self.inner.get(key, token, epoch).await
    }

    async fn fill(
        &self,
        key: &Key,
        token: FillToken,
        value: SharedValue,
        ttl: Duration,
    ) -> Result<FillOutcome, SharedError> {
        self.up()?;
        self.inner.fill(key, token, value, ttl).await
    }

    async fn raise(&self, key: &Key, version: Version) -> Result<(), SharedError> {
        self.up()?;
        self.inner.raise(key, version).await
    }

    async fn write(&self, key: &Key, write: SharedWrite) -> Result<WriteOutcome, SharedError> {
        self.up()?;
        self.inner.write(key, write).await
    }

    async fn versions(&self, keys: &[Key], epoch: StreamEpoch) -> Result<Vec<Option<Version>>, SharedError> {
        self.up()?;
        self.inner.versions(keys, epoch).await
    }

    async fn drop_key(&self, key: &Key) -> Result<(), SharedError> {
        self.up()?;
        self.inner.drop_key(key).await
    }
}

/// One instance with its backends.
pub(crate) struct House {
    pub(crate) service: ForecastService<TestViews>,
    pub(crate) store: Arc<TestStore>,
    pub(crate) shared: Arc<TestShared>,
    pub(crate) bus: MemoryBus,
    pub(crate) ports: ForecastPorts,
}

impl House {
    pub(crate) fn new() -> Self {
        let clock: Arc<dyn WallClock> = Arc::new(TestClock(Instant::now()));
        let bus = MemoryBus::new(MemoryBusConfig::default(), Arc::clone(&clock));
        let store = Arc::new(TestStore {
            inner: MemoryStore::new(MemoryStoreConfig::default(), bus.clone(), Arc::clone(&clock)),
            reads: AtomicU32::new(0),
            lists: AtomicU32::new(0),
            commits: Mutex::default(),
            gate: Semaphore::new(0),
            gated: AtomicBool::new(false),
            forgets_to_answer: AtomicBool::new(false),
            down: AtomicBool::new(false),
            commit_ms: AtomicU64::new(0),
            lookup_ms: AtomicU64::new(0),
            rivals: AtomicU32::new(0),
        });
        let inner = MemorySharedTier::new(MemorySharedTierLimits::default());
        let shared = Arc::new(TestShared { inner, down: AtomicBool::new(false) });
        let rng = Arc::new(TestRng(AtomicU64::new(7)));
        let ports = ForecastPorts {
            store: Arc::clone(&store) as _,
            shared: Arc::clone(&shared) as _,
            ids: Arc::clone(&rng) as _,
            clock,
            rng,
            wake: domain::Wake::new(),
        };
        let service = ForecastService::new(ForecastConfig::default(), ports.clone(), TestViews);
        Self { service, store, shared, bus, ports }
    }

    /// Another instance over the same backends.
    pub(crate) fn sibling(&self) -> ForecastService<TestViews> {
        self.sibling_with(ForecastConfig::default())
    }

    pub(crate) fn sibling_with(&self, config: ForecastConfig) -> ForecastService<TestViews> {
        ForecastService::new(config, self.ports.clone(), TestViews)
    }

    pub(crate) async fn create(&self, body: &Value) -> Forecast {
        match self.service.create(&caller(), request(body), None).await.unwrap() {
            Answered::Now(saved) => saved.forecast,
            Answered::Before(_) => panic!("nothing was named"),
        }
    }

    pub(crate) async fn get(&self, id: ForecastId) -> Answer<Option<Arc<Forecast>>> {
        self.service.get(&caller(), id, None).await.unwrap()
    }

    pub(crate) async fn demand(&self, id: ForecastId) -> f64 {
        self.get(id).await.view.unwrap().demand
    }

    pub(crate) async fn patch(&self, id: ForecastId, body: Value) -> Result<Saved, ServiceError> {
        self.service.patch(&caller(), id, patch(&body), None).await
    }

    pub(crate) async fn list(&self, caller: &Caller, query: &[(&str, &str)]) -> (Vec<f64>, bool) {
        let params = ListParams::from_query(query.iter().copied()).unwrap();
        let answer = self.service.list(caller, &params).await.unwrap();
        (answer.view.items.iter().map(|item| item.demand).collect(), answer.hit)
    }

    /// A subscriber from the very beginning of a topic.
    pub(crate) async fn subscriber(&self, topic: Topic) -> Box<dyn Consumer> {
        let subscription = Subscription {
            topic,
            name: "test".to_owned(),
            kind: SubscriptionKind::Exclusive,
            durable: true,
            start: StartAt::Earliest,
        };
        self.bus.subscribe(subscription).await.unwrap()
    }

    /// All events of a topic so far, once each.
    pub(crate) async fn events(&self, topic: Topic) -> Vec<Value> {
        let mut subscriber = self.subscriber(topic).await;
        let mut events = Vec::new();
        while let Ok(delivery) = tokio::time::timeout(Duration::from_secs(1), subscriber.next()).await {
            let Delivery::Message(message) = delivery.unwrap() else { panic!("the connection stands") };
            events.push(serde_json::from_slice(&message.message.payload).unwrap());
        }
        events
    }
}

pub(crate) const COMPANY: u128 = 0xc0;
pub(crate) const UNIT: u128 = 0xa0;

pub(crate) fn company(number: u128) -> CompanyId {
    CompanyId(uuid(number))
}

/// May read and write the forecasts of [`COMPANY`].
pub(crate) fn caller() -> Caller {
    caller_of([COMPANY])
}

pub(crate) fn caller_of(companies: impl IntoIterator<Item = u128>) -> Caller {
    Caller {
        user: UserId(uuid(0x05)),
        scope: Scope::Companies(companies.into_iter().map(company).collect()),
        roles: BTreeSet::from([Role::ForecastWrite]),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

pub(crate) fn everyone() -> Caller {
    Caller { scope: Scope::All, ..caller() }
}

/// A request body for the day with this number.
pub(crate) fn body(day: u32, demand: f64) -> Value {
    json!({
        "companyId": uuid(COMPANY).to_string(), "productionUnitId": uuid(UNIT).to_string(),
        "forecastDate": format!("2025-11-{day:02}T00:00:00Z"), "demand": demand, "confidence": 0.9,
    })
}

pub(crate) fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

pub(crate) fn request(body: &Value) -> CreateForecast {
    CreateForecast::from_json(body.to_string().as_bytes()).unwrap()
}

pub(crate) fn patch(body: &Value) -> PatchForecast {
    PatchForecast::from_json(body.to_string().as_bytes()).unwrap()
}
