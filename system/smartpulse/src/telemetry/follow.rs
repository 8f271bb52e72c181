//! How long changes are on their way: from the commit to the caches of this instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use coherence::follower::Followed;
use coherence::{CacheEvent, SyncError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::catalogue::Catalogue;

const LAG_BUCKETS_S: [f64; 12] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// No change was seen yet.
const NONE: u64 = u64::MAX;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabel {
    error: &'static str,
}

/// What is told of each change that was applied, and of each `SyncErrorHappened`.
#[derive(Debug, Clone)]
pub struct FollowMetrics {
    lag: Histogram,
    errors: Family<ErrorLabel, Counter>,
    last_us: Arc<AtomicU64>,
}

impl FollowMetrics {
    /// Registers the metrics.
    pub fn register(catalogue: &mut Catalogue) -> Self {
        let lag = Histogram::new(LAG_BUCKETS_S);
        let errors = Family::<ErrorLabel, Counter>::default();
        for error in SyncError::ALL {
            drop(errors.get_or_create_owned(&ErrorLabel { error: error.name() }));
        }
        let help = "Time from the commit of a change to its application to the caches of this instance";
        catalogue.register_with_unit("coherence_lag", help, Unit::Seconds, lag.clone());
        catalogue.register("coherence_sync_errors", "SyncErrorHappened, by what was wrong", errors.clone());
        Self { lag, errors, last_us: Arc::new(AtomicU64::new(NONE)) }
    }

    /// How long the last change was on its way.
    pub fn last_lag(&self) -> Option<Duration> {
        Some(self.last_us.load(Ordering::Relaxed)).filter(|us| *us != NONE).map(Duration::from_micros)
    }

    /// Listens until told to stop. What a full queue lost is not measured.
    pub async fn listen(
        self,
        mut heard: Receiver<Followed>,
        mut events: Receiver<CacheEvent>,
        stop: CancellationToken,
    ) {
        loop {
            let closed = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = events.recv() => self.on_event(event),
                change = heard.recv() => self.on_change(change),
            };
            if closed {
                return stop.cancelled().await;
            }
        }
    }

    fn on_event(&self, event: Result<CacheEvent, RecvError>) -> bool {
        if let Ok(CacheEvent::SyncErrorHappened { error }) = event {
            self.errors.get_or_create(&ErrorLabel { error: error.name() }).inc();
        }
        matches!(event, Err(RecvError::Closed))
    }

    fn on_change(&self, change: Result<Followed, RecvError>) -> bool {
        if let Ok(Followed::Change { message, applied_at, .. }) = &change
            && let Some(committed_at) = message.stations.committed_at
        {
            // Clocks of two machines: a lag below zero is none.
            let lag = Duration::try_from(applied_at.duration_since(committed_at)).unwrap_or_default();
            self.lag.observe(lag.as_secs_f64());
            self.last_us.store(u64::try_from(lag.as_micros()).unwrap_or(NONE - 1), Ordering::Relaxed);
        }
        matches!(change, Err(RecvError::Closed))
    }
}
