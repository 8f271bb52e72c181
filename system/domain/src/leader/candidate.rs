//! Asking for a lease, prolonging it, giving it up.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use uuid::Uuid;

use super::LeaseTimes;
use crate::ports::{Acquired, Lease, LeaseName, Leases};

/// The shortest wait before a lease is asked for again.
const ASK_AGAIN_MIN: Duration = Duration::from_millis(10);
/// Giving a lease up takes at most so long; it ends by itself otherwise.
const RELEASE_MAX: Duration = Duration::from_millis(500);

/// A lease that is held until a monotonic deadline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) lease: Lease,
    deadline: Instant,
}

/// Why a lease is held no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It could not be prolonged in time.
    Expired,
    /// Another process took it.
    Taken,
}

/// One that would hold a lease.
#[derive(Clone)]
pub(crate) struct Candidate {
    leases: Arc<dyn Leases>,
    name: LeaseName,
    holder: Uuid,
    times: LeaseTimes,
}

impl Candidate {
    pub(crate) fn new(leases: Arc<dyn Leases>, name: LeaseName, holder: Uuid, times: LeaseTimes) -> Self {
        Self { leases, name, holder, times }
    }

    /// Waits until the lease is this process's.
    pub(crate) async fn elected(&self) -> Term {
        loop {
            let before = Instant::now();
            let asked = self.leases.acquire(self.name, self.holder, self.times.life);
            let wait = match timeout(self.times.life, asked).await {
                Ok(Ok(Acquired::Held(lease))) if before.elapsed() < self.times.life => {
                    return Term { lease, deadline: before + self.times.life };
                }
                Ok(Ok(Acquired::Busy { remaining })) => remaining.max(ASK_AGAIN_MIN).min(self.times.standby_every),
                Ok(Err(error)) => {
                    tracing::debug!(lease = %self.name, %error, "the lease cannot be asked for");
                    self.times.standby_every
                }
                Ok(Ok(Acquired::Held(_))) | Err(_) => self.times.standby_every,
            };
            sleep(wait).await;
        }
    }

    /// Prolongs the lease until it is lost. It must be polled before the work that relies on it.
    pub(crate) async fn keep(&self, term: &Term) -> Lost {
        let mut deadline = term.deadline;
        let mut next = Instant::now() + self.times.renew_every;
        loop {
            sleep_until(next.min(deadline)).await;
            let before = Instant::now();
            if before >= deadline {
                return Lost::Expired;
            }
            // A call that hangs must leave time for another one.
            let last = deadline.min(before + self.times.life / 2);
            let asked = self.leases.renew(self.name, term.lease.token, self.times.life);
            match timeout_at(last, asked).await {
                Ok(Ok(true)) => deadline = before + self.times.life,
                Ok(Ok(false)) => return Lost::Taken,
                Ok(Err(error)) => tracing::warn!(lease = %self.name, %error, "the lease cannot be prolonged"),
                Err(_) => tracing::warn!(lease = %self.name, "the lease was not prolonged in time"),
            }
            next = before + self.times.renew_every;
        }
    }

    /// Whether the lease is still this term's, as the store sees it now.
    pub(crate) async fn is_held(&self, term: &Term) -> bool {
        let asked = self.leases.renew(self.name, term.lease.token, self.times.life);
        matches!(timeout(self.times.life / 2, asked).await, Ok(Ok(true)))
    }

    /// Gives the lease up, so that another process need not wait for its end.
    pub(crate) async fn release(&self, term: &Term) {
        match timeout(RELEASE_MAX, self.leases.release(self.name, term.lease.token)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(lease = %self.name, %error, "the lease is not released; it ends by itself")
            }
            Err(_) => tracing::warn!(lease = %self.name, "the lease is not released in time; it ends by itself"),
        }
    }
}
