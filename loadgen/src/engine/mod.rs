//! The open loop: arrivals come when the plan says, whether or not earlier ones were answered. What a slow server delays is
//! counted from the planned time, so that a stall shows in the percentiles (coordinated omission); what could not be sent at
//! all is counted and shown.
//!
//! One thread, epoll, keep-alive connections, no allocation per request. It sleeps until shortly before the next arrival and
//! spins the rest, since a timer alone is tens of microseconds late.

mod conn;
mod endpoint;
mod pool;
mod recorder;
mod run;
mod schedule;
mod traffic;
mod watch;

pub use endpoint::Endpoint;
pub(crate) use recorder::histogram;
pub use recorder::{Failures, LevelCounts, Measured, Percentiles, Second, TargetCounts};
pub use run::{Engine, EngineError, Settings};
pub use schedule::{BadSchedule, Schedule, Stage};
pub use traffic::{Arrival, Job, Outcome, Times, Traffic};
pub use watch::{ClockWatch, Stepped};
