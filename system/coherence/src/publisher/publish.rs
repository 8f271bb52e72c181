//! The two steps of a change, and the head.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::bases::Bases;
use super::error::PublishError;
use super::message::{self, Sender};
use crate::ambient::{Rng, WallClock};
use crate::backplane::{Backplane, BackplaneError, Claimed, Publication, Published};
use crate::key::{Key, Tag};
use crate::mutant;
use crate::shared::{SharedError, SharedTier, SharedValue, SharedWrite, WriteOutcome};
use crate::stream::{Head, Section, SourceMark, Stations};
use crate::version::{Fence, Incarnation, Sequence, StreamEpoch, Version};

/// What can be set about a publisher.
#[derive(Debug, Clone)]
pub struct PublisherConfig {
    /// How long a value lives in the shared tier.
    pub shared_ttl: Duration,
    /// How much memory the last documents may take, about, in bytes. Where one is forgotten, the next change of it is sent
    /// whole.
    pub bases_bytes: usize,
    /// After this long a call of the shared tier or of the backplane has failed.
    pub timeout: Duration,
}

impl Default for PublisherConfig {
    /// 300 s; 64 MiB; calls of at most 500 ms.
    fn default() -> Self {
        Self { shared_ttl: Duration::from_secs(300), bases_bytes: 64 << 20, timeout: Duration::from_millis(500) }
    }
}

/// A change, as the source tells it.
#[derive(Debug, Clone)]
pub struct SourceChange {
    /// The thing.
    pub key: Key,
    /// Its version afterwards; of a deleted thing the tombstone's.
    pub version: Version,
    /// The document as JSON text, in the one form that the source's loader gives it; `None`: deleted.
    pub body: Option<Bytes>,
    /// The tags before and after, each once.
    pub tags: Vec<Tag>,
    /// Whether `tags` are all; if not, every query of the section is outdated.
    pub tags_complete: bool,
    /// When it changed.
    pub changed_at: Timestamp,
    /// The document cannot be published: the value goes from the shared tier, and instances fetch it.
    pub pull: bool,
    /// The trace that made the change.
    pub traceparent: Option<String>,
    /// When it passed the stations so far.
    pub stations: Stations,
}

/// The writer of one section.
pub struct Publisher {
    section: Section,
    shared: Arc<dyn SharedTier>,
    backplane: Arc<dyn Backplane>,
    clock: Arc<dyn WallClock>,
    rng: Arc<dyn Rng>,
    config: PublisherConfig,
    /// `DataManagerId`.
    id: String,
    fence: Fence,
    head: Option<Head>,
    bases: Bases,
}

impl Publisher {
    /// A publisher that wrote nothing yet: [`Self::claim`] comes first. `id` names its process.
    pub fn new(
        section: Section,
        shared: Arc<dyn SharedTier>,
        backplane: Arc<dyn Backplane>,
        clock: Arc<dyn WallClock>,
        rng: Arc<dyn Rng>,
        id: impl Into<String>,
        config: PublisherConfig,
    ) -> Self {
        let bases = Bases::new(config.bases_bytes);
        let (id, fence) = (id.into(), Fence::default());
        Self { section, shared, backplane, clock, rng, config, id, fence, head: None, bases }
    }

    /// The section.
    pub fn section(&self) -> &Section {
        &self.section
    }

    /// Where the stream is, as far as this publisher knows.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Documents held as bases, and their bytes, about.
    pub fn bases(&self) -> (usize, usize) {
        self.bases.sizes()
    }

    /// Begins a term: its token is written to the section before anything else. Answers where the stream is, if it can be
    /// continued: `None` if there is none, or if its servers are others than when it was written.
    ///
    /// # Errors
    /// [`PublishError::Fenced`] if a later term began already; those of the backplane.
    pub async fn claim(&mut self, fence: Fence) -> Result<Option<Head>, PublishError> {
        self.fence = fence;
        let stored = match self.timely(self.backplane.claim(&self.section, fence)).await? {
            Claimed::Fenced { by } => return Err(PublishError::Fenced { by }),
            Claimed::Held { head } => head,
        };
        let place = |head: &Head| (head.stream_epoch, head.sequence);
        if stored.as_ref().map(place) != self.head.as_ref().map(place) {
            // Others published meanwhile: patches against what this one sent last would fit nobody.
            self.bases = Bases::new(self.config.bases_bytes);
        }
        // Not believed before its servers are known.
        self.head = None;
        let identity = self.timely(self.backplane.identity()).await?;
        self.head = stored.filter(|head| head.identity == identity || mutant!(ServersNotCompared));
        Ok(self.head.clone())
    }

    /// Begins a new epoch of the stream, since continuity cannot be shown. `read_at` is what is known of the source.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn begin_epoch(
        &mut self,
        incarnation: Incarnation,
        source: SourceMark,
        read_at: Timestamp,
    ) -> Result<(), PublishError> {
        let identity = self.timely(self.backplane.identity()).await?;
        let (stream_epoch, sequence) = (self.fresh_epoch(), Sequence(0));
        self.store(Head { incarnation, stream_epoch, sequence, read_at, source, identity }).await
    }

    async fn timely<T>(&self, call: impl Future<Output = Result<T, BackplaneError>>) -> Result<T, BackplaneError> {
        tokio::time::timeout(self.config.timeout, call).await.unwrap_or(Err(BackplaneError::Timeout))
    }

    /// A place in the feed that is nobody else's: for writers without a feed.
    pub(super) fn unique_mark(&self) -> SourceMark {
        SourceMark { tracker_counter: self.rng.next_u64(), ..SourceMark::default() }
    }

    /// Any epoch but none: 53 bits, which every reader of JSON holds exactly.
    fn fresh_epoch(&self) -> StreamEpoch {
        StreamEpoch((self.rng.next_u64() >> 11).max(1))
    }

    /// The beacon: the source was read to its end at `read_at`, and all of it is in the stream.
    ///
    /// # Errors
    /// [`PublishError::OutOfStep`] also if the servers are others than when the epoch began.
    pub async fn announce(
        &mut self,
        incarnation: Incarnation,
        source: SourceMark,
        read_at: Timestamp,
    ) -> Result<(), PublishError> {
        let identity = self.timely(self.backplane.identity()).await?;
        let head = self.head.clone().filter(|head| head.identity == identity || mutant!(ServersNotCompared));
        let head = head.ok_or(PublishError::OutOfStep)?;
        self.store(Head { incarnation, source, read_at, ..head }).await
    }

    async fn store(&mut self, head: Head) -> Result<(), PublishError> {
        match self.timely(self.backplane.announce(&self.section, self.fence, head.clone())).await? {
            Published::Done => {
                self.head = Some(head);
                Ok(())
            }
            Published::Fenced { by } => Err(PublishError::Fenced { by }),
            Published::OutOfStep { .. } => Err(PublishError::OutOfStep),
        }
    }

    /// Publishes a change: the value first, then the message. A call that failed with a retryable error may be repeated:
    /// what took effect already is recognised. `source` names the place of the change in the feed.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish(&mut self, change: &SourceChange, source: SourceMark) -> Result<(), PublishError> {
        let Some(held) = self.head.clone() else { return Err(PublishError::OutOfStep) };
        let document = message::parse(change)?;
        let head = Head { sequence: held.sequence.next(), source, ..held };
        if mutant!(StepsSwapped) {
            self.write_message(change, document.as_ref(), head.clone()).await?;
            self.write_value(change, head.stream_epoch).await?;
        } else {
            self.write_value(change, head.stream_epoch).await?;
            self.write_message(change, document.as_ref(), head).await?;
        }
        match document {
            Some(document) => {
                let bytes = change.body.as_ref().map_or(0, Bytes::len);
                self.bases.put(&change.key, change.version, document, bytes);
            }
            None => self.bases.remove(&change.key),
        }
        Ok(())
    }

    async fn write_value(&self, change: &SourceChange, epoch: StreamEpoch) -> Result<(), PublishError> {
        let body = change.body.clone().filter(|_| !change.pull);
        let value = body.map(|body| SharedValue {
            version: change.version,
            body,
            // The tags of a change are those of queries; a document carries none of them.
            tags: Arc::from([]),
            age: Duration::ZERO,
            epoch,
        });
        let write =
            SharedWrite { fence: self.fence, version: change.version, epoch, value, ttl: self.config.shared_ttl };
        let writing = tokio::time::timeout(self.config.timeout, self.shared.write(&change.key, write));
        match writing.await.unwrap_or(Err(SharedError::Timeout))? {
            // The second step follows an older version too: the message may be the only one that others get.
            WriteOutcome::Written | WriteOutcome::Older { .. } => Ok(()),
            WriteOutcome::Fenced { by } => Err(PublishError::Fenced { by }),
        }
    }

    async fn write_message(
        &mut self,
        change: &SourceChange,
        document: Option<&Value>,
        head: Head,
    ) -> Result<(), PublishError> {
        let stations = Stations { published_at: Some(self.clock.now()), ..change.stations };
        let base = self.bases.below(&change.key, change.version);
        let sender = Sender { id: &self.id, section: &self.section };
        let payload = message::message(&sender, change, document, base, &head, stations)?;
        let data_key = self.section.data_key(&change.key).ok_or_else(|| message::other_section(change))?.to_owned();
        let publication = Publication { fence: self.fence, head: head.clone(), data_key, payload };
        match self.timely(self.backplane.publish(&self.section, publication)).await? {
            Published::Done => {}
            Published::Fenced { by } => return Err(PublishError::Fenced { by }),
            // An earlier try whose answer was lost took effect.
            Published::OutOfStep { head: Some(stored) } if is_same(&stored, &head) => {}
            Published::OutOfStep { head: stored } => {
                // Others published: from there it goes on, if it is the same stream at all.
                self.bases = Bases::new(self.config.bases_bytes);
                self.head = stored.filter(|stored| stored.identity == head.identity);
                return Err(PublishError::OutOfStep);
            }
        }
        self.head = Some(head);
        Ok(())
    }
}

fn is_same(stored: &Head, mine: &Head) -> bool {
    (stored.stream_epoch, stored.sequence, stored.source) == (mine.stream_epoch, mine.sequence, mine.source)
}
