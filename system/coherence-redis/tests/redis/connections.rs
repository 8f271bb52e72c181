//! Connections: none at the start, killed, silent, too slow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use coherence::backplane::{BackplaneDelivery, BackplaneSubscription, Publication, Published};
use coherence::{
    Backplane, Fence, FillToken, Head, Incarnation, Key, Section, Sequence, SharedLookup, SharedTier, SourceMark,
    StreamEpoch, WallClock,
};
use coherence_redis::{Redis, RedisConfig};

use super::conformance::{block_on, open};
use super::harness::{Backend, Options, Server};
use super::suite::{Needs, Test};
use super::system::Machine;

pub(crate) const TESTS: &[&Test] = &[
    &Test { name: "connections::a_start_without_redis", needs: Needs::Processes, run: start_without },
    &Test { name: "connections::a_killed_connection_is_not_seen_by_calls", needs: Needs::Processes, run: killed },
    &Test {
        name: "connections::a_frozen_server_costs_a_deadline_and_then_nothing",
        needs: Needs::Processes,
        run: frozen,
    },
    &Test { name: "connections::a_subscription_says_what_it_lost", needs: Needs::Processes, run: lost_and_restored },
    &Test { name: "connections::a_silent_subscription_is_lost", needs: Needs::Processes, run: silent },
    &Test { name: "connections::a_slow_subscriber_is_told", needs: Needs::Processes, run: slow },
    &Test { name: "connections::a_dropped_subscription_leaves_nothing", needs: Needs::Processes, run: dropped },
    &Test { name: "connections::many_callers_share_the_first_connection", needs: Needs::Processes, run: crowd },
];

const EPOCH: StreamEpoch = StreamEpoch(5);

fn section() -> Section {
    Section::new("production", "forecast").unwrap()
}

fn head(sequence: u64) -> Head {
    Head {
        incarnation: Incarnation(1),
        stream_epoch: EPOCH,
        sequence: Sequence(sequence),
        read_at: Machine.now(),
        source: SourceMark::default(),
        identity: "one".to_owned(),
    }
}

fn payload(sequence: u64) -> Bytes {
    Bytes::from(sequence.to_string())
}

/// Publishes until it succeeds.
async fn publish(backplane: &Arc<dyn Backplane>, sequence: u64) {
    let (data_key, payload) = ("1".to_owned(), payload(sequence));
    let publication = Publication { fence: Fence::default(), head: head(sequence), data_key, payload };
    let published = backplane.publish(&section(), publication).await.unwrap();
    assert_eq!(published, Published::Done, "{sequence}");
}

async fn begin(backplane: &Arc<dyn Backplane>) {
    backplane.announce(&section(), Fence::default(), head(0)).await.unwrap();
}

async fn look(tier: &Arc<dyn SharedTier>) -> Result<SharedLookup, coherence::SharedError> {
    tier.get(&Key::new("a:1").unwrap(), FillToken(1), EPOCH).await
}

async fn next(subscription: &mut Box<dyn BackplaneSubscription>) -> BackplaneDelivery {
    tokio::time::timeout(Duration::from_secs(10), subscription.next()).await.expect("a delivery in time").unwrap()
}

/// The next delivery that is no head.
async fn next_change(subscription: &mut Box<dyn BackplaneSubscription>) -> BackplaneDelivery {
    loop {
        match next(subscription).await {
            BackplaneDelivery::Head(_) => {}
            other => return other,
        }
    }
}

/// How long until a look succeeds.
async fn recovered(tier: &Arc<dyn SharedTier>) -> Duration {
    let begun = Instant::now();
    while look(tier).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "not recovered");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

fn start_without(_: &Backend) {
    let mut server = Server::start(Options::default());
    server.kill();
    block_on(async {
        let redis = open(&server.url());
        let (tier, backplane) = (redis.shared_tier(), redis.backplane());
        let begun = Instant::now();
        for _ in 0..1_000 {
            assert!(look(&tier).await.unwrap_err().is_retryable());
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "calls fail at once: {:?}", begun.elapsed());
        assert!(backplane.subscribe(&section()).await.is_err_and(|error| error.is_retryable()));
        tokio::time::sleep(Duration::from_secs(3)).await;
        server.restart();
        let took = recovered(&tier).await;
        println!("a call succeeded {took:?} after the start of the server");
        assert!(took < Duration::from_millis(1_500), "{took:?}");
        backplane.subscribe(&section()).await.unwrap();
    });
}

fn killed(_: &Backend) {
    let server = Server::start(Options::default());
    block_on(async {
        let tier = open(&server.url()).shared_tier();
        for _ in 0..20 {
            look(&tier).await.unwrap();
            server.plain().must(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            // At once, and after the end of the connection was noticed.
            look(&tier).await.unwrap();
            server.plain().must(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

fn frozen(_: &Backend) {
    let server = Server::start(Options::default());
    block_on(async {
        let tier = open(&server.url()).shared_tier();
        look(&tier).await.unwrap();
        server.freeze();
        let mut quick = 0;
        for n in 0..60 {
            let begun = Instant::now();
            assert!(look(&tier).await.unwrap_err().is_retryable());
            let took = begun.elapsed();
            assert!(took < Duration::from_millis(800), "call {n}: {took:?}");
            quick += u32::from(took < Duration::from_millis(50));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("{quick} of 60 calls failed within 50 ms");
        assert!(quick >= 40, "{quick}");
        server.thaw();
        let took = recovered(&tier).await;
        println!("a call succeeded {took:?} after the thaw");
        assert!(took < Duration::from_millis(2_500), "{took:?}");
    });
}

fn lost_and_restored(_: &Backend) {
    let mut server = Server::start(Options { durable: true, ..Options::default() });
    block_on(async {
        let backplane = open(&server.url()).backplane();
        let mut subscription = backplane.subscribe(&section()).await.unwrap();
        begin(&backplane).await;
        publish(&backplane, 1).await;
        assert_eq!(next_change(&mut subscription).await, BackplaneDelivery::Change(payload(1)));
        for round in 0..5 {
            server.plain().must(&["CLIENT", "KILL", "TYPE", "pubsub"]);
            assert_eq!(next_change(&mut subscription).await, BackplaneDelivery::Lost);
            assert_eq!(next_change(&mut subscription).await, BackplaneDelivery::Restored);
            // What is published after that is delivered, without exception.
            publish(&backplane, 2 + round).await;
            assert_eq!(next_change(&mut subscription).await, BackplaneDelivery::Change(payload(2 + round)));
        }
        server.kill();
        assert_eq!(next_change(&mut subscription).await, BackplaneDelivery::Lost);
        tokio::time::sleep(Duration::from_secs(3)).await;
        server.restart();
        let begun = Instant::now();
        assert_eq!(next_change(&mut subscription).await, BackplaneDelivery::Restored);
        println!("the subscription was back {:?} after the start of the server", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
        recovered(&open(&server.url()).shared_tier()).await;
        let again = open(&server.url()).backplane();
        publish(&again, 7).await;
        assert_eq!(next_change(&mut subscription).await, BackplaneDelivery::Change(payload(7)));
    });
}

fn silent(_: &Backend) {
    let server = Server::start(Options::default());
    block_on(async {
        let backplane = open(&server.url()).backplane();
        let mut subscription = backplane.subscribe(&section()).await.unwrap();
        server.freeze();
        let begun = Instant::now();
        assert_eq!(next(&mut subscription).await, BackplaneDelivery::Lost);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        server.thaw();
        assert_eq!(next(&mut subscription).await, BackplaneDelivery::Restored);
    });
}

fn slow(_: &Backend) {
    let server = Server::start(Options::default());
    block_on(async {
        let config = RedisConfig { backlog_max: 10, ..RedisConfig::default() };
        let backplane = Redis::open(&server.url(), config).unwrap().backplane();
        let mut subscription = backplane.subscribe(&section()).await.unwrap();
        begin(&backplane).await;
        for sequence in 1..=100 {
            publish(&backplane, sequence).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        // What came through before the hole is whole, and then it is said.
        let mut expected = 1;
        loop {
            match next_change(&mut subscription).await {
                BackplaneDelivery::Change(found) => assert_eq!(found, payload(expected)),
                BackplaneDelivery::Lost => break,
                other => panic!("{other:?}"),
            }
            expected += 1;
        }
        assert!(expected <= 11, "{expected}");
        assert_eq!(next_change(&mut subscription).await, BackplaneDelivery::Restored);
        publish(&backplane, 101).await;
        assert_eq!(next_change(&mut subscription).await, BackplaneDelivery::Change(payload(101)));
    });
}

fn dropped(_: &Backend) {
    let server = Server::start(Options::default());
    let subscribers = || {
        let list = server.plain().must(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        list.text().lines().filter(|line| !line.is_empty()).count()
    };
    block_on(async {
        let backplane = open(&server.url()).backplane();
        let held = backplane.subscribe(&section()).await.unwrap();
        for _ in 0..20 {
            drop(backplane.subscribe(&section()).await.unwrap());
        }
        // Also one that is looking for its server.
        let other = backplane.subscribe(&section()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(subscribers(), 2);
        drop((held, other));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(subscribers(), 0);
    });
}

fn crowd(_: &Backend) {
    let server = Server::start(Options::default());
    block_on(async {
        let tier = open(&server.url()).shared_tier();
        let looks = (0..200).map(|_| {
            let tier = Arc::clone(&tier);
            tokio::spawn(async move { look(&tier).await })
        });
        for look in looks.collect::<Vec<_>>() {
            look.await.unwrap().unwrap();
        }
        let list = server.plain().must(&["CLIENT", "LIST", "TYPE", "normal"]);
        assert_eq!(list.text().lines().count(), 2, "ours, and the one that asks: {list:?}");
    });
}
