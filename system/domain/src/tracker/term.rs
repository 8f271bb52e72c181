//! One term: reading the feed and telling what it says.

use std::time::Duration;

use coherence::{Timestamp, mutant};
use tokio::time::Instant;

use super::{TrackerConfig, TrackerPorts, TrackerStatusHandle, history, waits};
use crate::backoff::Backoff;
use crate::event::{EventError, FeedBeacon, ForecastChanged, TrackerMark};
use crate::leader::{GIVE_WAY_AFTER, Lost};
use crate::ports::{
    BusError, Change, FeedBatch, FeedError, FeedPosition, Lease, LeaseName, Outgoing, StoreError, Topic,
};
use crate::wake::Wake;

/// How often an unreadable change is read again before it is passed over.
pub(super) const CORRUPT_TRIES: u32 = 5;

/// How often the cursor is moved, at most.
const CURSOR_EVERY: Duration = Duration::from_millis(50);

/// Why a term ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The lease is lost.
    Lost(Lost),
    /// The database is in another life now, or others were: a fresh lease is needed.
    OtherLife,
    /// The feed ends here, before what this term has read of it: the database was put back.
    PutBack(FeedPosition),
    /// Something failed that this process cannot repair.
    Failed,
    /// The bus cannot be reached from here.
    GaveWay,
}

/// The state of a term.
pub(super) struct Reading<'t> {
    config: &'t TrackerConfig,
    ports: &'t TrackerPorts,
    wake: &'t Wake,
    status: &'t TrackerStatusHandle,
    lease: Lease,
    /// Read on from here.
    at: FeedPosition,
    /// What the next message follows. It is behind `at` where the feed went on without a change.
    told: FeedPosition,
    /// The cursor in the lease.
    stored: FeedPosition,
    /// When the cursor may be moved again.
    cursor_due: Instant,
    counter: u64,
    last_change: Instant,
    beacon_due: Instant,
    check_due: Instant,
    backoff: Backoff,
    corrupt_tries: u32,
}

impl<'t> Reading<'t> {
    pub(super) fn new(
        config: &'t TrackerConfig,
        ports: &'t TrackerPorts,
        wake: &'t Wake,
        status: &'t TrackerStatusHandle,
        lease: Lease,
    ) -> Self {
        let now = Instant::now();
        Self {
            config,
            ports,
            wake,
            status,
            lease,
            at: lease.cursor,
            told: lease.cursor,
            stored: lease.cursor,
            cursor_due: now,
            counter: 0,
            last_change: now,
            beacon_due: now,
            check_due: now + config.beacon_every,
            backoff: Backoff::default(),
            corrupt_tries: 0,
        }
    }

    pub(super) async fn run(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.step().await {
                return ended;
            }
            // Where nothing has to be waited for, nothing else would be polled: the lease, which is kept beside this.
            tokio::task::yield_now().await;
        }
    }

    async fn step(&mut self) -> Result<(), Ended> {
        self.move_cursor().await?;
        let (started, read_at) = (Instant::now(), self.ports.clock.now());
        let mut batch = match self.ports.feed.read(self.at, self.config.batch).await {
            Ok(batch) => batch,
            Err(error) => return self.on_feed_error(error).await,
        };
        // A feed that goes back goes back no further than this term, which may be the first of its life.
        batch.changes.retain(|change| change.position > self.lease.cursor);
        self.backoff.reset();
        self.corrupt_tries = 0;
        self.check_life(&batch)?;
        if !batch.changes.is_empty() {
            self.tell(&batch.changes).await?;
            self.last_change = Instant::now();
        }
        self.at = self.at.max(batch.position);
        if started >= self.check_due {
            self.check_due = started + self.config.beacon_every;
            self.check_database().await?;
        }
        if !batch.at_end && !mutant!(BeaconBeforeEnd) {
            return Ok(());
        }
        if started >= self.beacon_due {
            self.beacon_due = started + self.config.beacon_every;
            // What the feed does not show yet was committed after this.
            self.beacon(earlier(read_at, batch.behind)).await?;
        }
        if batch.changes.is_empty() {
            self.wait().await;
        }
        Ok(())
    }

    /// Waits for a change, but never past the next beacon.
    async fn wait(&self) {
        let wait = waits::wait(self.last_change.elapsed(), Some(self.config.beacon_every));
        let mut wait = wait.min(self.beacon_due.saturating_duration_since(Instant::now()));
        if self.stored != self.told {
            wait = wait.min(self.cursor_due.saturating_duration_since(Instant::now()));
        }
        self.status.update(|status| (status.waits, status.wait) = (status.waits + 1, wait));
        tokio::select! {
            biased;
            () = tokio::time::sleep(wait) => {}
            () = self.wake.woken() => {}
        }
    }

    /// The changes must be of the life in which the lease was taken.
    fn check_life(&self, batch: &FeedBatch) -> Result<(), Ended> {
        let mine = |change: &Change| change.version.incarnation == self.lease.incarnation;
        if batch.changes.iter().all(mine) { Ok(()) } else { Err(Ended::OtherLife) }
    }

    /// Whether the database is still the one that gave the lease: a restore beneath a running tracker would leave it
    /// waiting at a position that the feed has not reached again.
    async fn check_database(&mut self) -> Result<(), Ended> {
        let (store, feed, backplane) = (&*self.ports.store, &*self.ports.feed, &*self.ports.backplane);
        let outlived = history::is_outlived(backplane, &self.config.section, &self.lease);
        let (incarnation, end, outlived) = tokio::join!(store.incarnation(), feed.end(), outlived);
        match incarnation {
            Ok(_) if outlived => return Err(Ended::OtherLife),
            Ok(incarnation) if incarnation != self.lease.incarnation => return Err(Ended::OtherLife),
            Ok(_) => {}
            Err(error) => self.failed(&error, "the incarnation cannot be read"),
        }
        match end {
            Ok(end) if end < self.at && !mutant!(RestoreUnnoticed) => return Err(Ended::PutBack(end)),
            Ok(end) => {
                let backlog = feed.distance(self.at, end);
                self.status.update(|status| status.backlog = backlog);
            }
            Err(error) => self.failed(&error, "the feed's end cannot be read"),
        }
        Ok(())
    }

    async fn on_feed_error(&mut self, error: FeedError) -> Result<(), Ended> {
        self.status.update(|status| (status.errors, status.backlog) = (status.errors + 1, None));
        match error {
            FeedError::BehindMinimum { minimum } if minimum > self.at => {
                tracing::warn!(at = %self.at, %minimum, "the feed was pruned past the cursor: continuity is lost");
                self.pass_over(minimum);
            }
            FeedError::Corrupt { position, .. } if self.corrupt_tries + 1 >= CORRUPT_TRIES => {
                tracing::error!(%position, %error, "an unreadable change is passed over: continuity is lost");
                self.status.update(|status| status.skipped += 1);
                self.pass_over(position.max(FeedPosition(self.at.0.saturating_add(1))));
            }
            _ => {
                if matches!(error, FeedError::Corrupt { .. }) {
                    self.corrupt_tries += 1;
                }
                tracing::warn!(%error, "the feed cannot be read; tried again");
                self.backoff.wait(&*self.ports.rng).await;
            }
        }
        Ok(())
    }

    /// Reads on from `to`. The next message follows `to`, which shows the sync that something is missing.
    fn pass_over(&mut self, to: FeedPosition) {
        let follows = if mutant!(PrunedUntold) { self.told } else { to };
        (self.at, self.told, self.corrupt_tries) = (to, follows, 0);
        self.status.update(|status| status.holes += 1);
    }

    async fn tell(&mut self, changes: &[Change]) -> Result<(), Ended> {
        let now = self.ports.clock.now();
        let mut messages = Vec::with_capacity(changes.len());
        for change in changes {
            let mark = self.next_mark(change.position);
            let id = self.ports.ids.event_id();
            let event = ForecastChanged::new(id, now, now, change, mark);
            let message = event.and_then(|event| event.outgoing(change.traceparent.as_deref()));
            messages.push(message.map_err(unwritable)?);
        }
        if mutant!(CursorBeforeConfirmed) {
            self.move_cursor().await?;
        }
        self.publish(messages).await?;
        let told = changes.len() as u64;
        self.status.update(|status| status.changes += told);
        Ok(())
    }

    async fn beacon(&mut self, read_at: Timestamp) -> Result<(), Ended> {
        let mark = self.next_mark(self.at);
        let (id, now) = (self.ports.ids.event_id(), self.ports.clock.now());
        let beacon = FeedBeacon::new(id, now, read_at, self.lease.incarnation, mark);
        self.publish(vec![beacon.outgoing().map_err(unwritable)?]).await?;
        self.status.update(|status| {
            status.beacons += 1;
            status.read_at = Some(read_at);
        });
        Ok(())
    }

    fn next_mark(&mut self, position: FeedPosition) -> TrackerMark {
        self.counter += 1;
        let follows = std::mem::replace(&mut self.told, position);
        TrackerMark { token: self.lease.token, counter: self.counter, follows, position }
    }

    /// Publishes until the bus confirms. What it refuses for good is passed over, as an unreadable change is: the hole in
    /// the counter shows the sync that something is missing.
    async fn publish(&mut self, messages: Vec<Outgoing>) -> Result<(), Ended> {
        if !self.is_confirmed(&messages).await? {
            let mut refused = 0_u64;
            for message in &messages {
                if !self.is_confirmed(std::slice::from_ref(message)).await? {
                    tracing::error!(key = message.key, "the bus refuses a change for good: continuity is lost");
                    refused += 1;
                }
            }
            self.status.update(|status| {
                status.holes += u64::from(refused > 0);
                status.skipped += refused;
            });
        }
        self.backoff.reset();
        self.status.update(|status| (status.cursor, status.counter) = (self.told, self.counter));
        Ok(())
    }

    /// Whether the bus confirmed; `false`: it refuses them for good. The very same messages each time: the sync drops
    /// repeated counters, and another message under a counter that went out after all would be lost.
    async fn is_confirmed(&mut self, messages: &[Outgoing]) -> Result<bool, Ended> {
        let (mut refusals, since) = (0, Instant::now());
        loop {
            let sent = match messages {
                [only] => self.ports.bus.publish(Topic::CdcForecasts, only.clone()).await.map(drop),
                _ => self.ports.bus.publish_all(Topic::CdcForecasts, messages.to_vec()).await,
            };
            let Err(error) = sent else { return Ok(true) };
            self.failed(&error, "the bus did not confirm");
            match error {
                BusError::Refused(_) | BusError::Corrupt(_) => {
                    refusals += 1;
                    if refusals >= CORRUPT_TRIES {
                        return Ok(false);
                    }
                }
                BusError::Closed => return Err(Ended::Failed),
                // Whoever else held the lease would find it full too.
                BusError::Full(_) => {}
                BusError::Unavailable(_) | BusError::Timeout
                    if since.elapsed() >= GIVE_WAY_AFTER && !mutant!(LeaderKeepsOn) =>
                {
                    return Err(Ended::GaveWay);
                }
                BusError::Unavailable(_) | BusError::Timeout => {}
            }
            self.backoff.wait(&*self.ports.rng).await;
        }
    }

    /// What the bus confirmed need not be told again. Several moves are one, since each is a write that the next commit
    /// waits behind: a crash in between tells a few changes again.
    async fn move_cursor(&mut self) -> Result<(), Ended> {
        let now = Instant::now();
        if self.stored == self.told || now < self.cursor_due {
            return Ok(());
        }
        self.cursor_due = now + CURSOR_EVERY;
        match self.ports.leases.move_cursor(LeaseName::Tracker, self.lease.token, self.told).await {
            Ok(true) => {
                self.stored = self.told;
                Ok(())
            }
            Ok(false) => Err(Ended::Lost(Lost::Taken)),
            Err(error) if StoreError::is_retryable(&error) => {
                self.failed(&error, "the cursor was not moved");
                Ok(())
            }
            Err(error) => {
                self.failed(&error, "the cursor cannot be moved");
                Err(Ended::Failed)
            }
        }
    }

    fn failed(&self, error: &dyn std::error::Error, what: &'static str) {
        tracing::warn!(%error, "{what}");
        self.status.update(|status| status.errors += 1);
    }
}

fn unwritable(error: EventError) -> Ended {
    tracing::error!(%error, "a message of the tracker cannot be written");
    Ended::Failed
}

/// The moment `by` before `at`.
fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(at.as_microsecond().saturating_sub(micros)).unwrap_or(Timestamp::UNIX_EPOCH)
}
