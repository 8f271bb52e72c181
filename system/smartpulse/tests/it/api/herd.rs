//! A thousand readers of one cold forecast: one read of the store, one fill of the shared tier.

use std::sync::Arc;

use futures_util::future::join_all;

use super::support::{TestApp, forecast, reader, writer};

const READERS: usize = 1_000;
const RUNS: u32 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_readers_of_a_cold_forecast_cost_one_read() {
    let app = Arc::new(TestApp::memory().await);
    let token: Arc<str> = reader(2, &[1]).into();
    for run in 0..RUNS {
        let path: Arc<str> = app.create(&writer(1, &[1]), &forecast(1, 1, run)).await.into();
        let (gets, fills) = (app.store.gets.get(), app.shared.fills.get());
        let joined = app.app.service().caches().cache().stats().joins;
        // In every other run the store answers only when all others wait for the first one's read, so that the herd is
        // complete; in the rest they come as they come.
        let held = run % 2 == 0;
        if held {
            app.store.get_gate.close();
        }
        let readers: Vec<_> = (0..READERS)
            .map(|_| {
                let (app, token, path) = (Arc::clone(&app), Arc::clone(&token), Arc::clone(&path));
                tokio::spawn(async move { app.get(&token, &path).await })
            })
            .collect();
        if held {
            while app.app.service().caches().cache().stats().joins < joined + READERS as u64 - 1 {
                assert!(app.store.gets.get() - gets <= 1, "run {run}: a second read of the store");
                tokio::task::yield_now().await;
            }
            app.store.get_gate.open();
        }
        let replies: Vec<_> = join_all(readers).await.into_iter().map(Result::unwrap).collect();
        let first = &replies[0];
        assert!(replies.iter().all(|reply| reply.status == 200 && reply.body == first.body));
        assert!(replies.iter().all(|reply| reply.etag() == first.etag()));
        assert_eq!((app.store.gets.get() - gets, app.shared.fills.get() - fills), (1, 1), "run {run}");
    }
}
