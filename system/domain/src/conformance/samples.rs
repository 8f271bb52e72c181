//! Rows, sets and messages to test with.

use std::collections::BTreeMap;

use bytes::Bytes;
use coherence::{Incarnation, Timestamp, VersionId};
use uuid::Uuid;

use crate::model::{CompanyId, Forecast, ForecastId, ProviderId, Scope, Status, UnitId};
use crate::ports::{
    ListQuery, Lookup, OutboxEvent, Outgoing, PageStart, ParkedEvent, ParkedId, RowWrite, Store, StoreError, Topic,
    WriteSet,
};

/// A forecast's id.
pub fn id(n: u128) -> ForecastId {
    ForecastId(Uuid::from_u128(n))
}

/// A company's id.
pub fn company(n: u128) -> CompanyId {
    CompanyId(Uuid::from_u128(0xc000 + n))
}

/// A unit's id.
pub fn unit(n: u128) -> UnitId {
    UnitId(Uuid::from_u128(0xd000 + n))
}

/// A provider's id.
pub fn provider(n: u128) -> ProviderId {
    ProviderId(Uuid::from_u128(0xe000 + n))
}

/// The `n`th day of the sample.
pub fn day(n: i64) -> Timestamp {
    const FIRST_S: i64 = 1_735_689_600;
    const DAY_S: i64 = 86_400;
    Timestamp::from_second(FIRST_S + n * DAY_S).expect("a sample's day")
}

/// A forecast of company 1, unit 1, for the day of its number, at version 1.
pub fn row(n: u32) -> Forecast {
    Forecast {
        id: id(n.into()),
        company_id: company(1),
        production_unit_id: unit(1),
        provider_id: None,
        forecast_date: day(n.into()),
        demand: 450.2,
        supply: Some(480.1),
        confidence_level: 0.95,
        status: Status::Completed,
        tags: vec!["wind".to_owned(), "a \"quoted\" täg".to_owned()],
        created_at: day(0),
        updated_at: day(0),
        version_id: VersionId(1),
    }
}

/// The same row at its next version, changed by `change`.
#[must_use]
pub fn changed(row: &Forecast, change: impl FnOnce(&mut Forecast)) -> Forecast {
    let mut next = Forecast { version_id: row.version_id.next(), ..row.clone() };
    change(&mut next);
    next
}

/// Writes `after` over the version before it.
pub fn put(after: &Forecast) -> RowWrite {
    RowWrite { id: after.id, expected: VersionId(after.version_id.0 - 1), after: Some(after.clone()) }
}

/// Deletes `row`, as it is.
pub fn delete(row: &Forecast) -> RowWrite {
    RowWrite { id: row.id, expected: row.version_id, after: None }
}

/// A set of these rows alone, in the store's incarnation.
pub async fn set(store: &dyn Store, rows: Vec<RowWrite>) -> WriteSet {
    let incarnation = store.incarnation().await.expect("the store answers");
    WriteSet { incarnation, rows, outbox: Vec::new(), idempotency: None, traceparent: None }
}

/// Commits these rows.
pub async fn commit(store: &dyn Store, rows: Vec<RowWrite>) -> Result<(), StoreError> {
    let set = set(store, rows).await;
    store.commit(set).await.map(drop)
}

/// Commits these rows, which nothing stands against.
pub async fn committed(store: &dyn Store, rows: Vec<RowWrite>) {
    commit(store, rows).await.expect("nothing stands against this commit");
}

/// The row under `id`, or its tombstone's version.
pub async fn look(store: &dyn Store, id: ForecastId) -> (Option<Forecast>, Incarnation, VersionId) {
    let found = store.get(id).await.expect("the store answers");
    let version = found.version();
    match found {
        Lookup::Found { forecast, incarnation } => (Some(forecast), incarnation, version.id),
        Lookup::Absent { .. } => (None, version.incarnation, version.id),
    }
}

/// Everything, from the first item.
pub fn everything(take: u32) -> ListQuery {
    ListQuery {
        scope: Scope::All,
        company_id: None,
        production_unit_id: None,
        from: None,
        to: None,
        status: None,
        start: PageStart::Skip(0),
        take,
    }
}

/// A parked event.
pub fn parked(n: u32) -> ParkedEvent {
    ParkedEvent {
        id: ParkedId(Uuid::from_u128(0xf000 + u128::from(n))),
        topic: Topic::CdcForecasts,
        message: message(&n.to_string()),
        entity: Some(id(n.into())),
        reason: format!("it is the number {n}"),
        attempts: n,
        parked_at: day(n.into()),
    }
}

/// A message that says `text`.
pub fn message(text: &str) -> Outgoing {
    let payload = serde_json::json!({ "text": text }).to_string();
    let properties = BTreeMap::from([("traceparent".to_owned(), format!("00-{text}"))]);
    Outgoing { key: format!("key-{text}"), payload: Bytes::from(payload), properties }
}

/// An event that says `text`.
pub fn event(topic: Topic, text: &str) -> OutboxEvent {
    OutboxEvent { topic, message: message(text) }
}
