//! The rows of a commit, as parameters: floats arrive bit by bit, which text does not promise.

use domain::model::Forecast;

use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::signed;
use crate::sqlserver::statement::{Value, float, float_or_null, int, text, text_or_null, time, uuid, uuid_or_null};

/// How many rows one statement names: 13 parameters each and one for all, of SQL Server's 2,100.
pub(in crate::sqlserver) const ROWS_PER_STATEMENT_MAX: usize = 150;

/// What is done with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sqlserver) enum Write {
    /// They are new.
    Insert,
    /// They stay filed where they are. The statement must not name where: the change feed takes each column that a statement
    /// names for one that changed.
    Update,
    /// They are filed elsewhere.
    Move,
}

/// Where a row is filed.
const PLACEMENT: [&str; 3] = ["CompanyId", "ProductionUnitId", "ProviderId"];

/// The other columns.
const CONTENT: [&str; 9] =
    ["ForecastDate", "Demand", "Supply", "ConfidenceLevel", "Status", "Tags", "CreatedAt", "UpdatedAt", "VersionId"];

fn columns(write: Write) -> Vec<&'static str> {
    let mut columns = vec!["Id"];
    if write != Write::Update {
        columns.extend(PLACEMENT);
    }
    columns.extend(CONTENT);
    columns
}

/// The statement that writes so many rows. `@P1` is the trace of the write.
pub(in crate::sqlserver) fn text_of(write: Write, rows: usize) -> String {
    let columns = columns(write);
    let list = columns.join(", ");
    let parameter = |place: usize| format!("@P{}", place + 2);
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let row: Vec<_> = (0..columns.len()).map(|column| parameter(row * columns.len() + column)).collect();
            format!("({})", row.join(", "))
        })
        .collect();
    let source = format!("(VALUES {}) AS v ({list})", values.join(", "));
    match write {
        Write::Insert => {
            let picked: Vec<_> = columns.iter().map(|column| format!("v.{column}")).collect();
            format!(
                "INSERT INTO dbo.Forecasts ({list}, WrittenAt, WrittenVersion, Traceparent) \
                 SELECT {}, SYSUTCDATETIME(), v.VersionId, @P1 FROM {source};",
                picked.join(", ")
            )
        }
        Write::Update | Write::Move => {
            let set: Vec<_> = columns.iter().skip(1).map(|column| format!("{column} = v.{column}")).collect();
            let moved = if write == Write::Move { ", Moved = 1" } else { "" };
            format!(
                "UPDATE f SET {}, WrittenAt = SYSUTCDATETIME(), WrittenVersion = v.VersionId, Traceparent = @P1{moved} \
                 FROM dbo.Forecasts AS f INNER JOIN {source} ON v.Id = f.Id;",
                set.join(", ")
            )
        }
    }
}

/// Its parameters.
pub(in crate::sqlserver) fn values_of(
    write: Write,
    traceparent: Option<&str>,
    rows: &[&Forecast],
) -> Result<Vec<Value>, SqlError> {
    let mut values = vec![text_or_null(traceparent.map(str::to_owned))];
    for row in rows {
        values.push(uuid(row.id.0));
        if write != Write::Update {
            values.push(uuid(row.company_id.0));
            values.push(uuid(row.production_unit_id.0));
            values.push(uuid_or_null(row.provider_id.map(|provider| provider.0)));
        }
        values.push(time(row.forecast_date)?);
        values.push(float(row.demand));
        values.push(float_or_null(row.supply));
        values.push(float(row.confidence_level));
        values.push(text(row.status.name()));
        values.push(text(serde_json::Value::from(row.tags.clone()).to_string()));
        values.push(time(row.created_at)?);
        values.push(time(row.updated_at)?);
        values.push(int(signed(row.version_id.0)));
    }
    Ok(values)
}
