//! The plans of the statements that grow with the table: each must walk an index.

use std::sync::Arc;

use coherence::Timestamp;
use domain::model::{CompanyId, Scope, Status, UnitId};
use domain::ports::{ListCursor, ListQuery, PageStart};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::store::page_sql;
use super::{Sqlite, SqliteConfig};
use crate::system::SystemClock;

async fn plan(sqlite: &Sqlite, query: &ListQuery) -> String {
    let sql = format!("EXPLAIN QUERY PLAN {}", page_sql(query).sql().as_str());
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&sqlite.shared.readers).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail") + "\n").collect()
}

#[tokio::test]
async fn lists_walk_the_index_that_fits_and_sort_only_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(SqliteConfig::new(folder.path().join("db")), Arc::new(SystemClock)).await.unwrap();
    let all = ListQuery {
        scope: Scope::All,
        company_id: None,
        production_unit_id: None,
        from: None,
        to: None,
        status: None,
        start: PageStart::Skip(0),
        take: 20,
    };
    let id = Uuid::from_u128(1);
    let companies = |n: u128| Scope::Companies((0..n).map(|n| CompanyId(Uuid::from_u128(n))).collect());
    let cursor =
        PageStart::After(ListCursor { forecast_date: Timestamp::UNIX_EPOCH, id: domain::model::ForecastId(id) });
    let company = ListQuery { company_id: Some(CompanyId(id)), ..all.clone() };
    let unit = ListQuery { production_unit_id: Some(UnitId(id)), ..all.clone() };
    for (query, index) in [
        (all.clone(), "forecasts_by_date"),
        (ListQuery { from: Some(Timestamp::UNIX_EPOCH), ..all.clone() }, "forecasts_by_date"),
        (ListQuery { status: Some(Status::Failed), ..all.clone() }, "forecasts_by_date"),
        (ListQuery { start: cursor, ..all.clone() }, "forecasts_by_date"),
        (company.clone(), "forecasts_by_company"),
        (ListQuery { scope: companies(1), ..all.clone() }, "forecasts_by_company"),
        (ListQuery { to: Some(Timestamp::UNIX_EPOCH), start: cursor, ..company.clone() }, "forecasts_by_company"),
        (unit.clone(), "forecasts_by_unit"),
        (ListQuery { company_id: Some(CompanyId(id)), ..unit.clone() }, "forecasts_by_unit"),
        (ListQuery { scope: companies(3), start: cursor, ..unit.clone() }, "forecasts_by_unit"),
    ] {
        let plan = plan(&sqlite, &query).await;
        // The page comes first, then the total, then the page's few rows are put in order.
        let (page, rest) = plan.split_once("SCAN m\n").expect("the page is read before the rest");
        assert!(page.contains(index), "{index} was due for {query:?}:\n{plan}");
        assert!(!page.contains("TEMP B-TREE"), "{query:?} sorts all that it finds:\n{plan}");
        let reads_the_table = |line: &str| line.contains("forecasts") && !line.contains("COVERING INDEX");
        assert!(!rest.lines().any(reads_the_table), "{query:?} counts in the table:\n{plan}");
    }
}
