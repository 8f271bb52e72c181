//! The change feed: the capture, read from a position.

use std::time::Duration;

use async_trait::async_trait;
use coherence::Version;
use domain::ports::{Change, ChangeFeed, FeedBatch, FeedError, FeedPosition};

use super::MemoryStore;

#[async_trait]
impl ChangeFeed for MemoryStore {
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        let tables = self.tables();
        if after.0 < u128::from(tables.capture_floor) {
            return Err(FeedError::BehindMinimum { minimum: FeedPosition(tables.capture_floor.into()) });
        }
        let first = u64::try_from(after.0).unwrap_or(u64::MAX).saturating_add(1);
        let mut captured = tables.capture.range(first..);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let changes: Vec<Change> = captured
            .by_ref()
            .take(limit)
            .map(|(position, change)| Change {
                position: FeedPosition((*position).into()),
                operation: change.operation,
                id: change.id,
                version: Version { incarnation: tables.incarnation, id: change.version },
                after: change.after.clone(),
                before: change.before,
                committed_at: Some(change.committed_at),
                traceparent: change.traceparent.clone(),
            })
            .collect();
        let position = changes.last().map_or(after, |change| change.position);
        Ok(FeedBatch { changes, position, at_end: captured.next().is_none(), behind: Duration::ZERO })
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        Ok(FeedPosition(self.tables().capture_end.into()))
    }
}
