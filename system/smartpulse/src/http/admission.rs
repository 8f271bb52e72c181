//! Who is let in: the token, the caller's rate. (The cap on running requests is in the edge, before any of this.)

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use tokio::time::Instant;

use super::concurrency::within;
use super::problem::Problem;
use super::rate_limit::RateLimiter;
use crate::auth::{Caller, Verifier};

/// What decides about admission; shared by all routes of an instance.
#[derive(Debug)]
pub struct Gatekeeper {
    /// Verifies tokens.
    pub verifier: Arc<Verifier>,
    /// Bounds each subject's rate; `None` bounds nothing.
    pub limiter: Option<RateLimiter>,
}

/// A caller who was let in.
#[derive(Debug)]
pub struct Admitted {
    /// Who it is.
    pub caller: Arc<Caller>,
}

impl<S> FromRequestParts<S> for Admitted
where
    S: Send + Sync,
    Arc<Gatekeeper>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let keeper = Arc::<Gatekeeper>::from_ref(state);
        let caller = keeper.verifier.authenticate(&parts.headers).await?;
        keeper.admit(caller)
    }
}

impl Gatekeeper {
    /// Lets a known caller in, within its rate.
    ///
    /// # Errors
    /// 429 `RATE_LIMITED`.
    pub fn admit(&self, caller: Arc<Caller>) -> Result<Admitted, Problem> {
        if let Some(limiter) = &self.limiter {
            limiter.check(caller.identity.user.0, Instant::now())?;
        }
        Ok(Admitted { caller })
    }
}

/// Runs `work` under the request's deadline, with a timer only if it does not finish at once: a cache hit does.
///
/// # Errors
/// 504 `TIMEOUT`.
pub async fn timely<T>(deadline: Duration, work: impl Future<Output = T>) -> Result<T, Problem> {
    let mut work = pin!(work);
    let at_once = std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
    match at_once {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => within(deadline, work).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_done_at_once_needs_no_timer_and_what_is_not_has_one() {
        // A deadline of zero would end anything that is given a timer.
        assert_eq!(timely(Duration::ZERO, async { 7 }).await.unwrap(), 7);
        assert!(timely(Duration::from_millis(5), std::future::pending::<()>()).await.is_err());
        let later = async {
            tokio::task::yield_now().await;
            8
        };
        assert_eq!(timely(Duration::from_secs(60), later).await.unwrap(), 8);
    }
}
