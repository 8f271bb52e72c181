//! A forecast: one row, one document (specification 2.1).

use coherence::{Timestamp, VersionId};
use serde::{Deserialize, Serialize};

use super::{CompanyId, ForecastId, ProviderId, UnitId};

/// Where a forecast stands (ruling 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// The supply is not known yet.
    Pending,
    /// Demand and supply are known.
    Completed,
    /// The forecast could not be made.
    Failed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Completed, Self::Failed];

    /// Its name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
        }
    }
}

/// A forecast, as the store holds it. `variance` is derived and so not a field: [`Forecast::variance`].
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Its id.
    pub id: ForecastId,
    /// The company that it belongs to.
    pub company_id: CompanyId,
    /// The unit that it forecasts.
    pub production_unit_id: UnitId,
    /// Who made it; absent where there is one provider only.
    pub provider_id: Option<ProviderId>,
    /// The time that it forecasts, UTC, to the microsecond.
    pub forecast_date: Timestamp,
    /// Demand in the unit of the feed (the sample: GWh a day), finite, at least 0.
    pub demand: f64,
    /// Supply in the same unit; `None` while it is not known.
    pub supply: Option<f64>,
    /// How sure the forecast is, 0 to 1. Requests call it `confidence`.
    pub confidence_level: f64,
    /// Where it stands.
    pub status: Status,
    /// Free labels of the document, at most 16.
    pub tags: Vec<String>,
    /// When it was created, UTC, to the microsecond.
    pub created_at: Timestamp,
    /// When it was last written, UTC, to the microsecond.
    pub updated_at: Timestamp,
    /// Its version: +1 on each write.
    pub version_id: VersionId,
}

/// What tells two forecasts apart to people: there is at most one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NaturalKey {
    /// The company.
    pub company_id: CompanyId,
    /// The unit.
    pub production_unit_id: UnitId,
    /// The time forecast.
    pub forecast_date: Timestamp,
    /// The provider; its absence is a value of its own.
    pub provider_id: Option<ProviderId>,
}

/// Where a forecast is filed: what decides which lists can show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placement {
    /// The company.
    pub company_id: CompanyId,
    /// The unit.
    pub production_unit_id: UnitId,
    /// The provider.
    pub provider_id: Option<ProviderId>,
}

impl Forecast {
    /// `supply - demand`, once supply is known; rounded to nine decimals, so that 480.1 - 450.2 reads 29.9.
    pub fn variance(&self) -> Option<f64> {
        const SCALE: f64 = 1e9;
        self.supply.map(|supply| ((supply - self.demand) * SCALE).round() / SCALE)
    }

    /// The forecast's natural key.
    pub fn natural_key(&self) -> NaturalKey {
        NaturalKey {
            company_id: self.company_id,
            production_unit_id: self.production_unit_id,
            forecast_date: self.forecast_date,
            provider_id: self.provider_id,
        }
    }

    /// Where the forecast is filed.
    pub fn placement(&self) -> Placement {
        Placement {
            company_id: self.company_id,
            production_unit_id: self.production_unit_id,
            provider_id: self.provider_id,
        }
    }
}
