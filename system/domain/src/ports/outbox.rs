//! The outbox: the events of commits, where the bus is not the store.
//!
//! There a commit writes its events as rows of the outbox, in its own transaction. They are published right after it, and
//! a relay publishes what a crash left behind. Where the bus *is* the store, events go to their topics at once, and the
//! outbox is always empty.

use async_trait::async_trait;
use coherence::Timestamp;

use super::{Outgoing, StoreError, Topic};

/// Names an event in the outbox; rises with the writes, but not with the commits: a lower one may appear later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutboxId(pub u128);

/// An event in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its id, for the mark.
    pub id: OutboxId,
    /// Where it goes.
    pub topic: Topic,
    /// What goes there.
    pub message: Outgoing,
    /// When it was committed, by the clock of the writing process.
    pub born_at: Timestamp,
}

/// The outbox.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Events that are not marked as sent, in the order of their ids, at most `limit`.
    ///
    /// # Errors
    /// The store's.
    async fn pending(&self, limit: u32) -> Result<Vec<OutboxRow>, StoreError>;

    /// Marks events as sent, once the bus has confirmed them. Ids that are marked already, or unknown, are ignored. A mark
    /// may be lost in a power cut: the event is then pending once more.
    ///
    /// # Errors
    /// The store's; the events may have been marked nevertheless.
    async fn mark_sent(&self, ids: &[OutboxId]) -> Result<(), StoreError>;
}
