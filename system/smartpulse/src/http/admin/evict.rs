//! `POST /admin/evict`: every instance drops a forecast, what carries a tag, or all. It goes over `forecast:invalidation`,
//! as any invalidation does, so that instances of other processes hear it too.

use std::collections::BTreeMap;

use ::coherence::Tag;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::event::{CacheInvalidation, Event};
use domain::ports::Topic;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::audit::{Operator, audited};
use super::explain::forecast_of;
use super::routes::{AdminApi, BODY, Inner};
use crate::http::code::Code;
use crate::http::extract::read_json;
use crate::http::problem::Problem;

/// One of the three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    key: Option<String>,
    tag: Option<String>,
    #[serde(default)]
    all: bool,
}

pub(super) async fn evict(
    State(AdminApi(api)): State<AdminApi>,
    operator: Operator,
    request: Request,
) -> Result<Response, Problem> {
    let (_, body) = read_json(request, BODY).await?;
    let argument = String::from_utf8_lossy(&body).into_owned();
    audited(&operator, "evict", &argument, publish(&api, &body)).await
}

async fn publish(api: &Inner, body: &[u8]) -> Result<Response, Problem> {
    let (what, event) = event(api, body)?;
    let message = event.outbox(&BTreeMap::new()).map_err(Problem::internal)?.message;
    api.bus.publish(Topic::ForecastInvalidation, message).await.map_err(|error| match error.is_retryable() {
        true => Problem::new(Code::Unavailable).detail("the instances cannot be told"),
        false => Problem::internal(error),
    })?;
    Ok((StatusCode::ACCEPTED, Json(json!({"evicted": what}))).into_response())
}

fn event(api: &Inner, body: &[u8]) -> Result<(String, CacheInvalidation), Problem> {
    let wrong = || Problem::invalid_field("body", "name one of `key`, `tag` and `all: true`");
    let wanted: Wanted = serde_json::from_slice(body).map_err(|_| wrong())?;
    let (id, now) = (api.ids.event_id(), api.clock.now());
    match wanted {
        Wanted { key: Some(key), tag: None, all: false } => {
            let forecast = forecast_of(&key)?;
            // The lists that show it carry its own tag.
            Ok((format!("forecast:{forecast}"), CacheInvalidation::evict_key(id, forecast, &[], now)))
        }
        Wanted { key: None, tag: Some(tag), all: false } => {
            let valid = Tag::new(tag.as_str()).map_err(|error| Problem::invalid_field("tag", error.to_string()))?;
            Ok((tag, CacheInvalidation::evict_tags(id, &[valid], now)))
        }
        Wanted { key: None, tag: None, all: true } => Ok(("all".to_owned(), CacheInvalidation::evict_all(id, now))),
        _ => Err(wrong()),
    }
}
