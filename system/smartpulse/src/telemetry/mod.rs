//! What an instance tells about itself: structured logs and metrics.
//!
//! - [`logs`]: one subscriber from the configuration, as text or as JSON lines. `main` installs it; nothing else does.
//! - [`catalogue`]: the registry with a description of each metric, from which `/metrics` and `system/METRICS.md` are
//!   both made. It is a value: many instances in one process do not share their counters.
//! - [`requests`]: counters and durations of the HTTP interface.
//! - [`cache`]: what the tiers did and hold.
//! - [`follow`]: how long changes are on their way; [`pipeline`]: where tracker, sync and follower stand.
//! - [`notifications`]: what became of notifications, and where the jobs of the channels stand.
//! - [`backends`]: calls of store, feed, bus and shared tier; [`trouble`]: which of them failed lately.

pub mod backends;
pub mod cache;
pub mod catalogue;
pub mod follow;
pub mod logs;
pub mod notifications;
pub mod pipeline;
pub mod requests;
mod table;
pub mod trouble;

pub use backends::BackendMetrics;
pub use cache::register_cache;
pub use catalogue::{Catalogue, Descriptor};
pub use follow::FollowMetrics;
pub use notifications::{DeliveryMetrics, register_notifications};
pub use pipeline::register_pipeline;
pub use requests::RequestMetrics;
pub use trouble::Trouble;
