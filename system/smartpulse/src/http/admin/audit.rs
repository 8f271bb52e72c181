//! Who may give orders, and the record of each.

use std::future::Future;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::response::Response;
use domain::forecast::Role;
use domain::model::UserId;
use http::request::Parts;

use crate::http::admission::{Admitted, Gatekeeper};
use crate::http::problem::Problem;
use crate::http::service_error::problem_of;

/// The target of the record in the log.
pub const TARGET: &str = "audit";

/// A caller with the role `admin`.
#[derive(Debug)]
pub struct Operator {
    /// Who it is.
    pub subject: UserId,
}

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    Arc<Gatekeeper>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let admitted = Admitted::from_request_parts(parts, state).await?;
        let identity = &admitted.caller.identity;
        let subject = identity.user;
        identity.require(Role::Admin).map_err(|error| {
            let problem = problem_of(error, None);
            record(subject, parts.method.as_str(), parts.uri.path(), problem.code().as_str());
            problem
        })?;
        Ok(Self { subject })
    }
}

/// Carries out an order and records it, with what came of it.
///
/// # Errors
/// Those of the order.
pub async fn audited(
    operator: &Operator,
    action: &str,
    argument: &str,
    order: impl Future<Output = Result<Response, Problem>>,
) -> Result<Response, Problem> {
    let mut record = Record { subject: operator.subject, action, argument, outcome: "unknown: the operator hung up" };
    let done = order.await;
    record.outcome = done.as_ref().map_or_else(|problem| problem.code().as_str(), |_| "done");
    done
}

/// Written when it is dropped: also where the operator's connection broke, and with it what was done for it.
struct Record<'o> {
    subject: UserId,
    action: &'o str,
    argument: &'o str,
    outcome: &'static str,
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        record(self.subject, self.action, self.argument, self.outcome);
    }
}

fn record(subject: UserId, action: &str, argument: &str, outcome: &str) {
    tracing::info!(target: TARGET, %subject, action, argument, outcome, "an operator's order");
}
