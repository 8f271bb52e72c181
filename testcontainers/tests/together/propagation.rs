//! How long a write on one process takes to every other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use containers::Absence;
use containers::pulsar::Broker;
use tokio::sync::mpsc;

use crate::calm::block_on;
use crate::group::{Group, NODES, own_redis};
use crate::load::write;
use crate::redis::Options;
use crate::stream::{Arrival, Listener};

const WRITES: usize = 600;
/// Not counted: the first ones open connections.
const WARM_UP: usize = 60;
/// The writes do not wait for each other's arrival.
const PAUSE: Duration = Duration::from_millis(15);
const ARRIVED_MAX: Duration = Duration::from_secs(10);
/// What must hold, of the time from the commit to its being applied elsewhere.
const P50_MAX: Duration = Duration::from_millis(10);
const P99_MAX: Duration = Duration::from_millis(25);

/// Writes round robin; each must arrive at the streams of all nodes. The bounds hold for a release build on a machine that
/// does nothing else: a debug build prints what it sees.
pub(crate) fn propagation(broker: &Broker) -> Result<(), Absence> {
    let redis = own_redis(Options::default())?;
    block_on(async {
        let group = Group::start(broker, &redis.url()).await;
        let (arrivals, mut arrived) = mpsc::unbounded_channel();
        let listeners = (0..NODES).map(|node| {
            let (client, ledger) = (&group.world.client, &group.world.ledger);
            let mut listener = Listener::new(node, &group.world.bases[node], client, ledger);
            listener.arrivals = Some(arrivals.clone());
            tokio::spawn(listener.run())
        });
        let listeners: Vec<_> = listeners.collect();
        let mut sent = BTreeMap::new();
        for n in 0..WRITES {
            let id = group.world.ids[n % group.world.ids.len()];
            let begun = Instant::now();
            write(&group.world, n).await.expect("a write is answered");
            let version = group.world.ledger.newest(id).unwrap();
            sent.insert((id, version), (n, n % NODES, begun, Instant::now()));
            tokio::time::sleep(PAUSE).await;
        }
        let (mut all, mut answered, mut stamped) = (Vec::new(), Vec::new(), Vec::new());
        let expected = WRITES * NODES;
        let mut count = 0;
        while count < expected {
            let arrival = tokio::time::timeout(ARRIVED_MAX, arrived.recv()).await;
            let arrival: Arrival = arrival.expect("every write arrives at every stream").unwrap();
            let Some((n, by, begun, done)) = sent.get(&(arrival.id, arrival.version)) else { continue };
            count += 1;
            // Its own node knows it without any of this.
            if *n >= WARM_UP && *by != arrival.node {
                all.push(arrival.at - *begun);
                answered.push(arrival.at.saturating_duration_since(*done));
                stamped.push(between(&arrival, "committedAt", "appliedAt"));
            }
        }
        listeners.iter().for_each(tokio::task::JoinHandle::abort);
        println!("propagation of {} writes to the two other processes:", WRITES - WARM_UP);
        print("from the sending of the PATCH to the event at the client", &mut all);
        print("from the answer to the PATCH to the event at the client", &mut answered);
        let (p50, p99) = print("from the commit to its being applied (the stamps)", &mut stamped);
        if !cfg!(debug_assertions) {
            assert!(p50 <= P50_MAX && p99 <= P99_MAX, "p50 {p50:?} (at most {P50_MAX:?}), p99 {p99:?} ({P99_MAX:?})");
        }
        group.finish().await;
    });
    Ok(())
}

fn between(arrival: &Arrival, from: &str, to: &str) -> Duration {
    let at = |name: &str| {
        let text = arrival.data[name].as_str().unwrap_or_else(|| panic!("{name} in {}", arrival.data));
        micros_of_day(text)
    };
    Duration::from_micros(at(to).saturating_sub(at(from)))
}

/// Of `2025-01-01T12:34:56.789012Z`: enough for differences, but around midnight.
fn micros_of_day(text: &str) -> u64 {
    let time = text.split_once('T').unwrap().1.trim_end_matches('Z');
    let parts: Vec<f64> = time.split(':').map(|part| part.parse().unwrap()).collect();
    ((parts[0] * 3_600.0 + parts[1] * 60.0 + parts[2]) * 1e6) as u64
}

/// Prints and answers with p50 and p99.
fn print(what: &str, times: &mut [Duration]) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!("  {what}: p50 {:?}, p90 {:?}, p99 {:?}, longest {:?}", at(50), at(90), at(99), times[times.len() - 1]);
    (at(50), at(99))
}
