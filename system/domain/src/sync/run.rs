//! One term after the other.

use std::future::Future;
use std::pin::pin;

use coherence::{Incarnation, Publisher, mutant};
use uuid::Uuid;

use super::term::{Consuming, Ended};
use super::write::{Halt, Writing};
use super::{SyncConfig, SyncPorts, SyncStatusHandle};
use crate::leader::{Candidate, Lost, OnDrop, STAND_BACK, Term};
use crate::ports::LeaseName;

/// The sync. Every instance runs one; the one that holds the lease writes the stream, the others stand by.
#[doc(alias = "DistributedDataSyncService")]
pub struct SyncService {
    config: SyncConfig,
    ports: SyncPorts,
    holder: Uuid,
    status: SyncStatusHandle,
}

impl SyncService {
    /// A sync that does not run yet.
    pub fn new(config: SyncConfig, ports: SyncPorts) -> Self {
        let holder = ports.ids.uuid();
        Self { config, ports, holder, status: SyncStatusHandle::default() }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> SyncStatusHandle {
        self.status.clone()
    }

    /// Syncs until `stop`, then hands the lease over.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let candidate = Candidate::new(self.ports.leases.clone(), LeaseName::Sync, self.holder, self.config.lease);
        let mut stop = pin!(stop);
        loop {
            let term = tokio::select! {
                biased;
                () = &mut stop => return,
                term = candidate.elected() => term,
            };
            // Whatever ends it, the consumer goes with the term: the next sync must not wait for it.
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
            tracing::info!(token = %term.lease.token, ?ended, "the sync's term ended");
            if matches!(ended, Ended::Halted(_)) {
                tokio::select! {
                    biased;
                    () = &mut stop => return,
                    () = tokio::time::sleep(STAND_BACK) => {}
                }
            }
        }
    }

    async fn lead(&self, candidate: &Candidate, term: &Term) -> Ended {
        match self.sync(term).await {
            Ended::Halted(Halt::Fenced(by)) if by > term.lease.incarnation && !mutant!(RestoreUnnoticed) => {
                self.begin_life(candidate, term, by).await
            }
            ended => ended,
        }
    }

    /// A sync of a later life was here, perhaps before it published anything that the tracker could see: the database that
    /// gave this lease was put back.
    async fn begin_life(&self, candidate: &Candidate, term: &Term, above: Incarnation) -> Ended {
        match candidate.begin_life(&*self.ports.store, term, above).await {
            Ok(Some(_)) => {
                self.status.update(|status| status.raised += 1);
                Ended::OtherLife
            }
            Ok(None) => Ended::Lost(Lost::Taken),
            Err(_) => {
                self.status.update(|status| status.errors += 1);
                Ended::Halted(Halt::Fenced(above))
            }
        }
    }

    async fn sync(&self, term: &Term) -> Ended {
        let lease = &term.lease;
        let _leads = OnDrop(|| self.status.update(|status| status.is_leader = false));
        self.status.update(|status| {
            (status.is_leader, status.token) = (true, lease.token);
            status.terms += 1;
        });
        tracing::info!(token = %lease.token, incarnation = %lease.incarnation, "a sync's term");
        let SyncPorts { shared, backplane, clock, rng, .. } = self.ports.clone();
        let (section, id) = (self.config.section.clone(), self.holder.to_string());
        let publisher = Publisher::new(section, shared, backplane, clock, rng, id, self.config.publisher.clone());
        let mut writing = Writing::new(publisher, &self.config, &self.ports, &self.status);
        // The token goes to the section before anything else: what an earlier sync still writes is refused from here on.
        let head = loop {
            match writing.publisher().claim(lease.fence()).await {
                Ok(head) => break head,
                Err(error) => match writing.on_error(&error).await {
                    Ok(()) => {}
                    Err(halt) => return Ended::Halted(halt),
                },
            }
        };
        Consuming::new(&self.ports, &self.status, writing, lease, head).run().await
    }
}
