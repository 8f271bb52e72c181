//! Asking for a lease, prolonging it, giving it up.

use std::sync::Arc;
use std::time::Duration;

use coherence::{Incarnation, mutant};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use uuid::Uuid;

use super::LeaseTimes;
use crate::ports::{Acquired, Lease, LeaseName, Leases, Store, StoreError};

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
                if !mutant!(LeaseHeldPastDeadline) {
                    return Lost::Expired;
                }
                deadline = before + self.times.life;
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

    /// Begins an incarnation above `above`, in which others were already that know nothing of this term: the database was put
    /// back. `None`: the lease is lost. Who lost it unnoticed sees a later term's doings, and must not take that for a restore.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn begin_life(
        &self,
        store: &dyn Store,
        term: &Term,
        above: Incarnation,
    ) -> Result<Option<Incarnation>, StoreError> {
        if !self.is_held(term).await {
            return Ok(None);
        }
        match store.raise_incarnation(above).await {
            Ok(incarnation) => {
                tracing::error!(%incarnation, "the database was put back: a new incarnation begins, all tiers are emptied");
                Ok(Some(incarnation))
            }
            Err(error) => {
                tracing::error!(%error, "the database was put back, and the incarnation cannot be raised");
                Err(error)
            }
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use coherence::FencingToken;

    use super::*;
    use crate::ports::FeedPosition;

    /// How a call of the store comes out.
    #[derive(Clone, Copy, PartialEq)]
    enum Answers {
        Yes,
        No,
        Fails,
        Never,
    }

    struct Script(Mutex<(Answers, u32)>);

    impl Script {
        async fn answer(&self) -> Result<bool, StoreError> {
            let answers = {
                let mut script = self.0.lock().unwrap();
                script.1 += 1;
                script.0
            };
            match answers {
                Answers::Yes => Ok(true),
                Answers::No => Ok(false),
                Answers::Fails => Err(StoreError::Timeout),
                Answers::Never => std::future::pending().await,
            }
        }
    }

    #[async_trait]
    impl Leases for Script {
        async fn acquire(&self, name: LeaseName, _: Uuid, _: Duration) -> Result<Acquired, StoreError> {
            let lease =
                Lease { name, token: FencingToken(1), incarnation: Incarnation(1), cursor: FeedPosition::default() };
            let held = self.answer().await?;
            Ok(if held { Acquired::Held(lease) } else { Acquired::Busy { remaining: Duration::from_secs(1) } })
        }

        async fn renew(&self, _: LeaseName, _: FencingToken, _: Duration) -> Result<bool, StoreError> {
            self.answer().await
        }

        async fn release(&self, _: LeaseName, _: FencingToken) -> Result<(), StoreError> {
            self.answer().await.map(drop)
        }

        async fn move_cursor(&self, _: LeaseName, _: FencingToken, _: FeedPosition) -> Result<bool, StoreError> {
            self.answer().await
        }
    }

    fn candidate() -> (Candidate, Arc<Script>) {
        let script = Arc::new(Script(Mutex::new((Answers::Yes, 0))));
        let candidate = Candidate::new(script.clone(), LeaseName::Tracker, Uuid::nil(), LeaseTimes::default());
        (candidate, script)
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_kept_as_long_as_the_store_says_so_and_never_past_its_deadline() {
        for (then, lost, after) in [
            (Answers::No, Lost::Taken, 300),
            (Answers::Fails, Lost::Expired, 1_300),
            (Answers::Never, Lost::Expired, 1_300),
        ] {
            let (candidate, script) = candidate();
            let term = candidate.elected().await;
            let well = timeout(Duration::from_millis(3_050), candidate.keep(&term)).await;
            assert!(well.is_err(), "kept for as long as it is prolonged");
            assert_eq!(script.0.lock().unwrap().1, 1 + 10, "every 300 ms");

            let term = candidate.elected().await;
            script.0.lock().unwrap().0 = then;
            let start = Instant::now();
            assert_eq!(candidate.keep(&term).await, lost);
            assert_eq!(start.elapsed(), Duration::from_millis(after));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_standby_asks_every_200_ms_and_a_store_that_fails_does_not_end_it() {
        for meanwhile in [Answers::No, Answers::Fails] {
            let (candidate, script) = candidate();
            script.0.lock().unwrap().0 = meanwhile;
            assert!(timeout(Duration::from_millis(1_010), candidate.elected()).await.is_err());
            assert_eq!(script.0.lock().unwrap().1, 6);
            script.0.lock().unwrap().0 = Answers::Yes;
            candidate.elected().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_a_lease_waits_for_nobody_for_long() {
        let (candidate, script) = candidate();
        let term = candidate.elected().await;
        script.0.lock().unwrap().0 = Answers::Never;
        let start = Instant::now();
        candidate.release(&term).await;
        assert_eq!(start.elapsed(), RELEASE_MAX);
        assert!(!candidate.is_held(&term).await);
    }
}
