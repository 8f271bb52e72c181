//! `smartpulse doctor`: what was found about the machine and each backend, and what to do about it. The wiring looks
//! (`wiring/doctor`), since only it knows which backends there are; here is what a finding is, how bounds are judged that
//! hold for every backend, and how all of it is shown.

mod finding;
mod judge;
mod report;

pub use finding::{Finding, Verdict};
pub(crate) use judge::round_trip;
#[cfg(feature = "production")]
pub(crate) use judge::{clock, days, duration};
pub use report::Report;
