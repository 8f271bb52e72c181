//! Two nodes of somebody's price service on one Redis, coherent without a change feed: each tells its own changes.
//!
//! `cargo run -p coherence-redis --example two_nodes -- redis://127.0.0.1:6379`

use std::sync::Arc;
use std::time::Duration;

use coherence::follower::{Follower, FollowerConfig};
use coherence::publisher::{Publisher, PublisherConfig};
use coherence::*;
use coherence_redis::{Redis, RedisConfig};

/// The source: a database, in earnest.
struct Prices;

#[async_trait::async_trait]
impl Loader for Prices {
    async fn load(&self, _key: &Key) -> Result<Document, LoadError> {
        Ok(Document::present(Version::new(1, 1), r#"{"eur":42}"#))
    }
}

/// A node: a cache, its follower, and a writer for its own changes.
struct Node {
    cache: Cache<Plain>,
    writer: Writer,
}

fn node(
    name: &str,
    url: &str,
    section: &Section,
    prices: &Arc<dyn Loader>,
) -> Result<Node, Box<dyn std::error::Error>> {
    let redis = Redis::open(url, RedisConfig::default())?;
    let (shared, backplane) = (redis.shared_tier(), redis.backplane());
    let config = CacheConfig { freshness: Freshness::Backplane, ..CacheConfig::default() };
    let cache = Cache::new(config, Plain, Arc::clone(&shared), rng(), clock());
    let (section, options) = (section.clone(), PublisherConfig::default());
    let follower = Follower::new(
        cache.clone(),
        Arc::clone(&backplane),
        section.clone(),
        Arc::clone(prices),
        FollowerConfig::default(),
    );
    tokio::spawn(follower.run());
    let writer = Writer::new(Publisher::new(section, shared, backplane, clock(), rng(), name, options), clock());
    let beacon = writer.clone();
    tokio::spawn(async move { beacon.run(Duration::from_millis(500)).await });
    Ok(Node { cache, writer })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let (section, prices) = (Section::new("shop", "price")?, Arc::new(Prices) as Arc<dyn Loader>);
    // Two processes in earnest; nothing is shared between them here but Redis.
    let (one, two) = (node("one", &url, &section, &prices)?, node("two", &url, &section, &prices)?);
    while !one.cache.is_trusted() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let (key, options) = (section.key("apple")?, ReadOptions::default());
    println!("node one: {:?}", one.cache.get_or_load(&key, &options, &prices).await?.view.body);
    // Node two changes the price in its database, then tells: node one is patched.
    let applied = one.cache.stats().changes_applied;
    let version = Version::new(1, clock().now().as_second().unsigned_abs());
    two.writer.changed(&key, version, Some(r#"{"eur":43}"#.into()), &[]).await?;
    while one.cache.stats().changes_applied == applied {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let answer = one.cache.get_or_load(&key, &options, &prices).await?;
    println!("node one: {:?}, from {}", answer.view.body, answer.level.name());
    Ok(())
}

struct Machine;

impl Rng for Machine {
    fn next_u64(&self) -> u64 {
        // In earnest: the operating system's generator.
        std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0)
    }
}

#[allow(clippy::disallowed_methods)]
impl WallClock for Machine {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

fn rng() -> Arc<dyn Rng> {
    Arc::new(Machine)
}

fn clock() -> Arc<dyn WallClock> {
    Arc::new(Machine)
}
