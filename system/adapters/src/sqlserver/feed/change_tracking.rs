//! Change Tracking: which rows changed since a version, once each, with the rows as they are.

use std::time::Duration;

use coherence::{Timestamp, Version, VersionId};
use domain::model::{Forecast, ForecastId};
use domain::ports::{Change, FeedBatch, FeedError, FeedPosition, Operation};
use tiberius::Row;

use super::position::{at_key, through_version, version_and_key};
use crate::sqlserver::config::PAGE_TIMEOUT;
use crate::sqlserver::database::Shared;
use crate::sqlserver::errors::{PortError, SqlError};
use crate::sqlserver::row::Columns;
use crate::sqlserver::statement::{bytes, int, small_int};
use crate::sqlserver::statements::{FEED_CHANGE_TRACKING, FEED_CHANGE_TRACKING_END};

fn off() -> FeedError {
    let why = "Change Tracking of dbo.Forecasts is off, or not ours to see (VIEW CHANGE TRACKING)";
    FeedError::from_sql(SqlError::Connection(why.to_owned()))
}

pub(super) async fn end(shared: &Shared) -> Result<FeedPosition, FeedError> {
    let rows = shared.rows(&FEED_CHANGE_TRACKING_END, []).await.map_err(FeedError::from_sql)?;
    let version = rows.first().map(|row| Columns::of(row).optional_int()).transpose().map_err(FeedError::from_sql)?;
    version.flatten().map(through_version).ok_or_else(off)
}

pub(super) async fn read(shared: &Shared, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
    // The usual answer, asked for every few milliseconds: it costs a fraction of the whole statement.
    if after >= end(shared).await? {
        return Ok(FeedBatch { changes: Vec::new(), position: after, at_end: true, behind: Duration::ZERO });
    }
    let (version, key) = version_and_key(after);
    // Inside a version the whole of it is asked for once more.
    let since = if key == u64::MAX { version } else { version.saturating_sub(1).max(0) };
    let values = [int(since), int(version), bytes(key.to_be_bytes()), small_int(limit.saturating_add(1))];
    let answers =
        async { shared.pool.session().await?.patient(PAGE_TIMEOUT).answers(&FEED_CHANGE_TRACKING, values).await };
    let answers = answers.await.map_err(FeedError::from_sql)?;
    let [bounds, rows] = answers.as_slice() else { return Err(off()) };
    let mut bounds = Columns::of(bounds.first().ok_or_else(off)?);
    let incarnation = bounds.incarnation().map_err(FeedError::from_sql)?;
    let minimum = bounds.optional_int().map_err(FeedError::from_sql)?.ok_or_else(off)?;
    let current = bounds.optional_int().map_err(FeedError::from_sql)?.ok_or_else(off)?;
    if since < minimum {
        return Err(FeedError::BehindMinimum { minimum: through_version(minimum) });
    }
    batch(rows, limit, after.max(through_version(current)), |row| {
        let found = tracked(row)?;
        let id = VersionId(found.version);
        Ok((found.position, found.change(Version { incarnation, id })))
    })
}

/// Cuts what was read to the limit. Rows of one place stay together, even above it: there is nothing between them.
pub(super) fn batch(
    rows: &[Row],
    limit: u32,
    end: FeedPosition,
    read: impl Fn(&Row) -> Result<(FeedPosition, Change), FeedError>,
) -> Result<FeedBatch, FeedError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut changes: Vec<Change> = Vec::with_capacity(rows.len());
    for row in rows {
        let (position, change) = read(row)?;
        let is_full = changes.len() >= limit && changes.last().is_none_or(|last| last.position < position);
        if is_full {
            let position = changes.last().map(|last| last.position).unwrap_or_default();
            return Ok(FeedBatch { changes, position, at_end: false, behind: Duration::ZERO });
        }
        changes.push(change);
    }
    Ok(FeedBatch { changes, position: end, at_end: true, behind: Duration::ZERO })
}

/// A row of the answer.
pub(in crate::sqlserver) struct Tracked {
    pub(super) position: FeedPosition,
    operation: Operation,
    id: ForecastId,
    pub(in crate::sqlserver) version: u64,
    after: Option<Forecast>,
    before: Option<domain::model::Placement>,
    committed_at: Option<Timestamp>,
    traceparent: Option<String>,
}

impl Tracked {
    pub(in crate::sqlserver) fn change(self, version: Version) -> Change {
        Change {
            position: self.position,
            operation: self.operation,
            id: self.id,
            version,
            after: self.after,
            before: self.before,
            committed_at: self.committed_at,
            traceparent: self.traceparent,
        }
    }
}

/// Reads a row; where it stands is known before what it holds, so that an unreadable one can be passed over.
pub(in crate::sqlserver) fn tracked(row: &Row) -> Result<Tracked, FeedError> {
    let mut columns = Columns::of(row);
    let place = |columns: &mut Columns<'_>| {
        let version = columns.int()?;
        let key = columns.bytes()?;
        let key = key.try_into().map_err(|_| SqlError::Unreadable("the key of a change has not 8 bytes".to_owned()))?;
        Ok(at_key(version, u64::from_be_bytes(key)))
    };
    let position = place(&mut columns).map_err(FeedError::from_sql)?;
    content(&mut columns, position).map_err(|error| FeedError::Corrupt { position, reason: error.to_string() })
}

fn content(columns: &mut Columns<'_>, position: FeedPosition) -> Result<Tracked, SqlError> {
    let operation = match columns.text()? {
        "I" => Operation::Insert,
        "U" => Operation::Update,
        "D" => Operation::Delete,
        other => return Err(SqlError::Unreadable(format!("the operation is {other:?}"))),
    };
    let id = ForecastId(columns.id()?);
    let after = columns.forecast()?;
    let (written_at, traceparent) = (columns.optional_time()?, columns.optional_text()?.map(str::to_owned));
    let tombstone = columns.optional_int()?;
    let (deleted_at, last_trace) = (columns.optional_time()?, columns.optional_text()?.map(str::to_owned));
    let is_placed = columns.flag()?;
    let tombstone_placement = columns.placement()?;
    match (after, tombstone) {
        (Some(after), _) => Ok(Tracked {
            position,
            // Of a row that is there the last that happened was no delete.
            operation: if operation == Operation::Delete { Operation::Update } else { operation },
            id,
            version: after.version_id.0,
            // It was not filed elsewhere: so it was where it is.
            before: (is_placed && operation == Operation::Update).then(|| after.placement()),
            after: Some(after),
            committed_at: written_at,
            traceparent,
        }),
        (None, Some(version)) => Ok(Tracked {
            position,
            operation: Operation::Delete,
            id,
            version: version.unsigned_abs(),
            after: None,
            before: tombstone_placement.filter(|_| is_placed),
            committed_at: deleted_at,
            traceparent: last_trace,
        }),
        (None, None) => Err(SqlError::Unreadable("neither a row nor a tombstone".to_owned())),
    }
}
