//! How long the tracker leaves the feed alone (specification 6.1, step 3; DESIGN section 4, "Waiting").

use std::time::Duration;

/// The wait in the first second without a change.
pub const WAIT_FIRST: Duration = Duration::from_millis(10);
/// The wait from one second on; it doubles with each decade.
pub const WAIT_IDLE: Duration = Duration::from_millis(50);
/// The longest wait.
pub const WAIT_MAX: Duration = Duration::from_secs(5);

/// How long to wait before the next look, when the last change was `idle` ago: 10 ms below a second; from one second
/// 50 ms, from 10 s 100 ms, from 100 s 200 ms, and so on up to 5 s. With a beacon never more than its interval (ruling 21).
pub fn wait(idle: Duration, beacon_every: Option<Duration>) -> Duration {
    let seconds = idle.as_secs();
    let wait = match seconds.checked_ilog10() {
        None => WAIT_FIRST,
        Some(decades) => (WAIT_IDLE * 2_u32.saturating_pow(decades.min(16))).min(WAIT_MAX),
    };
    beacon_every.map_or(wait, |beacon| wait.min(beacon))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_table_of_the_specification() {
        let table = [
            (0, 10),
            (999, 10),
            (1_000, 50),
            (9_999, 50),
            (10_000, 100),
            (99_999, 100),
            (100_000, 200),
            (1_000_000, 400),
            (10_000_000, 800),
            (100_000_000, 1_600),
            (1_000_000_000, 3_200),
            (10_000_000_000, 5_000),
            (u64::MAX, 5_000),
        ];
        for (idle, expected) in table {
            assert_eq!(wait(ms(idle), None), ms(expected), "idle for {idle} ms");
            assert_eq!(wait(ms(idle), Some(ms(500))), ms(expected.min(500)), "idle for {idle} ms, with the beacon");
        }
    }

    proptest! {
        #[test]
        fn longer_idle_never_waits_less_and_bounds_hold(one: u64, other: u64, beacon in 1..10_000_u64) {
            let (short, long) = (ms(one.min(other)), ms(one.max(other)));
            prop_assert!(wait(short, None) <= wait(long, None));
            prop_assert!(wait(long, None) <= WAIT_MAX && wait(short, None) >= WAIT_FIRST);
            prop_assert!(wait(long, Some(ms(beacon))) <= ms(beacon));
        }
    }
}
