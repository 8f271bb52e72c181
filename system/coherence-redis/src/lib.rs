//! The shared tier and the backplane of [`coherence`] on Redis: one server, or a cluster.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use coherence_redis::{Redis, RedisConfig};
//!
//! let redis = Redis::open("redis://127.0.0.1:6379", RedisConfig::default())?; // connects with its first call
//! let (shared, backplane) = (redis.shared_tier(), redis.backplane());
//! # Ok(()) }
//! ```
//!
//! Every step of the ports is one script (`scripts/`), on keys of one slot, so that one server and a cluster are the same
//! to it. The parts, in reading order:
//!
//! - `redis`: what users hold; `address`, `config`, `error`: the edges
//! - `names`: how things are called in Redis; `script`: the scripts; `reply`: what they answer
//! - `shared_tier`, `backplane`, `identity`: the ports
//! - `one_time`: tickets and the like; `examine`: a look at the servers for an operator
//! - `servers`: which server a call goes to; `node`: one server's connection; `slots`: the map of a cluster
//! - `subscriber`: the job that holds a subscription; `gate`: what it lets through
#![deny(missing_docs)]

mod address;
mod backplane;
mod config;
mod error;
mod examine;
mod gate;
mod identity;
mod names;
mod node;
mod one_time;
mod redis;
mod reply;
mod script;
mod servers;
mod shared_tier;
mod slots;
mod subscriber;

pub use address::{AddressError, SEEDS_MAX};
pub use backplane::RedisBackplane;
pub use config::RedisConfig;
pub use examine::ServerExamination;
pub use one_time::{Kept, OneTime};
pub use redis::Redis;
pub use shared_tier::RedisSharedTier;
