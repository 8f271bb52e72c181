//! The one place where errors of the use cases become HTTP.

use std::time::Duration;

use domain::forecast::ServiceError;
use domain::model::ForecastId;
use http::{HeaderName, HeaderValue, header};

use super::code::Code;
use super::conditional::forecast_etag;
use super::problem::{FieldError, Problem};

/// When to come back after trouble that passes by itself.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The answer is older than its life, given because the source failed or is slow.
pub(crate) const X_CACHE_STALE: HeaderName = HeaderName::from_static("x-cache-stale");

/// The error answer. `id` is the forecast that the request named, if it named one.
pub fn problem_of(error: ServiceError, id: Option<ForecastId>) -> Problem {
    let detail = error.to_string();
    match error {
        ServiceError::NotFound => Problem::new(Code::ForecastNotFound),
        ServiceError::NotFoundStale => {
            let problem = Problem::new(Code::ForecastNotFound).detail(detail);
            problem.header(X_CACHE_STALE, HeaderValue::from_static("true"))
        }
        ServiceError::MissingRole(role) => {
            Problem::new(Code::Forbidden).detail(format!("this needs the role {}", role.name()))
        }
        ServiceError::ForeignCompany => Problem::new(Code::Forbidden).detail("companyId is not a company of the token"),
        ServiceError::Invalid(errors) => {
            Problem::invalid(errors.into_iter().map(|error| FieldError::new(error.field, error.message)).collect())
        }
        ServiceError::Malformed(message) => Problem::new(Code::InvalidJson).detail(message),
        ServiceError::Exists { existing } => {
            let location = HeaderValue::from_str(&location_of(existing));
            let problem = Problem::new(Code::ForecastExists).detail(detail);
            location.into_iter().fold(problem, |problem, value| problem.header(header::LOCATION, value))
        }
        ServiceError::PreconditionFailed { actual } => {
            let problem = Problem::new(Code::PreconditionFailed);
            id.into_iter().fold(problem, |problem, id| problem.header(header::ETAG, forecast_etag(id, actual)))
        }
        ServiceError::IdempotencyMismatch => Problem::new(Code::IdempotencyKeyReused),
        ServiceError::IdempotencyInProgress => Problem::new(Code::IdempotencyInProgress).retry_after(RETRY_AFTER),
        ServiceError::Contended => Problem::new(Code::Conflict).retry_after(RETRY_AFTER),
        ServiceError::BelowMinimum { .. } => Problem::new(Code::VersionNotReached).retry_after(RETRY_AFTER),
        ServiceError::Busy => Problem::new(Code::Overloaded).retry_after(RETRY_AFTER),
        ServiceError::Unavailable(cause) => {
            tracing::warn!(cause = cause.map(|cause| cause.to_string()), "the store did not serve a request");
            Problem::new(Code::Unavailable).retry_after(RETRY_AFTER)
        }
        ServiceError::Full(what) => {
            tracing::error!(what, "the store takes no more");
            Problem::new(Code::Unavailable).detail("the store takes no more writes for now").retry_after(RETRY_AFTER)
        }
        ServiceError::Internal(cause) => Problem::internal(cause),
    }
}

/// Where a forecast is.
pub fn location_of(id: ForecastId) -> String {
    format!("/api/forecasts/{id}")
}
