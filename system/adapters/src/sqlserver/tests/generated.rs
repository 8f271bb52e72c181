//! Statements whose text is made at run time.

use std::collections::BTreeSet;

use coherence::{Timestamp, VersionId};
use domain::model::{CompanyId, Forecast, ForecastId, ProviderId, Scope, Status, UnitId};
use domain::ports::{ListCursor, ListQuery, PageStart};
use uuid::Uuid;

use super::scan::{answers, parameters};
use crate::sqlserver::feed::cdc;
use crate::sqlserver::migrations::{CAPTURED, INSTANCES};
use crate::sqlserver::notifications::inbox_text;
use crate::sqlserver::statements::{ALL, FEED_CDC_CHANGES};
use crate::sqlserver::store::list;
use crate::sqlserver::store::rows::{ROWS_PER_STATEMENT_MAX, Write, text_of, values_of};

const WRITES: [Write; 3] = [Write::Insert, Write::Update, Write::Move];

/// SQL Server's bound of one call; the driver adds two for the text and the parameters' types.
const PARAMETERS_MAX: usize = 2_100 - 2;

/// For a parser of T-SQL (`.ci/tsql.sh`): what is made here is written to the folder that this names.
const OUT: &str = "SMARTPULSE_TSQL_OUT";

fn forecast() -> Forecast {
    let id = Uuid::from_u128(1);
    Forecast {
        id: ForecastId(id),
        company_id: CompanyId(id),
        production_unit_id: UnitId(id),
        provider_id: Some(ProviderId(id)),
        forecast_date: Timestamp::UNIX_EPOCH,
        demand: 0.1,
        supply: None,
        confidence_level: 1.0,
        status: Status::Pending,
        tags: vec!["a".to_owned()],
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        version_id: VersionId(1),
    }
}

/// Every combination of filters.
fn queries() -> Vec<ListQuery> {
    let id = Uuid::from_u128(1);
    let companies = Scope::Companies([CompanyId(id), CompanyId(Uuid::from_u128(2))].into());
    let cursor = ListCursor { forecast_date: Timestamp::UNIX_EPOCH, id: ForecastId(id) };
    let mut queries = Vec::new();
    for bits in 0..64_u32 {
        let has = |bit: u32| bits & (1 << bit) != 0;
        queries.push(ListQuery {
            scope: if has(0) { companies.clone() } else { Scope::All },
            company_id: has(1).then_some(CompanyId(id)),
            production_unit_id: has(2).then_some(UnitId(id)),
            from: has(3).then_some(Timestamp::UNIX_EPOCH),
            to: has(3).then_some(Timestamp::UNIX_EPOCH),
            status: has(4).then_some(Status::Failed),
            start: if has(5) { PageStart::After(cursor) } else { PageStart::Skip(3) },
            take: 20,
        });
    }
    let outside = ListQuery { company_id: Some(CompanyId(Uuid::from_u128(9))), scope: companies, ..queries[0].clone() };
    queries.push(outside);
    queries
}

fn texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for write in WRITES {
        texts.extend([1, 2].map(|rows| (format!("rows_{write:?}_{rows}"), text_of(write, rows))));
    }
    texts.extend(queries().iter().enumerate().map(|(n, query)| (format!("list_{n}"), list::page(query).unwrap().0)));
    texts.extend([1, 2].map(|rows| (format!("inbox_{rows}"), inbox_text(rows))));
    texts.extend(INSTANCES.map(|instance| (instance.to_owned(), cdc::text_of(instance))));
    texts
}

#[test]
fn what_is_made_is_kept_for_a_parser() {
    let texts = texts();
    assert!(texts.len() > 70);
    if let Some(folder) = std::env::var_os(OUT) {
        for (name, text) in texts {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.sql")), text + "\n").unwrap();
        }
    }
}

fn up_to(count: usize) -> BTreeSet<usize> {
    (1..=count).collect()
}

#[test]
fn rows_have_as_many_values_as_places() {
    let row = forecast();
    for write in WRITES {
        for count in [1, 2, ROWS_PER_STATEMENT_MAX] {
            let (text, rows) = (text_of(write, count), vec![&row; count]);
            let values = values_of(write, Some("00-trace-01"), &rows).unwrap();
            assert_eq!(parameters(&text), up_to(values.len()), "{write:?} of {count}");
            assert!(values.len() <= PARAMETERS_MAX, "{write:?} of {count}: {} parameters", values.len());
        }
    }
    // The feed takes a column that a statement names for one that changed.
    let update = text_of(Write::Update, 1);
    assert!(!update.contains("CompanyId") && !update.contains("ProductionUnitId") && !update.contains("ProviderId"));
    assert!(
        text_of(Write::Move, 1).contains("Moved = 1") && text_of(Write::Move, 1).contains("ProviderId = v.ProviderId")
    );
}

#[test]
fn lists_have_as_many_values_as_places_and_answer_what_is_read() {
    let due = ALL.iter().find(|statement| statement.path == "store/get").unwrap().answers[0];
    for query in queries() {
        let (text, values) = list::page(&query).unwrap();
        assert_eq!(parameters(&text), up_to(values.len()), "{text}");
        let found = answers(&text).remove(0);
        assert_eq!(found[..2], ["Incarnation", "Total"], "{text}");
        assert_eq!(found[2..], due[2..], "{text}");
        // The total is that of all pages: the cursor bounds the page alone.
        let (counted, page) = text.split_once(") AS t LEFT OUTER JOIN").unwrap();
        let is_bounded = matches!(query.start, PageStart::After(_));
        assert_eq!((counted.contains("a.Id >"), page.contains("f.Id >")), (false, is_bounded), "{text}");
        for wanted in ["CompanyId =", "ProductionUnitId =", "ForecastDate >=", "Status ="] {
            let of = |alias: &str, part: &str| part.contains(&format!("{alias}.{wanted}"));
            assert_eq!(of("a", counted), of("f", page), "{wanted} in {text}");
        }
    }
    assert!(list::page(queries().last().unwrap()).unwrap().0.contains("1 = 0"), "a filter does not widen the scope");
}

#[test]
fn the_inbox_is_put_by_the_procedure() {
    assert_eq!(parameters(&inbox_text(3)), up_to(18));
    assert_eq!(inbox_text(200).matches("EXEC dbo.InsertNotification").count(), 200);
    assert!(inbox_text(1).contains("@CreatedAt = @P6;"));
}

/// Each capture instance has a function of its own, and the statement reads each captured column.
#[test]
fn a_capture_instance_is_read_by_its_name() {
    for instance in INSTANCES {
        let text = cdc::text_of(instance);
        assert_eq!(text.matches(&format!("cdc.fn_cdc_get_all_changes_{instance}(")).count(), 1, "{text}");
    }
    let inner = FEED_CDC_CHANGES.text.split("FROM\n").nth(1).unwrap();
    for column in CAPTURED {
        assert!(inner.contains(column), "{column}");
    }
}
