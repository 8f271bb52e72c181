//! How work is handed out.

use std::time::Duration;

use crate::notification::model::ClaimId;

/// No claim lives longer: one that seems to is left from before the store's clock went back, and has ended. A mail server
/// may take ten minutes to answer (RFC 5321, 4.5.3.2.6), and a claim must outlive that.
pub const CLAIM_LIFE_MAX: Duration = Duration::from_secs(1_200);

/// A claim of work. What it gets nobody else gets, until its life is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Names it: a new one for each piece of work. A call under the same name adds to what it holds.
    pub id: ClaimId,
    /// How long it lives, from now. At most [`CLAIM_LIFE_MAX`].
    pub life: Duration,
    /// How much it wants at most.
    pub limit: u32,
}

/// What a claim got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedWork<T> {
    /// The work, what was due first first.
    pub items: Vec<T>,
    /// If there was less than wanted: when more is due, unless something new is accepted before. `None`: nothing waits.
    pub next_due: Option<Duration>,
}
