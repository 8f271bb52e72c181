//! The ports of the store, from afar: rows, leases, parking, outbox, change feed.

use std::time::Duration;

use async_trait::async_trait;
use coherence::{FencingToken, Incarnation, VersionId};
use domain::model::{Forecast, ForecastId, NaturalKey};
use domain::ports::{
    Acquired, ChangeFeed, Committed, FeedBatch, FeedError, FeedPosition, IdempotencyKey, IdempotencyRecord, LeaseName,
    Leases, ListPage, ListQuery, Lookup, Outbox, OutboxId, OutboxRow, ParkedEvent, ParkedId, Parking, Store,
    StoreError, WriteSet,
};
use uuid::Uuid;

use super::conn::WireError;
use super::link::Link;
use super::net::Net;
use crate::world::{STORE, STORE_PORT, StoreHost};

/// The store behind the wire.
pub struct RemoteStore {
    link: Link<StoreHost>,
}

impl RemoteStore {
    /// The store as the host of `net` reaches it.
    pub fn new(net: Net) -> Self {
        Self { link: Link::new(net, STORE, STORE_PORT) }
    }
}

fn store_error(error: WireError) -> StoreError {
    match error {
        WireError::Broken => StoreError::Unavailable(None),
        WireError::Timeout => StoreError::Timeout,
    }
}

fn feed_error(error: WireError) -> FeedError {
    match error {
        WireError::Broken => FeedError::Unavailable(None),
        WireError::Timeout => FeedError::Timeout,
    }
}

#[async_trait]
impl Store for RemoteStore {
    async fn get(&self, id: ForecastId) -> Result<Lookup, StoreError> {
        let get = move |host: StoreHost| async move { Store::get(&host.store, id).await };
        self.link.call_about(get, || Some(id.to_string())).await.map_err(store_error)?
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        let query = query.clone();
        self.link.call(move |host| async move { host.store.list(&query).await }).await.map_err(store_error)?
    }

    async fn find(&self, keys: &[NaturalKey]) -> Result<(Incarnation, Vec<Option<Forecast>>), StoreError> {
        let keys = keys.to_vec();
        self.link.call(move |host| async move { host.store.find(&keys).await }).await.map_err(store_error)?
    }

    async fn commit(&self, set: WriteSet) -> Result<Committed, StoreError> {
        let ids = set.rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>().join(" ");
        let commit = move |host: StoreHost| async move { host.commit(set).await };
        self.link.call_about(commit, || Some(ids)).await.map_err(store_error)?
    }

    async fn idempotency(&self, key: &IdempotencyKey) -> Result<Option<IdempotencyRecord>, StoreError> {
        let key = key.clone();
        self.link.call(move |host| async move { host.store.idempotency(&key).await }).await.map_err(store_error)?
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        self.link.call(|host| async move { host.store.incarnation().await }).await.map_err(store_error)?
    }

    async fn versions(&self, ids: &[ForecastId]) -> Result<(Incarnation, Vec<VersionId>), StoreError> {
        let ids = ids.to_vec();
        let known = self.link.call(move |host| async move { host.store.versions(&ids).await }).await;
        self.link.dawdle().await;
        known.map_err(store_error)?
    }

    async fn raise_incarnation(&self, above: Incarnation) -> Result<Incarnation, StoreError> {
        self.link.call(move |host| async move { host.raise_incarnation(above).await }).await.map_err(store_error)?
    }
}

#[async_trait]
impl Leases for RemoteStore {
    async fn acquire(&self, name: LeaseName, holder: Uuid, life: Duration) -> Result<Acquired, StoreError> {
        self.link.call(move |host| async move { host.acquire(name, holder, life).await }).await.map_err(store_error)?
    }

    async fn renew(&self, name: LeaseName, token: FencingToken, life: Duration) -> Result<bool, StoreError> {
        let renewed = self.link.call(move |host| async move { host.renew(name, token, life).await });
        renewed.await.map_err(store_error)?
    }

    async fn release(&self, name: LeaseName, token: FencingToken) -> Result<(), StoreError> {
        self.link.call(move |host| async move { host.store.release(name, token).await }).await.map_err(store_error)?
    }

    async fn move_cursor(&self, name: LeaseName, token: FencingToken, to: FeedPosition) -> Result<bool, StoreError> {
        let moved = self.link.call(move |host| async move { host.move_cursor(name, token, to).await });
        moved.await.map_err(store_error)?
    }
}

#[async_trait]
impl Outbox for RemoteStore {
    async fn pending(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        self.link.call(move |host| async move { host.pending(limit).await }).await.map_err(store_error)?
    }

    async fn mark_sent(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        self.link.call(move |host| async move { host.mark_sent(&ids).await }).await.map_err(store_error)?
    }
}

#[async_trait]
impl Parking for RemoteStore {
    async fn park(&self, event: ParkedEvent) -> Result<(), StoreError> {
        self.link.call(move |host| async move { host.park(event).await }).await.map_err(store_error)?
    }

    async fn parked(&self, limit: u32) -> Result<Vec<ParkedEvent>, StoreError> {
        self.link.call(move |host| async move { host.store.parked(limit).await }).await.map_err(store_error)?
    }

    async fn get(&self, id: ParkedId) -> Result<Option<ParkedEvent>, StoreError> {
        let found = self.link.call(move |host| async move { Parking::get(&host.store, id).await });
        found.await.map_err(store_error)?
    }

    async fn discard(&self, id: ParkedId) -> Result<bool, StoreError> {
        self.link.call(move |host| async move { host.store.discard(id).await }).await.map_err(store_error)?
    }
}

#[async_trait]
impl ChangeFeed for RemoteStore {
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        self.link.call(move |host| async move { host.read_feed(after, limit).await }).await.map_err(feed_error)?
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        self.link.call(|host| async move { host.store.end().await }).await.map_err(feed_error)?
    }
}
