//! The store of forecasts in memory, with its change feed: [`tables`] holds the state and its rules, [`pages`] the lists.

mod feed;
mod handle;
mod pages;
mod tables;

pub use handle::MemoryStore;
