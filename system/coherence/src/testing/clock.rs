//! A wall clock that follows tokio's time, and steps when it is told to.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::ambient::WallClock;

/// A wall clock for tests: it begins at 2025-11-12T10:30:00Z and moves with tokio's (paused) time.
#[derive(Debug)]
pub struct TestClock {
    base: Mutex<Option<Instant>>,
    stepped_ms: AtomicI64,
}

impl TestClock {
    /// A clock that begins when it is first asked.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { base: Mutex::new(None), stepped_ms: AtomicI64::new(0) })
    }

    /// Sets the clock forward.
    pub fn step(&self, by: Duration) {
        self.stepped_ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the clock back.
    pub fn step_back(&self, by: Duration) {
        self.stepped_ms.fetch_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl WallClock for TestClock {
    fn now(&self) -> Timestamp {
        const BEGIN_S: i64 = 1_762_943_400;
        let base = *self.base.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        let passed = SignedDuration::try_from(base.elapsed()).unwrap_or(SignedDuration::MAX);
        let stepped = SignedDuration::from_millis(self.stepped_ms.load(Ordering::SeqCst));
        let begin = Timestamp::from_second(BEGIN_S).unwrap_or(Timestamp::UNIX_EPOCH);
        begin.saturating_add(passed.saturating_add(stepped)).unwrap_or(begin)
    }
}
