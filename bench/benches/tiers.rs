//! How long a read takes by the tier that answers: GETs through the whole router without a socket, one after another, each made
//! to miss the tiers above. L3 also on Redis, where there is one (`REDIS_URL`, or `redis-server` is installed), beside a PING.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::figures::{Figure, Sheet, Unit, is_measuring};
use bench::instance::Instance;
use bench::quantiles::quantile;
use bench::redis::Redis;
use bytes::Bytes;
use coherence::testing::Seed;
use coherence::{FillOutcome, FillToken, Key, SharedLookup, SharedTier, SharedValue, StreamEpoch, Version};
use coherence_redis::RedisConfig;
use criterion::Criterion;

const FORECASTS: u64 = 64;
const READS: usize = 3_000;
const LEVELS: [&str; 4] = ["L1", "L2", "L3", "L4"];

struct Reader {
    instance: Instance,
    keys: Vec<(String, Key)>,
}

impl Reader {
    async fn open() -> Self {
        let instance = Instance::open().await;
        let mut keys = Vec::new();
        for n in 0..FORECASTS {
            let id = instance.create(n).await;
            let path = format!("/api/forecasts/{id}");
            // Now it is in all tiers.
            instance.send("GET", &path, None).await;
            keys.push((path, Key::prefixed("forecast:", id)));
        }
        Self { instance, keys }
    }

    /// One read that `level` must answer; how long it took.
    async fn read(&self, n: usize, level: &str) -> Duration {
        let (path, key) = &self.keys[n % self.keys.len()];
        let cache = self.instance.app.service().caches().cache();
        if level > "L1" {
            cache.drop_l1(key);
        }
        if level > "L2" {
            cache.drop_l2(key);
        }
        if level > "L3" {
            cache.shared().drop_key(key).await.unwrap();
        }
        let began = Instant::now();
        let (status, response) = self.instance.send("GET", path, None).await;
        let took = began.elapsed();
        assert_eq!((status.as_u16(), &response.headers()["x-cache-level"]), (200, &level.parse().unwrap()));
        took
    }
}

fn ms(times: &mut [Duration]) -> [f64; 2] {
    [0.5, 0.99].map(|q| quantile(times, q).as_secs_f64() * 1e3)
}

/// From the tier on Redis alone: what L3 adds to a read there.
async fn on_redis(redis: &Redis, sheet: &mut Sheet) {
    let tier: Arc<dyn SharedTier> =
        coherence_redis::Redis::open(&redis.url, RedisConfig::default()).unwrap().shared_tier();
    let (rng, body) = (Seed::rng(7), Bytes::from(vec![b'x'; 405]));
    let value = SharedValue {
        version: Version::new(1, 1),
        body,
        tags: Arc::from([]),
        age: Duration::ZERO,
        epoch: StreamEpoch(0),
    };
    let key = Key::prefixed("bench:", rng.next_u64());
    let token = FillToken(rng.next_u64());
    assert!(matches!(tier.get(&key, token, StreamEpoch(0)).await.unwrap(), SharedLookup::Miss { .. }));
    let stored = tier.fill(&key, token, value, Duration::from_secs(300)).await.unwrap();
    assert_eq!(stored, FillOutcome::Stored);
    let (mut gets, mut pings, mut ping) = (Vec::new(), Vec::new(), redis.ping());
    // In turns, so that the machine's drift hits both alike.
    for _ in 0..READS {
        let began = Instant::now();
        let found = tier.get(&key, FillToken(rng.next_u64()), StreamEpoch(0)).await.unwrap();
        gets.push(began.elapsed());
        assert!(matches!(found, SharedLookup::Hit(_)));
        if let Some(ping) = &mut ping {
            let began = Instant::now();
            ping();
            pings.push(began.elapsed());
        }
    }
    tier.drop_key(&key).await.unwrap();
    let [p50, p99] = ms(&mut gets);
    sheet.put(Figure::new("l3_redis_p50", "L3 on Redis, its own part, p50", p50, Unit::Ms));
    sheet.put(
        Figure::new("l3_redis_p99", "the same, p99", p99, Unit::Ms).at_most(20.0, "specification, summary: < 20 ms"),
    );
    if !pings.is_empty() {
        let [ping, _] = ms(&mut pings);
        sheet.put(
            Figure::new("redis_get_over_ping", "L3 on Redis over a PING, p50", p50 / ping, Unit::Ratio)
                .at_most(1.25, "research P8"),
        );
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let reader = runtime.block_on(Reader::open());
    let mut sheet = Sheet::new("tiers", "a read by the tier that answers, through the whole router, one after another");
    let reads = if is_measuring() { READS } else { 10 };
    for level in LEVELS {
        let mut times = runtime.block_on(async {
            let mut times = Vec::new();
            for n in 0..reads {
                times.push(reader.read(n, level).await);
            }
            times
        });
        let [p50, p99] = ms(&mut times);
        let name = level.to_lowercase();
        sheet.put(Figure::new(&format!("{name}_p50"), format!("{level}, p50"), p50, Unit::Ms));
        let source = if level < "L3" { "specification 1.1: 1-20 ms" } else { "specification, summary: < 20 ms" };
        sheet.put(Figure::new(&format!("{name}_p99"), format!("{level}, p99"), p99, Unit::Ms).at_most(20.0, source));
    }
    if is_measuring() {
        match Redis::start() {
            Some(redis) => runtime.block_on(on_redis(&redis, &mut sheet)),
            None => println!("no Redis: set REDIS_URL, or install redis-server"),
        }
    }
    let mut criterion = Criterion::default().configure_from_args().measurement_time(Duration::from_secs(2));
    let mut n = 0;
    for level in LEVELS {
        criterion.bench_function(&format!("a read answered by {level}"), |bencher| {
            bencher.iter_custom(|times| {
                runtime.block_on(async {
                    let mut took = Duration::ZERO;
                    for _ in 0..times {
                        n += 1;
                        took += reader.read(n, level).await;
                    }
                    took
                })
            });
        });
    }
    criterion.final_summary();
    sheet.finish();
}
