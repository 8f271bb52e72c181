//! The follower of one section's stream, in every instance: the specification's DataManager.
//!
//! ```text
//!   Backplane ──message, head──> Follower ──in order──> apply: floor, stamps, then the tracked document
//!                                   │ a jump ──────────> replay from the stream
//!                                   │ another stream ──> adopt its head, compare all versions (verify), refetch
//!                                   └ a fresh head, all applied, nothing open ──> the lease
//! ```
//!
//! - `gap`: where an instance is and what a message means; `lease`: what a head is worth. Both pure.
//! - `apply`: one change into the tiers; `verify`: all versions compared; `refetch`: with jitter and a budget.
//! - `session`: one subscription, from its beginning to its loss; `repair`: what it does about a gap; `run`: one session
//!   after the other.
//! - `status`: what operators see.

mod apply;
pub(crate) mod gap;
mod lease;
mod refetch;
mod repair;
mod run;
mod session;
mod status;
mod told;
mod verify;

pub use refetch::{REFETCHES_WAITING_MAX, RefetchBudget};
pub use run::{FOLLOWED_MAX, Followed, Follower, FollowerConfig, FollowerHandle};
pub use status::FollowerStatus;
pub use verify::VERIFY_KEYS_MAX;
