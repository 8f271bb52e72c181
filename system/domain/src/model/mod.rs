//! The model: values that are valid by construction; what comes from outside is parsed into them once, at the edge.

mod forecast;
mod ids;
mod scope;

pub use forecast::{Forecast, NaturalKey, Placement, Status};
pub use ids::{CompanyId, EventId, ForecastId, ProviderId, UnitId, UserId};
pub use scope::Scope;
