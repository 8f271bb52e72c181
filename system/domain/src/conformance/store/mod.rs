//! What a [`Store`](crate::ports::Store) must do.

mod harness;
mod idempotency;
mod keys;
mod lists;
mod races;
mod rows;
mod sets;
mod suite;
mod versions;

pub use harness::StoreHarness;
pub use idempotency::*;
pub use keys::*;
pub use lists::*;
pub use races::*;
pub use rows::*;
pub use sets::*;
pub use suite::run_all;
pub use versions::*;
