//! What goes to the stream, with its retries. A failure that passes by itself is retried for as long as the lease lasts:
//! order counts more than speed.

use coherence::{Incarnation, PublishError, Publisher, SourceChange, SourceMark, Timestamp, mutant};

use tokio::time::Instant;

use super::status::SyncStatusHandle;
use super::{SyncConfig, SyncPorts};
use crate::backoff::Backoff;
use crate::leader::GIVE_WAY_AFTER;

/// Why a term cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// Another sync of a later term, in this incarnation or a later one, was here.
    Fenced(Incarnation),
    /// Nothing could be written, or nothing heard, for [`GIVE_WAY_AFTER`].
    Failing,
}

/// Where a new stream epoch begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    pub(super) incarnation: Incarnation,
    /// Everything up to here is taken as told.
    pub(super) source: SourceMark,
    pub(super) read_at: Timestamp,
}

/// The writer of a term.
pub(super) struct Writing<'t> {
    publisher: Publisher,
    config: &'t SyncConfig,
    ports: &'t SyncPorts,
    status: &'t SyncStatusHandle,
    backoff: Backoff,
    /// Since when nothing could be written.
    failing_since: Option<Instant>,
}

impl<'t> Writing<'t> {
    pub(super) fn new(
        publisher: Publisher,
        config: &'t SyncConfig,
        ports: &'t SyncPorts,
        status: &'t SyncStatusHandle,
    ) -> Self {
        let backoff = Backoff::new(config.retry, config.retry_max);
        Self { publisher, config, ports, status, backoff, failing_since: None }
    }

    pub(super) fn publisher(&mut self) -> &mut Publisher {
        &mut self.publisher
    }

    /// How often a message is tried.
    pub(super) fn tries(&self) -> u32 {
        self.config.poison_retries.max(1)
    }

    /// Begins a new epoch: whatever was in the stream counts no more, all instances compare all versions.
    pub(super) async fn begin_epoch(&mut self, at: Beginning) -> Result<(), Halt> {
        loop {
            match self.publisher.begin_epoch(at.incarnation, at.source, at.read_at).await {
                Ok(()) => {
                    let epoch = self.publisher.head().map(|head| head.stream_epoch.0);
                    tracing::warn!(epoch, incarnation = %at.incarnation, position = at.source.feed_position,
                        "SyncErrorHappened: a new stream epoch begins");
                    self.status.update(|status| status.epochs += 1);
                    self.succeeded();
                    return Ok(());
                }
                Err(error) => self.on_error(&error).await?,
            }
        }
    }

    /// Publishes a change. The inner error is one that does not pass: the message is poison.
    pub(super) async fn publish(
        &mut self,
        change: &SourceChange,
        source: SourceMark,
        beginning: Beginning,
    ) -> Result<Result<(), PublishError>, Halt> {
        let mut failures = 0;
        loop {
            match self.publisher.publish(change, source).await {
                Ok(()) => {
                    self.succeeded();
                    return Ok(Ok(()));
                }
                Err(PublishError::OutOfStep) => {
                    self.begin_epoch(beginning).await?;
                    // Not in a tight circle with somebody who moves the stream.
                    self.backoff.wait(&*self.ports.rng).await;
                }
                Err(error) => {
                    if !error.is_retryable() && !matches!(error, PublishError::Fenced { .. }) {
                        failures += 1;
                        if failures >= self.tries() {
                            return Ok(Err(error));
                        }
                    }
                    self.on_error(&error).await?;
                }
            }
        }
    }

    /// Announces a beacon; where the stream is not where it was left, as a new epoch.
    pub(super) async fn announce(&mut self, at: Beginning) -> Result<(), Halt> {
        loop {
            match self.publisher.announce(at.incarnation, at.source, at.read_at).await {
                Ok(()) => {
                    self.succeeded();
                    return Ok(());
                }
                Err(PublishError::OutOfStep) => return self.begin_epoch(at).await,
                Err(error) => self.on_error(&error).await?,
            }
        }
    }

    fn succeeded(&mut self) {
        self.backoff.reset();
        self.failing_since = None;
    }

    /// Counts a failure and waits.
    pub(super) async fn on_error(&mut self, error: &PublishError) -> Result<(), Halt> {
        if let PublishError::Fenced { by } = error {
            tracing::warn!(token = %by.token, incarnation = %by.incarnation, "a sync of a later term was here");
            self.status.update(|status| status.fenced += 1);
            return Err(Halt::Fenced(by.incarnation));
        }
        tracing::warn!(%error, "the stream cannot be written; tried again");
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if error.is_retryable() && since.elapsed() >= GIVE_WAY_AFTER && !mutant!(LeaderKeepsOn) {
            return Err(self.give_way());
        }
        self.pause().await;
        Ok(())
    }

    pub(super) fn give_way(&self) -> Halt {
        self.status.update(|status| status.gave_way += 1);
        Halt::Failing
    }

    /// Counts a failure that was told already, and waits.
    pub(super) async fn pause(&mut self) {
        self.status.update(|status| status.errors += 1);
        self.backoff.wait(&*self.ports.rng).await;
    }
}
