//! The wall clock, watched: latencies come from the monotonic clock, but tokens, stamps and the report's times do not, and a
//! machine that was asleep or whose clock was set has measured nothing.

use std::time::{Duration, Instant, SystemTime};

/// By how much the wall clock may move against the monotonic one during a run; a clock that is slewed stays below.
const STEP_MAX: Duration = Duration::from_millis(500);

/// The wall clock was set during the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the wall clock was set by {by_ms} ms during the run: its stamps mean nothing, so there is no report")]
pub struct Stepped {
    /// By how much, in milliseconds; forwards is positive.
    pub by_ms: i64,
}

/// Both clocks at the start.
#[derive(Debug, Clone, Copy)]
pub struct ClockWatch {
    wall: SystemTime,
    mono: Instant,
}

impl ClockWatch {
    /// Begins to watch.
    pub fn start() -> Self {
        Self { wall: SystemTime::now(), mono: Instant::now() }
    }

    /// Both clocks as given.
    pub const fn at(wall: SystemTime, mono: Instant) -> Self {
        Self { wall, mono }
    }

    /// Compares the clocks now.
    ///
    /// # Errors
    /// [`Stepped`].
    pub fn check(&self) -> Result<(), Stepped> {
        self.check_at(SystemTime::now(), Instant::now())
    }

    /// Compares the clocks as given.
    ///
    /// # Errors
    /// [`Stepped`].
    pub fn check_at(&self, wall: SystemTime, mono: Instant) -> Result<(), Stepped> {
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let went = match wall.duration_since(self.wall) {
            Ok(forwards) => ms(forwards),
            Err(backwards) => -ms(backwards.duration()),
        };
        let by_ms = went.saturating_sub(ms(mono.saturating_duration_since(self.mono)));
        if by_ms.unsigned_abs() > STEP_MAX.as_millis() as u64 { Err(Stepped { by_ms }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_either_way_is_seen_and_a_slew_is_not() {
        let (wall, mono) = (SystemTime::now(), Instant::now());
        let watch = ClockWatch::at(wall, mono);
        let second = Duration::from_secs(1);
        assert!(watch.check_at(wall + 60 * second, mono + 60 * second).is_ok());
        assert!(watch.check_at(wall + second + Duration::from_millis(100), mono + second).is_ok());
        assert_eq!(watch.check_at(wall + 3 * second, mono + second).unwrap_err().by_ms, 2_000);
        assert_eq!(watch.check_at(wall - second, mono + second).unwrap_err().by_ms, -2_000);
    }
}
