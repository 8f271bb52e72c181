//! Every claim that is made of this system, against what was measured: `reports/CLAIMS.md`.
//!
//! [`catalogue`](catalogue::all) says what is claimed and by which evidence; [`Reports`] reads what benches, load generator,
//! simulation and suites wrote; [`judge`] says of each claim whether it holds, does not, or was not measured; [`page`] writes
//! it down. A verdict is computed from figures here and never taken from a report.

pub mod catalogue;
mod claim;
mod cli;
mod judge;
mod page;
mod record;
mod reports;
mod stale;

pub use claim::{Claim, Evidence, Section, Source};
pub use cli::main;
pub use judge::{Judged, Part, Read, Verdict, judge};
pub use page::page;
pub use record::{parse_tests, record};
pub use reports::{Found, Reports, Trouble};
pub use stale::Counts;
