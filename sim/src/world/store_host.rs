//! The store's host: the memory store, and what the log must know of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapters::memory::MemoryStore;
use coherence::{FencingToken, Incarnation, Version, VersionId};
use domain::model::{Forecast, ForecastId};
use domain::ports::{
    Acquired, ChangeFeed, Committed, FeedBatch, FeedError, FeedPosition, LeaseName, Leases, Outbox, OutboxId, OutboxRow,
    ParkedEvent, Parking, Store, StoreError, WriteSet,
};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use crate::log::{Event, Ver, narrow};
use crate::wire::Net;

/// How often a stalled read of the feed looks again.
const STALL_LOOK: Duration = Duration::from_millis(20);

/// The store with its log. Clones share everything.
#[derive(Clone)]
pub struct StoreHost {
    /// The store itself.
    pub store: MemoryStore,
    /// The store's host on the network.
    pub net: Net,
    /// Whether the feed tells what SQL Server's Change Tracking tells: of each row the last change only, and not where it
    /// was filed before.
    pub coalesces: bool,
    /// The last outcome of a read of the feed.
    last_read: Arc<Mutex<Option<(u64, bool)>>>,
    /// What the rows of the outbox hold, by their ids.
    outbox: Arc<Mutex<BTreeMap<OutboxId, u64>>>,
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
    /// A store on its host.
    pub fn new(store: MemoryStore, net: Net, coalesces: bool) -> Self {
        Self { store, net, coalesces, last_read: Arc::default(), outbox: Arc::default() }
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
        self.store.raise_incarnation(above).await
    }

    pub(crate) async fn acquire(&self, name: LeaseName, holder: Uuid, life: Duration) -> Result<Acquired, StoreError> {
        let acquired = self.store.acquire(name, holder, life).await;
        if let Ok(Acquired::Held(lease)) = &acquired
            && lease.token > FencingToken(1)
        {
            self.net.mark(&format!("lease_taken_over_{name}"));
        }
        acquired
    }

    pub(crate) async fn renew(&self, name: LeaseName, token: FencingToken, life: Duration) -> Result<bool, StoreError> {
        let renewed = self.store.renew(name, token, life).await;
        if matches!(renewed, Ok(false)) {
            self.net.mark("renewal_refused");
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
        let batch = self.store.read(after, limit).await?;
        let outcome = (narrow(batch.position.0), batch.at_end);
        if lock(&self.last_read).replace(outcome) != Some(outcome) {
            let event = Event::FeedRead { to: outcome.0, at_end: outcome.1 };
            self.net.log.record(&self.net.host, None, event);
        }
        Ok(if self.coalesces { coalesced(batch) } else { batch })
    }

    async fn incarnation(&self) -> Incarnation {
        self.store.incarnation().await.unwrap_or_default()
    }

    /// Inserts behind the system's back.
    pub async fn bare_insert(&self, row: Forecast) {
        if let Ok(id) = self.store.bare_insert(row.clone()) {
            let after = Forecast { version_id: id, ..row };
            self.bare(after.id, id, Some(&after)).await;
        }
    }

    /// Changes behind the system's back.
    pub async fn bare_update(&self, id: ForecastId, demand: f64) {
        let mut after = None;
        let changed = self.store.bare_update(id, |row| {
            row.demand = demand;
            after = Some(row.clone());
        });
        if let (Ok(version_id), Some(row)) = (changed, after) {
            let after = Forecast { version_id, ..row };
            self.bare(id, version_id, Some(&after)).await;
        }
    }

    /// Deletes behind the system's back.
    pub async fn bare_delete(&self, id: ForecastId) {
        if let Ok(version) = self.store.bare_delete(id) {
            self.bare(id, version, None).await;
        }
    }

    async fn bare(&self, id: ForecastId, version: VersionId, after: Option<&Forecast>) {
        let version = Version { incarnation: self.incarnation().await, id: version };
        self.committed(id, version, after, true);
    }
}
