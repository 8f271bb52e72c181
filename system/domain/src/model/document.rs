//! The document of a forecast: the JSON of specification 2.1, which every tier holds and every response shows.

use coherence::{Timestamp, VersionId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{CompanyId, Forecast, ForecastId, ProviderId, Status, UnitId};

/// The members in the specification's order. `supply` and `variance` are null while unknown; `providerId` and `tags`
/// are left out where there are none.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    id: ForecastId,
    company_id: CompanyId,
    production_unit_id: UnitId,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<ProviderId>,
    forecast_date: Timestamp,
    demand: f64,
    supply: Option<f64>,
    variance: Option<f64>,
    confidence_level: f64,
    status: Status,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    created_at: Timestamp,
    updated_at: Timestamp,
    version_id: VersionId,
}

impl Serialize for Forecast {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            id: self.id,
            company_id: self.company_id,
            production_unit_id: self.production_unit_id,
            provider_id: self.provider_id,
            forecast_date: self.forecast_date,
            demand: self.demand,
            supply: self.supply,
            variance: self.variance(),
            confidence_level: self.confidence_level,
            status: self.status,
            tags: &self.tags,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version_id: self.version_id,
        }
        .serialize(serializer)
    }
}

/// What is read back. `variance` is derived, so it is ignored like any member that a later release may add.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    id: ForecastId,
    company_id: CompanyId,
    production_unit_id: UnitId,
    provider_id: Option<ProviderId>,
    forecast_date: Timestamp,
    demand: f64,
    supply: Option<f64>,
    confidence_level: f64,
    status: Status,
    #[serde(default)]
    tags: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version_id: VersionId,
}

impl<'de> Deserialize<'de> for Forecast {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        Ok(Self {
            id: read.id,
            company_id: read.company_id,
            production_unit_id: read.production_unit_id,
            provider_id: read.provider_id,
            forecast_date: read.forecast_date,
            demand: read.demand,
            supply: read.supply,
            confidence_level: read.confidence_level,
            status: read.status,
            tags: read.tags,
            created_at: read.created_at,
            updated_at: read.updated_at,
            version_id: read.version_id,
        })
    }
}
