//! How long a change takes from the call that publishes it to its place in another node's tiers. It prints, and demands only
//! that everything arrives: `cargo test --release -p coherence-redis --test redis -- propagation`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coherence::follower::{Followed, FollowerConfig};
use coherence::testing::Seed;
use coherence::{
    Cache, CacheConfig, Fence, FencingToken, Follower, Freshness, Incarnation, Loader, Plain, SourceMark, WallClock,
};

use super::conformance::{block_on, open};
use super::harness::{Backend, Cluster, Options, Server};
use super::suite::{Needs, Test};
use super::system::{Machine, Source, change, key, publisher, section};

pub(crate) const TESTS: &[&Test] = &[
    &Test { name: "propagation::on_one_server", needs: Needs::Processes, run: one_server },
    &Test { name: "propagation::on_a_cluster", needs: Needs::Processes, run: a_cluster },
];

/// Changes that are measured, and the pause between two.
const CHANGES: u64 = 2_000;
const PAUSE: Duration = Duration::from_millis(2);

fn one_server(_: &Backend) {
    let server = Server::start(Options::default());
    block_on(measure("one server", &server.url()));
}

fn a_cluster(_: &Backend) {
    let cluster = Cluster::start(0);
    block_on(measure("a cluster of three", &cluster.url()));
}

async fn measure(what: &str, url: &str) {
    let (source, redis) = (Source::new(), open(url));
    let config = CacheConfig { freshness: Freshness::EndToEnd, ..CacheConfig::default() };
    let cache = Cache::new(config, Plain, redis.shared_tier(), Seed::rng(3), Arc::new(Machine));
    let loader: Arc<dyn Loader> = source;
    let follower = Follower::new(cache, redis.backplane(), section(), loader, FollowerConfig::default());
    let mut followed = follower.handle().listen();
    let following = tokio::spawn(follower.run());
    let mut publisher = publisher(&open(url), "sync", 4);
    publisher.claim(Fence { incarnation: Incarnation(1), token: FencingToken(1) }).await.unwrap();
    publisher.begin_epoch(Incarnation(1), SourceMark::default(), Machine.now()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        while heard.len() < usize::try_from(CHANGES).unwrap() {
            if let Followed::Change { message, .. } = followed.recv().await.unwrap() {
                heard.push((message.version_id.0, Instant::now()));
            }
        }
        heard
    });
    let (mut begun, mut published) = (Vec::new(), Vec::new());
    for version in 1..=CHANGES {
        let start = Instant::now();
        publisher.publish(&change(&key(version % 50), version), SourceMark::default()).await.unwrap();
        begun.push(start);
        published.push(start.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    let heard = tokio::time::timeout(Duration::from_secs(30), heard).await.expect("all arrive").unwrap();
    let place = |version: u64| usize::try_from(version - 1).unwrap();
    let took = heard.iter().map(|(version, at)| at.duration_since(begun[place(*version)])).collect();
    println!(
        "{what}: published (both steps) in {}; applied at another node after {}",
        quantiles(published),
        quantiles(took)
    );
    following.abort();
}

fn quantiles(mut durations: Vec<Duration>) -> String {
    durations.sort();
    let at = |share: usize| durations[(durations.len() * share / 1_000).min(durations.len() - 1)];
    format!("p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999))
}
