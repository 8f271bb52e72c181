//! Messages that repeat for ever, and nobody who reads them.

use domain::conformance::samples::{event, message, put, row, set};
use domain::ports::{Bus, BusError, COMPACTED, Outgoing, StartAt, Store, Subscription, SubscriptionKind, Topic};

use super::Database;

fn beacon(n: u32) -> Outgoing {
    let mut message = Outgoing { key: "__beacon".to_owned(), ..message(&n.to_string()) };
    message.properties.insert(COMPACTED.to_owned(), "true".to_owned());
    message
}

/// No sync runs, or it is frozen, or all that run are of `--roles forecast-api,tracker`: its durable subscription stays,
/// and two beacons a second, of which only the newest is worth anything, pile up behind it until the topics are full. Then
/// every POST, PATCH and DELETE is refused, for the sake of beacons.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beacons_that_nobody_reads_do_not_stop_writes() {
    let database = Database::with(|config| config.max_bytes = 100_000).await;
    let (store, bus) = (database.sqlite.store(), database.sqlite.bus());
    let name = "productionforecast-cdc-sync".to_owned();
    let kind = SubscriptionKind::Exclusive;
    let down = Subscription { topic: Topic::CdcForecasts, name, kind, durable: true, start: StartAt::Earliest };
    drop(bus.subscribe(down).await.unwrap());
    for n in 0..2_000 {
        match bus.publish(Topic::CdcForecasts, beacon(n)).await {
            Ok(_) | Err(BusError::Full(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let mut write = set(&store, vec![put(&row(1))]).await;
    write.outbox.push(event(Topic::ForecastInvalidation, "1"));
    store.commit(write).await.unwrap();
}
