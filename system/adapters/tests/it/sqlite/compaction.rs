//! A message that repeats for ever does not fill its topic.

use domain::conformance::samples::message;
use domain::ports::{Bus, COMPACTED, Consumer, Delivery, Outgoing, StartAt, Subscription, SubscriptionKind, Topic};

use super::Database;

const TOPIC: Topic = Topic::CdcForecasts;

fn subscription(name: &str) -> Subscription {
    let kind = SubscriptionKind::Exclusive;
    Subscription { topic: TOPIC, name: name.to_owned(), kind, durable: true, start: StartAt::Earliest }
}

fn beacon(n: u32) -> Outgoing {
    let mut message = Outgoing { key: "beacon".to_owned(), ..message(&n.to_string()) };
    message.properties.insert(COMPACTED.to_owned(), "true".to_owned());
    message
}

async fn rows(database: &Database) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM messages").fetch_one(&mut database.bare().await).await.unwrap()
}

async fn take(consumer: &mut Box<dyn Consumer>) -> Outgoing {
    loop {
        if let Delivery::Message(received) = consumer.next().await.unwrap() {
            consumer.ack_through(received.id).await.unwrap();
            return received.message;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_beacons_leave_few_rows_where_somebody_reads_them() {
    const BEACONS: u32 = 10_000;
    let database = Database::new().await;
    let bus = database.sqlite.bus();
    let mut consumer = bus.subscribe(subscription("sync")).await.unwrap();
    let mut most = 0;
    for n in 0..BEACONS {
        bus.publish(TOPIC, beacon(n)).await.unwrap();
        assert_eq!(take(&mut consumer).await, beacon(n), "none is lost to a reader that keeps up");
        if n % 500 == 499 {
            most = most.max(rows(&database).await);
        }
    }
    // Cursors are written every 50 ms: what was published meanwhile is still there.
    assert!(most < 1_000, "{most} rows of {BEACONS}");
    tokio::time::sleep(database.config.flush_interval * 4).await;
    bus.publish(TOPIC, beacon(BEACONS)).await.unwrap();
    assert!(rows(&database).await <= 2);
    assert_eq!(bus.last(TOPIC).await.unwrap().unwrap().message, beacon(BEACONS));
    let bytes: (i64, i64) = sqlx::query_as("SELECT bus_bytes, (SELECT sum(bytes) FROM messages) FROM meta")
        .fetch_one(&mut database.bare().await)
        .await
        .unwrap();
    assert_eq!(bytes.0, bytes.1, "what was replaced is not counted any more");
}

/// A subscription whose consumer is down keeps its backlog, and publishing costs no more for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_stays_until_it_is_read() {
    const BEACONS: u32 = 200;
    let database = Database::new().await;
    let bus = database.sqlite.bus();
    drop(bus.subscribe(subscription("down")).await.unwrap());
    let mut consumer = bus.subscribe(subscription("sync")).await.unwrap();
    bus.publish_all(TOPIC, (0..BEACONS).map(beacon).collect()).await.unwrap();
    for n in 0..BEACONS {
        assert_eq!(take(&mut consumer).await, beacon(n));
    }
    tokio::time::sleep(database.config.flush_interval * 4).await;
    bus.publish(TOPIC, beacon(BEACONS)).await.unwrap();
    assert_eq!(rows(&database).await, i64::from(BEACONS) + 1);
    let mut down = bus.subscribe(subscription("down")).await.unwrap();
    for n in 0..=BEACONS {
        assert_eq!(take(&mut down).await, beacon(n));
    }
    assert_eq!(take(&mut consumer).await, beacon(BEACONS));
    tokio::time::sleep(database.config.flush_interval * 4).await;
    bus.publish(TOPIC, beacon(BEACONS + 1)).await.unwrap();
    assert_eq!(rows(&database).await, 1);
    bus.unsubscribe(TOPIC, "down").await.unwrap();
}
