//! `GET /api/forecasts/changes`: what changed, as Server-Sent Events, and the tickets that open them in a browser.
//!
//! ```text
//!   FollowerHandle::listen ──> ChangeStream ──(sight: the caller's companies)──> event: change
//!   Backplane::replay ─────────────┘  a Last-Event-ID, or a hole
//!                                     what cannot be shown without a hole, or a leak ──> event: reset
//! ```
//!
//! A stream never skips silently. Every event names its place, `<epoch>-<sequence>`; what lies between the place that the
//! client has and the next change is replayed, and where it cannot be, the client is told to load anew. [`slots`] bounds
//! how many are open.

mod changes;
mod event;
mod hub;
mod place;
mod sight;
mod slots;
mod stream;
mod ticket;

pub use event::ChangeData;
pub use hub::{StreamHub, StreamPorts};
pub use slots::StreamSlots;

pub(super) use changes::__path_forecast_changes;
pub(super) use changes::forecast_changes;
pub(super) use ticket::__path_stream_ticket;
pub(super) use ticket::stream_ticket;
