//! The one place where errors of the use cases become HTTP.

use std::time::Duration;

use domain::forecast::ServiceError;
use domain::model::{self, ForecastId};
use domain::notification::NotificationError;
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
        ServiceError::Invalid(errors) => invalid(errors),
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

/// The error answer of the notification service. `missing` is the code of what is not there, if it is not there.
pub fn notification_problem(error: NotificationError, missing: Code) -> Problem {
    match error {
        NotificationError::NotFound => Problem::new(missing),
        NotificationError::Invalid(errors) => invalid(errors),
        NotificationError::Malformed(message) => Problem::new(Code::InvalidJson).detail(message),
        NotificationError::DeviceTaken => Problem::new(Code::DeviceTaken),
        NotificationError::TooManyDevices => Problem::new(Code::TooManyDevices),
        NotificationError::IdempotencyMismatch => Problem::new(Code::IdempotencyKeyReused),
        NotificationError::Busy => Problem::new(Code::Overloaded).retry_after(RETRY_AFTER),
        NotificationError::Unavailable(cause) => {
            tracing::warn!(%cause, "the store of notifications did not serve a request");
            Problem::new(Code::Unavailable).retry_after(RETRY_AFTER)
        }
        NotificationError::Full(what) => {
            tracing::error!(what, "the store of notifications takes no more");
            Problem::new(Code::Unavailable).detail("the store takes no more for now").retry_after(RETRY_AFTER)
        }
        NotificationError::Internal(cause) => Problem::internal(cause),
    }
}

fn invalid(errors: Vec<model::FieldError>) -> Problem {
    Problem::invalid(errors.into_iter().map(|error| FieldError::new(error.field, error.message)).collect())
}

/// Where a forecast is.
pub fn location_of(id: ForecastId) -> String {
    format!("/api/forecasts/{id}")
}
