//! A request for a new forecast.

use coherence::{Timestamp, VersionId};
use serde_json::Value;

use super::input::{Fields, InputError, json};
use super::{CompanyId, Forecast, ForecastId, NaturalKey, PatchForecast, ProviderId, Status, UnitId, rules};

/// The body of `POST /forecasts`, checked: `{companyId, productionUnitId, providerId?, forecastDate, demand, supply?,
/// confidence, status?, tags?}`. Outer `None`s say that the request does not name the field, inner ones that it is null.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateForecast {
    /// What tells the forecast apart.
    pub natural_key: NaturalKey,
    /// Demand.
    pub demand: f64,
    /// Supply, if it is known.
    pub supply: Option<Option<f64>>,
    /// How sure the forecast is.
    pub confidence: f64,
    /// Where it stands; if it is not given, supply decides.
    pub status: Option<Status>,
    /// Free labels.
    pub tags: Option<Vec<String>>,
}

impl CreateForecast {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`InputError`] with every field that is wrong.
    pub fn from_json(body: &[u8]) -> Result<Self, InputError> {
        Self::from_value(&json(body)?)
    }

    /// Reads one item of a batch.
    pub(super) fn from_value(value: &Value) -> Result<Self, InputError> {
        let mut fields = Fields::of(value)?;
        let company_id: Option<CompanyId> = fields.required("companyId", rules::id);
        let production_unit_id: Option<UnitId> = fields.required("productionUnitId", rules::id);
        let provider_id: Option<ProviderId> = fields.optional("providerId", rules::id);
        let forecast_date = fields.required("forecastDate", rules::forecast_date);
        let demand = fields.required("demand", rules::amount);
        let supply = fields.nullable("supply", rules::amount);
        let confidence = fields.required("confidence", rules::confidence);
        let status = fields.optional("status", rules::status);
        let tags = fields.optional("tags", rules::labels);
        if status == Some(Status::Completed) && supply.flatten().is_none() {
            fields.fail::<()>("status", COMPLETED_NEEDS_SUPPLY);
        }
        let read = (|| {
            Some(Self {
                natural_key: NaturalKey {
                    company_id: company_id?,
                    production_unit_id: production_unit_id?,
                    forecast_date: forecast_date?,
                    provider_id,
                },
                demand: demand?,
                supply,
                confidence: confidence?,
                status,
                tags,
            })
        })();
        fields.finish(read)
    }

    /// The new forecast, at `now`.
    pub fn into_forecast(self, id: ForecastId, version_id: VersionId, now: Timestamp) -> Forecast {
        let supply = self.supply.flatten();
        let now = rules::microseconds(now);
        Forecast {
            id,
            company_id: self.natural_key.company_id,
            production_unit_id: self.natural_key.production_unit_id,
            provider_id: self.natural_key.provider_id,
            forecast_date: self.natural_key.forecast_date,
            demand: self.demand,
            supply,
            confidence_level: self.confidence,
            status: self.status.unwrap_or(Status::of_supply(supply)),
            tags: self.tags.unwrap_or_default(),
            created_at: now,
            updated_at: now,
            version_id,
        }
    }

    /// What this request means for a forecast that is there already: what it names is changed, the rest stays.
    pub fn as_patch(&self) -> PatchForecast {
        PatchForecast {
            demand: Some(self.demand),
            supply: self.supply,
            confidence: Some(self.confidence),
            status: self.status,
            tags: self.tags.clone(),
            ..PatchForecast::default()
        }
    }
}

/// Why a status is refused.
pub(super) const COMPLETED_NEEDS_SUPPLY: &str = "a forecast is Completed only with a supply";

impl Status {
    /// The status of a forecast whose status nobody gave (ruling 8).
    pub(super) fn of_supply(supply: Option<f64>) -> Self {
        match supply {
            Some(_) => Self::Completed,
            None => Self::Pending,
        }
    }
}
