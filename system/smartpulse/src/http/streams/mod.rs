//! `GET /api/forecasts/changes`: what changed, as Server-Sent Events, and the tickets that open them in a browser.
//!
//! ```text
//!   FollowerHandle::listen ──> ChangeStream ──(sight: the caller's companies)──> event: change
//!   Backplane::replay ─────────────┘  a Last-Event-ID, or a hole
//!                                     what cannot be shown without a hole, or a leak ──> event: reset
//! ```
//!
//! A stream never skips silently. Every event names its place, `<epoch>-<sequence>`; what lies between the place that the
//! client has and the next change is replayed, and where it cannot be, the client is told to load anew.
//!
//! What any event stream has, whatever it tells: `base` (who may open one, by token or `ticket`), `slots` (how many are
//! open), `vigil` (heartbeats, and the end with the token or the instance), `wire` (the form of events).

mod base;
mod changes;
mod event;
mod hub;
mod place;
mod sight;
mod slots;
mod stream;
mod ticket;
mod vigil;
mod wire;

pub use base::StreamBase;
pub use event::ChangeData;
pub use hub::{StreamHub, StreamPorts};
pub use slots::StreamSlots;

pub(super) use changes::__path_forecast_changes;
pub(super) use changes::forecast_changes;
pub(super) use ticket::__path_stream_ticket;
pub(super) use ticket::stream_ticket;
pub(super) use vigil::{Turn, Vigil};
pub(super) use wire::{LAST_EVENT_ID, event, event_stream, expired, heartbeat, opening, reset};
