//! What all HTTP routes share.
//!
//! A request passes the [`edge`] (request id, instance, panics, metrics, the [cap](concurrency)), which costs one layer;
//! then its handler takes what it needs: an [admitted](admission) caller within its [rate](rate_limit), a
//! [body](extract), [parameters](params), [preconditions](conditional). Each of them fails with a [`Problem`], whose
//! [`Code`] is one of a closed list; nothing else makes an error answer. [`forecasts`] and
//! [`notifications`] are the routes themselves, [`streams`] what they send as events; [`admin`] is what operators ask on
//! the internal address.

pub mod admin;
pub mod admission;
pub mod code;
pub mod concurrency;
pub mod conditional;
pub mod edge;
pub mod extract;
pub mod forecasts;
pub mod idempotency_key;
pub mod notifications;
pub mod params;
pub mod problem;
pub mod rate_limit;
pub mod request_id;
pub mod service_error;
pub(crate) mod source;
pub mod streams;

pub use admission::{Admitted, Gatekeeper};
pub use code::Code;
pub use concurrency::{ConcurrencyCap, Running, within};
pub use edge::EdgeLayer;
pub use extract::BodyLimit;
pub use params::parse_id;
pub use problem::{FieldError, Problem, ProblemDocument};
pub use rate_limit::{RateLimiter, TooMany};
pub use request_id::{RequestIds, X_INSTANCE, X_REQUEST_ID};
