//! A cap on the requests that run at the same time, and the deadline of the slow path.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::code::Code;
use super::problem::Problem;

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Counts running requests and refuses those over the cap. Two atomic operations per request, no queue: a queue in
/// front of a full instance only makes answers late.
#[derive(Debug, Clone)]
pub struct ConcurrencyCap {
    running: Arc<AtomicUsize>,
    max: usize,
}

/// A running request; dropping it makes room.
#[derive(Debug)]
pub struct Running(Arc<AtomicUsize>);

impl ConcurrencyCap {
    /// A cap of `max` requests.
    pub fn new(max: usize) -> Self {
        Self { running: Arc::default(), max }
    }

    /// Room for one more.
    ///
    /// # Errors
    /// 503 `OVERLOADED` with `Retry-After` when there is none.
    pub fn try_enter(&self) -> Result<Running, Problem> {
        let before = self.running.fetch_add(1, Ordering::Relaxed);
        let running = Running(Arc::clone(&self.running));
        if before < self.max {
            return Ok(running);
        }
        Err(Problem::new(Code::Overloaded).retry_after(RETRY_AFTER))
    }

    /// How many run now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs the slow part of a request under its deadline. A cache hit never comes here: a timer per request costs more
/// than the rest of a hit.
///
/// # Errors
/// 504 `TIMEOUT` when the deadline passes first, which also drops the work; detach what must not be dropped.
pub async fn within<T>(deadline: Duration, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(deadline, work).await.map_err(|_| Problem::new(Code::Timeout).retry_after(RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_holds_and_a_finished_request_makes_room() {
        let cap = ConcurrencyCap::new(2);
        let first = cap.try_enter().unwrap();
        let _second = cap.try_enter().unwrap();
        assert_eq!(cap.try_enter().unwrap_err().code(), Code::Overloaded);
        assert_eq!(cap.running(), 2, "a refused request leaves nothing behind");
        drop(first);
        assert!(cap.try_enter().is_ok());
    }

    #[tokio::test]
    async fn the_deadline_ends_work_that_never_does() {
        let late = within(Duration::from_millis(5), std::future::pending::<()>()).await;
        assert_eq!(late.unwrap_err().code(), Code::Timeout);
        assert_eq!(within(Duration::from_secs(60), async { 7 }).await.unwrap(), 7);
    }
}
