//! Publishing pending events in their order.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use coherence::{Rng, Timestamp, WallClock, mutant};
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::ports::{Bus, BusError, Outbox, OutboxRow, ParkedEvent, ParkedId, Parking, StoreError};
use crate::wake::Wake;

/// How many events are read, and published, at a time.
pub const RELAY_BATCH: u32 = 200;
/// How often the outbox is swept without being told to.
pub const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What a relay needs from outside.
#[derive(Clone)]
pub struct RelayPorts {
    /// What it reads.
    pub outbox: Arc<dyn Outbox>,
    /// Where it publishes.
    pub bus: Arc<dyn Bus>,
    /// For events that the bus refuses for good.
    pub parking: Arc<dyn Parking>,
    /// Wall time.
    pub clock: Arc<dyn WallClock>,
    /// Jitter.
    pub rng: Arc<dyn Rng>,
}

/// Where a relay stands. A value to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayStatus {
    /// Events published.
    pub published: u64,
    /// Events that the bus refused for good, and that are parked.
    pub parked: u64,
    /// Sweeps made.
    pub sweeps: u64,
    /// Sweeps that failed on their way.
    pub errors: u64,
    /// When the oldest event that could not be published was committed; `None`: all are published.
    pub stuck_since: Option<Timestamp>,
}

/// A handle to a relay's status.
#[derive(Debug, Clone, Default)]
pub struct RelayStatusHandle(Arc<Mutex<RelayStatus>>);

impl RelayStatusHandle {
    /// Where it stands.
    pub fn read(&self) -> RelayStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, change: impl FnOnce(&mut RelayStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The relay. Every instance runs one; two that publish the same event at once are no harm, since events say what they
/// are about and consumers acknowledge what they know.
pub struct OutboxRelay {
    ports: RelayPorts,
    wake: Wake,
    status: RelayStatusHandle,
}

enum Failed {
    Store(StoreError),
    Bus(BusError),
}

impl OutboxRelay {
    /// A relay that does not run yet. `wake` is told of each local commit.
    pub fn new(ports: RelayPorts, wake: Wake) -> Self {
        Self { ports, wake, status: RelayStatusHandle::default() }
    }

    /// Its status, also from before it runs.
    pub fn status(&self) -> RelayStatusHandle {
        self.status.clone()
    }

    /// Relays until `stop`; what is left stays in the outbox.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            biased;
            () = stop => {}
            () = self.relay() => {}
        }
    }

    async fn relay(&self) {
        let mut backoff = Backoff::default();
        if mutant!(OutboxNotSwept) {
            self.wake.woken().await;
        }
        loop {
            let swept = self.sweep().await;
            self.status.update(|status| status.sweeps += 1);
            match swept {
                Ok(()) => {
                    backoff.reset();
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep(SWEEP_EVERY), if !mutant!(OutboxNotSwept) => {}
                        () = self.wake.woken() => {}
                    }
                }
                Err(failed) => {
                    match failed {
                        Failed::Store(error) => tracing::warn!(%error, "the outbox cannot be read or marked"),
                        Failed::Bus(error) => {
                            tracing::warn!(%error, "an event cannot be published; those after it wait")
                        }
                    }
                    self.status.update(|status| status.errors += 1);
                    if mutant!(OutboxNotSwept) {
                        self.wake.woken().await;
                    }
                    backoff.wait(&*self.ports.rng).await;
                }
            }
        }
    }

    /// Publishes what is pending. It stops at the first failure, so that nothing overtakes.
    async fn sweep(&self) -> Result<(), Failed> {
        loop {
            let rows = self.ports.outbox.pending(RELAY_BATCH).await.map_err(Failed::Store)?;
            self.status.update(|status| status.stuck_since = rows.first().map(|row| row.born_at));
            let is_last = rows.len() < RELAY_BATCH as usize;
            for run in rows.chunk_by(|one, next| one.topic == next.topic) {
                self.publish(run).await?;
            }
            if is_last {
                self.status.update(|status| status.stuck_since = None);
                return Ok(());
            }
        }
    }

    /// Publishes events of one topic, then marks them. A crash in between publishes them again.
    async fn publish(&self, run: &[OutboxRow]) -> Result<(), Failed> {
        let Some(first) = run.first() else { return Ok(()) };
        let ids: Vec<_> = run.iter().map(|row| row.id).collect();
        if mutant!(MarkedBeforePublished) {
            self.ports.outbox.mark_sent(&ids).await.map_err(Failed::Store)?;
        }
        let messages = run.iter().map(|row| row.message.clone()).collect();
        match self.ports.bus.publish_all(first.topic, messages).await {
            Ok(()) => {}
            Err(BusError::Refused(_) | BusError::Corrupt(_)) => {
                for row in run {
                    self.publish_or_park(row).await?;
                }
            }
            Err(error) => return Err(Failed::Bus(error)),
        }
        self.status.update(|status| status.published += ids.len() as u64);
        self.ports.outbox.mark_sent(&ids).await.map_err(Failed::Store)
    }

    /// What the bus refuses for good must not hold up what follows: it is parked, for an operator to see and send again.
    async fn publish_or_park(&self, row: &OutboxRow) -> Result<(), Failed> {
        let reason = match self.ports.bus.publish(row.topic, row.message.clone()).await {
            Ok(_) => return Ok(()),
            Err(BusError::Refused(reason) | BusError::Corrupt(reason)) => reason,
            Err(error) => return Err(Failed::Bus(error)),
        };
        tracing::error!(topic = %row.topic, key = row.message.key, reason, "the bus refuses an event for good; it is parked");
        let event = ParkedEvent {
            // The same row, tried again after a crash, is the same event.
            id: ParkedId(Uuid::from_u128(xxhash_rust::xxh3::xxh3_128(&row.message.payload))),
            topic: row.topic,
            message: row.message.clone(),
            entity: row.message.key.parse().ok(),
            reason,
            attempts: 1,
            parked_at: self.ports.clock.now(),
        };
        self.ports.parking.park(event).await.map_err(Failed::Store)?;
        self.status.update(|status| status.parked += 1);
        Ok(())
    }
}
