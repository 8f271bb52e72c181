//! ChangeTracker: from the store's change feed to `cdc:forecasts`, in one process at a time (DESIGN sections 3.5 and 4).
//!
//! ```text
//!   lease ──> history: does the database know all that was told? ──no──> a new incarnation, a new lease
//!                │ yes
//!                v
//!   readAt, feed.read ──> bus.publish_all ──confirmed──> cursor ──at the feed's end, every 500 ms──> beacon
//! ```
//!
//! - `run`: one term after the other; `history`: a database that was put back; `term`: reading and telling
//! - `waits`: how long the feed is left alone; `config`, `status`: the edges

mod config;
mod history;
mod run;
mod status;
mod term;
pub mod waits;

pub use config::{TrackerConfig, TrackerPorts};
pub use run::ChangeTracker;
pub use status::{TrackerStatus, TrackerStatusHandle};
