//! One test a guarantee.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use coherence::Version;
use coherence::backplane::BackplaneDelivery;
use coherence::testing::Fate;
use domain::model::ForecastId;
use tokio::time::Instant;

use super::group::{Group, ms};

/// Readers on all instances, lists among them, while writers write on all and deliveries are lost, repeated and delayed:
/// no reader ever sees a forecast go back (C1), and nothing that was not committed (C2).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c1_and_c2_nobody_goes_back_and_nothing_is_invented() {
    let group = Arc::new(Group::new().await);
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(group.nodes[0].create(n, 1).await.id);
    }
    for (number, node) in group.nodes.iter().enumerate() {
        let count = AtomicU64::new(number as u64);
        node.lossy.decide(move |_| match count.fetch_add(1, Ordering::Relaxed) % 7 {
            0 => Fate::Lose,
            2 => Fate::Repeat,
            4 => Fate::Delay,
            _ => Fate::Deliver,
        });
    }
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for node in 0..3 {
        let (group, ids, over) = (Arc::clone(&group), ids.clone(), Arc::clone(&over));
        readers.push(tokio::spawn(async move {
            let mut shown: BTreeMap<ForecastId, (Version, f64)> = BTreeMap::new();
            let mut reads = 0_u64;
            while !over.load(Ordering::Relaxed) {
                for id in &ids {
                    let (version, demand, level) = group.nodes[node].read(*id).await;
                    let demand = demand.unwrap();
                    // Each write adds one to both.
                    assert_eq!(demand + 1.0, version.id.0 as f64, "C2: {id} from {level:?}");
                    let (before, _) = shown.get(id).copied().unwrap_or_default();
                    assert!(
                        version >= before,
                        "C1: node {node} went back on {id} from {before} to {version}, {level:?}"
                    );
                    shown.insert(*id, (version, demand));
                    reads += 1;
                }
                let listed: f64 = group.nodes[node].list(&[]).await.iter().sum();
                let known: f64 = shown.values().map(|(_, demand)| demand).sum();
                assert!(listed >= known, "C1: a list of node {node} shows {listed}, and {known} was shown");
                tokio::task::yield_now().await;
            }
            reads
        }));
    }
    let begun = Instant::now();
    let mut writes = 0_usize;
    while begun.elapsed() < ms(3_000) {
        let id = ids[writes % 4];
        let before = group.version(id).await;
        group.nodes[writes % 3].patch(id, before.id.0 as f64).await;
        writes += 1;
    }
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 100);
    }
    assert!(writes > 50, "{writes}");
    Arc::into_inner(group).unwrap().close().await;
}

/// Nothing is heard any more on two of three instances, while the third writes behind their backs: at no moment is an
/// answer of theirs more than 5 s old.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c3_an_unmarked_answer_is_at_most_5_s_old() {
    let group = Group::new().await;
    let id = group.nodes[0].create(0, 1).await.id;
    for node in &group.nodes {
        node.read(id).await;
    }
    for node in &group.nodes[1..] {
        node.lossy.cut(true);
    }
    let mut bare = group.bare().await;
    let mut committed: Vec<(Instant, u64)> = vec![(Instant::now(), 1)];
    let begun = Instant::now();
    let mut suspect = false;
    while begun.elapsed() < ms(7_000) {
        // A statement that forgets the version, past every road but the feed.
        sqlx::query("UPDATE forecasts SET demand = demand + 1").execute(&mut bare).await.unwrap();
        committed.push((Instant::now(), group.version(id).await.id.0));
        for node in &group.nodes {
            let asked = Instant::now();
            let (version, _, _) = node.read(id).await;
            let old = committed.iter().filter(|(at, _)| *at + ms(5_000) < asked).map(|(_, version)| *version).max();
            assert!(version.id.0 >= old.unwrap_or_default(), "{version}, and {old:?} was committed 5 s ago");
        }
        suspect |= !group.nodes[1].is_trusted() && !group.nodes[2].is_trusted();
        tokio::time::sleep(ms(100)).await;
    }
    assert!(suspect, "without the stream their leases end");
    for node in &group.nodes[1..] {
        node.lossy.cut(false);
    }
    group.until("the leases are back", ms(5_000), || group.nodes.iter().all(|node| node.is_trusted())).await;
    group.assert_converged(&[id]).await;
    group.close().await;
}

/// Each write is asked for at once at another instance, with its version as the minimum.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_any_instance_answers_at_least_the_version_asked_for() {
    let group = Group::new().await;
    let id = group.nodes[0].create(0, 1).await.id;
    for node in &group.nodes {
        node.read(id).await;
    }
    for n in 1..=100_u32 {
        let version = group.nodes[n as usize % 3].patch(id, f64::from(n)).await;
        for other in 1..3 {
            let node = &group.nodes[(n as usize + other) % 3];
            let answer = node.get(id, Some(version)).await.unwrap();
            assert!(answer.version >= version, "{} for {version}", answer.version);
        }
    }
    group.close().await;
}

/// Every third message is lost on one instance: each loss is noticed at the next message or beacon, and repaired from the
/// stream, without a read of the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c5_every_loss_is_noticed() {
    let group = Group::new().await;
    let id = group.nodes[0].create(0, 1).await.id;
    group.nodes[1].read(id).await;
    let lost = Arc::new(AtomicU64::new(0));
    let (count, losing) = (AtomicU64::new(0), Arc::clone(&lost));
    group.nodes[1].lossy.decide(move |delivery| match delivery {
        BackplaneDelivery::Change(_) if count.fetch_add(1, Ordering::Relaxed) % 3 == 2 => {
            losing.fetch_add(1, Ordering::Relaxed);
            Fate::Lose
        }
        _ => Fate::Deliver,
    });
    for n in 1..=60_u32 {
        group.nodes[0].patch(id, f64::from(n)).await;
    }
    let latest = group.version(id).await;
    // A lost last one is repaired by the next beacon.
    let repaired = || group.nodes[1].follower().applied == group.nodes[0].follower().applied;
    group.until("the last one is repaired", ms(1_500), repaired).await;
    assert_eq!(group.nodes[1].read(id).await.0, latest);
    let stats = group.nodes[1].service.caches().cache().stats();
    assert!(lost.load(Ordering::Relaxed) >= 15 && stats.gaps >= 10, "{stats:?}");
    assert_eq!(stats.resyncs, 1, "the first one; each loss was repaired from the stream");
    group.close().await;
}

/// Lists, while their items change over every road, a move to another unit behind the system's back among them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c6_no_list_outlives_the_eviction_of_its_tags() {
    let group = Group::new().await;
    let id = group.nodes[0].create(0, 1).await.id;
    let (old, new) = (uuid::Uuid::from_u128(1).to_string(), uuid::Uuid::from_u128(2).to_string());
    let of = |unit: &str| vec![("productionUnitId", unit.to_owned())];
    let ask = async |node: usize, unit: &str| {
        let query = of(unit);
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        group.nodes[node].list(&query).await
    };
    for n in 1..=20_u32 {
        let writer = n as usize % 3;
        let version = group.nodes[writer].patch(id, f64::from(n)).await;
        assert_eq!(ask(writer, &old).await, [f64::from(n)], "its own instance at once");
        let floor_reached = || {
            group.nodes.iter().all(|node| node.service.caches().cache().history(&domain::model::forecast_key(id))
                .iter().any(|line| matches!(line.mutation, coherence::Mutation::Changed { version: changed } if changed >= version)))
        };
        group.until("all have heard of it", ms(2_000), floor_reached).await;
        for node in 0..3 {
            assert_eq!(ask(node, &old).await, [f64::from(n)], "node {node}");
        }
    }
    let mut bare = group.bare().await;
    sqlx::query("UPDATE forecasts SET production_unit_id = unhex('00000000000000000000000000000002')")
        .execute(&mut bare)
        .await
        .unwrap();
    let begun = Instant::now();
    for node in 0..3 {
        while ask(node, &old).await != [] as [f64; 0] || ask(node, &new).await != [20.0] {
            assert!(begun.elapsed() < ms(2_000), "node {node} still lists it where it was");
            tokio::time::sleep(ms(5)).await;
        }
    }
    group.close().await;
}

/// One road is cut at a time; the other alone brings every instance to what the store holds, deletes included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_everybody_arrives() {
    let group = Group::new().await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(group.nodes[0].create(n, 1).await.id);
    }
    for id in &ids {
        for node in &group.nodes {
            node.read(*id).await;
        }
    }
    let mut bare = group.bare().await;
    // The stream alone: statements that no road but the feed tells.
    sqlx::query("UPDATE forecasts SET demand = 11").execute(&mut bare).await.unwrap();
    sqlx::query("DELETE FROM forecasts WHERE id = ?")
        .bind(ids[0].0.as_bytes().to_vec())
        .execute(&mut bare)
        .await
        .unwrap();
    let latest = group.version(ids[19]).await;
    let arrived = async |group: &Group, id: ForecastId, version: Version| {
        let begun = Instant::now();
        for node in &group.nodes {
            while node.read(id).await.0 < version {
                assert!(begun.elapsed() < ms(5_000), "C7");
                tokio::time::sleep(ms(5)).await;
            }
        }
    };
    arrived(&group, ids[19], latest).await;
    arrived(&group, ids[0], group.version(ids[0]).await).await;
    group.assert_converged(&ids).await;
    // The invalidations alone: nothing of the stream arrives anywhere.
    for node in &group.nodes {
        node.lossy.decide(|_| Fate::Lose);
    }
    for (n, id) in ids.iter().enumerate().skip(1) {
        group.nodes[n % 3].patch(*id, 12.0).await;
        arrived(&group, *id, group.version(*id).await).await;
    }
    group.assert_converged(&ids).await;
    for node in &group.nodes {
        node.lossy.decide(|_| Fate::Deliver);
    }
    group.until("the leases are back", ms(8_000), || group.nodes.iter().all(|node| node.is_trusted())).await;
    group.assert_converged(&ids).await;
    group.close().await;
}
