//! From a head to a deadline: how long what it says may be relied on. Pure.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::mutant;
use crate::options::{LEASE, SKEW_MAX};
use crate::trust::Deadline;

/// What a beacon is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// The lease holds until then; the source was read at `verified`.
    Until { deadline: Deadline, verified: Instant },
    /// It is too old to be worth anything.
    Expired,
    /// It is from further in the future than clocks may differ: somebody's clock is wrong.
    Future,
}

/// What a beacon is worth whose source was read at `read_at`, at this moment of both clocks. It counts from the read, not
/// from the receipt: a burst of beacons after a stall says nothing about now.
pub(crate) fn worth(read_at: Timestamp, wall: Timestamp, now: Instant) -> Worth {
    let age = wall.duration_since(read_at);
    if age < -SignedDuration::try_from(SKEW_MAX).unwrap_or(SignedDuration::ZERO) && !mutant!(FutureHeadTrusted) {
        return Worth::Future;
    }
    // A clock that is a little behind must not prolong the lease.
    let age = std::time::Duration::try_from(age).unwrap_or_default();
    let age = if mutant!(LeaseFromReceipt) { std::time::Duration::ZERO } else { age };
    let Some(left) = LEASE.checked_sub(age).filter(|left| !left.is_zero()) else { return Worth::Expired };
    let deadline = Deadline { monotonic: now + left, wall: wall.saturating_add(left).unwrap_or(wall) };
    Worth::Until { deadline, verified: now.checked_sub(age).unwrap_or(now) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn seconds(from: Timestamp, s: f64) -> Timestamp {
        from.saturating_add(SignedDuration::from_secs_f64(s)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_beacon_counts_from_the_read() {
        let (wall, now) = (Timestamp::from_second(1_000_000).unwrap(), Instant::now() + Duration::from_secs(100));
        let left = |age: f64| match worth(seconds(wall, -age), wall, now) {
            Worth::Until { deadline, verified } => {
                assert_eq!(verified, now - Duration::from_secs_f64(age.max(0.0)));
                Some(deadline.monotonic - now)
            }
            Worth::Expired => None,
            Worth::Future => panic!("not from the future"),
        };
        assert_eq!(left(0.0), Some(LEASE));
        assert_eq!(left(1.5), Some(Duration::from_secs(2)));
        assert_eq!(left(3.5), None);
        assert_eq!(left(10.0), None, "an old one of a burst");
        assert_eq!(left(-0.9), Some(LEASE), "within the bound on clocks, and no longer for it");
        assert_eq!(worth(seconds(wall, 1.1), wall, now), Worth::Future);
    }
}
