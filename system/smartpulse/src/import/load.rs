//! Items handed to the service of this process, without HTTP.

use std::collections::BTreeSet;

use domain::forecast::{Answered, BatchItem, Caller, ForecastService, Role, ServiceError, Views};
use domain::model::{BatchRequest, InputError, Scope, UserId};
use serde::Serialize;

use super::rows::Item;

/// The body of `POST /api/forecasts/batch`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BatchBody<'a> {
    /// The items.
    pub items: &'a [Item],
    /// Whether completed forecasts are announced.
    pub notify: bool,
}

/// Items could not be stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// They have no JSON form.
    #[error("the items cannot be written as JSON: {0}")]
    Json(String),
    /// They are no batch.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The service refused or failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// One item is not acceptable.
    #[error("items[{index}]: {reason}")]
    Item {
        /// Its place.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Stores the items in one transaction, in the system's own name; nobody is notified. They take the same way as those
/// of a client, so that they are checked by the same rules.
///
/// # Errors
/// [`LoadError`]; an item that is not acceptable is one, though the others are stored.
pub async fn load<V: Views>(service: &ForecastService<V>, user: UserId, items: &[Item]) -> Result<usize, LoadError> {
    let body = serde_json::to_vec(&BatchBody { items, notify: false });
    let request = BatchRequest::from_json(&body.map_err(|error| LoadError::Json(error.to_string()))?)?;
    let roles = BTreeSet::from([Role::ForecastWrite]);
    let system = Caller { user, scope: Scope::All, roles, traceparent: None };
    // Without an idempotency key there is no earlier answer.
    let Answered::Now(outcome) = service.batch(&system, request, None).await? else { return Ok(0) };
    for (index, item) in outcome.items.iter().enumerate() {
        if let BatchItem::Invalid(errors) = item {
            let reasons: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return Err(LoadError::Item { index, reason: reasons.join("; ") });
        }
    }
    Ok(outcome.items.len())
}
