//! How long a write on one process takes to every other. With `FIGURES_DIR` it leaves `road.json` there, from which
//! `claims record` takes what is claimed of this road.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use containers::Absence;
use containers::pulsar::Broker;
use serde_json::{Value, json};
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
/// The parts of the specification's budget: between which stamps, and what to call them.
const PARTS: [(&str, &str, &str); 6] = [
    ("applied", "committedAt", "appliedAt"),
    ("detection", "committedAt", "detectedAt"),
    ("polling_to_bus", "detectedAt", "confirmedAt"),
    ("bus", "confirmedAt", "consumedAt"),
    ("pub_sub", "consumedAt", "receivedAt"),
    ("processing", "receivedAt", "appliedAt"),
];

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
        let (mut all, mut answered) = (Vec::new(), Vec::new());
        let mut parts = PARTS.map(|_| Vec::new());
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
                for (times, (_, from, to)) in parts.iter_mut().zip(PARTS) {
                    times.push(between(&arrival, from, to));
                }
            }
        }
        listeners.iter().for_each(tokio::task::JoinHandle::abort);
        println!("propagation of {} writes to the two other processes:", WRITES - WARM_UP);
        print("from the sending of the PATCH to the event at the client", &mut all);
        print("from the answer to the PATCH to the event at the client", &mut answered);
        let mut figures = vec![figure("is_release", "1 where the build is optimised", is_release(), "count")];
        let mut seen = Vec::new();
        for (times, (name, from, to)) in parts.iter_mut().zip(PARTS) {
            let [p50, p99, max] = print(&format!("{name}: {from} to {to}"), times);
            for (which, took) in [("p50", p50), ("p99", p99), ("max", max)] {
                let what = format!("{from} to {to}, {which}");
                figures.push(figure(&format!("{name}_{which}"), &what, took.as_secs_f64() * 1e3, "ms"));
            }
            seen.push((p50, p99));
        }
        figures.push(figure("writes", "changes seen on another process", parts[0].len() as f64, "count"));
        if let Some(folder) = std::env::var_os("FIGURES_DIR") {
            leave(Path::new(&folder), &figures);
        }
        let (p50, p99) = seen[0];
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

/// 1 or 0.
fn is_release() -> f64 {
    if cfg!(debug_assertions) { 0.0 } else { 1.0 }
}

fn figure(name: &str, what: &str, value: f64, unit: &str) -> Value {
    json!({"name": name, "what": what, "value": value, "unit": unit})
}

fn leave(folder: &Path, figures: &[Value]) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("road.json"), json!({"figures": figures}).to_string()).unwrap();
}

/// Prints and answers with p50, p99 and the longest.
fn print(what: &str, times: &mut [Duration]) -> [Duration; 3] {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    let longest = times[times.len() - 1];
    println!("  {what}: p50 {:?}, p90 {:?}, p99 {:?}, longest {longest:?}", at(50), at(90), at(99));
    [at(50), at(99), longest]
}
