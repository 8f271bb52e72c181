//! The events on the wire, exactly the JSON of the specification's sections 2.1, 3.1, 3.2, 6.1 and 7.1.
//!
//! What this system adds stands beside the specified members, never in place of one. Readers ignore members that they do
//! not know and do without the added ones, so that another program's exact payload of the specification is understood and
//! releases N and N+1 run side by side.

mod changed;
mod completed;
mod invalidation;
mod notification;
mod updated;
mod wire;

pub use changed::{BEACON_KEY, CdcMessage, CdcOperation, FeedBeacon, ForecastChanged, TRACEPARENT, TrackerMark};
pub use completed::ForecastCompleted;
pub use invalidation::{CacheInvalidation, ENTITY_TYPE, Eviction, Reason};
pub use notification::NotificationChanged;
pub use updated::{FieldChange, ForecastUpdated, ForecastUpdatedData, SOURCE};
pub use wire::{Event, EventError};
