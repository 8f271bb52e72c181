//! `GET /api/mail-suppressions`, `DELETE /api/mail-suppressions/{address}`: who is not written to.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use coherence::Timestamp;
use domain::notification::model::{MailAddress, SuppressionParams};
use domain::ports::{Suppression, SuppressionReason};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::api::NotificationApi;
use super::reply;
use crate::http::admin::audit::{Operator, audited};
use crate::http::code::Code;
use crate::http::params::{path_text, query_pairs};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::service_error::notification_problem;

const MISSING: Code = Code::SuppressionNotFound;

/// An address to which no mail goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailSuppression)]
pub(super) struct SuppressionDocument {
    /// The address, in small letters.
    #[schema(example = "john@example.com")]
    address: String,
    /// `refused` (a mail server said that there is no such recipient) or `unsubscribed`.
    #[schema(value_type = String, example = "unsubscribed")]
    reason: &'static str,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// A page of those who are not written to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailSuppressions)]
pub(super) struct Suppressions {
    /// The last one first.
    items: Vec<SuppressionDocument>,
    /// The cursor of the next page; null on the last one.
    #[schema(required)]
    next: Option<String>,
}

impl From<Suppression> for SuppressionDocument {
    fn from(suppression: Suppression) -> Self {
        let reason = match suppression.reason {
            SuppressionReason::Refused => "refused",
            SuppressionReason::Unsubscribed => "unsubscribed",
        };
        Self { address: suppression.address, reason, since: suppression.since }
    }
}

/// Addresses to which no mail goes
///
/// Those that unsubscribed, and those that a mail server refused for good; the last one first, in pages.
#[utoipa::path(
    get,
    path = "/api/mail-suppressions",
    tag = "mail",
    params(
        ("take" = Option<u32>, Query, description = "At most this many, 1 to 1,000 (default 100)"),
        ("cursor" = Option<String>, Query, description = "Go on after the page that gave this as `next`"),
    ),
    responses(
        (status = 200, body = Suppressions),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED, each parameter named"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: no role admin"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_suppressions(
    _operator: Operator,
    State(NotificationApi(api)): State<NotificationApi>,
    request: Request,
) -> Result<Response, Problem> {
    let params = SuppressionParams::from_query(query_pairs(request.uri())?);
    let params = params.map_err(|error| notification_problem(error.into(), MISSING))?;
    let (items, next) = api.look(MISSING, api.registry.suppressions(params)).await?;
    let items = items.into_iter().map(SuppressionDocument::from).collect();
    Ok(reply::json(StatusCode::OK, &Suppressions { items, next: next.map(|next| next.to_string()) }))
}

/// Writes to an address again
///
/// Mails from now on. Those that were suppressed stay so. The order is recorded in the log, without the address.
#[utoipa::path(
    delete,
    path = "/api/mail-suppressions/{address}",
    tag = "mail",
    params(("address" = String, Path, description = "The address; capitals and small letters are the same")),
    responses(
        (status = 204, description = "It is written to again"),
        (status = 400, body = ProblemDocument, description = "VALIDATION_FAILED: that is no mail address"),
        (status = 401, body = ProblemDocument, description = "UNAUTHORIZED"),
        (status = 403, body = ProblemDocument, description = "FORBIDDEN: no role admin"),
        (status = 404, body = ProblemDocument, description = "SUPPRESSION_NOT_FOUND"),
        (status = 429, body = ProblemDocument, description = "RATE_LIMITED"),
        (status = 503, body = ProblemDocument, description = "OVERLOADED or UNAVAILABLE"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn remove_suppression(
    operator: Operator,
    State(NotificationApi(api)): State<NotificationApi>,
    address: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let order = async {
        let address = path_text("address", address)?;
        let address = MailAddress::new(address).map_err(|why| Problem::invalid_field("address", why))?;
        let registry = api.registry.clone();
        api.change(MISSING, async move { registry.unsuppress(&address).await }).await?;
        Ok(reply::empty())
    };
    audited(&operator, "unsuppress", "a mail address", order).await
}
