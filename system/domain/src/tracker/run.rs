//! One term after the other.

use std::future::Future;
use std::pin::pin;

use coherence::{Incarnation, mutant};
use tokio::time::Instant;
use uuid::Uuid;

use super::term::{Ended, Reading};
use super::{TrackerConfig, TrackerPorts, TrackerStatusHandle};
use crate::backoff::Backoff;
use crate::leader::{Candidate, GIVE_WAY_AFTER, Lost, OnDrop, STAND_BACK, Term};
use crate::ports::{FeedPosition, Lease, LeaseName};
use crate::wake::Wake;

/// The tracker. Every instance runs one; the one that holds the lease reads the feed, the others stand by.
#[doc(alias = "TrackChangesAsync")]
pub struct ChangeTracker {
    config: TrackerConfig,
    ports: TrackerPorts,
    wake: Wake,
    holder: Uuid,
    status: TrackerStatusHandle,
}

impl ChangeTracker {
    /// A tracker that does not run yet. `wake` ends its waits: a local commit, or an event of another instance.
    pub fn new(config: TrackerConfig, ports: TrackerPorts, wake: Wake) -> Self {
        let holder = ports.ids.uuid();
        Self { config, ports, wake, holder, status: TrackerStatusHandle::default() }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> TrackerStatusHandle {
        self.status.clone()
    }

    /// Tracks until `stop`, then hands the lease over.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let candidate = Candidate::new(self.ports.leases.clone(), LeaseName::Tracker, self.holder, self.config.lease);
        let mut stop = pin!(stop);
        let mut backoff = Backoff::default();
        loop {
            let term = tokio::select! {
                biased;
                () = &mut stop => return,
                term = candidate.elected() => term,
            };
            let ended = tokio::select! {
                biased;
                () = &mut stop => None,
                lost = candidate.keep(&term) => Some(Ended::Lost(lost)),
                ended = self.lead(&candidate, &term) => Some(ended),
            };
            if !matches!(ended, Some(Ended::Lost(_))) {
                candidate.release(&term).await;
            }
            let Some(ended) = ended else { return };
            tracing::info!(token = %term.lease.token, ?ended, "the tracker's term ended");
            match ended {
                Ended::Lost(_) | Ended::OtherLife => backoff.reset(),
                Ended::GaveWay => tokio::select! {
                    biased;
                    () = &mut stop => return,
                    () = tokio::time::sleep(STAND_BACK) => {}
                },
                Ended::Failed | Ended::PutBack(_) => tokio::select! {
                    biased;
                    () = &mut stop => return,
                    () = backoff.wait(&*self.ports.rng) => {}
                },
            }
        }
    }

    async fn lead(&self, candidate: &Candidate, term: &Term) -> Ended {
        let lease = &term.lease;
        let _leads = OnDrop(|| self.status.update(|status| status.is_leader = false));
        self.status.update(|status| {
            (status.is_leader, status.token, status.incarnation) = (true, lease.token, lease.incarnation);
            (status.cursor, status.counter, status.backlog) = (lease.cursor, 0, None);
            status.terms += 1;
        });
        tracing::info!(token = %lease.token, incarnation = %lease.incarnation, cursor = %lease.cursor, "a tracker's term");
        match self.check_history(candidate, term).await {
            Ok(cursor) => {
                let lease = Lease { cursor, ..*lease };
                let mut reading = Reading::new(&self.config, &self.ports, &self.wake, &self.status, lease);
                match reading.run().await {
                    // Only this term knows for sure: what it told since may hide that from the next one.
                    Ended::PutBack(end) => self.begin_life(candidate, term, lease.incarnation, Some(end)).await,
                    ended => ended,
                }
            }
            Err(ended) => ended,
        }
    }

    /// Before anything is published: a database that was put back begins a new life. Answers where to read on.
    async fn check_history(&self, candidate: &Candidate, term: &Term) -> Result<FeedPosition, Ended> {
        let (mut backoff, since) = (Backoff::default(), Instant::now());
        loop {
            let told = super::history::told(&*self.ports.bus, &*self.ports.backplane, &self.config.section).await;
            let end = self.ports.feed.end().await;
            let error: Box<dyn std::error::Error + Send + Sync> = match (told, end) {
                (Ok(told), Ok(end)) if told.is_ahead_of(&term.lease, end) => {
                    let back = (term.lease.cursor > end).then_some(end);
                    return Err(self.begin_life(candidate, term, told.incarnation(), back).await);
                }
                (Ok(told), Ok(end)) if told.is_of_earlier_life(&term.lease) && !mutant!(OldFeedTold) => {
                    return self.pass_over(term, end).await;
                }
                (Ok(_), Ok(_)) => return Ok(term.lease.cursor),
                (Err(error), _) => error.into(),
                (_, Err(error)) => error.into(),
            };
            tracing::warn!(%error, "what was told before cannot be looked up; tried again");
            self.status.update(|status| status.errors += 1);
            if since.elapsed() >= GIVE_WAY_AFTER {
                return Err(Ended::GaveWay);
            }
            backoff.wait(&*self.ports.rng).await;
        }
    }

    /// What the feed holds of an earlier life is not told: it would look like this one's, with versions that are over. All
    /// instances forget what they hold and compare, once they hear of the new life, which is later than `end`.
    async fn pass_over(&self, term: &Term, end: FeedPosition) -> Result<FeedPosition, Ended> {
        match self.ports.leases.move_cursor(LeaseName::Tracker, term.lease.token, end).await {
            Ok(true) => Ok(end),
            Ok(false) => Err(Ended::Lost(Lost::Taken)),
            Err(error) => {
                tracing::warn!(%error, "the cursor cannot be moved to where the new life begins");
                Err(Ended::Failed)
            }
        }
    }

    /// `back_to`: where the feed ends, if the cursor may be behind that.
    async fn begin_life(
        &self,
        candidate: &Candidate,
        term: &Term,
        above: Incarnation,
        back_to: Option<FeedPosition>,
    ) -> Ended {
        if let Some(end) = back_to {
            let moved = self.ports.leases.move_cursor(LeaseName::Tracker, term.lease.token, end).await;
            if !matches!(moved, Ok(true)) {
                return Ended::Failed;
            }
        }
        match candidate.begin_life(&*self.ports.store, term, above).await {
            Ok(Some(_)) => {
                self.status.update(|status| status.raised += 1);
                Ended::OtherLife
            }
            Ok(None) => Ended::Lost(Lost::Taken),
            Err(_) => {
                self.status.update(|status| status.errors += 1);
                Ended::Failed
            }
        }
    }
}
