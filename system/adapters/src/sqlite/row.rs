//! A forecast as columns, and back.

use coherence::{Timestamp, VersionId};
use domain::model::{CompanyId, Forecast, ForecastId, Placement, ProviderId, Status, UnitId};
use domain::ports::{Outgoing, Topic};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

/// The columns of a forecast, in the order in which [`forecast`] reads them.
pub(super) const COLUMNS: &str = "id, company_id, production_unit_id, provider_id, forecast_date, demand, supply, \
                                  confidence_level, status, tags, created_at, updated_at, version_id";

/// What a row holds that its column's type does not allow.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("an id has {0} bytes")]
    Id(usize),
    #[error("the time {0} is out of range")]
    Time(i64),
    #[error("the status is {0:?}")]
    Status(String),
    #[error("the topic is {0:?}")]
    Topic(String),
    #[error("the tags are not a list of texts")]
    Tags(#[source] serde_json::Error),
    #[error("a value is not one: {0}")]
    Value(String),
    #[error("the counter {0} is negative")]
    Counter(i64),
    #[error("the properties are not an object of texts")]
    Properties(#[source] serde_json::Error),
}

fn unreadable(why: Unreadable) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(why))
}

/// A value that the model takes only if it is one.
pub(super) fn value<T>(read: Result<T, String>) -> Result<T, sqlx::Error> {
    read.map_err(|why| unreadable(Unreadable::Value(why)))
}

/// An id as the database holds it.
pub(super) fn blob(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// An id's bytes in hexadecimal, as `unhex` in a statement expects them.
pub(super) fn hex(id: Uuid) -> String {
    id.as_simple().to_string()
}

/// Reads a counter, which SQLite keeps signed.
pub(super) fn counter(value: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(value).map_err(|_| unreadable(Unreadable::Counter(value)))
}

/// The database's form of a counter. Counters rise by one a write: they never reach the sign bit.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn time(micros: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_microsecond(micros).map_err(|_| unreadable(Unreadable::Time(micros)))
}

fn properties(text: &str) -> Result<std::collections::BTreeMap<String, String>, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| unreadable(Unreadable::Properties(error)))
}

/// Reads a topic's name.
pub(super) fn topic(name: &str) -> Result<Topic, sqlx::Error> {
    let found = Topic::ALL.into_iter().find(|topic| topic.name() == name);
    found.ok_or_else(|| unreadable(Unreadable::Topic(name.to_owned())))
}

/// Reads a message: its key, its payload and its properties are three columns from `first` on.
pub(super) fn outgoing(row: &SqliteRow, first: usize) -> Result<Outgoing, sqlx::Error> {
    let payload: Vec<u8> = row.try_get_unchecked(first + 1)?;
    Ok(Outgoing {
        key: row.try_get_unchecked(first)?,
        payload: payload.into(),
        properties: properties(row.try_get_unchecked(first + 2)?)?,
    })
}

pub(super) const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Pending => "Pending",
        Status::Completed => "Completed",
        Status::Failed => "Failed",
    }
}

fn status(name: &str) -> Result<Status, sqlx::Error> {
    match name {
        "Pending" => Ok(Status::Pending),
        "Completed" => Ok(Status::Completed),
        "Failed" => Ok(Status::Failed),
        other => Err(unreadable(Unreadable::Status(other.to_owned()))),
    }
}

pub(super) fn tags_json(tags: &[String]) -> String {
    // serde_json cannot fail on a list of texts.
    serde_json::to_string(tags).unwrap_or_else(|_| "[]".to_owned())
}

/// The id in `column`.
pub(super) fn id(row: &SqliteRow, column: usize) -> Result<Uuid, sqlx::Error> {
    let bytes: &[u8] = row.try_get_unchecked(column)?;
    Uuid::from_slice(bytes).map_err(|_| unreadable(Unreadable::Id(bytes.len())))
}

/// The id in `column`, if there is one.
pub(super) fn optional_id(row: &SqliteRow, column: usize) -> Result<Option<Uuid>, sqlx::Error> {
    let bytes: Option<&[u8]> = row.try_get_unchecked(column)?;
    bytes.map(|bytes| Uuid::from_slice(bytes).map_err(|_| unreadable(Unreadable::Id(bytes.len())))).transpose()
}

/// The forecast's id in `column`.
pub(super) fn forecast_id(row: &SqliteRow, column: usize) -> Result<ForecastId, sqlx::Error> {
    id(row, column).map(ForecastId)
}

/// Reads [`COLUMNS`], which begin at column `first`; `None` if they are empty (an outer join without a partner).
pub(super) fn forecast(row: &SqliteRow, first: usize) -> Result<Option<Forecast>, sqlx::Error> {
    // Unchecked: the columns' types are the schema's (STRICT), and a check by name costs more than the reading.
    let at = |offset: usize| first + offset;
    let Some(id_found) = optional_id(row, at(0))? else { return Ok(None) };
    let tags: &str = row.try_get_unchecked(at(9))?;
    Ok(Some(Forecast {
        id: ForecastId(id_found),
        company_id: CompanyId(id(row, at(1))?),
        production_unit_id: UnitId(id(row, at(2))?),
        provider_id: optional_id(row, at(3))?.map(ProviderId),
        forecast_date: time(row.try_get_unchecked(at(4))?)?,
        demand: row.try_get_unchecked(at(5))?,
        supply: row.try_get_unchecked(at(6))?,
        confidence_level: row.try_get_unchecked(at(7))?,
        status: status(row.try_get_unchecked(at(8))?)?,
        tags: match tags {
            "[]" => Vec::new(),
            text => serde_json::from_str(text).map_err(|error| unreadable(Unreadable::Tags(error)))?,
        },
        created_at: time(row.try_get_unchecked(at(10))?)?,
        updated_at: time(row.try_get_unchecked(at(11))?)?,
        version_id: VersionId(counter(row.try_get_unchecked(at(12))?)?),
    }))
}

/// Reads a placement from three columns; `None` if they are empty.
pub(super) fn placement(row: &SqliteRow, first: usize) -> Result<Option<Placement>, sqlx::Error> {
    let Some(company) = optional_id(row, first)? else { return Ok(None) };
    Ok(Some(Placement {
        company_id: CompanyId(company),
        production_unit_id: UnitId(id(row, first + 1)?),
        provider_id: optional_id(row, first + 2)?.map(ProviderId),
    }))
}
