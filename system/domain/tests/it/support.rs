//! Values that the tests share.

use coherence::{Timestamp, VersionId};
use domain::model::{CompanyId, Forecast, ForecastId, ProviderId, Status, UnitId};
use uuid::Uuid;

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn uuid(number: u128) -> Uuid {
    // A recognisable first digit keeps small numbers from looking like the nil UUID.
    Uuid::from_u128(0xf000_0000_0000_4000_8000_0000_0000_0000 | number)
}

/// The forecast of the specification's example.
pub(crate) fn example() -> Forecast {
    Forecast {
        id: ForecastId(uuid(1)),
        company_id: CompanyId(uuid(2)),
        production_unit_id: UnitId(uuid(3)),
        provider_id: None,
        forecast_date: time("2025-11-12T10:30:00Z"),
        demand: 450.5,
        supply: Some(480.0),
        confidence_level: 0.95,
        status: Status::Completed,
        tags: Vec::new(),
        created_at: time("2025-11-12T10:00:00Z"),
        updated_at: time("2025-11-12T10:30:00Z"),
        version_id: VersionId(12_345),
    }
}

pub(crate) fn provider() -> ProviderId {
    ProviderId(uuid(4))
}
