//! Lists: which rows match, and one page of them in the list's order.

use std::cmp::Reverse;

use coherence::Timestamp;
use domain::model::{Forecast, ForecastId};
use domain::ports::{ListPage, ListQuery, PageStart};

use super::tables::Tables;

/// `forecastDate` descending, then `id` ascending.
fn place(row: &Forecast) -> (Reverse<Timestamp>, ForecastId) {
    (Reverse(row.forecast_date), row.id)
}

fn matches(query: &ListQuery, row: &Forecast) -> bool {
    query.scope.contains(row.company_id)
        && query.company_id.is_none_or(|company| row.company_id == company)
        && query.production_unit_id.is_none_or(|unit| row.production_unit_id == unit)
        && query.from.is_none_or(|from| row.forecast_date >= from)
        && query.to.is_none_or(|to| row.forecast_date < to)
        && query.status.is_none_or(|status| row.status == status)
}

impl Tables {
    pub(super) fn page(&self, query: &ListQuery) -> ListPage {
        let mut rows: Vec<&Forecast> = self.rows.values().filter(|row| matches(query, row)).collect();
        rows.sort_by_key(|row| place(row));
        let start = match &query.start {
            PageStart::Skip(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
            PageStart::After(cursor) => {
                rows.partition_point(|row| place(row) <= (Reverse(cursor.forecast_date), cursor.id))
            }
        };
        let take = usize::try_from(query.take).unwrap_or(usize::MAX);
        let rest = rows.get(start..).unwrap_or_default();
        ListPage {
            total: rows.len() as u64,
            items: rest.iter().take(take).map(|row| (*row).clone()).collect(),
            more: rest.len() > take,
            incarnation: self.incarnation,
        }
    }
}
