//! The change feed, in either of the two ways that SQL Server has: `change_tracking` (the default) and `cdc`. `position`
//! says how the places of both are numbers of 128 bits.

pub(super) mod cdc;
mod change_tracking;
mod port;
mod position;

#[cfg(test)]
pub(super) use cdc::captured;
#[cfg(test)]
pub(super) use change_tracking::tracked;
pub use port::SqlServerFeed;
pub(super) use position::lsn_of;
