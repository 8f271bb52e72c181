//! The job that forgets: deliveries after their retention, notifications later, what says that an event was accepted last.

use std::future::Future;
use std::time::Duration;

use coherence::Timestamp;

use super::ports::NotificationPorts;
use crate::ports::NotificationsPruned;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How many calls of the store one round makes.
const CALLS_MAX: u32 = 1_000;
/// Between two calls, so that others get their turn.
const PAUSE: Duration = Duration::from_millis(50);

/// For how long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Deliveries that ended, and their mails. As long as the topics, so that what came of an event can be looked up.
    pub deliveries: Duration,
    /// Notifications in inboxes.
    pub inbox: Duration,
    /// What says that an event was accepted: longer than the bus can deliver it again.
    pub acceptances: Duration,
    /// How often is looked.
    pub every: Duration,
}

impl Default for Retention {
    /// 7, 365 and 30 days; every ten minutes.
    fn default() -> Self {
        Self { deliveries: 7 * DAY, inbox: 365 * DAY, acceptances: 30 * DAY, every: Duration::from_secs(600) }
    }
}

/// The job. Every instance may run one.
pub struct NotificationJanitor {
    ports: NotificationPorts,
    retention: Retention,
}

impl NotificationJanitor {
    /// A job that does not run yet.
    pub fn new(ports: NotificationPorts, retention: Retention) -> Self {
        Self { ports, retention }
    }

    /// Runs until `stop`.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            biased;
            () = stop => {}
            () = self.work() => {}
        }
    }

    async fn work(&self) {
        loop {
            tokio::time::sleep(self.retention.every).await;
            for _ in 0..CALLS_MAX {
                match self.prune().await {
                    Ok(pruned) if pruned == NotificationsPruned::default() => break,
                    Ok(_) => tokio::time::sleep(PAUSE).await,
                    Err(error) => {
                        tracing::warn!(%error, "old notifications cannot be forgotten now");
                        break;
                    }
                }
            }
        }
    }

    async fn prune(&self) -> Result<NotificationsPruned, crate::ports::NotificationStoreError> {
        let now = self.ports.clock.now();
        let before = |age: Duration| now.checked_sub(age).unwrap_or(Timestamp::MIN);
        let Retention { deliveries, inbox, acceptances, .. } = self.retention;
        self.ports.store.prune(before(deliveries), before(inbox), before(acceptances)).await
    }
}
