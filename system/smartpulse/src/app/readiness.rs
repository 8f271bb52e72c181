//! What readiness is judged by, for each of the two services.

use std::sync::Arc;
use std::time::Duration;

use domain::model::UserId;
use futures_util::FutureExt;
use uuid::Uuid;

use super::feed::FeedWatch;
use super::health::{FEED, HealthParts, Readiness};
use super::notifications::NotificationStatus;
use super::ports::Ports;
use crate::serve::Drain;
use crate::telemetry::Trouble;

/// The forecast service is ready while its store, or an answer that is not too old, can serve.
pub(super) fn of_forecasts(
    ports: &Ports,
    drain: &Drain,
    max_stale: Duration,
    trouble: &Arc<Trouble>,
    feed: Option<FeedWatch>,
) -> Readiness {
    let (store, trouble) = (Arc::clone(&ports.store), Arc::clone(trouble));
    let probe = move || {
        let store = Arc::clone(&store);
        async move { store.incarnation().await.is_ok() }.boxed()
    };
    let degraded = move || {
        let watched = [("shared", &["shared", "backplane"][..]), ("bus", &["bus"]), (FEED, &["feed"])];
        let failed = watched.into_iter().filter(|(_, ports)| trouble.is_recent(ports));
        failed.map(|(name, _)| name).collect()
    };
    Readiness::new(HealthParts {
        probe: Arc::new(probe),
        drain: drain.clone(),
        max_stale,
        degraded: Arc::new(degraded),
        feed,
        sinks: ports.channels.sinks,
    })
}

/// The notification service is ready while its store answers: a channel that is away costs it nothing but itself.
pub(super) fn of_notifications(
    ports: &Ports,
    drain: &Drain,
    trouble: &Arc<Trouble>,
    status: NotificationStatus,
) -> Readiness {
    let (store, trouble) = (Arc::clone(&ports.notifications), Arc::clone(trouble));
    let probe = move || {
        let store = Arc::clone(&store);
        // Nobody: it has no rows to count.
        async move { store.unread(UserId(Uuid::nil())).await.is_ok() }.boxed()
    };
    let degraded = move || {
        let push = status.push.as_ref().map(|handle| handle.read());
        let mail = status.mail_sender.as_ref().map(|handle| handle.read());
        let named = [
            ("bus", trouble.is_recent(&["bus"])),
            ("push", push.is_some_and(|push| push.open_breakers > 0 || push.removal_stopped)),
            ("mail", mail.is_some_and(|mail| mail.connect_failures > 0 && !mail.reachable)),
        ];
        named.into_iter().filter(|(_, is_so)| *is_so).map(|(name, _)| name).collect()
    };
    Readiness::new(HealthParts {
        probe: Arc::new(probe),
        drain: drain.clone(),
        max_stale: Duration::ZERO,
        degraded: Arc::new(degraded),
        feed: None,
        sinks: ports.channels.sinks,
    })
}
