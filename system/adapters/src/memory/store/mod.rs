//! The store of forecasts in memory, with its change feed: [`tables`] holds the state and its rules, [`pages`] the lists,
//! [`leases`], [`outbox`] and [`parking`] the ports of these names. [`bare`] and [`snapshot`] are what a database
//! administrator may do to a database.

mod bare;
mod feed;
mod handle;
mod leases;
mod outbox;
mod pages;
mod parking;
mod snapshot;
mod tables;

pub use handle::MemoryStore;
pub use snapshot::MemorySnapshot;
