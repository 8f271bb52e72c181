//! ConsistencyMonitor: asks the tiers as a client would, and compares with the store (after Meta's Polaris).
//!
//! It measures what clients get, not what the parts believe: for each write that it saw in the store, whether an answer of
//! this instance was older a second later, or five. An answer more than five seconds old breaks C3 (`bounded`), and is
//! logged with the key's history.
//!
//! - `watch`: what is remembered of the writes of one key, and when they count as inconsistent. Pure
//! - `run`: which keys are asked, and when; `status`: the edge

mod run;
mod status;
mod watch;

pub use run::{ConsistencyMonitor, MonitorConfig, MonitorPorts, WATCHED_MAX};
pub use status::{MonitorStatus, MonitorStatusHandle};
