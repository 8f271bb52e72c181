//! The machine's wall clock.

use coherence::{Timestamp, WallClock};

/// The wall clock of the machine, to the microsecond, as rows and messages hold it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // Cannot fail: it was a timestamp before.
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_finer_than_what_the_store_keeps() {
        let now = SystemClock.now();
        assert_eq!(Timestamp::from_microsecond(now.as_microsecond()).unwrap(), now);
        assert!(now.as_second() > 1_700_000_000);
    }
}
