//! A hundred forecasts in one batch beside a hundred one after another, and 64 writers at once beside one: creations through the
//! whole router to SQLite with `synchronous=FULL`. Goals: 50 times (specification), 60 and 15 times (research, P14 and P15).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::figures::{Figure, Sheet, Unit, is_measuring};
use bench::instance::Instance;
use bench::quantiles::median;
use criterion::Criterion;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

const ITEMS: u64 = 100;
const ROUNDS: usize = 9;
const WRITERS: u64 = 64;

/// A forecast that nobody has yet.
fn item(n: u64) -> Value {
    json!({
        "companyId": Uuid::from_u128(1), "productionUnitId": Uuid::from_u128(u128::from(n) + 1_000),
        "forecastDate": "2025-11-13T00:00:00Z", "demand": 450.5, "supply": 480.0, "confidence": 0.95,
    })
}

/// Counts what was created, so that each is new.
#[derive(Default)]
struct Fresh(u64);

impl Fresh {
    fn items(&mut self, count: u64) -> Vec<Value> {
        self.0 += count;
        (self.0 - count..self.0).map(item).collect()
    }
}

async fn single(instance: &Instance, item: Value) {
    let (status, response) = instance.send("POST", "/api/forecasts", Some(item)).await;
    assert_eq!(status, StatusCode::CREATED, "{:?}", response.body());
}

async fn singles(instance: &Instance, items: Vec<Value>) -> Duration {
    let began = Instant::now();
    for item in items {
        single(instance, item).await;
    }
    began.elapsed()
}

async fn batch(instance: &Instance, items: Vec<Value>) -> Duration {
    let count = items.len();
    let began = Instant::now();
    let (status, response) = instance.send("POST", "/api/forecasts/batch", Some(json!({"items": items}))).await;
    let took = began.elapsed();
    assert_eq!(status, StatusCode::OK, "{:?}", response.body());
    let results = response.body()["results"].as_array().unwrap();
    assert!(results.len() == count && results.iter().all(|result| result["id"].is_string()), "{results:?}");
    took
}

/// As many singles, `WRITERS` at a time.
async fn grouped(instance: &Arc<Instance>, items: Vec<Value>) -> Duration {
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for item in items {
        let instance = Arc::clone(instance);
        running.spawn(async move { single(&instance, item).await });
        if running.len() as u64 >= WRITERS {
            running.join_next().await.unwrap().unwrap();
        }
    }
    running.join_all().await;
    began.elapsed()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let instance = Arc::new(runtime.block_on(Instance::open()));
    let mut fresh = Fresh::default();
    let mut sheet =
        Sheet::new("batch", "a hundred creations in one batch, one after another, and 64 at a time; all durable");
    if is_measuring() {
        let [mut by_batch, mut by_group, mut per_batch_ms] = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            let (one, all) = (fresh.items(ITEMS), fresh.items(ITEMS));
            let many = fresh.items(4 * WRITERS);
            let each = runtime.block_on(singles(&instance, one)).as_secs_f64() / ITEMS as f64;
            let whole = runtime.block_on(batch(&instance, all)).as_secs_f64();
            let group = runtime.block_on(grouped(&instance, many)).as_secs_f64() / (4 * WRITERS) as f64;
            by_batch.push(each * ITEMS as f64 / whole);
            by_group.push(each / group);
            per_batch_ms.push(whole * 1e3);
        }
        let ratio = |name, what, of: &mut [f64]| Figure::new(name, what, median(of), Unit::Ratio);
        sheet.put(
            ratio("batch_over_singles", "rows a second: a batch of 100 over singles", &mut by_batch)
                .at_least(50.0, "specification, summary"),
        );
        sheet.put(
            ratio("grouped_over_single", "rows a second: 64 writers at once over one", &mut by_group)
                .at_least(15.0, "research P15"),
        );
        sheet.put(Figure::new("batch_ms", "a batch of 100", median(&mut per_batch_ms), Unit::Ms));
    }
    let mut criterion = Criterion::default().configure_from_args().measurement_time(Duration::from_secs(2));
    let mut group = criterion.benchmark_group("batch");
    group.sample_size(10);
    group.bench_function("100 in one batch", |bencher| {
        bencher.iter(|| runtime.block_on(batch(&instance, fresh.items(ITEMS))));
    });
    group.bench_function("one", |bencher| bencher.iter(|| runtime.block_on(singles(&instance, fresh.items(1)))));
    group.finish();
    criterion.final_summary();
    sheet.finish();
}
