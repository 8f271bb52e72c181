//! Writes on the embedded default (SQLite, `synchronous=FULL`): PATCHes through the whole router, at a constant rate of
//! arrivals with latencies counted from the planned time, then as many as it takes with 16 writers. Goal: 1,000 a second.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use bench::figures::{Figure, Sheet, Unit, is_measuring};
use bench::instance::Instance;
use bench::quantiles::quantile;
use criterion::Criterion;
use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

const FORECASTS: u64 = 256;
const RATE_PER_S: u64 = 1_000;
const WRITERS: u64 = 16;
const SECONDS: u64 = 5;

async fn patch(instance: &Instance, path: &str, n: u64) {
    let body = json!({ "demand": 400.0 + (n % 100_000) as f64 / 1_000.0 });
    let (status, response) = instance.send("PATCH", path, Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{:?}", response.body());
}

/// Prints, and answers writes a second, p50 and p99 in milliseconds.
fn report(what: &str, writes: u64, took: Duration, latencies: &mut [Duration]) -> [f64; 3] {
    let rate = writes as f64 / took.as_secs_f64();
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|q| quantile(latencies, q).as_secs_f64() * 1e3);
    println!("{what:<34} {writes:>7} writes {rate:>8.0}/s   p50 {p50:>7.2} ms   p99 {p99:>7.2} ms   max {max:>7.2} ms");
    [rate, p50, p99]
}

/// Arrivals at a constant rate, whatever the answers do.
async fn open_loop(instance: Arc<Instance>, paths: Arc<Vec<String>>) -> [f64; 3] {
    let (started, total) = (Instant::now(), RATE_PER_S * SECONDS);
    let mut running = tokio::task::JoinSet::new();
    for n in 0..total {
        let planned = started + Duration::from_micros(n * 1_000_000 / RATE_PER_S);
        tokio::time::sleep_until(planned).await;
        let (instance, paths) = (Arc::clone(&instance), Arc::clone(&paths));
        running.spawn(async move {
            patch(&instance, &paths[(n * 7) as usize % paths.len()], n).await;
            planned.elapsed()
        });
    }
    let mut latencies = running.join_all().await;
    report(&format!("open loop, {RATE_PER_S}/s planned"), total, started.elapsed(), &mut latencies)
}

async fn closed_loop(instance: Arc<Instance>, paths: Arc<Vec<String>>) -> [f64; 3] {
    let started = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (instance, paths) = (Arc::clone(&instance), Arc::clone(&paths));
        running.spawn(async move {
            let mut latencies = Vec::new();
            let mut n = writer;
            while started.elapsed() < Duration::from_secs(SECONDS) {
                let begun = Instant::now();
                patch(&instance, &paths[n as usize % paths.len()], n).await;
                latencies.push(begun.elapsed());
                n += WRITERS;
            }
            latencies
        });
    }
    let mut latencies: Vec<Duration> = running.join_all().await.into_iter().flatten().collect();
    let writes = latencies.len() as u64;
    report(&format!("closed loop, {WRITERS} writers"), writes, started.elapsed(), &mut latencies)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (instance, paths) = runtime.block_on(async {
        let instance = Instance::open().await;
        let mut paths = Vec::new();
        for n in 0..FORECASTS {
            paths.push(format!("/api/forecasts/{}", instance.create(n).await));
        }
        (Arc::new(instance), Arc::new(paths))
    });
    let mut sheet = Sheet::new("writes", "PATCHes through the whole router to SQLite with synchronous=FULL");
    if is_measuring() {
        let [rate, p50, p99] = runtime.block_on(open_loop(Arc::clone(&instance), Arc::clone(&paths)));
        // Short of the plan by what the last writes take.
        let kept = 0.99 * RATE_PER_S as f64;
        sheet.put(
            Figure::new("open_loop_per_s", "open loop: writes a second of 1,000 planned", rate, Unit::PerS)
                .at_least(kept, "goal: 1,000 a second"),
        );
        sheet.put_ms("open_loop", "open loop at 1,000/s, from the planned time", [p50, p99]);
        let [rate, p50, p99] = runtime.block_on(closed_loop(Arc::clone(&instance), Arc::clone(&paths)));
        sheet.put(
            Figure::new("closed_loop_per_s", "16 writers, as many as it takes", rate, Unit::PerS)
                .at_least(1_000.0, "goal: 1,000 a second"),
        );
        sheet.put_ms("closed_loop", "16 writers", [p50, p99]);
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut n = 0;
    criterion.bench_function("one PATCH after another, durable", |bencher| {
        bencher.iter(|| {
            n += 1;
            runtime.block_on(patch(&instance, &paths[n as usize % paths.len()], n + 50_000));
        });
    });
    criterion.final_summary();
    sheet.finish();
}
