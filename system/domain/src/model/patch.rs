//! A change of a forecast: a JSON merge patch (RFC 7396).

use coherence::{Timestamp, VersionId};

use super::create::COMPLETED_NEEDS_SUPPLY;
use super::input::{FieldError, Fields, InputError, json};
use super::{Forecast, ProviderId, Status, UnitId, rules};

/// The body of `PATCH /forecasts/{id}`, checked. `None` leaves a field as it is; where there is an inner `Option`, its
/// `None` (JSON's null) removes the value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PatchForecast {
    /// Demand.
    pub demand: Option<f64>,
    /// Supply.
    pub supply: Option<Option<f64>>,
    /// How sure the forecast is.
    pub confidence: Option<f64>,
    /// Where it stands.
    pub status: Option<Status>,
    /// Free labels; null empties them.
    pub tags: Option<Vec<String>>,
    /// Who made it.
    pub provider_id: Option<Option<ProviderId>>,
    /// The unit.
    pub production_unit_id: Option<UnitId>,
    /// The time forecast.
    pub forecast_date: Option<Timestamp>,
}

impl PatchForecast {
    /// Reads a request body.
    ///
    /// # Errors
    /// [`InputError`] with every field that is wrong.
    pub fn from_json(body: &[u8]) -> Result<Self, InputError> {
        const IMMUTABLE: [&str; 6] = ["id", "companyId", "variance", "createdAt", "updatedAt", "versionId"];
        let value = json(body)?;
        let mut fields = Fields::of(&value)?;
        let patch = Self {
            demand: fields.present("demand", rules::amount),
            supply: fields.nullable("supply", rules::amount),
            confidence: fields.present("confidence", rules::confidence),
            status: fields.present("status", rules::status),
            tags: fields.nullable("tags", rules::labels).map(Option::unwrap_or_default),
            provider_id: fields.nullable("providerId", rules::id),
            production_unit_id: fields.present("productionUnitId", rules::id),
            forecast_date: fields.present("forecastDate", rules::forecast_date),
        };
        for name in IMMUTABLE {
            fields.refuse(name, "cannot be changed");
        }
        fields.refuse("confidenceLevel", "is called `confidence` in requests");
        fields.finish(Some(patch))
    }

    /// The row with this change. Version and `updatedAt` are untouched: see [`Forecast::revised`].
    ///
    /// # Errors
    /// The fields that do not fit this row.
    pub fn apply(&self, row: &Forecast) -> Result<Forecast, InputError> {
        let mut after = row.clone();
        after.demand = self.demand.unwrap_or(row.demand);
        after.supply = self.supply.unwrap_or(row.supply);
        after.confidence_level = self.confidence.unwrap_or(row.confidence_level);
        after.tags = self.tags.clone().unwrap_or_else(|| row.tags.clone());
        after.provider_id = self.provider_id.unwrap_or(row.provider_id);
        after.production_unit_id = self.production_unit_id.unwrap_or(row.production_unit_id);
        after.forecast_date = self.forecast_date.unwrap_or(row.forecast_date);
        after.status = match (self.status, row.status) {
            (Some(given), _) => given,
            // Ruling 8: a supply that comes or goes moves the status along, unless the forecast failed.
            (None, Status::Pending) if row.supply.is_none() => Status::of_supply(after.supply),
            (None, Status::Completed) => Status::of_supply(after.supply),
            (None, kept) => kept,
        };
        if after.status == Status::Completed && after.supply.is_none() {
            return Err(InputError::Fields(vec![FieldError::new("status", COMPLETED_NEEDS_SUPPLY)]));
        }
        Ok(after)
    }
}

impl Forecast {
    /// This content as the next version after `row`, written at `now`.
    #[must_use]
    pub fn revised(mut self, row: &Self, now: Timestamp) -> Self {
        self.version_id = VersionId(row.version_id.0.saturating_add(1));
        // A clock that was set back must not make a row younger than its last change.
        self.updated_at = rules::microseconds(now).max(row.updated_at);
        self
    }
}
