//! `GET /admin/explain/{key}`: what each tier holds of a forecast, and why.

use ::coherence::{HistoryLine, KeyReport, Mutation, TierReport};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::model::{ForecastId, forecast_key};
use serde_json::{Value, json};

use super::audit::Operator;
use super::routes::AdminApi;
use crate::http::params::{parse_id, path_text};
use crate::http::problem::Problem;

/// What a key begins with; it may be left out.
const PREFIX: &str = "forecast:";

pub(super) async fn explain(
    State(AdminApi(api)): State<AdminApi>,
    _operator: Operator,
    key: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let key = forecast_key(forecast_of(&path_text("key", key)?)?);
    let found = api.service.caches().cache().explain(&key).await;
    Ok(Json(report(key.as_str(), &found)).into_response())
}

/// The forecast that `forecast:<uuid>`, or a UUID alone, names.
pub(super) fn forecast_of(key: &str) -> Result<ForecastId, Problem> {
    parse_id("key", key.strip_prefix(PREFIX).unwrap_or(key)).map(ForecastId)
}

fn report(key: &str, found: &KeyReport) -> Value {
    let l3 = match &found.l3 {
        Ok(held) => held.as_ref().map(tier),
        Err(error) => Some(json!({"error": error})),
    };
    json!({
        "key": key,
        "tiers": {"L1": found.l1.as_ref().map(tier), "L2": found.l2.as_ref().map(tier), "L3": l3},
        "floor": found.floor.to_string(),
        "barred": found.barred,
        "history": found.history.iter().map(line).collect::<Vec<_>>(),
    })
}

fn tier(held: &TierReport) -> Value {
    json!({
        "version": held.version.to_string(),
        "ageMs": u64::try_from(held.age.as_millis()).unwrap_or(u64::MAX),
        "absent": held.absent,
        "served": held.served,
    })
}

fn line(line: &HistoryLine) -> Value {
    let (what, version, level) = match line.mutation {
        Mutation::Changed { version } => ("changed", Some(version), None),
        Mutation::Filled { version, level } => ("filled", Some(version), Some(level.name())),
        Mutation::Patched { version } => ("patched", Some(version), None),
        Mutation::Pulled { version } => ("pulled", Some(version), None),
        Mutation::Barred => ("barred", None, None),
        Mutation::Emptied => ("emptied", None, None),
        _ => ("other", None, None),
    };
    json!({"at": line.at, "what": what, "version": version.map(|version| version.to_string()), "level": level})
}
