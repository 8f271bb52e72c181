//! `forecast:completed` (specification 7.1).

use coherence::Timestamp;
use serde::{Deserialize, Serialize};

use super::Event;
use crate::model::{CompanyId, EventId, Forecast, ForecastId, Status, UnitId, UserId};
use crate::ports::Topic;

/// A forecast became `Completed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[doc(alias = "ForecastCompletedEvent")]
pub struct ForecastCompleted {
    /// The forecast.
    pub forecast_id: ForecastId,
    /// Its status: `Completed`.
    pub status: Status,
    /// When it became so.
    pub completed_at: Timestamp,
    /// Added: names the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// Added (ruling 7): the company, whose recipients are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    /// Added (ruling 7): the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_id: Option<UnitId>,
    /// Added (ruling 7): who completed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

impl ForecastCompleted {
    /// The event of a change that left `forecast` completed.
    pub fn new(event_id: EventId, user_id: UserId, forecast: &Forecast) -> Self {
        Self {
            forecast_id: forecast.id,
            status: forecast.status,
            completed_at: forecast.updated_at,
            event_id: Some(event_id),
            company_id: Some(forecast.company_id),
            unit_id: Some(forecast.production_unit_id),
            user_id: Some(user_id),
        }
    }
}

impl Event for ForecastCompleted {
    const TOPIC: Topic = Topic::ForecastCompleted;

    fn key(&self) -> String {
        self.forecast_id.to_string()
    }
}
