//! Two nodes of somebody's price service, coherent without a change feed: each tells its own changes.
//!
//! `cargo run -p coherence --example two_nodes`

use std::sync::Arc;
use std::time::Duration;

use coherence::backplane::MemoryBackplane;
use coherence::follower::{Follower, FollowerConfig};
use coherence::publisher::{Publisher, PublisherConfig};
use coherence::shared::MemorySharedTier;
use coherence::*;

struct Prices;

#[async_trait::async_trait]
impl Loader for Prices {
    async fn load(&self, _key: &Key) -> Result<Document, LoadError> {
        Ok(Document::present(Version::new(1, 1), r#"{"eur":42}"#))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What both nodes share: Redis in earnest, this process here.
    let shared: Arc<dyn SharedTier> = Arc::new(MemorySharedTier::new(Default::default()));
    let backplane: Arc<dyn Backplane> = Arc::new(MemoryBackplane::new(Default::default()));
    let section = Section::new("shop", "price")?;
    let prices: Arc<dyn Loader> = Arc::new(Prices);

    // A node: a cache, its follower, and a writer for its own changes.
    let node = |name: &str| {
        let config = CacheConfig { freshness: Freshness::Backplane, ..CacheConfig::default() };
        let cache = Cache::new(config, Plain, Arc::clone(&shared), rng(), clock());
        let loader = Arc::clone(&prices);
        let follower =
            Follower::new(cache.clone(), Arc::clone(&backplane), section.clone(), loader, FollowerConfig::default());
        tokio::spawn(follower.run());
        let options = PublisherConfig::default();
        let (shared, backplane) = (Arc::clone(&shared), Arc::clone(&backplane));
        let publisher = Publisher::new(section.clone(), shared, backplane, clock(), rng(), name, options);
        let writer = Writer::new(publisher, clock());
        let beacon = writer.clone();
        tokio::spawn(async move { beacon.run(Duration::from_millis(500)).await });
        (cache, writer)
    };
    let ((one, _), (_, two)) = (node("one"), node("two"));
    while !one.is_trusted() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let (key, options) = (section.key("apple")?, ReadOptions::default());
    println!("node one: {:?}", one.get_or_load(&key, &options, &prices).await?.view.body);
    // Node two changes the price in its database, then tells: node one is patched.
    two.changed(&key, Version::new(1, 2), Some(r#"{"eur":43}"#.into()), &[]).await?;
    while one.stats().changes_applied == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let answer = one.get_or_load(&key, &options, &prices).await?;
    println!("node one: {:?}, from {}, the source was read once", answer.view.body, answer.level.name());
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
