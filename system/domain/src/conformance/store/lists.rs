//! Lists and their pages.

use std::collections::BTreeSet;

use crate::conformance::samples::{committed, company, day, everything, put, row, unit};
use crate::model::{Forecast, Scope, Status};
use crate::ports::{ListCursor, ListPage, ListQuery, PageStart, Store};

/// 24 rows: 2 companies, 3 units, 4 days with six rows each, 3 statuses. All four fields vary on their own.
async fn sample(store: &dyn Store) -> Vec<Forecast> {
    let mut rows = Vec::new();
    for n in 0..24_u32 {
        let mut each = row(n + 1);
        each.company_id = company(u128::from(n % 2));
        each.production_unit_id = unit(u128::from(n % 3));
        each.forecast_date = day(i64::from(n / 6));
        each.status = [Status::Pending, Status::Completed, Status::Failed][(n / 2 % 3) as usize];
        rows.push(each);
    }
    // Not in the order in which they are listed.
    committed(store, rows.iter().rev().map(put).collect()).await;
    rows.sort_by(|a, b| b.forecast_date.cmp(&a.forecast_date).then(a.id.cmp(&b.id)));
    rows
}

async fn list(store: &dyn Store, query: &ListQuery) -> ListPage {
    let page = store.list(query).await.unwrap();
    assert!(page.items.len() <= query.take as usize, "at most {} items were asked for", query.take);
    page
}

/// `forecastDate` descending, then `id` ascending.
pub async fn a_list_is_ordered_by_date_then_id(store: &dyn Store) {
    let incarnation = store.incarnation().await.unwrap();
    let empty = ListPage { total: 0, items: Vec::new(), more: false, incarnation };
    assert_eq!(list(store, &everything(10)).await, empty);
    let rows = sample(store).await;
    assert_eq!(list(store, &everything(100)).await, ListPage { total: 24, items: rows, more: false, incarnation });
}

/// Each filter alone and all together; `from` includes, `to` excludes.
pub async fn a_list_is_filtered(store: &dyn Store) {
    let rows = sample(store).await;
    let all = everything(100);
    let expect = async |query: ListQuery, keep: &dyn Fn(&Forecast) -> bool| {
        let page = list(store, &query).await;
        let kept: Vec<_> = rows.iter().filter(|row| keep(row)).cloned().collect();
        assert_eq!(page.total, kept.len() as u64, "{query:?}");
        assert_eq!(page.items, kept, "{query:?}");
    };
    let (one, other) = (company(1), company(0));
    expect(ListQuery { company_id: Some(one), ..all.clone() }, &|row| row.company_id == one).await;
    let query = ListQuery { production_unit_id: Some(unit(2)), ..all.clone() };
    expect(query, &|row| row.production_unit_id == unit(2)).await;
    expect(ListQuery { from: Some(day(2)), ..all.clone() }, &|row| row.forecast_date >= day(2)).await;
    expect(ListQuery { to: Some(day(2)), ..all.clone() }, &|row| row.forecast_date < day(2)).await;
    for status in [Status::Pending, Status::Completed, Status::Failed] {
        expect(ListQuery { status: Some(status), ..all.clone() }, &|row| row.status == status).await;
    }
    expect(ListQuery { company_id: Some(company(7)), ..all.clone() }, &|_| false).await;
    let query = ListQuery {
        company_id: Some(other),
        production_unit_id: Some(unit(0)),
        from: Some(day(1)),
        to: Some(day(3)),
        status: Some(Status::Pending),
        ..all
    };
    expect(query, &|row| {
        row.company_id == other
            && row.production_unit_id == unit(0)
            && row.status == Status::Pending
            && (day(1)..day(3)).contains(&row.forecast_date)
    })
    .await;
}

/// What is outside the scope is not there, also not in the total.
pub async fn a_list_is_scoped(store: &dyn Store) {
    let rows = sample(store).await;
    let scoped = |companies: &[u128]| ListQuery {
        scope: Scope::Companies(companies.iter().map(|n| company(*n)).collect::<BTreeSet<_>>()),
        ..everything(100)
    };
    for (companies, total) in [(&[][..], 0), (&[1][..], 12), (&[0, 1][..], 24), (&[1, 7][..], 12)] {
        let page = list(store, &scoped(companies)).await;
        assert_eq!((page.total, page.items.len() as u64), (total, total), "{companies:?}");
        let scope = scoped(companies).scope;
        let inside: Vec<_> = rows.iter().filter(|row| scope.contains(row.company_id)).cloned().collect();
        assert_eq!(page.items, inside);
    }
    let outside = ListQuery { company_id: Some(company(0)), ..scoped(&[1]) };
    assert_eq!(list(store, &outside).await.total, 0, "a filter does not widen the scope");
    let inside = ListQuery { company_id: Some(company(1)), production_unit_id: Some(unit(1)), ..scoped(&[0, 1]) };
    assert_eq!(list(store, &inside).await.total, 4);
    let by_unit = ListQuery { production_unit_id: Some(unit(1)), ..scoped(&[1]) };
    assert_eq!(list(store, &by_unit).await.total, 4);
}

/// Also at the end, beyond it, and for no items at all.
pub async fn pages_by_number_tell_whether_more_follow(store: &dyn Store) {
    let rows = sample(store).await;
    for (skip, take, more) in
        [(0, 10, true), (10, 14, false), (10, 13, true), (23, 10, false), (24, 5, false), (99, 5, false)]
    {
        let page = list(store, &ListQuery { start: PageStart::Skip(skip), ..everything(take) }).await;
        let expected: Vec<_> = rows.iter().skip(skip as usize).take(take as usize).cloned().collect();
        assert_eq!((page.total, page.more), (24, more), "skip {skip}, take {take}");
        assert_eq!(page.items, expected, "skip {skip}, take {take}");
    }
    let page = list(store, &everything(0)).await;
    assert_eq!((page.total, page.items.len(), page.more), (24, 0, true));
}

/// Dates repeat, pages end inside a date, a row that comes or goes between two pages moves no other.
pub async fn pages_by_cursor_have_no_gaps_and_no_repeats(store: &dyn Store) {
    let rows = sample(store).await;
    for (take, filter) in [(1, None), (4, None), (5, Some(company(1))), (24, None)] {
        let mut query = ListQuery { company_id: filter, ..everything(take) };
        let expected: Vec<_> =
            rows.iter().filter(|row| filter.is_none_or(|wanted| row.company_id == wanted)).cloned().collect();
        let mut seen = Vec::new();
        loop {
            let page = list(store, &query).await;
            assert_eq!(page.total, expected.len() as u64, "the total is that of all pages");
            seen.extend(page.items);
            let last = seen.last().expect("no page before the last one is empty");
            assert_eq!(page.more, seen.len() < expected.len());
            query.start = PageStart::After(ListCursor { forecast_date: last.forecast_date, id: last.id });
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, expected, "pages of {take}");
    }
    let after = PageStart::After(ListCursor { forecast_date: rows[9].forecast_date, id: rows[9].id });
    let before = Forecast { forecast_date: day(50), ..row(50) };
    committed(store, vec![put(&before)]).await;
    committed(store, vec![crate::conformance::samples::delete(&rows[9])]).await;
    let page = list(store, &ListQuery { start: after, ..everything(3) }).await;
    assert_eq!(page.items, rows[10..13], "the cursor's own row is gone, its place is not");
}
