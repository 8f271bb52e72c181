//! The change feed: the capture table, which triggers write in each change's own transaction.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coherence::{Incarnation, Version, VersionId};
use domain::ports::{Change, ChangeFeed, FeedBatch, FeedError, FeedPosition, Operation};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::database::Shared;
use super::errors::PortError;
use super::row;

/// One statement, so that the floor, the end and the changes are one snapshot: what was pruned cannot be missed.
pub(super) const READ: &str = "SELECT m.incarnation, m.capture_floor, coalesce((SELECT max(position) FROM capture), m.capture_floor), \
     c.* FROM meta m LEFT JOIN (SELECT position, operation, \
         id, company_id, production_unit_id, provider_id, forecast_date, demand, supply, confidence_level, \
         status, tags, created_at, updated_at, version_id, \
         before_company_id, before_production_unit_id, before_provider_id, captured_at, traceparent \
         FROM capture WHERE position > ? ORDER BY position LIMIT ?) c ORDER BY c.position";

pub(super) const END: &str = "SELECT coalesce((SELECT max(position) FROM capture), capture_floor) FROM meta";

/// Where the columns of a change begin in [`READ`].
const POSITION: usize = 3;
const OPERATION: usize = 4;
const FORECAST: usize = 5;
const VERSION: usize = 17;
const BEFORE: usize = 18;
const CAPTURED_AT: usize = 21;
const TRACEPARENT: usize = 22;

/// The change feed of a SQLite file.
#[derive(Clone)]
pub struct SqliteFeed {
    pub(super) shared: Arc<Shared>,
}

#[async_trait]
impl ChangeFeed for SqliteFeed {
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        // The usual answer, asked for every few milliseconds: it costs a third of the whole statement.
        if after >= self.end().await? {
            return Ok(FeedBatch { changes: Vec::new(), position: after, at_end: true, behind: Duration::ZERO });
        }
        let from = i64::try_from(after.0).unwrap_or(i64::MAX);
        let rows = sqlx::query(READ)
            .bind(from)
            .bind(i64::from(limit))
            .fetch_all(&self.shared.readers)
            .await
            .map_err(FeedError::from_driver)?;
        let Some(first) = rows.first() else { return Err(unreadable(after, "the table meta is empty")) };
        let (incarnation, floor, end) = bounds(first).map_err(FeedError::from_driver)?;
        if after < floor {
            return Err(FeedError::BehindMinimum { minimum: floor });
        }
        let mut changes = Vec::with_capacity(rows.len());
        for each in &rows {
            let place: Option<i64> = each.try_get_unchecked(POSITION).map_err(FeedError::from_driver)?;
            let Some(place) = place else { continue };
            let position = FeedPosition(u128::from(place.unsigned_abs()));
            changes.push(change(each, position, incarnation).map_err(|error| unreadable(position, error))?);
        }
        let position = changes.last().map_or(after, |last| last.position);
        Ok(FeedBatch { changes, position, at_end: position >= end, behind: Duration::ZERO })
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        let end: i64 = sqlx::query_scalar(END).fetch_one(&self.shared.readers).await.map_err(FeedError::from_driver)?;
        row::counter(end).map(|end| FeedPosition(u128::from(end))).map_err(FeedError::from_driver)
    }
}

fn unreadable(position: FeedPosition, reason: impl ToString) -> FeedError {
    FeedError::Corrupt { position, reason: reason.to_string() }
}

fn bounds(row: &SqliteRow) -> Result<(Incarnation, FeedPosition, FeedPosition), sqlx::Error> {
    let read = |column: usize| row.try_get_unchecked::<i64, _>(column).and_then(row::counter);
    Ok((Incarnation(read(0)?), FeedPosition(u128::from(read(1)?)), FeedPosition(u128::from(read(2)?))))
}

fn change(each: &SqliteRow, position: FeedPosition, incarnation: Incarnation) -> Result<Change, sqlx::Error> {
    let operation = match each.try_get_unchecked::<&str, _>(OPERATION)? {
        "insert" => Operation::Insert,
        "update" => Operation::Update,
        "delete" => Operation::Delete,
        other => return Err(sqlx::Error::Decode(format!("the operation is {other:?}").into())),
    };
    let id = VersionId(row::counter(each.try_get_unchecked(VERSION)?)?);
    Ok(Change {
        position,
        operation,
        id: row::forecast_id(each, FORECAST)?,
        version: Version { incarnation, id },
        after: match operation {
            Operation::Insert | Operation::Update => row::forecast(each, FORECAST)?,
            // A delete has an id and a version, and no image.
            Operation::Delete => None,
        },
        before: row::placement(each, BEFORE)?,
        committed_at: Some(row::time(each.try_get_unchecked(CAPTURED_AT)?)?),
        traceparent: each.try_get_unchecked(TRACEPARENT)?,
    })
}
