//! ForecastService: reads, and how writes run.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use coherence::{
    Answer, CacheConfig, QueryAnswer, ReadError, ReadOptions, Rng, SharedTier, Timestamp, Version, WallClock, mutant,
};
use tokio::sync::{Mutex, MutexGuard, Semaphore};

use super::changes::{Announcer, Change};
use super::idempotency::InFlight;
use super::{CacheManager, Caller, ServiceError, Views};
use crate::model::{Forecast, ForecastId, ListParams, forecast_key};
use crate::ports::{IdempotencyRecord, Ids, Store, StoreError, WriteSet};
use crate::wake::Wake;

/// The most writes at a time; more are refused as busy.
pub const WRITES_MAX: usize = 1_024;
/// How often a write reads again because others wrote the same rows meanwhile.
pub const ATTEMPTS_MAX: u32 = 8;
/// The first wait between two attempts; it doubles.
const BACKOFF: Duration = Duration::from_millis(2);
/// In how many queues the writers of single forecasts stand.
const STRIPES: usize = 64;
/// How many changes of one batch are told to the shared tier at a time.
const TELLS_MAX: usize = 16;

/// What the service needs from outside.
#[derive(Clone)]
pub struct ForecastPorts {
    /// L4.
    pub store: Arc<dyn Store>,
    /// L3.
    pub shared: Arc<dyn SharedTier>,
    /// Ids of forecasts and events.
    pub ids: Arc<dyn Ids>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// Told of each commit: the tracker's, and the relay's where there is an outbox ([`Wake::joined`]).
    pub wake: Wake,
}

/// What can be set about the service.
#[derive(Debug, Clone)]
pub struct ForecastConfig {
    /// Sizes of the caches.
    pub cache: CacheConfig,
    /// How reads of one forecast behave.
    pub read: ReadOptions,
    /// How lists behave.
    pub list: ReadOptions,
    /// How long the answers of named requests are kept.
    pub idempotency_life: Duration,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            cache: CacheConfig::default(),
            read: ReadOptions::default(),
            list: ReadOptions::default(),
            idempotency_life: DAY,
        }
    }
}

/// The use cases of forecasts, for one instance. Clones share everything.
pub struct ForecastService<R: Views> {
    pub(super) inner: Arc<Inner<R>>,
}

impl<R: Views> Clone for ForecastService<R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

pub(super) struct Inner<R: Views> {
    pub(super) caches: CacheManager<R>,
    pub(super) ports: ForecastPorts,
    pub(super) in_flight: Arc<InFlight>,
    idempotency_life: Duration,
    writes: Arc<Semaphore>,
    /// Writers of one forecast in this instance queue up instead of running into each other's versions.
    stripes: Vec<Mutex<()>>,
}

/// A change is known everywhere after so many seconds: far above the bound on it (5 s), and on what clocks differ by.
const HEARD_BY_ALL_S: i64 = 60;

impl<R: Views> ForecastService<R> {
    /// The service over empty caches.
    pub fn new(config: ForecastConfig, ports: ForecastPorts, views: R) -> Self {
        let (store, shared, rng) = (Arc::clone(&ports.store), Arc::clone(&ports.shared), Arc::clone(&ports.rng));
        let clock = Arc::clone(&ports.clock);
        let caches = CacheManager::new(config.cache, [config.read, config.list], views, store, shared, rng, clock);
        Self {
            inner: Arc::new(Inner {
                caches,
                ports,
                in_flight: Arc::default(),
                idempotency_life: config.idempotency_life,
                writes: Arc::new(Semaphore::new(WRITES_MAX)),
                stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            }),
        }
    }

    /// The caches, for their events, counters and sizes.
    pub fn caches(&self) -> &CacheManager<R> {
        &self.inner.caches
    }

    /// `GET /forecasts/{id}`, of at least `min_version`.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or [`ServiceError::NotFoundStale`], also for a forecast outside the caller's scope.
    pub async fn get(
        &self,
        caller: &Caller,
        id: ForecastId,
        min_version: Option<Version>,
    ) -> Result<Answer<R::View>, ServiceError> {
        let caches = &self.inner.caches;
        match caches.get(id, min_version).await {
            Ok(answer) => self.seen(caller, answer),
            // Only who sees the forecast may learn which version it has, or that it has one.
            Err(ReadError::BelowMinimum { actual }) => {
                self.seen(caller, caches.get(id, None).await?)?;
                Err(ServiceError::BelowMinimum { actual })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn seen(&self, caller: &Caller, answer: Answer<R::View>) -> Result<Answer<R::View>, ServiceError> {
        match self.inner.caches.views().company_id(&answer.view) {
            Some(company) if caller.sees(company) => Ok(answer),
            _ if answer.stale => Err(ServiceError::NotFoundStale),
            _ => Err(ServiceError::NotFound),
        }
    }

    /// `GET /forecasts`.
    ///
    /// # Errors
    /// [`ServiceError`], if there is no answer.
    pub async fn list(&self, caller: &Caller, params: &ListParams) -> Result<QueryAnswer<R::List>, ServiceError> {
        Ok(self.inner.caches.list(&caller.scope, params).await?)
    }

    /// Takes no more writes, and answers when those that run are done. The caller sets the deadline.
    pub async fn drain(&self) {
        let all = u32::try_from(WRITES_MAX).unwrap_or(u32::MAX);
        let permits = self.inner.writes.acquire_many(all).await;
        self.inner.writes.close();
        drop(permits);
    }

    /// Runs a write as a task of its own: it ends even if nobody waits for it any more.
    pub(super) async fn detached<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let permit = Arc::clone(&self.inner.writes).try_acquire_owned().map_err(|_| ServiceError::Busy)?;
        let task = tokio::spawn(async move {
            let result = write.await;
            drop(permit);
            result
        });
        match task.await {
            Ok(result) => result,
            Err(error) => Err(ServiceError::Internal(format!("a write was broken off: {error}"))),
        }
    }
}

impl<R: Views> Inner<R> {
    pub(super) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// When an answer that is kept now may be forgotten.
    pub(super) fn idempotency_end(&self) -> Timestamp {
        self.now().checked_add(self.idempotency_life).unwrap_or(Timestamp::MAX)
    }

    /// The turn to write a forecast.
    pub(super) async fn turn(&self, id: ForecastId) -> Option<MutexGuard<'_, ()>> {
        let stripe = usize::try_from(id.0.as_u128() % STRIPES as u128).ok()?;
        Some(self.stripes.get(stripe)?.lock().await)
    }

    /// Whether more than what the store just said of a row is known here. Others were faster meanwhile; or, where that
    /// does not change, the store was put back and nobody has noticed yet: then a write would repeat a version.
    pub(super) fn is_outrun(&self, id: ForecastId, actual: Version) -> bool {
        self.caches.cache().floor(&forecast_key(id)) > actual && !mutant!(OutrunIgnored)
    }

    /// Waits before attempt number `attempt` + 1.
    pub(super) async fn back_off(&self, attempt: u32) {
        let wait = BACKOFF * 2u32.saturating_pow(attempt);
        tokio::time::sleep(wait.mul_f64(self.ports.rng.factor(0.5))).await;
    }

    /// Commits the changes with their events, then tells the caches. When this answers, this instance shows nothing older.
    ///
    /// # Errors
    /// The store's. If it is unknown whether the commit took effect, the caches are told to forget.
    pub(super) async fn commit(
        &self,
        announcer: &Announcer<'_>,
        changes: &[Change],
        idempotency: Option<IdempotencyRecord>,
    ) -> Result<(), Refused> {
        let mut outbox = Vec::with_capacity(2 * changes.len());
        for change in changes {
            outbox.extend(announcer.events(change).map_err(Refused::Failed)?);
        }
        let rows = changes.iter().map(Change::row_write).collect();
        let traceparent = announcer.caller.traceparent.clone();
        let set = WriteSet { incarnation: announcer.incarnation, rows, outbox, idempotency, traceparent };
        let committed = self.ports.store.commit(set).await;
        match committed {
            Ok(_) => {
                self.ports.wake.wake();
                if !mutant!(OwnWriteSkipsCaches) {
                    self.tell(changes, Some(announcer)).await;
                }
                Ok(())
            }
            Err(error @ (StoreError::Conflict { .. } | StoreError::IncarnationChanged { .. })) => {
                Err(Refused::Outrun(error))
            }
            Err(error @ StoreError::NaturalKeyTaken { .. }) => Err(Refused::Outrun(error)),
            Err(StoreError::IdempotencyKeyTaken) => Err(Refused::Answered),
            Err(error @ (StoreError::Unavailable(_) | StoreError::Timeout)) => {
                self.ports.wake.wake();
                self.tell(changes, None).await;
                Err(Refused::Failed(error.into()))
            }
            Err(error @ (StoreError::Full(_) | StoreError::Corrupt(_))) => Err(Refused::Failed(error.into())),
        }
    }

    /// A version that was read from the store, and not written, is about to be told to the caller: the caches, which may
    /// not have heard of it yet, show nothing older afterwards (C1).
    pub(super) fn shown(&self, id: ForecastId, version: Version) {
        if !mutant!(ShownIsNoFloor) {
            self.caches.cache().shown(&[(forecast_key(id), version)]);
        }
    }

    /// A write that changes nothing, since the row is so already: perhaps it was asked for once more after its answer was
    /// lost. Its caller is shown what it wrote in lists too, also in those that nobody told yet of the row.
    /// Where this instance was told of it, or it is so old that all were, lists were outdated then.
    pub(super) fn unchanged(&self, row: &Forecast, version: Version) {
        let is_told = self.caches.cache().has_heard(&forecast_key(row.id), version);
        let is_old = self.now().duration_since(row.updated_at).as_secs() > HEARD_BY_ALL_S;
        self.shown(row.id, version);
        if !is_told && !is_old && !mutant!(UnchangedLeavesLists) {
            self.caches.outdate_lists(&row.placement().tags());
        }
    }

    /// Tells the caches: the new versions, or, where nobody knows, to forget.
    async fn tell(&self, changes: &[Change], known: Option<&Announcer<'_>>) {
        use futures_util::stream::{StreamExt as _, iter};
        let each = iter(changes).for_each_concurrent(TELLS_MAX, |change| async move {
            let (key, tags) = (change.key(), change.tags());
            match known {
                Some(announcer) => {
                    let version = Version { incarnation: announcer.incarnation, id: change.version_id() };
                    self.caches.changed(&key, version, &tags).await;
                }
                None => self.caches.invalidate(&key, &tags).await,
            }
        });
        each.await;
    }
}

/// Why a commit did not happen.
#[derive(Debug)]
pub(super) enum Refused {
    /// Others were first: what was read is old. Read again.
    Outrun(StoreError),
    /// An answer is kept under the request's idempotency key by now.
    Answered,
    /// It cannot be done.
    Failed(ServiceError),
}
