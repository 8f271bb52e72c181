//! What rows hold, as values of the model. Columns are read in their order: the names of what `OUTPUT` answers are not the
//! same in all servers. The orders stand in `statements.rs`.

use std::collections::BTreeMap;

use coherence::{Incarnation, Timestamp, VersionId};
use domain::model::{CompanyId, Forecast, ForecastId, Placement, ProviderId, Status, UnitId};
use domain::ports::{FeedPosition, Outgoing, Topic};
use serde_json::{Value as Json, json};
use tiberius::{ColumnData, Row};
use uuid::Uuid;

use super::errors::SqlError;
use super::statement::time_us;

/// A row, read from left to right.
pub(super) struct Columns<'r> {
    row: &'r Row,
    at: usize,
}

/// A value that the model takes only if it is one.
pub(super) fn value<T>(read: Result<T, String>) -> Result<T, SqlError> {
    read.map_err(SqlError::Unreadable)
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r Row) -> Self {
        Self { row, at: 0 }
    }

    fn next(&mut self) -> Result<&'r ColumnData<'static>, SqlError> {
        let found = self.row.get_column_data(self.at).map_err(|error| SqlError::Unreadable(error.to_string()))?;
        self.at += 1;
        Ok(found)
    }

    /// Leaves out columns.
    pub(super) fn skip(&mut self, columns: usize) {
        self.at += columns;
    }

    fn unreadable(&self, wanted: &str) -> SqlError {
        SqlError::Unreadable(format!("column {} is not {wanted}", self.at - 1))
    }

    fn there<T>(&self, found: Option<T>, wanted: &str) -> Result<T, SqlError> {
        found.ok_or_else(|| self.unreadable(wanted))
    }

    pub(super) fn optional_int(&mut self) -> Result<Option<i64>, SqlError> {
        match self.next()? {
            ColumnData::I64(value) => Ok(*value),
            ColumnData::I32(value) => Ok(value.map(i64::from)),
            ColumnData::I16(value) => Ok(value.map(i64::from)),
            ColumnData::U8(value) => Ok(value.map(i64::from)),
            ColumnData::Bit(value) => Ok(value.map(i64::from)),
            _ => Err(self.unreadable("a whole number")),
        }
    }

    pub(super) fn int(&mut self) -> Result<i64, SqlError> {
        let found = self.optional_int()?;
        self.there(found, "a whole number")
    }

    /// A counter, which the server keeps signed.
    pub(super) fn counter(&mut self) -> Result<u64, SqlError> {
        let found = self.int()?;
        u64::try_from(found).map_err(|_| SqlError::Unreadable(format!("the counter {found} is negative")))
    }

    /// A number for which there is a place in a list.
    pub(super) fn place(&mut self) -> Result<usize, SqlError> {
        let found = self.int()?;
        usize::try_from(found).map_err(|_| SqlError::Unreadable(format!("the place {found} is none")))
    }

    pub(super) fn flag(&mut self) -> Result<bool, SqlError> {
        Ok(self.int()? != 0)
    }

    pub(super) fn optional_float(&mut self) -> Result<Option<f64>, SqlError> {
        match self.next()? {
            ColumnData::F64(value) => Ok(*value),
            _ => Err(self.unreadable("a float")),
        }
    }

    pub(super) fn float(&mut self) -> Result<f64, SqlError> {
        let found = self.optional_float()?;
        self.there(found, "a float")
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<&'r str>, SqlError> {
        match self.next()? {
            ColumnData::String(value) => Ok(value.as_deref()),
            _ => Err(self.unreadable("a text")),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'r str, SqlError> {
        let found = self.optional_text()?;
        self.there(found, "a text")
    }

    pub(super) fn string(&mut self) -> Result<String, SqlError> {
        self.text().map(str::to_owned)
    }

    pub(super) fn optional_bytes(&mut self) -> Result<Option<&'r [u8]>, SqlError> {
        match self.next()? {
            ColumnData::Binary(value) => Ok(value.as_deref()),
            _ => Err(self.unreadable("bytes")),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'r [u8], SqlError> {
        let found = self.optional_bytes()?;
        self.there(found, "bytes")
    }

    /// Sixteen bytes, the highest first.
    pub(super) fn wide(&mut self) -> Result<u128, SqlError> {
        let found = self.bytes()?;
        found.try_into().map(u128::from_be_bytes).map_err(|_| self.unreadable("16 bytes"))
    }

    pub(super) fn optional_id(&mut self) -> Result<Option<Uuid>, SqlError> {
        match self.next()? {
            ColumnData::Guid(value) => Ok(*value),
            _ => Err(self.unreadable("an id")),
        }
    }

    pub(super) fn id(&mut self) -> Result<Uuid, SqlError> {
        let found = self.optional_id()?;
        self.there(found, "an id")
    }

    pub(super) fn optional_time(&mut self) -> Result<Option<Timestamp>, SqlError> {
        let ColumnData::DateTime2(value) = self.next()? else { return Err(self.unreadable("a time")) };
        let time = value.map(|value| time_us(value).and_then(|us| Timestamp::from_microsecond(us).ok()));
        time.map(|time| self.there(time, "a time in range")).transpose()
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, SqlError> {
        let found = self.optional_time()?;
        self.there(found, "a time")
    }

    pub(super) fn incarnation(&mut self) -> Result<Incarnation, SqlError> {
        self.counter().map(Incarnation)
    }

    /// Thirteen columns; `None` if they are empty (an outer join without a partner).
    pub(super) fn forecast(&mut self) -> Result<Option<Forecast>, SqlError> {
        let Some(id) = self.optional_id()? else {
            self.skip(12);
            return Ok(None);
        };
        Ok(Some(Forecast {
            id: ForecastId(id),
            company_id: CompanyId(self.id()?),
            production_unit_id: UnitId(self.id()?),
            provider_id: self.optional_id()?.map(ProviderId),
            forecast_date: self.time()?,
            demand: self.float()?,
            supply: self.optional_float()?,
            confidence_level: self.float()?,
            status: status(self.text()?)?,
            tags: tags(self.text()?)?,
            created_at: self.time()?,
            updated_at: self.time()?,
            version_id: VersionId(self.counter()?),
        }))
    }

    /// Three columns; `None` if they are empty.
    pub(super) fn placement(&mut self) -> Result<Option<Placement>, SqlError> {
        let Some(company) = self.optional_id()? else {
            self.skip(2);
            return Ok(None);
        };
        Ok(Some(Placement {
            company_id: CompanyId(company),
            production_unit_id: UnitId(self.id()?),
            provider_id: self.optional_id()?.map(ProviderId),
        }))
    }

    pub(super) fn topic(&mut self) -> Result<Topic, SqlError> {
        let name = self.text()?;
        let found = Topic::ALL.into_iter().find(|topic| topic.name() == name);
        found.ok_or_else(|| SqlError::Unreadable(format!("the topic is {name:?}")))
    }

    /// A message whose payload stands as text: its key, its payload and its properties.
    pub(super) fn outgoing_text(&mut self) -> Result<Outgoing, SqlError> {
        Ok(Outgoing { key: self.string()?, payload: self.string()?.into(), properties: self.properties()? })
    }

    /// The same, whose payload stands as bytes.
    pub(super) fn outgoing_bytes(&mut self) -> Result<Outgoing, SqlError> {
        Ok(Outgoing { key: self.string()?, payload: self.bytes()?.to_vec().into(), properties: self.properties()? })
    }

    fn properties(&mut self) -> Result<BTreeMap<String, String>, SqlError> {
        serde_json::from_str(self.text()?)
            .map_err(|error| SqlError::Unreadable(format!("the properties are not an object of texts: {error}")))
    }
}

fn status(name: &str) -> Result<Status, SqlError> {
    let found = Status::ALL.into_iter().find(|status| status.name() == name);
    found.ok_or_else(|| SqlError::Unreadable(format!("the status is {name:?}")))
}

fn tags(text: &str) -> Result<Vec<String>, SqlError> {
    match text {
        "[]" => Ok(Vec::new()),
        text => serde_json::from_str(text)
            .map_err(|error| SqlError::Unreadable(format!("the tags are not a list of texts: {error}"))),
    }
}

/// The database's form of a counter. Counters rise by one a write: they never reach the sign bit.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The number that a change answers: how many rows it changed.
pub(super) fn changed(rows: &[Row]) -> Result<u64, SqlError> {
    rows.first().map_or(Ok(0), |row| Columns::of(row).counter())
}

/// A list of ids for `OPENJSON`, each with its place.
pub(super) fn id_list(ids: impl IntoIterator<Item = Uuid>) -> String {
    let list = ids.into_iter().enumerate().map(|(n, id)| json!({ "n": n, "id": id.as_hyphenated().to_string() }));
    Json::Array(list.collect()).to_string()
}

/// An id inside such a list.
pub(super) fn id_json(id: Uuid) -> Json {
    Json::String(id.as_hyphenated().to_string())
}

/// Properties as the tables hold them.
pub(super) fn properties_json(message: &Outgoing) -> String {
    // serde_json cannot fail on a map of texts.
    serde_json::to_string(&message.properties).unwrap_or_else(|_| "{}".to_owned())
}

/// The sixteen bytes of a position.
pub(super) fn position_bytes(position: FeedPosition) -> Vec<u8> {
    position.0.to_be_bytes().to_vec()
}
