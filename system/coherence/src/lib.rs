//! A multi-tier, tagged, versioned cache that never goes back.
//!
//! It knows no forecast, no HTTP and no driver. A value is read through four tiers:
//!
//! ```text
//!   get_or_load ──> L1 ready views ──> L2 tracked documents ──> L3 SharedTier ──> L4 Loader
//!                    (60 s, bounded)    (bounded)                (300 s, guarded)   (the truth)
//! ```
//!
//! Every comparison is on a [`Version`]; a read may only raise a tier, and no tier answers below the key's floor. See
//! [`Cache`] for use, [`SharedTier`] for the port of L3.
#![deny(missing_docs)]

mod ambient;
mod document;
mod key;
pub mod shared;
mod version;

pub use ambient::{Rng, WallClock};
pub use document::{Document, Plain, Render};
pub use key::{Key, NAME_BYTES_MAX, NameError, Tag};
pub use shared::{FillOutcome, FillToken, SharedError, SharedLookup, SharedTier, SharedValue};
pub use version::{Generation, Incarnation, Ordinal, ParseVersionError, Version, VersionId};
pub use jiff::Timestamp;
