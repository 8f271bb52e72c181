//! Where an instance stands in the stream of changes, as health and metrics tell it.

use std::sync::Arc;

use coherence::{FollowerHandle, WallClock};
use domain::forecast::ForecastService;
use serde::Serialize;

use crate::http::forecasts::JsonViews;
use crate::telemetry::FollowMetrics;

/// Member `feed` of readiness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedReport {
    /// Whether the local tiers are trusted; if not, reads go past them.
    pub trusted: bool,
    /// How long ago the feed was read to its end, as the last beacon said.
    pub head_age_ms: Option<i64>,
    /// All changes up to here are applied: `<stream epoch>-<sequence>`.
    pub position: Option<String>,
    /// How long the last change was on its way.
    pub lag_ms: Option<u64>,
}

/// Looks at a follower.
#[derive(Clone)]
pub struct FeedWatch {
    pub(super) follower: FollowerHandle,
    pub(super) service: ForecastService<JsonViews>,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) metrics: FollowMetrics,
}

impl FeedWatch {
    /// Where it stands now.
    pub fn report(&self) -> FeedReport {
        let status = self.follower.status();
        let now = self.clock.now();
        let age = status.head.as_ref().map(|head| now.duration_since(head.read_at).as_millis());
        FeedReport {
            trusted: self.service.caches().cache().is_trusted(),
            head_age_ms: age.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
            position: status.epoch.map(|epoch| format!("{:x}-{}", epoch.0, status.applied)),
            lag_ms: self.metrics.last_lag().map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}
