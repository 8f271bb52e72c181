//! New ids.

use uuid::Uuid;

use crate::model::{EventId, ForecastId};

/// Makes ids. Production: time-ordered random UUIDs (version 7); the simulation: from the seed.
pub trait Ids: Send + Sync + 'static {
    /// A UUID never made before.
    fn uuid(&self) -> Uuid;

    /// For a new forecast.
    fn forecast_id(&self) -> ForecastId {
        ForecastId(self.uuid())
    }

    /// For a new event.
    fn event_id(&self) -> EventId {
        EventId(self.uuid())
    }
}
