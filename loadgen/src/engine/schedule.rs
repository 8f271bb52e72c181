//! When arrivals are due.

use std::time::Duration;

/// The most arrivals of one plan.
const ARRIVALS_MAX: f64 = 1e9;
/// The longest plan.
const LENGTH_MAX: Duration = Duration::from_secs(7 * 86_400);
/// The highest rate.
const RATE_MAX: f64 = 1e6;

/// A stretch of the plan: the rate goes from one value to another in a line; a constant rate has the same at both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// How long it lasts.
    pub length: Duration,
    /// Arrivals per second at its start.
    pub from_per_s: f64,
    /// The same at its end.
    pub to_per_s: f64,
}

/// Not a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// There is no stage, or one without length.
    #[error("a plan has stages, and each lasts a while")]
    Empty,
    /// A rate is not a number, negative, or more than a million.
    #[error("a rate is between 0 and 1,000,000 per second")]
    Rate,
    /// It is longer than a week, or has more than 10^9 arrivals.
    #[error("a plan lasts at most seven days and has at most 10^9 arrivals")]
    TooMuch,
}

/// The due times, in nanoseconds from the start, in order.
#[derive(Debug, Clone)]
pub struct Schedule {
    stages: Vec<Stage>,
    stage: usize,
    /// Where the stage begins, in seconds.
    start_s: f64,
    /// Which of the stage's arrivals is next; a fraction carries over from the stage before.
    next: f64,
}

impl Stage {
    /// A stage of one rate.
    pub const fn constant(length: Duration, per_s: f64) -> Self {
        Self { length, from_per_s: per_s, to_per_s: per_s }
    }

    /// How many arrivals it has, fractions included.
    fn arrivals(&self) -> f64 {
        self.length.as_secs_f64() * (self.from_per_s + self.to_per_s) / 2.0
    }

    /// When, in seconds from its start, its `n`th arrival is due: the rate's integral, solved for time.
    fn due_s(&self, n: f64) -> f64 {
        let slope = (self.to_per_s - self.from_per_s) / self.length.as_secs_f64();
        if slope.abs() < 1e-9 {
            return n / self.from_per_s;
        }
        // In the form that loses no digits where the slope is small.
        let root = (self.from_per_s * self.from_per_s + 2.0 * slope * n).max(0.0).sqrt();
        2.0 * n / (self.from_per_s + root)
    }
}

impl Schedule {
    /// A plan of these stages, one after another.
    ///
    /// # Errors
    /// [`BadSchedule`].
    pub fn new(stages: Vec<Stage>) -> Result<Self, BadSchedule> {
        if stages.is_empty() || stages.iter().any(|stage| stage.length.is_zero()) {
            return Err(BadSchedule::Empty);
        }
        let is_rate = |rate: f64| rate.is_finite() && (0.0..=RATE_MAX).contains(&rate);
        if !stages.iter().all(|stage| is_rate(stage.from_per_s) && is_rate(stage.to_per_s)) {
            return Err(BadSchedule::Rate);
        }
        let length = stages.iter().try_fold(Duration::ZERO, |sum, stage| sum.checked_add(stage.length));
        let arrivals: f64 = stages.iter().map(Stage::arrivals).sum();
        if length.is_none_or(|length| length > LENGTH_MAX) || arrivals > ARRIVALS_MAX {
            return Err(BadSchedule::TooMuch);
        }
        Ok(Self { stages, stage: 0, start_s: 0.0, next: 0.0 })
    }

    /// How long it lasts.
    pub fn length(&self) -> Duration {
        self.stages.iter().map(|stage| stage.length).sum()
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        loop {
            let stage = self.stages.get(self.stage)?;
            let arrivals = stage.arrivals();
            // A hair's breadth of rounding is no arrival of the next stage.
            if self.next < arrivals - 1e-6 {
                let due_s = self.start_s + stage.due_s(self.next);
                self.next += 1.0;
                return Some((due_s * 1e9) as u64);
            }
            self.next = (self.next - arrivals).max(0.0);
            self.start_s += stage.length.as_secs_f64();
            self.stage += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced() {
        let due: Vec<_> = Schedule::new(vec![Stage::constant(second(2), 4.0)]).unwrap().collect();
        assert_eq!(due.len(), 8);
        assert!(due.windows(2).all(|pair| pair[1] - pair[0] == 250_000_000), "{due:?}");
    }

    #[test]
    fn a_ramp_has_the_area_under_its_line_and_never_goes_back() {
        let up = Stage { length: second(10), from_per_s: 0.0, to_per_s: 100.0 };
        let down = Stage { length: second(10), from_per_s: 100.0, to_per_s: 0.0 };
        let due: Vec<_> = Schedule::new(vec![up, Stage::constant(second(1), 100.0), down]).unwrap().collect();
        assert!((1099..=1101).contains(&due.len()), "{}", due.len());
        assert!(due.windows(2).all(|pair| pair[0] < pair[1]));
        let until = |at: u64| due.iter().filter(|due| **due < at * 1_000_000_000).count();
        assert!((124..=126).contains(&until(5)), "a quarter of a ramp's arrivals come in its first half: {}", until(5));
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        assert_eq!(Schedule::new(Vec::new()).unwrap_err(), BadSchedule::Empty);
        assert_eq!(Schedule::new(vec![Stage::constant(second(0), 1.0)]).unwrap_err(), BadSchedule::Empty);
        for rate in [-1.0, f64::NAN, f64::INFINITY, 2e6] {
            assert_eq!(Schedule::new(vec![Stage::constant(second(1), rate)]).unwrap_err(), BadSchedule::Rate);
        }
        let long = Stage::constant(second(8 * 86_400), 1.0);
        assert_eq!(Schedule::new(vec![long]).unwrap_err(), BadSchedule::TooMuch);
        assert_eq!(Schedule::new(vec![Stage::constant(second(7200), 1e6)]).unwrap_err(), BadSchedule::TooMuch);
        assert_eq!(Schedule::new(vec![Stage::constant(second(1), 0.0)]).unwrap().count(), 0, "silence is a plan");
    }
}
