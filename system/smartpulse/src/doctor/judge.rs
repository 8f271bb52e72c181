//! What is judged in the same way for every backend.

use std::time::Duration;

use super::finding::{Finding, Verdict};

/// The guarantees hold while clocks differ by less (DESIGN section 3.5).
#[cfg(any(test, feature = "production"))]
const CLOCK_MAX_US: i64 = 1_000_000;
/// A clock that is kept by NTP is far better than this.
#[cfg(any(test, feature = "production"))]
const CLOCK_GOOD_US: i64 = 250_000;

/// A backend's clock against ours, of which the difference is known to `within`.
#[cfg(any(test, feature = "production"))]
pub(crate) fn clock(backend: &'static str, ahead_us: i64, within: Duration) -> Finding {
    let unsure = i64::try_from(within.as_micros() / 2).unwrap_or(i64::MAX);
    // What is certain, at least.
    let apart = ahead_us.saturating_abs().saturating_sub(unsure).max(0);
    let found = format!(
        "{} {} ours, to {}",
        duration(Duration::from_micros(ahead_us.unsigned_abs())),
        if ahead_us < 0 { "behind" } else { "ahead of" },
        duration(Duration::from_micros(unsure.unsigned_abs()))
    );
    let otherwise = match apart {
        CLOCK_MAX_US.. => Some((
            Verdict::Failure,
            "keep both clocks by NTP: the bound on stale answers holds while clocks differ by less than 1 s",
        )),
        CLOCK_GOOD_US.. => Some((Verdict::Warning, "keep both clocks by NTP: from 1 s on a guarantee does not hold")),
        _ => None,
    };
    Finding::judged(backend, "clock", found, otherwise)
}

/// Round trips, the quickest first, against what is usual inside one data centre.
pub(crate) fn round_trip(backend: &'static str, sorted: &[Duration], usual: Duration) -> Finding {
    let (Some(median), Some(slowest)) = (sorted.get(sorted.len() / 2), sorted.last()) else {
        return Finding::failure(backend, "round trip", "none was measured", "try again");
    };
    let found = format!("{} in the middle, {} at most, of {}", duration(*median), duration(*slowest), sorted.len());
    let otherwise = (*median > usual)
        .then_some((Verdict::Warning, "far more than inside one data centre: is it near, and is it busy?"));
    Finding::judged(backend, "round trip", found, otherwise)
}

/// A duration to three digits, in its unit.
pub(crate) fn duration(value: Duration) -> String {
    match value.as_micros() {
        us @ 0..1_000 => format!("{us} us"),
        us @ 1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ if value.as_secs() < 120 => format!("{:.1} s", value.as_secs_f64()),
        _ => format!("{} min", value.as_secs() / 60),
    }
}

/// A long duration.
#[cfg(feature = "production")]
pub(crate) fn days(value: Duration) -> String {
    format!("{:.1} days", value.as_secs_f64() / 86_400.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_what_is_certain() {
        let verdict = |ahead_us, within_ms| clock("x", ahead_us, Duration::from_millis(within_ms)).verdict;
        assert_eq!(verdict(100_000, 2), Verdict::Ok);
        assert_eq!(verdict(-300_000, 2), Verdict::Warning);
        assert_eq!(verdict(1_200_000, 2), Verdict::Failure);
        assert_eq!(verdict(-1_200_000, 2), Verdict::Failure);
        assert_eq!(verdict(1_200_000, 2_000), Verdict::Ok, "the question itself took that long");
    }

    #[test]
    fn the_middle_counts() {
        let ms = |values: &[u64]| values.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>();
        let usual = Duration::from_millis(2);
        assert_eq!(round_trip("x", &ms(&[1, 1, 900]), usual).verdict, Verdict::Ok);
        let slow = round_trip("x", &ms(&[1, 3, 900]), usual);
        assert_eq!(
            (slow.verdict, slow.found.as_str()),
            (Verdict::Warning, "3.0 ms in the middle, 900.0 ms at most, of 3")
        );
        assert_eq!(round_trip("x", &[], usual).verdict, Verdict::Failure);
    }
}
