//! The messages of one term, in order; each is acknowledged after its effect.

use std::collections::BTreeMap;
use std::time::Duration;

use coherence::{Head, Incarnation, SourceChange, Timestamp, Version, VersionId, mutant};
use tokio::time::{Instant, timeout_at};

use super::convert;
use super::progress::{Progress, Verdict};
use super::status::SyncStatusHandle;
use super::write::{Beginning, Halt, Writing};
use super::{SUBSCRIPTION, SyncPorts};
use crate::event::{CdcMessage, FeedBeacon, ForecastChanged};
use crate::leader::{GIVE_WAY_AFTER, Lost};
use crate::model::ForecastId;
use crate::ports::{BusError, BusMessage, Consumer, Delivery, Lease, StartAt, Subscription, SubscriptionKind, Topic};

/// After so many messages something else may run.
const YIELD_EVERY: u64 = 32;
/// Of how many rows the last version is remembered, to count jumps.
const VERSIONS_MAX: usize = 65_536;

/// Why a term ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The lease is lost.
    Lost(Lost),
    /// The stream could not be written, or not by this sync.
    Halted(Halt),
    /// A new incarnation began: a fresh lease is needed.
    OtherLife,
}

/// The state of a term.
pub(super) struct Consuming<'t> {
    ports: &'t SyncPorts,
    status: &'t SyncStatusHandle,
    writing: Writing<'t>,
    progress: Progress,
    /// Continuity cannot be shown: the next message begins a new epoch. Not sooner: everything before that message is void
    /// only once it is here.
    is_broken: bool,
    /// What is known of the source in this life.
    read_at: Timestamp,
    lease: Lease,
    versions: BTreeMap<ForecastId, Version>,
    /// Since when the bus cannot be reached.
    deaf_since: Option<Instant>,
}

impl<'t> Consuming<'t> {
    /// `head` is where the stream is, if it can be continued.
    pub(super) fn new(
        ports: &'t SyncPorts,
        status: &'t SyncStatusHandle,
        writing: Writing<'t>,
        lease: &Lease,
        head: Option<Head>,
    ) -> Self {
        let stored = head.as_ref().filter(|_| !mutant!(ProgressForgotten));
        let progress = stored.map(Progress::of).unwrap_or_default();
        let read_at = head.as_ref().map_or(Timestamp::UNIX_EPOCH, |head| head.read_at);
        let (is_broken, lease) = (head.is_none(), *lease);
        let (versions, deaf_since) = (BTreeMap::new(), None);
        Self { ports, status, writing, progress, is_broken, read_at, lease, versions, deaf_since }
    }

    pub(super) async fn run(&mut self) -> Ended {
        loop {
            let mut consumer = match self.ports.bus.subscribe(subscription()).await {
                Ok(consumer) => {
                    self.deaf_since = None;
                    consumer
                }
                Err(error) => {
                    tracing::warn!(%error, "the sync cannot subscribe; tried again");
                    let deaf = self.deaf_since.get_or_insert_with(Instant::now).elapsed();
                    if deaf >= GIVE_WAY_AFTER && !mutant!(LeaderKeepsOn) {
                        return Ended::Halted(self.writing.give_way());
                    }
                    self.writing.pause().await;
                    continue;
                }
            };
            match self.consume(&mut *consumer).await {
                Ok(error) => tracing::warn!(%error, "the sync's subscription ended; it subscribes again"),
                Err(halt) => return Ended::Halted(halt),
            }
            drop(consumer);
            self.writing.pause().await;
        }
    }

    /// Works until the subscription fails.
    async fn consume(&mut self, consumer: &mut dyn Consumer) -> Result<BusError, Halt> {
        let mut worked_on = 0_u64;
        loop {
            let next = match self.deaf_since {
                None if mutant!(SyncBeatsAlone) => self.next_or_beat(consumer).await?,
                None => consumer.next().await,
                Some(_) if mutant!(LeaderKeepsOn) => consumer.next().await,
                Some(since) => match timeout_at(since + GIVE_WAY_AFTER, consumer.next()).await {
                    Ok(next) => next,
                    Err(_) => return Err(self.writing.give_way()),
                },
            };
            let message = match next {
                Ok(Delivery::Message(message)) => message,
                // The subscription is durable: what was not acknowledged comes again.
                Ok(Delivery::Lost) => {
                    self.deaf_since.get_or_insert_with(Instant::now);
                    continue;
                }
                Ok(Delivery::Restored) => {
                    self.deaf_since = None;
                    continue;
                }
                Err(error) => return Ok(error),
            };
            if mutant!(AcknowledgedBeforeEffect) {
                drop(consumer.ack_through(message.id).await);
            }
            self.on_message(&message).await?;
            self.show();
            if let Err(error) = consumer.ack_through(message.id).await {
                if !error.is_retryable() {
                    return Ok(error);
                }
                // It comes again, and is known then.
                tracing::warn!(%error, "a message could not be acknowledged");
                self.status.update(|status| status.errors += 1);
            }
            // Where nothing has to be waited for, nothing else would be polled: the lease, which is kept beside this.
            worked_on += 1;
            if worked_on.is_multiple_of(YIELD_EVERY) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Of a planted bug: where the tracker is silent, a beacon that nobody vouches for.
    async fn next_or_beat(&mut self, consumer: &mut dyn Consumer) -> Result<Result<Delivery, BusError>, Halt> {
        loop {
            if let Ok(next) = tokio::time::timeout(Duration::from_millis(700), consumer.next()).await {
                return Ok(next);
            }
            let (incarnation, source) = (self.progress.incarnation(), self.progress.source());
            if !self.is_broken {
                self.writing.announce(Beginning { incarnation, source, read_at: self.ports.clock.now() }).await?;
            }
        }
    }

    async fn on_message(&mut self, message: &BusMessage) -> Result<(), Halt> {
        match CdcMessage::read(&message.message.payload) {
            Ok(CdcMessage::Change(event)) => self.on_change(message, &event).await,
            Ok(CdcMessage::Beacon(beacon)) => self.on_beacon(&beacon).await,
            Err(error) => {
                tracing::error!(%error, key = message.message.key, "SyncErrorHappened: a message cannot be read");
                self.status.update(|status| status.unreadable += 1);
                // It may have been any change.
                self.is_broken = true;
                self.park(message, convert::reason(&error), 1).await;
                Ok(())
            }
        }
    }

    /// Whether the message counts; notices what is missing before it.
    fn admits(&mut self, incarnation: Incarnation, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Refused => {
                tracing::warn!(%incarnation, "a message of a tracker of an earlier term is refused");
                self.status.update(|status| status.refused += 1);
                return false;
            }
            Verdict::Known => {
                self.status.update(|status| status.duplicates += 1);
                return false;
            }
            Verdict::Follows => {}
            Verdict::Hole => {
                tracing::error!(%incarnation, "SyncErrorHappened: messages or changes are missing");
                self.is_broken = true;
            }
            Verdict::NewLife => {
                tracing::info!(%incarnation, before = %self.progress.incarnation(), "the database is in a new life");
                self.is_broken = true;
                self.read_at = Timestamp::UNIX_EPOCH;
            }
        }
        true
    }

    async fn on_change(&mut self, message: &BusMessage, event: &ForecastChanged) -> Result<(), Halt> {
        let known = self.progress.incarnation().max(self.lease.incarnation);
        let incarnation = event.incarnation.unwrap_or(known);
        let mark = event.mark();
        if let Some(mark) = &mark {
            let verdict = self.progress.judge(incarnation, mark);
            if !self.admits(incarnation, verdict) {
                return Ok(());
            }
        }
        // Another program's message has no place in the feed: it stands where the one before stood.
        let after = mark.map_or(self.progress, |mark| self.progress.with(incarnation, &mark));
        let before = mark.map_or_else(|| self.progress.source(), |mark| mark.source_before());
        let beginning = Beginning { incarnation, source: before, read_at: self.read_at };
        if self.is_broken {
            self.writing.begin_epoch(beginning).await?;
            self.is_broken = false;
        }
        let change = convert::change(event, message, known, self.ports.clock.now());
        self.note_version(event.entity_id, change.version);
        self.publish(message, change, after, beginning).await?;
        self.progress = after;
        Ok(())
    }

    /// Publishes the change; one that cannot be published is parked, and its thing fetched by whoever holds it.
    async fn publish(
        &mut self,
        message: &BusMessage,
        change: SourceChange,
        after: Progress,
        beginning: Beginning,
    ) -> Result<(), Halt> {
        let committed_at = change.stations.committed_at;
        let mut change = change;
        if let Err(error) = self.writing.publish(&change, after.source(), beginning).await? {
            tracing::error!(key = %change.key, %error, "SyncErrorHappened: a change cannot be published; it is parked");
            self.park(message, convert::reason(&error), self.writing.tries()).await;
            change = convert::pull(change);
            if let Err(error) = self.writing.publish(&change, after.source(), beginning).await? {
                tracing::error!(key = %change.key, %error, "SyncErrorHappened: not even its key can be told");
                // Then everything is compared.
                self.is_broken = true;
                return Ok(());
            }
        }
        let lag =
            committed_at.map(|at| Duration::try_from(self.ports.clock.now().duration_since(at)).unwrap_or_default());
        self.status.update(|status| {
            status.lag = lag.or(status.lag);
            *(if change.pull { &mut status.pulls } else { &mut status.changes }) += 1;
        });
        Ok(())
    }

    async fn on_beacon(&mut self, beacon: &FeedBeacon) -> Result<(), Halt> {
        let (incarnation, mark) = (beacon.incarnation, beacon.mark());
        let verdict = self.progress.judge(incarnation, &mark);
        if !self.admits(incarnation, verdict) {
            return Ok(());
        }
        let after = self.progress.with(incarnation, &mark);
        let at = Beginning { incarnation, source: after.source(), read_at: beacon.read_at };
        match std::mem::take(&mut self.is_broken) {
            true => self.writing.begin_epoch(at).await?,
            false => self.writing.announce(at).await?,
        }
        self.progress = after;
        self.read_at = beacon.read_at;
        self.status.update(|status| status.beacons += 1);
        Ok(())
    }

    /// Parks a message, in order: as long as the store fails in a way that passes, nothing goes on.
    async fn park(&mut self, message: &BusMessage, reason: String, attempts: u32) {
        let event = convert::parked(message, reason, attempts, self.ports.clock.now());
        loop {
            match self.ports.parking.park(event.clone()).await {
                Ok(()) => {
                    self.status.update(|status| status.parked += 1);
                    return;
                }
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "an event cannot be parked; tried again");
                    self.writing.pause().await;
                }
                Err(error) => {
                    tracing::error!(%error, key = event.message.key, "an event cannot be parked and is given up");
                    self.status.update(|status| status.errors += 1);
                    return;
                }
            }
        }
    }

    /// Counts jumps of a row's version. They are no gaps: Change Tracking tells the last of several changes only (ruling 4).
    fn note_version(&mut self, id: ForecastId, version: Version) {
        let before = self.versions.insert(id, version);
        if self.versions.len() > VERSIONS_MAX {
            self.versions.pop_first();
        }
        let next = |before: Version| Version { id: VersionId(before.id.0.saturating_add(1)), ..before };
        if before.is_some_and(|before| before.incarnation == version.incarnation && version > next(before)) {
            self.status.update(|status| status.jumps += 1);
        }
    }

    fn show(&self) {
        let source = self.progress.source();
        self.status.update(|status| {
            status.processed += 1;
            status.incarnation = self.progress.incarnation();
            (status.tracker_token, status.counter) = (source.tracker_token, source.tracker_counter);
            status.position = crate::ports::FeedPosition(source.feed_position);
            status.read_at = Some(self.read_at).filter(|read_at| *read_at != Timestamp::UNIX_EPOCH);
        });
    }
}

fn subscription() -> Subscription {
    Subscription {
        topic: Topic::CdcForecasts,
        name: SUBSCRIPTION.to_owned(),
        kind: SubscriptionKind::Exclusive,
        durable: true,
        start: StartAt::Earliest,
    }
}
