//! Slots that move, masters that change, and what the identity says of it.

use std::time::Duration;

use coherence::{
    Fence, FencingToken, FillToken, Incarnation, Key, SharedLookup, SharedTier, SharedValue, SharedWrite, StreamEpoch,
    Version,
};

use super::conformance::{block_on, open};
use super::harness::{Backend, Cluster, Options, Server, wait_until};
use super::suite::{Needs, Test};

pub(crate) const TESTS: &[&Test] = &[
    &Test { name: "topology::a_slot_that_moves_is_followed", needs: Needs::Processes, run: moving_slot },
    &Test { name: "topology::the_identity_of_one_server", needs: Needs::Processes, run: one_server },
    &Test { name: "topology::the_identity_of_a_cluster", needs: Needs::Processes, run: a_cluster },
    &Test {
        name: "topology::replicas_are_asked_when_no_master_is_left",
        needs: Needs::Processes,
        run: all_masters_gone,
    },
];

/// How long a cluster and its clients may take to find together again.
const RECOVERY_MAX: Duration = Duration::from_secs(15);
const EPOCH: StreamEpoch = StreamEpoch(5);

async fn write(tier: &dyn SharedTier, key: &Key, version: u64) {
    let fence = Fence { incarnation: Incarnation(1), token: FencingToken(1) };
    let version = Version::new(1, version);
    let (body, tags) = ("{}".into(), [].into());
    let value = SharedValue { version, body, tags, age: Duration::ZERO, epoch: EPOCH };
    let ttl = Duration::from_secs(300);
    tier.write(key, SharedWrite { fence, version, epoch: EPOCH, value: Some(value), ttl }).await.unwrap();
}

async fn holds(tier: &dyn SharedTier, key: &Key, version: u64) {
    let found = tier.get(key, FillToken(1), EPOCH).await.unwrap();
    assert!(matches!(&found, SharedLookup::Hit(value) if value.version == Version::new(1, version)), "{found:?}");
}

fn moving_slot(_: &Backend) {
    let cluster = Cluster::start(0);
    // CRC16 says so: the slot of "foo" is 12182, which the third master serves.
    let (slot, key) = ("12182", Key::new("foo").unwrap());
    let (from, to) = (&cluster.masters[2], &cluster.masters[0]);
    let id = |server: &Server| server.plain().must(&["CLUSTER", "MYID"]).text().to_owned();
    block_on(async {
        let redis = open(&cluster.url());
        let (tier, backplane) = (redis.shared_tier(), redis.backplane());
        write(&*tier, &key, 1).await;
        let before = backplane.identity().await.unwrap();
        to.plain().must(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &id(from)]);
        from.plain().must(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &id(to)]);
        holds(&*tier, &key, 1).await;
        let port = to.port().to_string();
        from.plain().must(&["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS", "foo", "{foo}:versions"]);
        holds(&*tier, &key, 1).await; // ASK
        write(&*tier, &key, 2).await;
        for server in [to, from, &cluster.masters[1]] {
            server.plain().must(&["CLUSTER", "SETSLOT", slot, "NODE", &id(to)]);
        }
        holds(&*tier, &key, 2).await; // MOVED
        let versions = tier.versions(std::slice::from_ref(&key), EPOCH).await.unwrap();
        assert_eq!(versions, [Some(Version::new(1, 2))]);
        tokio::task::block_in_place(|| {
            wait_until("all masters agree", Duration::from_secs(10), || {
                let slots = cluster.masters.iter().map(|server| server.plain().must(&["CLUSTER", "SLOTS"]));
                let counts: Vec<_> = slots.map(|slots| slots.list().len()).collect();
                counts.iter().all(|count| *count == counts[0])
            });
        });
        assert_ne!(backplane.identity().await.unwrap(), before, "another map of slots");
    });
}

fn one_server(_: &Backend) {
    let mut server = Server::start(Options { durable: true, ..Options::default() });
    let master = Server::start(Options::default());
    block_on(async {
        let backplane = open(&server.url()).backplane();
        let before = backplane.identity().await.unwrap();
        assert_eq!(
            before.split('/').map(str::len).collect::<Vec<_>>(),
            [40, 40],
            "run id and replication id: {before}"
        );
        server.plain().must(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert_eq!(backplane.identity().await.unwrap(), before, "another connection to the same server");
        server.restart();
        let backplane = open(&server.url()).backplane();
        let restarted = backplane.identity().await.unwrap();
        assert_ne!(restarted, before, "its data came from a file");
        server.plain().must(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]);
        let error = backplane.identity().await.unwrap_err();
        assert!(error.is_retryable(), "a replica holds nothing that counts: {error:?}");
        server.plain().must(&["REPLICAOF", "NO", "ONE"]);
        assert_ne!(backplane.identity().await.unwrap(), restarted, "it was a replica meanwhile");
    });
}

fn a_cluster(_: &Backend) {
    let mut cluster = Cluster::start(1);
    block_on(async {
        let backplane = open(&cluster.url()).backplane();
        let before = backplane.identity().await.unwrap();
        assert!(before.starts_with("cluster:") && before.len() < 64, "{before}");
        assert_eq!(open(&cluster.url()).backplane().identity().await.unwrap(), before, "whoever asks");
        // One that forgot whose a slot is will be told again by the others, in a while.
        cluster.masters[1].plain().must(&["CLUSTER", "DELSLOTS", "0"]);
        for _ in 0..3 {
            let error = backplane.identity().await.unwrap_err();
            assert!(error.is_retryable(), "they do not agree: {error:?}");
        }
        tokio::task::block_in_place(|| cluster.wait_until_whole());
        while backplane.identity().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(backplane.identity().await.unwrap(), before, "the same as ever");
        cluster.masters[0].kill();
        let error = backplane.identity().await.unwrap_err();
        assert!(error.is_retryable(), "every master is asked: {error:?}");
        cluster.replicas[0].plain().must(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
        let begun = std::time::Instant::now();
        let after = loop {
            if let Ok(identity) = backplane.identity().await {
                break identity;
            }
            assert!(begun.elapsed() < RECOVERY_MAX, "no identity after the take-over");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        println!("an identity again {:?} after the take-over", begun.elapsed());
        assert_ne!(after, before, "another master");
    });
}

fn all_masters_gone(_: &Backend) {
    let mut cluster = Cluster::start(3);
    block_on(async {
        let redis = open(&cluster.first_url());
        let (tier, key) = (redis.shared_tier(), Key::new("foo").unwrap());
        write(&*tier, &key, 1).await;
        cluster.masters.iter_mut().for_each(Server::kill);
        for replica in &cluster.replicas {
            replica.plain().must(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
        }
        let begun = std::time::Instant::now();
        while tier.get(&key, FillToken(1), EPOCH).await.is_err() {
            assert!(begun.elapsed() < RECOVERY_MAX, "the new masters are not found");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("found {:?} after the take-over", begun.elapsed());
    });
}
