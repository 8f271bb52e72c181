//! What the handlers share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use domain::forecast::Role;
use domain::notification::operations::{NotificationOperations, PUSH_WAIT_MAX};
use domain::notification::{NotificationError, NotificationManager, Registry};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::enclosed::Enclosed;
use super::source::subject;
use crate::auth::Caller;
use crate::config::{HttpConfig, LimitsConfig};
use crate::http::admission::{Gatekeeper, timely};
use crate::http::code::Code;
use crate::http::extract::BodyLimit;
use crate::http::problem::Problem;
use crate::http::rate_limit::RateLimiter;
use crate::http::service_error::{notification_problem, problem_of};
use crate::http::source::Source;
use crate::http::streams::StreamBase;

/// Changes that run at the same time; beyond that they are refused.
const CHANGES_MAX: usize = 1_024;
/// Pushes that are waited for at the same time. They wait long where a push service is dead, and must not take the room of
/// the other channels.
const PUSHES_MAX: usize = 256;

/// Sources of unsubscribing that are told apart; all others share a bucket.
const SOURCES_MAX: usize = 10_000;

/// How often somebody may come: a token bucket for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second, over time; 0: no limit.
    pub rate_per_s: u32,
    /// Requests at once before the rate holds.
    pub burst: u32,
}

/// What the API is made of.
pub struct NotificationApiParts {
    /// Sending, and what became of it.
    pub operations: NotificationOperations,
    /// Inboxes.
    pub manager: NotificationManager,
    /// Devices, preferences, and who wants no mails.
    pub registry: Registry,
    /// Who is let in.
    pub keeper: Arc<Gatekeeper>,
    /// What event streams need.
    pub streams: StreamBase,
    /// The key that browsers subscribe with, in base64url; `None`: there is no Web Push.
    pub vapid_public_key: Option<String>,
    /// How often a caller may send: over both send routes and sending again.
    pub sends: Rate,
    /// How often one source may unsubscribe, with or without success.
    pub unsubscribes: Rate,
}

/// The state of the routes. Clones share everything.
#[derive(Clone)]
pub struct NotificationApi(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) operations: NotificationOperations,
    pub(super) manager: NotificationManager,
    pub(super) registry: Registry,
    pub(super) keeper: Arc<Gatekeeper>,
    pub(super) streams: StreamBase,
    pub(super) vapid_public_key: Option<String>,
    pub(super) body: BodyLimit,
    pub(super) enclosed: Enclosed,
    pub(super) page_max: u32,
    deadline: Duration,
    send_limiter: Option<RateLimiter>,
    unsubscribe_limiter: Option<RateLimiter>,
    changes: Arc<Semaphore>,
    pushes: Arc<Semaphore>,
}

impl NotificationApi {
    /// The API over these parts. Of `http` it takes limits and deadlines of requests.
    pub fn new(parts: NotificationApiParts, http: &HttpConfig, limits: &LimitsConfig) -> Self {
        let NotificationApiParts {
            operations,
            manager,
            registry,
            keeper,
            streams,
            vapid_public_key,
            sends,
            unsubscribes,
        } = parts;
        let body = BodyLimit { bytes: http.body_limit_bytes, timeout: http.body_timeout };
        Self(Arc::new(Inner {
            operations,
            manager,
            registry,
            keeper,
            streams,
            vapid_public_key,
            body,
            enclosed: Enclosed::new(body),
            page_max: limits.page_max,
            deadline: http.request_timeout,
            send_limiter: RateLimiter::new(sends.rate_per_s, sends.burst, limits.subjects_max),
            unsubscribe_limiter: RateLimiter::new(unsubscribes.rate_per_s, unsubscribes.burst, SOURCES_MAX),
            changes: Arc::new(Semaphore::new(CHANGES_MAX)),
            pushes: Arc::new(Semaphore::new(PUSHES_MAX)),
        }))
    }

    /// Waits until no change runs any more, and lets none begin: for the end of the instance.
    pub async fn drain(&self) {
        for (room, max) in [(&self.0.pushes, PUSHES_MAX), (&self.0.changes, CHANGES_MAX)] {
            let permits = room.acquire_many(u32::try_from(max).unwrap_or(u32::MAX)).await;
            room.close();
            drop(permits);
        }
    }
}

impl Inner {
    /// Who sends needs the role, and keeps to a rate: told before a byte of the body is read.
    pub(super) fn sender(&self, caller: &Caller) -> Result<(), Problem> {
        caller.identity.require(Role::NotifySend).map_err(|error| problem_of(error, None))?;
        if let Some(limiter) = &self.send_limiter {
            limiter.check(caller.identity.user.0, Instant::now())?;
        }
        Ok(())
    }

    /// Whoever unsubscribes shows no token of ours, so what holds is where the request comes from.
    pub(super) fn unsubscriber(&self, source: Option<&Source>) -> Result<(), Problem> {
        if let Some(limiter) = &self.unsubscribe_limiter {
            limiter.check(subject(source), Instant::now())?;
        }
        Ok(())
    }

    /// Runs what only reads, under the deadline of a request. `missing` is what is not there if it is not there.
    pub(super) async fn look<T>(
        &self,
        missing: Code,
        work: impl Future<Output = Result<T, NotificationError>>,
    ) -> Result<T, Problem> {
        timely(self.deadline, work).await?.map_err(|error| notification_problem(error, missing))
    }

    /// Runs what changes something as a task of its own: a client that hangs up after the commit must not skip what
    /// follows from it (streams are told, jobs are woken).
    pub(super) async fn change<T: Send + 'static>(
        &self,
        missing: Code,
        work: impl Future<Output = Result<T, NotificationError>> + Send + 'static,
    ) -> Result<T, Problem> {
        detached(&self.changes, self.deadline, missing, work).await
    }

    /// The same for what also waits for push services, as long as the use case lets it.
    pub(super) async fn push<T: Send + 'static>(
        &self,
        missing: Code,
        work: impl Future<Output = Result<T, NotificationError>> + Send + 'static,
    ) -> Result<T, Problem> {
        detached(&self.pushes, self.deadline + PUSH_WAIT_MAX, missing, work).await
    }
}

async fn detached<T: Send + 'static>(
    room: &Arc<Semaphore>,
    deadline: Duration,
    missing: Code,
    work: impl Future<Output = Result<T, NotificationError>> + Send + 'static,
) -> Result<T, Problem> {
    let permit = Arc::clone(room).try_acquire_owned();
    let permit = permit.map_err(|_| notification_problem(NotificationError::Busy, missing))?;
    let task = tokio::spawn(async move {
        let result = work.await;
        drop(permit);
        result
    });
    match timely(deadline, task).await? {
        Ok(result) => result.map_err(|error| notification_problem(error, missing)),
        Err(error) => Err(Problem::internal(format!("a change was broken off: {error}"))),
    }
}

impl FromRef<NotificationApi> for Arc<Gatekeeper> {
    fn from_ref(api: &NotificationApi) -> Self {
        Arc::clone(&api.0.keeper)
    }
}

impl FromRef<NotificationApi> for StreamBase {
    fn from_ref(api: &NotificationApi) -> Self {
        api.0.streams.clone()
    }
}
