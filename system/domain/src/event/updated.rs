//! `forecast:updated` (specification 3.1).

use std::borrow::Cow;

use coherence::{Incarnation, Timestamp, Version, VersionId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Event;
use crate::model::{CompanyId, EventId, Forecast, ForecastId, UnitId, UserId};
use crate::ports::Topic;

/// Who publishes: the member `source`.
pub const SOURCE: &str = "ProductionForecast.Api";

/// A forecast was changed, with what changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[doc(alias = "ForecastUpdatedEvent")]
pub struct ForecastUpdated {
    /// Always `ForecastUpdated`.
    pub event_type: Cow<'static, str>,
    /// Names the event.
    pub event_id: EventId,
    /// When the change was made.
    pub timestamp: Timestamp,
    /// The forecast.
    pub aggregate_id: ForecastId,
    /// Always `Forecast`.
    pub aggregate_type: Cow<'static, str>,
    /// What changed.
    pub data: ForecastUpdatedData,
    /// Who published it.
    pub source: Cow<'static, str>,
    /// Who made the change.
    pub user_id: UserId,
    /// Added: the database's life in which the versions count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
}

/// The member `data`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForecastUpdatedData {
    /// The forecast.
    pub forecast_id: ForecastId,
    /// Its company.
    pub company_id: CompanyId,
    /// Its unit, after the change.
    pub unit_id: UnitId,
    /// The version that was changed.
    pub previous_version_id: VersionId,
    /// The version afterwards.
    pub current_version_id: VersionId,
    /// The fields that differ.
    pub changes: Vec<FieldChange>,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Its name in requests (ruling 8: `confidence`).
    pub field: Cow<'static, str>,
    /// The value before; null if there was none.
    pub old_value: Value,
    /// The value afterwards; null if it was removed.
    pub new_value: Value,
}

impl ForecastUpdated {
    /// The event of a change from `before` to `after`.
    pub fn new(
        event_id: EventId,
        user_id: UserId,
        incarnation: Incarnation,
        before: &Forecast,
        after: &Forecast,
    ) -> Self {
        Self {
            event_type: Cow::Borrowed("ForecastUpdated"),
            event_id,
            timestamp: after.updated_at,
            aggregate_id: after.id,
            aggregate_type: Cow::Borrowed(super::ENTITY_TYPE),
            data: ForecastUpdatedData {
                forecast_id: after.id,
                company_id: after.company_id,
                unit_id: after.production_unit_id,
                previous_version_id: before.version_id,
                current_version_id: after.version_id,
                changes: changes(before, after),
            },
            source: Cow::Borrowed(SOURCE),
            user_id,
            incarnation: Some(incarnation),
        }
    }

    /// The version that the forecast has now, if the publisher names its incarnation.
    pub fn version(&self) -> Option<Version> {
        self.incarnation.map(|incarnation| Version { incarnation, id: self.data.current_version_id })
    }
}

impl Event for ForecastUpdated {
    const TOPIC: Topic = Topic::ForecastUpdated;

    fn key(&self) -> String {
        self.aggregate_id.to_string()
    }
}

/// The fields that a request can change, in the order of the document, where they differ.
fn changes(before: &Forecast, after: &Forecast) -> Vec<FieldChange> {
    let fields = |row: &Forecast| {
        [
            ("productionUnitId", Value::from(row.production_unit_id.to_string())),
            ("providerId", row.provider_id.map(|id| id.to_string()).into()),
            ("forecastDate", Value::from(row.forecast_date.to_string())),
            ("demand", Value::from(row.demand)),
            ("supply", row.supply.into()),
            ("confidence", Value::from(row.confidence_level)),
            ("status", Value::from(row.status.name())),
            ("tags", Value::from(row.tags.clone())),
        ]
    };
    let pairs = fields(before).into_iter().zip(fields(after));
    pairs
        .filter(|((_, old), (_, new))| old != new)
        .map(|((field, old_value), (_, new_value))| FieldChange { field: Cow::Borrowed(field), old_value, new_value })
        .collect()
}
