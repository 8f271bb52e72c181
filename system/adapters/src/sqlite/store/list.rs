//! One page of a list: items, total and incarnation in one statement, so in one snapshot.

use coherence::Incarnation;
use domain::model::Scope;
use domain::ports::{ListPage, ListQuery, PageStart};
use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Row, Sqlite};

use crate::sqlite::row;

pub(super) async fn list(readers: &SqlitePool, query: &ListQuery) -> Result<ListPage, sqlx::Error> {
    let rows = page_sql(query).build().fetch_all(readers).await?;
    let mut page = ListPage { total: 0, items: Vec::new(), more: false, incarnation: Incarnation::default() };
    for each in &rows {
        page.incarnation = Incarnation(row::counter(each.try_get_unchecked(0)?)?);
        page.total = row::counter(each.try_get_unchecked(1)?)?;
        page.items.extend(row::forecast(each, 2)?);
    }
    let take = usize::try_from(query.take).unwrap_or(usize::MAX);
    page.more = page.items.len() > take;
    page.items.truncate(take);
    Ok(page)
}

/// The statement for `query`. Its text depends on which filters are set, so that each form gets the index that fits.
pub(in crate::sqlite) fn page_sql(query: &ListQuery) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new("SELECT m.incarnation, (SELECT count(*) FROM forecasts WHERE ");
    push_filters(&mut sql, query);
    sql.push(") AS total, f.* FROM meta m LEFT JOIN (SELECT ").push(row::COLUMNS).push(" FROM forecasts WHERE ");
    push_filters(&mut sql, query);
    if let PageStart::After(cursor) = query.start {
        let date = cursor.forecast_date.as_microsecond();
        // The first condition bounds the index, the second one decides among equal dates.
        sql.push(" AND forecast_date <= ").push_bind(date).push(" AND (forecast_date < ").push_bind(date);
        sql.push(" OR id > ").push_bind(row::blob(cursor.id.0)).push(")");
    }
    // One more than asked for: whether there are more.
    sql.push(" ORDER BY forecast_date DESC, id LIMIT ").push_bind(i64::from(query.take) + 1);
    if let PageStart::Skip(skip) = query.start {
        sql.push(" OFFSET ").push_bind(i64::from(skip));
    }
    sql.push(") f ORDER BY f.forecast_date DESC, f.id");
    sql
}

fn push_filters(sql: &mut QueryBuilder<Sqlite>, query: &ListQuery) {
    sql.push("true");
    // A unit belongs to one company as a rule: its index is the better one, and the plus keeps the planner, which has no
    // statistics, from the company's.
    let company = if query.production_unit_id.is_some() { " AND +company_id" } else { " AND company_id" };
    match (query.company_id, &query.scope) {
        (Some(wanted), scope) if !scope.contains(wanted) => {
            sql.push(" AND false");
        }
        (Some(wanted), _) => {
            sql.push(company).push(" = ").push_bind(row::blob(wanted.0));
        }
        (None, Scope::All) => {}
        (None, Scope::Companies(companies)) => {
            sql.push(company).push(" IN (");
            let mut list = sql.separated(", ");
            for each in companies {
                list.push_bind(row::blob(each.0));
            }
            sql.push(")");
        }
    }
    if let Some(unit) = query.production_unit_id {
        sql.push(" AND production_unit_id = ").push_bind(row::blob(unit.0));
    }
    if let Some(from) = query.from {
        sql.push(" AND forecast_date >= ").push_bind(from.as_microsecond());
    }
    if let Some(to) = query.to {
        sql.push(" AND forecast_date < ").push_bind(to.as_microsecond());
    }
    if let Some(status) = query.status {
        sql.push(" AND status = ").push_bind(row::status_name(status));
    }
}
