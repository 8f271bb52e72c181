//! The in-app channel, live: a change of a user's inbox reaches the user's open streams on every instance.
//!
//! ```text
//!   accepted, read ──announce──> hub ──> streams of this instance
//!                                 └─ road ──`notification:changed` {UserId}──> hubs of all instances ──> their streams
//! ```
//!
//! What travels says only whose inbox changed; each stream reads from the store what happened after its own position. So a
//! lost or repeated message does no harm, and a client that comes back with a position misses nothing.

mod hub;
mod road;
mod stream;

pub use hub::{Announce, LiveHub, STREAMS_MAX, STREAMS_PER_USER_MAX};
pub use road::{LIVE_SUBSCRIPTION, LiveRoad, LiveStatus, LiveStatusHandle};
pub use stream::{LiveEvent, LiveStream, STREAM_POLL_EVERY};
