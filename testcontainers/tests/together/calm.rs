//! Nothing breaks.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use containers::Absence;
use containers::pulsar::Broker;

use crate::group::{Group, own_redis};
use crate::load::{Load, write};
use crate::redis::Options;

const PATCHES: usize = 2_000;
const WRITERS: usize = 4;
/// C7.
const CONVERGED_MAX: Duration = Duration::from_secs(5);

/// Runs a case on a runtime of its own.
pub(crate) fn block_on<T>(case: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(case)
}

/// Every write is answered, every process ends equal to the store, and no reader, list or stream of any of them ever saw
/// what it should not.
pub(crate) fn two_thousand_patches(broker: &Broker) -> Result<(), Absence> {
    let redis = own_redis(Options::default())?;
    block_on(async {
        let group = Group::start(broker, &redis.url()).await;
        let load = Load::reads(&group.world);
        let (begun, count) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
        let writers = (0..WRITERS).map(|_| {
            let (world, count) = (Arc::clone(&group.world), Arc::clone(&count));
            tokio::spawn(async move {
                loop {
                    match count.fetch_add(1, Ordering::Relaxed) {
                        n if n < PATCHES => write(&world, n).await.expect("a write is answered"),
                        _ => return,
                    }
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let took = begun.elapsed();
        let converged = group.converged(CONVERGED_MAX).await;
        load.end().await;
        let counts = group.world.ledger.counts();
        println!("2,000 PATCHes round robin in {took:?}; every process equal to the store {converged:?} after");
        // The forecasts themselves are 40 writes more.
        assert_eq!((counts.acked - 40, counts.writes_refused, counts.reads_refused), (2_000, 0, 0), "{counts:?}");
        assert!(counts.reads > 500 && counts.lists > 500 && counts.minimums > 100, "{counts:?}");
        assert!(counts.events > 3_000, "{counts:?}");
        group.finish().await;
    });
    Ok(())
}
