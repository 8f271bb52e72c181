//! The port, of the configured mode.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{ChangeFeed, FeedBatch, FeedError, FeedPosition};

use super::position::distance;
use super::{cdc, change_tracking};
use crate::sqlserver::FeedMode;
use crate::sqlserver::database::Shared;

/// The change feed of a database of SQL Server.
#[derive(Clone)]
pub struct SqlServerFeed {
    shared: Arc<Shared>,
}

impl SqlServerFeed {
    pub(in crate::sqlserver) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

#[async_trait]
impl ChangeFeed for SqlServerFeed {
    async fn read(&self, after: FeedPosition, limit: u32) -> Result<FeedBatch, FeedError> {
        match self.shared.config.feed {
            FeedMode::ChangeTracking => change_tracking::read(&self.shared, after, limit).await,
            FeedMode::Cdc => cdc::read(&self.shared, after, limit).await,
        }
    }

    async fn end(&self) -> Result<FeedPosition, FeedError> {
        match self.shared.config.feed {
            FeedMode::ChangeTracking => change_tracking::end(&self.shared).await,
            FeedMode::Cdc => cdc::end(&self.shared).await,
        }
    }
    fn distance(&self, from: FeedPosition, to: FeedPosition) -> Option<u64> {
        distance(from, to)
    }
}
