//! The sample that an embedded instance starts with; `sample/README.md` says where it is from.

use domain::model::{CompanyId, NaturalKey, UnitId};
use uuid::Uuid;

use super::rows::{Item, RowError, TableError, read_rows};

/// Germany's daily consumption and generation in 2017.
pub const OPSD_2017_CSV: &str = include_str!("../../sample/opsd_germany_2017.csv");
/// The company of the sample, and of each import of that table.
pub const OPSD_COMPANY_ID: &str = "0b5d0000-0000-4000-8000-00000000c0de";
/// The unit of the sample.
pub const OPSD_UNIT_ID: &str = "0b5d0000-0000-4000-8000-0000000000de";

/// The sample cannot be read; a test shows that it can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// The table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A row.
    #[error(transparent)]
    Row(#[from] RowError),
}

/// The items of the sample.
///
/// # Errors
/// None, as long as the sample is the one that was tested.
pub fn items() -> Result<Vec<Item>, SampleError> {
    read_rows(OPSD_2017_CSV.as_bytes(), None)?.map(|row| Ok(row.item?)).collect()
}

/// What tells the forecast of an item apart; `None` if one of its ids is no UUID. The table names no provider.
pub fn natural_key(item: &Item) -> Option<NaturalKey> {
    Some(NaturalKey {
        company_id: CompanyId(Uuid::parse_str(&item.company_id).ok()?),
        production_unit_id: UnitId(Uuid::parse_str(&item.production_unit_id).ok()?),
        forecast_date: item.forecast_date,
        provider_id: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_every_day_of_2017_with_its_supply() {
        let items = items().unwrap();
        assert_eq!(items.len(), 365);
        assert!(items.iter().all(|item| item.supply.is_some() && item.forecast_date.to_string().starts_with("2017-")));
        assert_eq!(items[0].demand, 1130.4130000000002);
        assert!(items.iter().all(|item| natural_key(item).is_some()));
    }
}
