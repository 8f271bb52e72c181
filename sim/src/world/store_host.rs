//! The store's host: the memory store, and what the log must know of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapters::memory::MemoryStore;
use coherence::{FencingToken, Incarnation, Timestamp, Version, VersionId};
use domain::model::{CompanyId, Forecast, ForecastId, UnitId};
use domain::ports::{
    Acquired, ChangeFeed, Committed, FeedBatch, FeedError, FeedPosition, LeaseName, Leases, Outbox, OutboxId,
    OutboxRow, ParkedEvent, Parking, Store, StoreError, WriteSet,
};
use futures_util::FutureExt;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::backup::Unnoticed;
use super::notify_host::NotifyHost;
use crate::log::{Event, Ver, narrow};
use crate::wire::Net;

/// How often a stalled read of the feed looks again.
const STALL_LOOK: Duration = Duration::from_millis(20);

/// The store with its log. Clones share everything.
#[derive(Clone)]
pub struct StoreHost {
    /// The store itself.
    pub store: MemoryStore,
    /// The store of notifications: another database on the same host.
    pub notify: NotifyHost,
    /// The store's host on the network.
    pub net: Net,
    /// Whether the feed tells what SQL Server's Change Tracking tells: of each row the last change only, and not where it
    /// was filed before.
    pub coalesces: bool,
    /// The last outcome of a read of the feed.
    last_read: Arc<Mutex<Option<(u64, bool)>>>,
    /// What the rows of the outbox hold, by their ids.
    outbox: Arc<Mutex<BTreeMap<OutboxId, u64>>>,
    /// The feed begins here.
    pruned_to: Arc<Mutex<FeedPosition>>,
    pub(super) unnoticed: Unnoticed,
}

/// Hash of a document's text, as it is sent.
fn digest(row: &Forecast) -> u64 {
    xxh3_64(&serde_json::to_vec(row).unwrap_or_default())
}

fn coalesced(mut batch: FeedBatch) -> FeedBatch {
    let last: BTreeMap<ForecastId, FeedPosition> =
        batch.changes.iter().map(|change| (change.id, change.position)).collect();
    batch.changes.retain(|change| last.get(&change.id) == Some(&change.position));
    for change in &mut batch.changes {
        change.before = None;
    }
    batch
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StoreHost {
    /// A store with its log, on the host of `net`.
    pub fn new(store: MemoryStore, notify: NotifyHost, net: Net, coalesces: bool) -> Self {
        let unnoticed = Unnoticed::default();
        Self {
            store,
            notify,
            net,
            coalesces,
            last_read: Arc::default(),
            outbox: Arc::default(),
            pruned_to: Arc::default(),
            unnoticed,
        }
    }

    fn committed(&self, id: ForecastId, version: Version, after: Option<&Forecast>, behind: bool) {
        let event = Event::Committed {
            key: id.0,
            company: after.map(|row| row.company_id.0),
            version: Ver::from(version),
            digest: after.map(digest),
            behind,
        };
        self.net.log.record(&self.net.host, None, event);
    }

    /// Commits, and writes down what was committed.
    pub(crate) async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError> {
        if self.would_hide(set.rows.len()).await {
            return Err(StoreError::Unavailable(None));
        }
        let rows = set.rows.clone();
        let incarnation = set.incarnation;
        let outcome = self.store.commit(set).await;
        match &outcome {
            Ok(_) => {
                for row in rows {
                    let version = Version { incarnation, id: row.expected.next() };
                    self.committed(row.id, version, row.after.as_ref(), false);
                }
            }
            Err(StoreError::Conflict { .. }) => self.net.mark("commit_conflict"),
            Err(_) => {}
        }
        outcome
    }

    pub(crate) async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError> {
        self.net.mark("incarnation_raised");
        let raised = self.store.raise_incarnation(above).await;
        self.began(raised.as_ref().ok().copied()).await;
        self.raised();
        raised
    }

    /// Writes down where the feed ends as this life begins.
    pub(super) async fn began(&self, life: Option<Incarnation>) {
        if let (Some(life), Ok(end)) = (life, self.store.end().await) {
            let event = Event::LifeBegan { life: life.0, end: narrow(end.0) };
            self.net.log.record(&self.net.host, None, event);
        }
    }

    /// What nobody has read of the feed yet goes.
    pub fn prune_feed(&self) {
        let store = self.store.clone();
        if let Some(Ok(end)) = self.net.time.inside(async move { store.end().await }).now_or_never() {
            *lock(&self.pruned_to) = end;
            self.net.mark("feed_pruned");
            self.net.log.record(&self.net.host, None, Event::FeedPruned { to: narrow(end.0) });
        }
    }

    /// A feed that was put back ends at `end`: nothing later was pruned from it.
    pub(super) fn unprune(&self, end: FeedPosition) {
        let mut pruned_to = lock(&self.pruned_to);
        *pruned_to = (*pruned_to).min(end);
    }

    fn leased(&self, name: LeaseName, term: Ver, life: Duration) {
        let until_ms = self.net.time.now_ms() + u64::try_from(life.as_millis()).unwrap_or_default();
        self.net.log.record(&self.net.host, None, Event::Leased { name: name.to_string(), term, until_ms });
    }

    pub(crate) async fn acquire(&self, name: LeaseName, holder: Uuid, life: Duration) -> Result<Acquired, StoreError> {
        let acquired = self.store.acquire(name, holder, life).await;
        if let Ok(Acquired::Held(lease)) = &acquired {
            self.leased(name, Ver(lease.incarnation.0, lease.token.0), life);
        }
        if let Ok(Acquired::Held(lease)) = &acquired
            && lease.token > FencingToken(1)
        {
            self.net.mark(&format!("lease_taken_over_{name}"));
        }
        acquired
    }

    pub(crate) async fn renew(&self, name: LeaseName, token: FencingToken, life: Duration) -> Result<bool, StoreError> {
        let renewed = self.store.renew(name, token, life).await;
        match renewed {
            Ok(true) => self.leased(name, Ver(self.incarnation().await.0, token.0), life),
            Ok(false) => self.net.mark("renewal_refused"),
            Err(_) => {}
        }
        renewed
    }

    pub(crate) async fn pending(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = self.store.pending(limit).await?;
        let is_old = |row: &OutboxRow| self.net.time.wall().duration_since(row.born_at).as_millis() > 1_000;
        if rows.iter().any(is_old) {
            self.net.mark("outbox_swept_late");
        }
        lock(&self.outbox).extend(rows.iter().map(|row| (row.id, xxh3_64(&row.message.payload))));
        Ok(rows)
    }

    pub(crate) async fn mark_sent(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        for id in ids {
            if let Some(payload) = lock(&self.outbox).remove(id) {
                self.net.log.record(&self.net.host, None, Event::MarkedSent { payload });
            }
        }
        self.store.mark_sent(ids).await
    }

    pub(crate) async fn move_cursor(
        &self,
        name: LeaseName,
        token: FencingToken,
        to: FeedPosition,
    ) -> Result<bool, StoreError> {
        let moved = self.store.move_cursor(name, token, to).await;
        if name == LeaseName::Tracker && matches!(moved, Ok(true)) {
            let term = Ver(self.incarnation().await.0, token.0);
            self.net.log.record(&self.net.host, None, Event::CursorMoved { term, to: narrow(to.0) });
        }
        moved
    }

    pub(crate) async fn park(&self, event: ParkedEvent) -> Result<(), StoreError> {
        self.net.mark("event_parked");
        self.store.park(event).await
    }

    pub(crate) async fn read_feed(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        while self.net.weather.is_feed_stalled() {
            tokio::time::sleep(STALL_LOOK).await;
        }
        let back = u128::from(self.net.weather.feed_back(self.net.time.now_ms()));
        let from = FeedPosition(after.0.saturating_sub(back));
        let minimum = *lock(&self.pruned_to);
        if after < minimum {
            return Err(FeedError::BehindMinimum { minimum });
        }
        let batch = self.store.read(from.max(minimum), limit).await?;
        if batch.changes.first().is_some_and(|change| change.position <= after) {
            self.net.mark("feed_replayed");
        }
        let outcome = (narrow(batch.position.0), batch.at_end);
        if lock(&self.last_read).replace(outcome) != Some(outcome) {
            let event = Event::FeedRead { to: outcome.0, at_end: outcome.1 };
            self.net.log.record(&self.net.host, None, event);
        }
        Ok(if self.coalesces { coalesced(batch) } else { batch })
    }

    pub(super) async fn incarnation(&self) -> Incarnation {
        self.store.incarnation().await.unwrap_or_default()
    }

    /// Inserts behind the system's back; answers whether there was room.
    pub async fn bare_insert(&self, row: Forecast) -> bool {
        if self.would_hide(1).await {
            return false;
        }
        let Ok(id) = self.store.bare_insert(row.clone()) else { return false };
        let after = Forecast { version_id: id, ..row };
        self.bare(after.id, id, Some(&after)).await;
        true
    }

    /// Changes behind the system's back.
    pub async fn bare_update(&self, id: ForecastId, demand: f64) {
        self.bare_change(id, |row| row.demand = demand).await;
    }

    /// Files a row elsewhere behind the system's back.
    pub async fn bare_move(&self, id: ForecastId, company: Uuid, unit: Uuid, date: Timestamp) {
        let change = |row: &mut Forecast| {
            (row.company_id, row.production_unit_id) = (CompanyId(company), UnitId(unit));
            row.forecast_date = date;
        };
        self.bare_change(id, change).await;
    }

    async fn bare_change(&self, id: ForecastId, change: impl FnOnce(&mut Forecast)) {
        if self.would_hide(1).await {
            return;
        }
        let mut after = None;
        let changed = self.store.bare_update(id, |row| {
            change(row);
            after = Some(row.clone());
        });
        if let (Ok(version_id), Some(row)) = (changed, after) {
            let after = Forecast { version_id, ..row };
            self.bare(id, version_id, Some(&after)).await;
        }
    }

    /// Deletes behind the system's back.
    pub async fn bare_delete(&self, id: ForecastId) {
        if self.would_hide(1).await {
            return;
        }
        if let Ok(version) = self.store.bare_delete(id) {
            self.bare(id, version, None).await;
        }
    }

    async fn bare(&self, id: ForecastId, version: VersionId, after: Option<&Forecast>) {
        let version = Version { incarnation: self.incarnation().await, id: version };
        self.committed(id, version, after, true);
    }
}
