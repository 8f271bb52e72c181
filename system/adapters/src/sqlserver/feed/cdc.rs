//! Change Data Capture: each transaction's changes from the log, as the Agent's capture job copies them, about a second
//! late. A job that stands still leaves the feed empty, and would look like a database that nobody writes: so the feed is
//! dated by the renewals of the tracker's own lease, which come through capture too.

use std::time::Duration;

use coherence::{Incarnation, Version, VersionId};
use domain::model::ForecastId;
use domain::ports::{Change, FeedBatch, FeedError, FeedPosition, Operation};
use tiberius::Row;

use super::change_tracking::batch;
use super::position::{Lsn, at_ordinal, is_whole, lsn_and_ordinal, next, through_lsn};
use crate::sqlserver::config::PAGE_TIMEOUT;
use crate::sqlserver::database::Shared;
use crate::sqlserver::errors::{PortError, SqlError};
use crate::sqlserver::migrations::{CAPTURED, INSTANCES};
use crate::sqlserver::row::Columns;
use crate::sqlserver::statement::{Value, bytes, int, small_int, text};
use crate::sqlserver::statements::{FEED_CDC_CHANGES, FEED_CDC_END, FEED_CDC_WINDOW};

/// What the server answers about a window that is out of its bounds; its words speak of a number of arguments.
const OUT_OF_WINDOW: u32 = 313;

const OPERATION_DELETE: i64 = 1;
const OPERATION_INSERT: i64 = 2;
const OPERATION_UPDATE: i64 = 4;

/// How many columns of a forecast stand between its id and its version.
const IMAGE_BETWEEN_ID_AND_VERSION: usize = 11;

fn stands_still(why: &str) -> FeedError {
    FeedError::from_sql(SqlError::Connection(format!("CDC: {why}")))
}

fn lsn(columns: &mut Columns<'_>) -> Result<Option<Lsn>, SqlError> {
    let found = columns.optional_bytes()?;
    let lsn = found.map(|bytes| bytes.try_into().map_err(|_| SqlError::Unreadable("a number of the log".to_owned())));
    lsn.transpose()
}

pub(super) async fn end(shared: &Shared) -> Result<FeedPosition, FeedError> {
    let rows = shared.rows(&FEED_CDC_END, []).await.map_err(FeedError::from_sql)?;
    let maximum = rows.first().map(|row| lsn(&mut Columns::of(row))).transpose().map_err(FeedError::from_sql)?;
    maximum.flatten().map(through_lsn).ok_or_else(|| stands_still("the capture job has never run"))
}

/// What can be asked for.
pub(super) struct Window {
    incarnation: Incarnation,
    maximum: Lsn,
    minimum: Lsn,
    /// The capture instance that is read.
    instance: &'static str,
    /// How far capture is behind; `None`: no renewal was seen yet.
    behind: Option<Duration>,
}

pub(super) fn window(answers: &[Vec<Row>]) -> Result<Window, FeedError> {
    let [seen, bounds, instances] = answers else { return Err(stands_still("it is off")) };
    let read = || {
        let seen = seen.first().map(|row| Columns::of(row).optional_int()).transpose()?.flatten();
        let (Some(bounds), Some(instance)) = (bounds.first(), instances.first()) else { return Ok(None) };
        let mut columns = Columns::of(bounds);
        let (incarnation, maximum) = (columns.incarnation()?, lsn(&mut columns)?);
        let mut columns = Columns::of(instance);
        let (name, minimum) = (columns.text()?, lsn(&mut columns)?);
        let name = INSTANCES.into_iter().find(|known| *known == name);
        Ok(Some((seen, incarnation, maximum, name.zip(minimum))))
    };
    let found = read().map_err(FeedError::from_sql)?;
    let (seen_us, incarnation, maximum, instance) =
        found.ok_or_else(|| stands_still("no capture instance has all columns: run smartpulse migrate"))?;
    let maximum = maximum.ok_or_else(|| stands_still("the capture job has never run"))?;
    let (instance, minimum) = instance.ok_or_else(|| stands_still("the capture instance is none of ours"))?;
    let behind = seen_us.map(|us| Duration::from_micros(us.max(0).unsigned_abs()));
    Ok(Window { incarnation, maximum, minimum, instance, behind })
}

/// The statement that reads an instance: its name is part of a function's.
pub(in crate::sqlserver) fn text_of(instance: &str) -> String {
    FEED_CDC_CHANGES.text.replace("fn_cdc_get_all_changes_dbo_Forecasts", &format!("fn_cdc_get_all_changes_{instance}"))
}

async fn changes(shared: &Shared, instance: &str, values: [Value; 5]) -> Result<Vec<Row>, SqlError> {
    let mut session = shared.pool.session().await?.patient(PAGE_TIMEOUT);
    let answers = session.run(&text_of(instance), values.into()).await?;
    Ok(answers.into_iter().next().unwrap_or_default())
}

pub(super) async fn read(shared: &Shared, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
    let columns = text(serde_json::Value::from(CAPTURED.to_vec()).to_string());
    let answers = shared.answers(&FEED_CDC_WINDOW, [columns]).await.map_err(FeedError::from_sql)?;
    let window = window(&answers)?;
    let behind = window.behind.ok_or_else(|| stands_still("no renewal of a lease was captured yet"))?;
    let Some(from) = from(&window, after)? else {
        // Nothing since; that it is the end is as old as what capture saw last.
        return Ok(FeedBatch { changes: Vec::new(), position: after, at_end: true, behind });
    };
    let (told_lsn, told_ordinal) = lsn_and_ordinal(after).unwrap_or_default();
    let values = [
        bytes(from),
        bytes(window.maximum),
        bytes(told_lsn),
        int(i64::try_from(told_ordinal).unwrap_or(i64::MAX)),
        small_int(limit.saturating_add(1)),
    ];
    let rows = match changes(shared, window.instance, values).await {
        Ok(rows) => rows,
        // The clean-up job moved the window since it was asked for.
        Err(SqlError::Server { number: OUT_OF_WINDOW, .. }) => return Err(stands_still("the window moved")),
        Err(error) => return Err(FeedError::from_sql(error)),
    };
    let read = batch(&rows, limit, after.max(through_lsn(window.maximum)), |row| captured(row, window.incarnation))?;
    Ok(FeedBatch { behind, ..read })
}

/// From where the log is asked for; `None`, if there is nothing after what was told.
pub(super) fn from(window: &Window, after: FeedPosition) -> Result<Option<Lsn>, FeedError> {
    let behind_minimum = || FeedError::BehindMinimum { minimum: before(window.minimum) };
    if after == FeedPosition::default() {
        // Nobody has read yet: all that there is.
        return Ok((window.minimum <= window.maximum).then_some(window.minimum));
    }
    let (told, ordinal) = lsn_and_ordinal(after).ok_or_else(behind_minimum)?;
    let from = if is_whole(ordinal) { next(told) } else { told };
    if from < window.minimum {
        return Err(behind_minimum());
    }
    Ok((from <= window.maximum).then_some(from))
}

/// The place from which the oldest change is the next one.
fn before(minimum: Lsn) -> FeedPosition {
    at_ordinal(minimum, 0)
}

pub(in crate::sqlserver) fn captured(row: &Row, incarnation: Incarnation) -> Result<(FeedPosition, Change), FeedError> {
    let mut columns = Columns::of(row);
    let place = |columns: &mut Columns<'_>| {
        let lsn = lsn(columns)?.ok_or_else(|| SqlError::Unreadable("a change without a number".to_owned()))?;
        Ok(at_ordinal(lsn, columns.counter()?))
    };
    let position = place(&mut columns).map_err(FeedError::from_sql)?;
    let change = content(&mut columns, position, incarnation);
    let change = change.map_err(|error| FeedError::Corrupt { position, reason: error.to_string() })?;
    Ok((position, change))
}

fn content(columns: &mut Columns<'_>, position: FeedPosition, incarnation: Incarnation) -> Result<Change, SqlError> {
    let (last, first) = (columns.int()?, columns.int()?);
    let operation = match (first, last) {
        (_, OPERATION_DELETE) => Operation::Delete,
        // Also of a row that came and was changed in one transaction.
        (OPERATION_INSERT, OPERATION_INSERT | OPERATION_UPDATE) => Operation::Insert,
        // A delete and an insert in one transaction: so the log writes some updates of keys.
        (_, OPERATION_INSERT | OPERATION_UPDATE) => Operation::Update,
        (_, other) => return Err(SqlError::Unreadable(format!("the operation is {other}"))),
    };
    let (id, after, version) = match operation {
        Operation::Delete => {
            // Of its image only these are of use: a large column is empty in it.
            let id = columns.id()?;
            columns.skip(IMAGE_BETWEEN_ID_AND_VERSION);
            (ForecastId(id), None, columns.counter()? + 1)
        }
        Operation::Insert | Operation::Update => {
            let after = columns.forecast()?.ok_or_else(|| SqlError::Unreadable("a change without a row".to_owned()))?;
            (after.id, Some(after.clone()), after.version_id.0)
        }
    };
    let (committed_at, traceparent) = (columns.optional_time()?, columns.optional_text()?.map(str::to_owned));
    let before = columns.placement()?.filter(|_| operation != Operation::Insert);
    Ok(Change {
        position,
        operation,
        id,
        version: Version { incarnation, id: VersionId(version) },
        after,
        before,
        committed_at,
        traceparent,
    })
}
