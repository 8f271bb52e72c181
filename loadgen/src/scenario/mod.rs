//! Scenarios: what is sent, at which rate, over which keys, and what must hold.

mod builtin;
mod ceiling;
mod checks;
mod drive;
mod execute;
mod expect;
mod file;
mod hook;
mod judge;
mod notifications;
mod observers;
mod planner;
mod poller;
mod propagation;
mod sampler;
mod server_side;
mod traffic;

pub use builtin::{BUILTIN, load};
pub use ceiling::{Ceiling, ceiling};
pub use checks::Checked;
pub use drive::Usage;
pub use execute::{Executed, Import, Run, execute};
pub use expect::{Expected, expect};
pub use file::{Bound, Kind, Mix, Population, Scenario, StageText};
pub use hook::Staller;
pub use judge::{Figures, Judged, figures, judge, shares};
pub use notifications::{ChannelTimes, Notified};
pub use observers::Sighting;
pub use propagation::{Part, Propagation};
pub use server_side::ServerSide;
