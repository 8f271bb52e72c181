//! The breaker of one origin: after enough failures in a row nothing goes there for a while; then one probe.

use std::time::Duration;

use tokio::time::Instant;

/// What can be set about breakers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// After so many failures in a row it opens. More than one push's attempts, or a single device would open it.
    pub failures: u32,
    /// For how long.
    pub open_for: Duration,
}

impl Default for BreakerConfig {
    /// 20 failures, 30 s.
    fn default() -> Self {
        Self { failures: 20, open_for: Duration::from_secs(30) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// Its time is over; one attempt may go.
    HalfOpen {
        probing: bool,
    },
}

/// A breaker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Breaker {
    state: State,
    failed_at: Option<Instant>,
}

impl Breaker {
    pub(super) const fn new() -> Self {
        Self { state: State::Closed { failures: 0 }, failed_at: None }
    }

    /// Whether an attempt may go; if not: when to ask again.
    pub(super) fn admits(&mut self, now: Instant, config: &BreakerConfig) -> Result<(), Instant> {
        if let State::Open { until } = self.state
            && until <= now
        {
            self.state = State::HalfOpen { probing: false };
        }
        match self.state {
            State::Closed { .. } | State::HalfOpen { probing: false } => Ok(()),
            State::Open { until } => Err(until),
            State::HalfOpen { probing: true } => Err(now + config.open_for),
        }
    }

    /// An attempt goes.
    pub(super) fn goes(&mut self) {
        if matches!(self.state, State::HalfOpen { .. }) {
            self.state = State::HalfOpen { probing: true };
        }
    }

    /// The origin works.
    pub(super) fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// The origin does not work. Whether the breaker opened by this.
    pub(super) fn failed(&mut self, now: Instant, config: &BreakerConfig) -> bool {
        self.failed_at = Some(now);
        let open = State::Open { until: now + config.open_for };
        match self.state {
            State::Closed { failures } if failures + 1 < config.failures => {
                self.state = State::Closed { failures: failures + 1 };
                false
            }
            // Attempts that began before it opened end after it did: they say nothing new.
            State::Open { .. } => false,
            State::Closed { .. } => {
                self.state = open;
                true
            }
            State::HalfOpen { .. } => {
                self.state = open;
                false
            }
        }
    }

    /// An attempt ended that shows nothing of its origin: another one may probe.
    pub(super) fn learnt_nothing(&mut self) {
        if matches!(self.state, State::HalfOpen { .. }) {
            self.state = State::HalfOpen { probing: false };
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// Until when it says something of an origin to which nothing goes: for as long again as it would be left alone.
    /// `None`: there is nothing to remember.
    pub(super) fn remembered_until(&self, config: &BreakerConfig) -> Option<Instant> {
        match (self.state, self.failed_at) {
            (State::Closed { failures: 0 }, _) | (_, None) => None,
            (_, Some(failed_at)) => Some(failed_at + 2 * config.open_for),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_opens_probes_and_closes() {
        let config = BreakerConfig { failures: 3, open_for: Duration::from_secs(30) };
        let mut breaker = Breaker::new();
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        assert!(!breaker.failed(now, &config) && !breaker.failed(now, &config));
        breaker.succeeded();
        assert!(!breaker.failed(now, &config) && !breaker.failed(now, &config), "only failures in a row count");
        assert!(breaker.admits(now, &config).is_ok());
        assert!(breaker.failed(now, &config));
        assert_eq!(breaker.admits(later(29), &config), Err(later(30)));
        assert!(!breaker.failed(later(1), &config));
        assert!(breaker.admits(later(30), &config).is_ok());
        breaker.goes();
        assert_eq!(breaker.admits(later(31), &config), Err(later(61)), "one probe at a time");
        breaker.failed(later(35), &config);
        assert_eq!(breaker.remembered_until(&config), Some(later(95)));
        assert_eq!(breaker.admits(later(36), &config), Err(later(65)));
        assert!(breaker.admits(later(65), &config).is_ok());
        breaker.goes();
        breaker.succeeded();
        assert!(breaker.admits(later(66), &config).is_ok() && breaker.remembered_until(&config).is_none());
    }
}
