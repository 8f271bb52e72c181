//! L3, the tier that all instances share: the port, its in-process form and its conformance suite.
//!
//! The tier guards its own fills (memcache's leases, NSDI 2013): a miss leaves a token in the key's versions, a fill is
//! stored only while its token is there, and every raise of the version removes all tokens. The versions of a key outlive
//! its value; where they were forgotten (evicted), there is no token, so nothing is stored: forgetting is safe.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod memory;
mod port;

pub use memory::{MemorySharedTier, MemorySharedTierLimits, SharedSnapshot};
pub use port::{
    FillOutcome, FillToken, SHARED_VERSIONS_MAX, SharedError, SharedLookup, SharedTier, SharedValue, SharedWrite,
    WriteOutcome,
};
