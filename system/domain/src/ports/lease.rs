//! Leases in the store: which process is the tracker, and which the sync (DESIGN section 3.5).
//!
//! A lease ends by itself, by the store's clock; who lost it unknowingly is told apart by its token, which goes with
//! whatever it writes.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use coherence::{Fence, FencingToken, Incarnation};
use uuid::Uuid;

use super::{FeedPosition, StoreError};

/// What can be held, by one process at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeaseName {
    /// Reading the change feed and publishing `cdc:forecasts`.
    Tracker,
    /// Writing what comes over `cdc:forecasts` to the shared tier.
    Sync,
}

impl LeaseName {
    /// All leases.
    pub const ALL: [Self; 2] = [Self::Tracker, Self::Sync];

    /// The lease's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tracker => "tracker",
            Self::Sync => "sync",
        }
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// So many tokens each incarnation has to itself ...
pub const TOKENS_PER_LIFE: u64 = 1 << 32;
/// ... up to this one; beyond, they only rise. Tokens stay below 2^53, which every reader of JSON holds exactly.
pub const LIVES_APART_MAX: u64 = 1 << 20;

/// All tokens of an incarnation are above this. A store that was put back has forgotten which it gave out; a holder of
/// then, who calls by its token, must not be taken for one of now.
pub const fn tokens_before(incarnation: Incarnation) -> FencingToken {
    let lives = incarnation.0.saturating_sub(1);
    FencingToken(if lives < LIVES_APART_MAX { lives } else { LIVES_APART_MAX } * TOKENS_PER_LIFE)
}

/// A lease that was taken, read in one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which.
    pub name: LeaseName,
    /// The holder's token: above every earlier one of this lease in this incarnation, and above
    /// [`tokens_before`] it.
    pub token: FencingToken,
    /// The database's incarnation.
    pub incarnation: Incarnation,
    /// Up to where the holders before have got in the feed.
    pub cursor: FeedPosition,
}

impl Lease {
    /// The token as it travels: tokens are compared within an incarnation only.
    pub const fn fence(&self) -> Fence {
        Fence { incarnation: self.incarnation, token: self.token }
    }
}

/// What asking for a lease came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquired {
    /// It is the asker's now.
    Held(Lease),
    /// Another process holds it.
    Busy {
        /// For how long, unless it prolongs or releases it.
        remaining: Duration,
    },
}

/// The leases in the store.
///
/// A holder must stop at its own monotonic deadline, taken before the call that gave or prolonged the lease: so it stops
/// before the store lets another process have it.
#[async_trait]
pub trait Leases: Send + Sync + 'static {
    /// Takes the lease if nobody holds it, if it has ended, or if `holder` itself holds it (the answer of its last call
    /// may have been lost). Each success has a higher token, also for the same holder. Durable when it answers. While
    /// another process holds the lease, the call is no more than a read.
    ///
    /// # Errors
    /// The store's; after [`Unavailable`](StoreError::Unavailable) or [`Timeout`](StoreError::Timeout) the lease may have
    /// been taken.
    async fn acquire(&self, name: LeaseName, holder: Uuid, life: Duration) -> Result<Acquired, StoreError>;

    /// Prolongs the lease to `life` from now; `false`, and nothing is changed, if it is not this token's: another process
    /// took it, or it was released. One that has ended and that nobody took is prolonged.
    ///
    /// # Errors
    /// The store's; the lease may have been prolonged nevertheless.
    async fn renew(&self, name: LeaseName, token: FencingToken, life: Duration) -> Result<bool, StoreError>;

    /// Gives the lease up at once, if it is still this token's: another process can take it immediately.
    ///
    /// # Errors
    /// The store's; the lease ends by itself then.
    async fn release(&self, name: LeaseName, token: FencingToken) -> Result<(), StoreError>;

    /// Moves the feed cursor that stands in the lease, to wherever the holder says; `false`, and nothing is changed, if the
    /// lease is not this token's.
    ///
    /// # Errors
    /// The store's; the cursor may have been moved nevertheless.
    async fn move_cursor(&self, name: LeaseName, token: FencingToken, to: FeedPosition) -> Result<bool, StoreError>;
}
