//! What operators ask and order, on the internal address, with the role `admin`. `smartpulse admin` is its client.
//!
//! Reads: [`coherence`] (where an instance stands), [`explain`] (what it holds of one key, and why), [`parked`]. Orders:
//! [`evict`], resync, and what becomes of parked events; each of them is [audited](audit), whatever comes of it.

pub mod audit;
pub mod coherence;
pub mod evict;
pub mod explain;
pub mod parked;
pub mod routes;

pub use routes::{AdminApi, AdminParts, PATHS, routes};
