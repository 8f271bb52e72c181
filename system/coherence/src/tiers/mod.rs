//! The tiers inside the process: L1 (ready views), L2 (tracked documents) and the output cache are the same bounded
//! structure over different values.

mod local;

pub(crate) use local::{Entry, LocalTier};
