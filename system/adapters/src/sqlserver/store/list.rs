//! One page of a list: items, total and incarnation in one statement, so in one snapshot.

use std::fmt::Write;

use coherence::Incarnation;
use domain::model::Scope;
use domain::ports::{ListPage, ListQuery, PageStart};

use crate::sqlserver::database::Shared;
use crate::sqlserver::errors::SqlError;
use crate::sqlserver::row::{Columns, id_list};
use crate::sqlserver::statement::{Value, small_int, text, time, uuid};

pub(super) async fn list(shared: &Shared, query: &ListQuery) -> Result<ListPage, SqlError> {
    let (sql, values) = page(query)?;
    let answers = shared.pool.session().await?.run(&sql, values).await?;
    let mut page = ListPage { total: 0, items: Vec::new(), more: false, incarnation: Incarnation::default() };
    for row in answers.first().map(Vec::as_slice).unwrap_or_default() {
        let mut columns = Columns::of(row);
        page.incarnation = columns.incarnation()?;
        page.total = columns.counter()?;
        page.items.extend(columns.forecast()?);
    }
    let take = usize::try_from(query.take).unwrap_or(usize::MAX);
    page.more = page.items.len() > take;
    page.items.truncate(take);
    Ok(page)
}

/// A text that grows with its parameters.
struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// Notes a value; answers its name.
    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("@P{}", self.values.len())
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// The statement for `query`. Its text depends on which filters are set, and on nothing else, so that each form gets the
/// plan that fits, and keeps it.
pub(in crate::sqlserver) fn page(query: &ListQuery) -> Result<(String, Vec<Value>), SqlError> {
    let mut sql = Sql { text: String::new(), values: Vec::new() };
    let filters = filters(&mut sql, query)?;
    sql.push("SELECT m.Incarnation, t.Total, p.Id, p.CompanyId, p.ProductionUnitId, p.ProviderId, p.ForecastDate, p.Demand, p.Supply, p.ConfidenceLevel, p.Status, p.Tags, p.CreatedAt, p.UpdatedAt, p.VersionId FROM dbo.ForecastMeta AS m CROSS JOIN (SELECT COUNT(*) AS Total FROM dbo.Forecasts AS a WHERE ");
    let counted = filters.replace("f.", "a.");
    sql.push(&counted);
    sql.push(") AS t LEFT OUTER JOIN (SELECT f.Id, f.CompanyId, f.ProductionUnitId, f.ProviderId, f.ForecastDate, f.Demand, f.Supply, f.ConfidenceLevel, f.Status, f.Tags, f.CreatedAt, f.UpdatedAt, f.VersionId FROM dbo.Forecasts AS f WHERE ");
    sql.push(&filters);
    if let PageStart::After(cursor) = query.start {
        let date = sql.bind(time(cursor.forecast_date)?);
        let id = sql.bind(uuid(cursor.id.0));
        // The first condition bounds the index, the second one decides among equal dates.
        sql.push(&format!(" AND f.ForecastDate <= {date} AND (f.ForecastDate < {date} OR f.Id > {id})"));
    }
    let skip = match query.start {
        PageStart::Skip(skip) => skip,
        PageStart::After(_) => 0,
    };
    let skip = sql.bind(small_int(skip));
    // One more than asked for: whether there are more.
    let take = sql.bind(small_int(query.take.saturating_add(1)));
    sql.push(&format!(
        " ORDER BY f.ForecastDate DESC, f.Id OFFSET {skip} ROWS FETCH NEXT {take} ROWS ONLY) AS p ON 1 = 1"
    ));
    sql.push(" ORDER BY p.ForecastDate DESC, p.Id;");
    Ok((sql.text, sql.values))
}

/// The conditions, on the alias `f`.
fn filters(sql: &mut Sql, query: &ListQuery) -> Result<String, SqlError> {
    let mut filters = "1 = 1".to_owned();
    let mut and = |condition: String| {
        // Writing to a text cannot fail.
        let _ = write!(filters, " AND {condition}");
    };
    match (query.company_id, &query.scope) {
        (Some(wanted), scope) if !scope.contains(wanted) => and("1 = 0".to_owned()),
        (Some(wanted), _) => and(format!("f.CompanyId = {}", sql.bind(uuid(wanted.0)))),
        (None, Scope::All) => {}
        (None, Scope::Companies(companies)) => {
            let list = sql.bind(text(id_list(companies.iter().map(|company| company.0))));
            and(format!("f.CompanyId IN (SELECT w.Id FROM OPENJSON({list}) WITH (Id uniqueidentifier '$.id') AS w)"));
        }
    }
    if let Some(unit) = query.production_unit_id {
        and(format!("f.ProductionUnitId = {}", sql.bind(uuid(unit.0))));
    }
    if let Some(from) = query.from {
        and(format!("f.ForecastDate >= {}", sql.bind(time(from)?)));
    }
    if let Some(to) = query.to {
        and(format!("f.ForecastDate < {}", sql.bind(time(to)?)));
    }
    if let Some(status) = query.status {
        // One of three words of ours, and so not one plan for all of them.
        and(format!("f.Status = '{}'", status.name()));
    }
    Ok(filters)
}
