//! The short roads of a change to the tiers: over the bus, without the change feed (DESIGN section 3.3).
//!
//! - `invalidation`: `forecast:invalidation` to every instance: quick and free of content
//! - `updated`: `forecast:updated` to one instance, which raises the floor in the shared tier
//!
//! Both wake the tracker, so that the long road, which carries the content, follows at once. Each road alone converges.

mod consume;
mod invalidation;
mod status;
mod updated;

pub use invalidation::{INVALIDATION_SUBSCRIPTION, InvalidationRoad};
pub use status::{RoadStatus, RoadStatusHandle};
pub use updated::{UPDATED_SUBSCRIPTION, UpdatedRoad, UpdatedRoadPorts};
