//! What all HTTP routes share.
//!
//! A request passes the [`edge`] (request id, instance, panics, metrics), which costs one layer; then its handler takes
//! what it needs: the [caller](crate::auth), a [limit](rate_limit) or a [cap](concurrency), a
//! [body](extract) or [parameters](params). Each of them fails with a [`Problem`], whose [`Code`] is one of a closed
//! list; nothing else makes an error answer.

pub mod code;
pub mod concurrency;
pub mod edge;
pub mod extract;
pub mod params;
pub mod problem;
pub mod rate_limit;
pub mod request_id;

pub use code::Code;
pub use concurrency::{ConcurrencyCap, Running, within};
pub use edge::{EdgeLayer, RequestId};
pub use extract::{BodyLimit, JsonBody};
pub use params::{QueryParams, parse_id};
pub use problem::{FieldError, Problem, ProblemDocument};
pub use rate_limit::{RateLimiter, TooMany};
pub use request_id::{RequestIds, X_INSTANCE, X_REQUEST_ID};
