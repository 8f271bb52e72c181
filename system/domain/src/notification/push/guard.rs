//! The guard against mass removal: where many devices seem gone at once, it is the push service, or we, that are wrong.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What can be set about the guard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RemovalGuardConfig {
    /// A run is what was answered in this time.
    pub run: Duration,
    /// More than this share of a run's devices are not removed.
    pub share_max: f64,
    /// So many are removed in any case.
    pub free: u32,
}

impl Default for RemovalGuardConfig {
    /// 20 % of the devices of ten minutes, and at least 20 of them.
    fn default() -> Self {
        Self { run: Duration::from_secs(600), share_max: 0.2, free: 20 }
    }
}

/// How many answers it remembers at most.
const ANSWERS_MAX: usize = 100_000;

/// The guard of one sender.
#[derive(Debug, Default)]
pub(super) struct RemovalGuard {
    /// When each device answered, and whether it was gone.
    answers: VecDeque<(Instant, bool)>,
    gone: u32,
    stopped: bool,
}

/// Whether a device that seems gone may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    Allowed,
    /// No; and this is the first one.
    StoppedNow,
    Stopped,
}

impl RemovalGuard {
    /// A device is there.
    pub(super) fn is_there(&mut self, now: Instant, config: &RemovalGuardConfig) {
        self.note(now, false, config);
    }

    /// A device seems gone.
    pub(super) fn seems_gone(&mut self, now: Instant, config: &RemovalGuardConfig) -> Removal {
        self.note(now, true, config);
        let share = f64::from(self.gone) / self.answers.len().max(1) as f64;
        let is_too_much = self.gone > config.free && share > config.share_max;
        match (is_too_much, std::mem::replace(&mut self.stopped, is_too_much)) {
            (false, _) => Removal::Allowed,
            (true, false) => Removal::StoppedNow,
            (true, true) => Removal::Stopped,
        }
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    fn note(&mut self, now: Instant, gone: bool, config: &RemovalGuardConfig) {
        self.answers.push_back((now, gone));
        self.gone += u32::from(gone);
        while let Some((at, gone)) = self.answers.front().copied() {
            if now.duration_since(at) < config.run && self.answers.len() <= ANSWERS_MAX {
                break;
            }
            self.answers.pop_front();
            self.gone -= u32::from(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn more_than_a_share_of_a_run_is_not_removed() {
        let config = RemovalGuardConfig { run: Duration::from_secs(60), share_max: 0.2, free: 5 };
        let mut guard = RemovalGuard::default();
        let now = Instant::now();
        for _ in 0..5 {
            assert_eq!(guard.seems_gone(now, &config), Removal::Allowed, "a few always");
        }
        assert_eq!(guard.seems_gone(now, &config), Removal::StoppedNow);
        assert_eq!(guard.seems_gone(now, &config), Removal::Stopped);
        (0..100).for_each(|_| guard.is_there(now, &config));
        assert_eq!(guard.seems_gone(now, &config), Removal::Allowed, "8 of 108");
        let later = now + Duration::from_secs(61);
        assert_eq!(guard.seems_gone(later, &config), Removal::Allowed, "another run");
    }
}
