//! PushSender: from the intents in the store to the push services (DESIGN section 6, specification 7.3).
//!
//! ```text
//!   store ──claim──> lanes, one for each origin ──slots──> attempt ──> verdict ──report──> store
//!                      ^      breaker, limit                  │
//!                      └──────── waits, 100 to 800 ms ────────┘
//! ```
//!
//! A dead provider delays only itself: its lane has a limit of its own; an attempt that hangs gives its place among the
//! quick ones back; after enough failures the breaker sends what waits in that lane back to the store, and lets one probe
//! through from time to time.
//!
//! - `sender`: the loop; `desk`: what it holds; `lane`, `breaker`, `slots`: who may go; `attempt`, `verdict`: what comes of it
//! - `guard`: when so many devices seem gone that it cannot be true; `config`, `gateways`, `status`: the edges

mod attempt;
mod breaker;
mod config;
mod desk;
mod gateways;
mod guard;
mod lane;
mod sender;
mod slots;
mod status;
mod verdict;

pub use breaker::BreakerConfig;
pub use config::PushConfig;
pub use gateways::PushGateways;
pub use guard::RemovalGuardConfig;
pub use sender::PushSender;
pub use status::{PushStatus, PushStatusHandle};
