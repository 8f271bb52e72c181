//! The change feed with a deadline.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{ChangeFeed, FeedBatch, FeedError, FeedPosition};
use tokio::time::Instant;

use super::deadline::within;

/// How often the deadline of a read is doubled at most.
const DOUBLINGS_MAX: u32 = 4;
/// How long before its end a read is taken for a slow one, and the feed asked for something easy, for half of this.
const SIGN_OF_LIFE: Duration = Duration::from_millis(500);

/// A change feed whose every call ends by the deadline.
///
/// What a read costs is not bounded by its limit: the server sorts all that changed since. One that is always cut off would
/// never get on, so it is given twice the time when it was not in time though the feed answers otherwise, up to
/// 16 times. A feed that does not answer at all gets no more: a dead connection would be waited for all the longer.
pub struct TimeoutFeed {
    inner: Arc<dyn ChangeFeed>,
    deadline: Duration,
    doublings: AtomicU32,
}

impl TimeoutFeed {
    /// Puts `deadline` on every call of `inner`.
    pub fn new(inner: Arc<dyn ChangeFeed>, deadline: Duration) -> Self {
        Self { inner, deadline, doublings: AtomicU32::new(0) }
    }

    /// Shortly before `deadline`: whether the feed answers something else in time.
    async fn sign_of_life(&self, deadline: Duration) -> bool {
        let wait = SIGN_OF_LIFE.min(self.deadline / 2);
        tokio::time::sleep(deadline.saturating_sub(wait)).await;
        within(wait / 2, self.inner.end()).await.is_ok()
    }
}

#[async_trait]
impl ChangeFeed for TimeoutFeed {
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        let (doublings, since) = (self.doublings.load(Ordering::Relaxed), Instant::now());
        let deadline = self.deadline * (1 << doublings);
        let mut read = pin!(within(deadline, self.inner.read(after, limit)));
        let mut lives = false;
        let read = tokio::select! {
            biased;
            read = &mut read => read,
            sign = self.sign_of_life(deadline) => {
                lives = sign;
                read.await
            }
        };
        let next = match &read {
            Err(FeedError::Timeout) if lives => (doublings + 1).min(DOUBLINGS_MAX),
            // The next page takes about as long.
            Ok(_) if since.elapsed() > self.deadline => doublings,
            _ => 0,
        };
        self.doublings.store(next, Ordering::Relaxed);
        read
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        within(self.deadline, self.inner.end()).await
    }

    fn distance(&self, from: FeedPosition, to: FeedPosition) -> Option<u64> {
        self.inner.distance(from, to)
    }
}
