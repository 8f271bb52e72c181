//! The shapes on the wire, for the API description. Requests are parsed by the domain, which names every wrong field; a
//! test holds these shapes against what it accepts and writes.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::problem::FieldError;

/// A forecast.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Forecast)]
pub struct ForecastDocument {
    /// Its id.
    pub id: Uuid,
    /// The company that it belongs to.
    pub company_id: Uuid,
    /// The unit that it forecasts.
    pub production_unit_id: Uuid,
    /// Who made it; left out where nobody is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub provider_id: Option<Uuid>,
    /// The time that it forecasts.
    #[schema(format = DateTime, example = "2025-11-12T10:30:00Z")]
    pub forecast_date: String,
    /// Demand.
    #[schema(example = 450.5, minimum = 0)]
    pub demand: f64,
    /// Supply; null while it is not known.
    #[schema(required, example = 480.0, minimum = 0)]
    pub supply: Option<f64>,
    /// `supply - demand`; null while the supply is not known.
    #[schema(required, example = 29.5)]
    pub variance: Option<f64>,
    /// How sure the forecast is.
    #[schema(example = 0.95, minimum = 0, maximum = 1)]
    pub confidence_level: f64,
    /// `Pending`, `Completed` or `Failed`.
    #[schema(example = "Completed")]
    pub status: String,
    /// Free labels; left out where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tags: Option<Vec<String>>,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was last written.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Its version: one more with each write.
    #[schema(example = 12345)]
    pub version_id: u64,
}

/// A page of forecasts.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForecastPage {
    /// How many match, on all pages.
    pub total: u64,
    /// The page.
    pub items: Vec<ForecastDocument>,
    /// The cursor of the next page; null on the last one.
    #[schema(required)]
    pub next: Option<String>,
}

/// A new forecast.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CreateForecast)]
pub struct CreateBody {
    /// The company; one of the token's.
    pub company_id: Uuid,
    /// The unit.
    pub production_unit_id: Uuid,
    /// Who made it.
    pub provider_id: Option<Uuid>,
    /// The time that it forecasts, years 1900 to 2200.
    #[schema(format = DateTime, example = "2025-11-13T00:00:00Z")]
    pub forecast_date: String,
    /// Demand.
    #[schema(example = 500.0, minimum = 0)]
    pub demand: f64,
    /// Supply, if it is known.
    #[schema(minimum = 0)]
    pub supply: Option<f64>,
    /// How sure the forecast is.
    #[schema(example = 0.92, minimum = 0, maximum = 1)]
    pub confidence: f64,
    /// `Pending`, `Completed` or `Failed`; by default what follows from the supply.
    pub status: Option<String>,
    /// Free labels, at most 16.
    pub tags: Option<Vec<String>>,
}

/// Changes of a forecast; what is not named stays.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PatchForecast)]
pub struct PatchBody {
    /// The unit.
    #[schema(nullable = false)]
    pub production_unit_id: Option<Uuid>,
    /// Who made it; null removes it.
    pub provider_id: Option<Uuid>,
    /// The time that it forecasts.
    #[schema(nullable = false, format = DateTime)]
    pub forecast_date: Option<String>,
    /// Demand.
    #[schema(nullable = false, example = 500.0, minimum = 0)]
    pub demand: Option<f64>,
    /// Supply; null removes it.
    #[schema(minimum = 0)]
    pub supply: Option<f64>,
    /// How sure the forecast is.
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    pub confidence: Option<f64>,
    /// `Pending`, `Completed` or `Failed`.
    #[schema(nullable = false)]
    pub status: Option<String>,
    /// Free labels; null removes all.
    pub tags: Option<Vec<String>>,
}

/// Many forecasts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Batch)]
pub struct BatchBody {
    /// At most 1,000.
    #[schema(max_items = 1000)]
    pub items: Vec<CreateBody>,
    /// Whether forecasts that become `Completed` are announced; by default they are not.
    pub notify: Option<bool>,
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// How many there were not before.
    pub created: usize,
    /// How many differed.
    pub updated: usize,
    /// How many said the same.
    pub unchanged: usize,
    /// How many are not acceptable.
    pub invalid: usize,
    /// One result for each item, in the order of the items.
    pub results: Vec<BatchResult>,
}

/// What became of one item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchResult {
    /// Which item, from 0.
    pub index: usize,
    /// `created`, `updated`, `unchanged` or `invalid`.
    #[schema(value_type = String)]
    pub status: &'static str,
    /// The forecast's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<Uuid>,
    /// The forecast's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub version_id: Option<u64>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub details: Option<Vec<FieldError>>,
}
