//! The outages, and what must hold in each.

use std::future::Future;
use std::time::{Duration, Instant};

use containers::Absence;
use containers::pulsar::Broker;

use crate::load::{Load, Seen, Watcher};

/// From the broker's first healthy answer until everything flows again.
const RECOVERY_MAX: Duration = Duration::from_secs(5);
/// So long the load runs before and after.
const CALM: Duration = Duration::from_secs(2);

fn block_on<T>(case: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(case)
}

/// Runs the load around an outage, which says when the broker was back.
fn around(
    broker: &Broker,
    name: &str,
    outage: impl AsyncFnOnce(&Load) -> Result<Instant, Absence>,
) -> Result<(), Absence> {
    block_on(async {
        let load = Load::begin(broker, name).await;
        load.flows_since(Instant::now()).await;
        tokio::time::sleep(CALM).await;
        let broke = Instant::now();
        let back = outage(&load).await?;
        let flows = load.flows_since(back.max(broke)).await;
        println!(
            "{name}: away for {:?}, everything flows {:?} after",
            back - broke,
            flows.saturating_duration_since(back)
        );
        tokio::time::sleep(CALM).await;
        let watchers = load.end().await;
        for watcher in &watchers {
            check(watcher, broke);
        }
        assert!(flows.saturating_duration_since(back) < RECOVERY_MAX, "recovery took too long");
        Ok(())
    })
}

/// What the port promises, whatever happened.
fn check(watcher: &Watcher, broke: Instant) {
    let (name, seen) = (watcher.name, watcher.seen());
    let news: Vec<Seen> = seen.iter().map(|(_, seen)| *seen).filter(|seen| !matches!(seen, Seen::Message(_))).collect();
    println!("{name}: {} messages, {news:?}", watcher.numbers().len());
    // Told, in turns, and not before anything happened.
    assert!(!news.is_empty(), "{name} was not told");
    for pair in news.chunks(2) {
        assert_eq!(pair, [Seen::Lost, Seen::Restored], "{name}");
    }
    let early = seen.iter().find(|(at, seen)| *at < broke && *seen == Seen::Lost);
    assert!(early.is_none(), "{name} was told of a loss before there was one");
    let (mut newest, mut is_whole) = (None, true);
    for (_, seen) in seen {
        match (seen, newest) {
            (Seen::Message(n), Some(before)) if n > before => {
                // What is missed is missed between a loss and the first message after it, and of durable ones never.
                let shared = name == "shared";
                assert!(shared || n == before + 1 || (!is_whole && !watcher.durable), "{name}: {n} after {before}");
                (newest, is_whole) = (Some(n), true);
            }
            (Seen::Message(n), None) => (newest, is_whole) = (Some(n), true),
            // Again.
            (Seen::Message(_), Some(_)) => {}
            (Seen::Lost | Seen::Restored, _) => is_whole = false,
        }
    }
}

pub(crate) fn topics_are_unloaded(broker: &Broker) {
    let done = around(broker, "unload", async |load| {
        for _ in 0..3 {
            broker.admin().expect("PUT", &format!("namespaces/{}/unload", load.config.namespace), "");
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        Ok(Instant::now())
    });
    assert_eq!(done, Ok(()));
}

pub(crate) fn the_broker_restarts_at_once(broker: &Broker) -> Result<(), Absence> {
    let mut process = broker.process()?;
    around(broker, "restart", async |_| {
        process.kill();
        process.start_again()?;
        Ok(Instant::now())
    })
}

/// Longer than the client's patience (three seconds, and two between pings): half-open connections.
pub(crate) fn the_broker_is_frozen(broker: &Broker) -> Result<(), Absence> {
    let process = broker.process()?;
    around(broker, "frozen", async |_| {
        process.freeze();
        tokio::time::sleep(Duration::from_secs(12)).await;
        process.thaw();
        let back = Instant::now();
        Ok(back)
    })
}

/// Longer than the client's own supervision lasts, which ends without a word after 41 s.
pub(crate) fn the_broker_is_away_for_long(broker: &Broker) -> Result<(), Absence> {
    let mut process = broker.process()?;
    around(broker, "away", async |_| {
        process.kill();
        tokio::time::sleep(Duration::from_secs(50)).await;
        process.start_again()?;
        Ok(Instant::now())
    })
}
