//! The plans of the statements that grow with the table: each must walk an index.

use std::sync::Arc;

use coherence::Timestamp;
use domain::model::{CompanyId, Scope, Status, UnitId};
use domain::ports::{ListCursor, ListQuery, PageStart, Topic};
use sqlx::{AssertSqlSafe, QueryBuilder, Row};
use uuid::Uuid;

use super::bus::{compaction, topics};
use super::store::page_sql;
use super::{Sqlite, SqliteConfig, feed, outbox, prune};
use crate::system::SystemClock;

async fn plan(sqlite: &Sqlite, query: &ListQuery) -> String {
    plan_of(sqlite, page_sql(query).sql().as_str()).await
}

async fn plan_of(sqlite: &Sqlite, sql: &str) -> String {
    let sql = format!("EXPLAIN QUERY PLAN {sql}");
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

/// What is asked all the time, or with each message, looks at no more than it answers.
#[tokio::test]
async fn what_is_asked_all_the_time_walks_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(SqliteConfig::new(folder.path().join("db")), Arc::new(SystemClock)).await.unwrap();
    let mut compaction = QueryBuilder::new("");
    compaction::push_delete(&mut compaction, Topic::CdcForecasts, &["k".to_owned()].into());
    let compaction = compaction.sql().as_str().to_owned();
    for (sql, index) in [
        (feed::READ, "INTEGER PRIMARY KEY"),
        (feed::END, "SEARCH capture"),
        (topics::LAST, "messages_by_topic"),
        (outbox::PENDING, "outbox_pending"),
        (prune::SENT, "outbox_sent"),
        (prune::SENT_TOO_MANY, "outbox_sent"),
        (compaction.as_str(), "messages_compacted"),
    ] {
        let plan = plan_of(&sqlite, sql.split(';').next().unwrap_or(sql)).await;
        assert!(plan.contains(index), "{sql}:\n{plan}");
        for table in ["capture", "messages", "outbox"] {
            let walks = |line: &str| line.contains(&format!("SCAN {table}")) && !line.contains("outbox_");
            assert!(!plan.lines().any(walks), "{sql}:\n{plan}");
        }
    }
}
