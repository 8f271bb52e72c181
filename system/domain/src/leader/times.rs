//! For how long a lease is held, and how often it is asked for.

use std::time::Duration;

/// A term that reaches nothing of what it works with for so long ends: another process may reach it.
pub(crate) const GIVE_WAY_AFTER: Duration = Duration::from_secs(2);
/// How long a process that gave way stands back: the others ask for the lease meanwhile.
pub(crate) const STAND_BACK: Duration = Duration::from_secs(1);

/// The times of a lease. With the defaults a killed holder is followed within 1.5 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long it lasts, unless it is prolonged.
    pub life: Duration,
    /// How often its holder prolongs it.
    pub renew_every: Duration,
    /// How often others ask for it.
    pub standby_every: Duration,
}

impl Default for LeaseTimes {
    /// 1.3 s, 300 ms, 200 ms.
    fn default() -> Self {
        Self {
            life: Duration::from_millis(1_300),
            renew_every: Duration::from_millis(300),
            standby_every: Duration::from_millis(200),
        }
    }
}
