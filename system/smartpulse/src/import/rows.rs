//! The rows of a table as forecasts.

use std::collections::BTreeMap;
use std::io::Read;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::mapping::{Field, Mapping, MappingError, Place};

/// One item of `POST /api/forecasts/batch`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The company.
    pub company_id: String,
    /// The unit.
    pub production_unit_id: String,
    /// The provider, where the table names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// The time that is forecast.
    pub forecast_date: Timestamp,
    /// The demand.
    pub demand: f64,
    /// The supply; absent when the table's cell is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supply: Option<f64>,
    /// The confidence, from 0 to 1.
    pub confidence: f64,
}

/// A row and its line in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The line, from 1; the header is on the first.
    pub line: u64,
    /// The item, or what is wrong with the row.
    pub item: Result<Item, RowError>,
}

/// A row that is no forecast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A cell that must not be empty is.
    #[error("{field} is empty")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// A cell has another form than its field.
    #[error("{field} must be {expected}, not {found:?}")]
    BadValue {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The row cannot be read.
    #[error("the row cannot be read: {0}")]
    Broken(String),
}

/// A table that cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The header cannot be read.
    #[error("the header cannot be read: {0}")]
    Header(String),
    /// There is not even a header.
    #[error("the file is empty")]
    Empty,
    /// The mapping does not fit.
    #[error(transparent)]
    Mapping(#[from] MappingError),
}

/// The rows of a CSV. Without a mapping, the one that its header suggests is used.
///
/// # Errors
/// The table cannot be used at all; what is wrong with one row is in that row.
pub fn read_rows<R: Read>(csv: R, mapping: Option<&Mapping>) -> Result<impl Iterator<Item = Row>, TableError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv);
    let header = reader.headers().map_err(|error| TableError::Header(error.to_string()))?.clone();
    if header.is_empty() {
        return Err(TableError::Empty);
    }
    // A spreadsheet's byte order mark is not part of the first column's name.
    let header: Vec<&str> = header.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
    let detected = mapping.cloned().map_or_else(|| Mapping::detect(&header), Ok)?;
    let places = detected.places(&header)?;
    let mut line_guess = 1;
    Ok(reader.into_records().map(move |record| {
        line_guess += 1;
        let broken = |error: csv::Error| RowError::Broken(error.to_string());
        let line = match &record {
            Ok(record) => record.position().map_or(line_guess, csv::Position::line),
            Err(error) => error.position().map_or(line_guess, csv::Position::line),
        };
        Row { line, item: record.map_err(broken).and_then(|record| item_of(&places, &record)) }
    }))
}

fn item_of(places: &BTreeMap<Field, Place>, record: &csv::StringRecord) -> Result<Item, RowError> {
    let cell = |field: Field| match places.get(&field) {
        Some(Place::Column(index)) => record.get(*index).filter(|cell| !cell.is_empty()),
        Some(Place::Constant(value)) => Some(value.as_str()),
        None => None,
    };
    let needed = |field: Field| cell(field).ok_or(RowError::Empty { field: field.as_str() });
    Ok(Item {
        company_id: needed(Field::CompanyId)?.to_owned(),
        production_unit_id: needed(Field::ProductionUnitId)?.to_owned(),
        provider_id: cell(Field::ProviderId).map(str::to_owned),
        forecast_date: time(needed(Field::ForecastDate)?)?,
        demand: number(Field::Demand, needed(Field::Demand)?)?,
        supply: cell(Field::Supply).map(|text| number(Field::Supply, text)).transpose()?,
        confidence: number(Field::Confidence, needed(Field::Confidence)?)?,
    })
}

/// A day begins at midnight UTC.
fn time(text: &str) -> Result<Timestamp, RowError> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let midnight = text.parse::<Date>().ok().filter(|_| text.len() == "2017-01-01".len());
    let midnight = midnight.and_then(|date| format!("{date}T00:00:00Z").parse().ok());
    midnight.ok_or_else(|| RowError::BadValue {
        field: Field::ForecastDate.as_str(),
        expected: "a date (2017-01-31) or a time with its zone (2017-01-31T12:00:00Z)",
        found: text.to_owned(),
    })
}

fn number(field: Field, text: &str) -> Result<f64, RowError> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| RowError::BadValue {
        field: field.as_str(),
        expected: "a finite number",
        found: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(csv: &str) -> Vec<Row> {
        read_rows(csv.as_bytes(), None).unwrap().collect()
    }

    #[test]
    fn a_day_with_and_a_day_without_supply() {
        let rows = rows(
            "Date,Consumption,Wind,Solar,Wind+Solar\n2006-01-01,1069.1840000000002,,,\n2017-12-31,1107.1,1,2,3.5\n",
        );
        let json = |at: usize| serde_json::to_value(rows[at].item.as_ref().unwrap()).unwrap();
        assert_eq!(json(0)["forecastDate"], "2006-01-01T00:00:00Z");
        assert_eq!(json(0)["demand"], 1069.1840000000002);
        assert!(json(0).get("supply").is_none(), "absent, not null and not zero");
        assert_eq!(json(1)["supply"], 3.5);
        assert_eq!(json(1)["confidence"], 1.0);
        assert_eq!((rows[0].line, rows[1].line), (2, 3));
    }

    #[test]
    fn a_bad_row_is_named_by_its_line_and_the_others_go_on() {
        let header = "\u{feff}companyId,productionUnitId,forecastDate,demand,confidence\n";
        let rows = rows(&format!(
            "{header}c,u,2017-01-31T12:30:00+01:00,1,1\nc,u,31.1.2017,1,1\nc,u,2017-02-30,1,1\nc,u,2017-01-01,NaN,1\n\
             c,u,2017-01-01,,1\nc,u\nc,u,2017-01-01,1e999,1\nc,u,2017-01-01,2,1\n"
        ));
        let bad: Vec<u64> = rows.iter().filter(|row| row.item.is_err()).map(|row| row.line).collect();
        assert_eq!(bad, [3, 4, 5, 6, 7, 8]);
        assert_eq!(rows[0].item.as_ref().unwrap().forecast_date.to_string(), "2017-01-31T11:30:00Z");
        assert_eq!(rows[7].item.as_ref().unwrap().demand, 2.0);
        assert_eq!(rows[4].item, Err(RowError::Empty { field: "demand" }));
    }
}
