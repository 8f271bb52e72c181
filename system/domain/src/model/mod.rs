//! The model: values that are valid by construction; what comes from outside is parsed into them once, at the edge
//! ([`CreateForecast`], [`PatchForecast`], [`BatchRequest`], [`ListParams`]), and everything wrong with it is named at once.

mod batch;
mod create;
mod document;
mod forecast;
pub(crate) mod ids;
pub(crate) mod input;
pub(crate) mod list;
mod names;
mod patch;
pub(crate) mod rules;
mod scope;

pub use batch::{BATCH_ITEMS_MAX, BatchRequest};
pub use create::CreateForecast;
pub use forecast::{Forecast, NaturalKey, Placement, Status};
pub use ids::{CompanyId, EventId, ForecastId, ProviderId, UnitId, UserId};
pub use input::{ERRORS_PER_BODY_MAX, ERRORS_PER_ITEM_MAX, FieldError, InputError};
pub use list::{ListParams, SCOPE_TAGS_MAX, SKIP_MAX, TAKE_DEFAULT, TAKE_MAX};
pub use names::{all_forecasts_tag, company_tag, forecast_key, forecast_of_key, provider_tag, unit_tag};
pub use patch::PatchForecast;
pub use rules::{AMOUNT_MAX, FORECAST_DATE_END, FORECAST_DATE_MIN, LABEL_CHARS_MAX, LABELS_MAX, microseconds};
pub use scope::Scope;
