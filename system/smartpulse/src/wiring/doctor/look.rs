//! Which backends there are to look at.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, join_all};

use super::{machine, sqlite};
use crate::config::{BusKind, Config, SharedKind, StoreKind};
use crate::doctor::{Finding, Report};

/// One backend may take this long in all; its calls have deadlines of their own.
const LOOK_TIMEOUT: Duration = Duration::from_secs(45);

/// Looks at the machine and at every backend that the configuration names, all at the same time.
pub async fn examine(config: &Config) -> Report {
    let mut looks: Vec<(&'static str, BoxFuture<'_, Vec<Finding>>)> =
        vec![("machine", async { machine::examine(config) }.boxed())];
    match config.store.kind {
        StoreKind::Sqlite => looks.push(("sqlite", sqlite::examine(config).boxed())),
        StoreKind::Memory => looks.push(("store", nothing_kept("store").boxed())),
        #[cfg(feature = "production")]
        StoreKind::SqlServer => looks.push(("sqlserver", super::sqlserver::examine(config).boxed())),
        // Without the feature the configuration refuses it before.
        #[cfg(not(feature = "production"))]
        StoreKind::SqlServer => {}
    }
    match config.bus.kind {
        #[cfg(feature = "production")]
        BusKind::Pulsar => looks.push(("pulsar", super::pulsar::examine(config).boxed())),
        #[cfg(not(feature = "production"))]
        BusKind::Pulsar => {}
        // It lies in the store's file, or in this process.
        BusKind::Store | BusKind::Memory => {}
    }
    match config.shared.kind {
        #[cfg(feature = "production")]
        SharedKind::Redis => looks.push(("redis", super::redis::examine(config).boxed())),
        #[cfg(not(feature = "production"))]
        SharedKind::Redis => {}
        SharedKind::Memory => {}
    }
    let timely = looks.into_iter().map(|(backend, look)| async move {
        tokio::time::timeout(LOOK_TIMEOUT, look).await.unwrap_or_else(|_| {
            let found = format!("not done after {} s", LOOK_TIMEOUT.as_secs());
            vec![Finding::failure(backend, "answer", found, "it hangs: look at its own log")]
        })
    });
    Report(join_all(timely).await.into_iter().flatten().collect())
}

async fn nothing_kept(backend: &'static str) -> Vec<Finding> {
    vec![Finding::warning(backend, "kind", "memory", "nothing survives the end of the process: for trying things out")]
}
