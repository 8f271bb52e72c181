//! How the database comes to what a release needs. `list` has the migrations, files of `schema/` in their order; `plan` says
//! which are due; `apply` brings them; `cdc` arranges Change Data Capture, where the feed reads it.
//!
//! Expand and contract: a migration of phase `expand` leaves everything that the release before reads and writes; what takes
//! something away is of phase `contract`, and is brought when no process of the release before runs any more. So releases N
//! and N+1 run side by side, and nothing migrates by itself.

mod apply;
mod cdc;
mod list;
mod plan;

pub use apply::{Migrated, migrate};
pub(super) use cdc::{CAPTURED, INSTANCES};
pub use list::Phase;
#[cfg(any(test, feature = "testing"))]
pub(super) use list::{MIGRATIONS, Migration};
#[cfg(test)]
pub(super) use plan::{Applied, compare};
pub use plan::{Due, Settings, check, dry_run};
pub(super) use plan::{due, require, settings, told};
