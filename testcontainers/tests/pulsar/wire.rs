//! What Pulsar's own Python client sees of us, and we of it. `.ci/parts-backends.sh` installs it.

use std::time::Duration;

use adapters::pulsar::PulsarConfig;
use containers::pulsar::Broker;
use containers::{Absence, Python};
use domain::ports::{Bus, Outgoing, Topic};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{QUIET, block_on, bus, config, exclusive, receive, shared};

/// The specification's examples of its events, as the golden tests of the domain have them.
const EXAMPLES: [(Topic, &str); 4] = [
    (Topic::ForecastUpdated, include_str!("../../../system/domain/tests/golden/3_1_forecast_updated.json")),
    (Topic::ForecastInvalidation, include_str!("../../../system/domain/tests/golden/3_2_cache_invalidation.json")),
    (Topic::CdcForecasts, include_str!("../../../system/domain/tests/golden/6_1_forecast_changed.json")),
    (Topic::ForecastCompleted, include_str!("../../../system/domain/tests/golden/7_1_forecast_completed.json")),
];

/// Runs the peer; answers with what it printed.
fn peer(python: &Python, broker: &Broker, arguments: &[&str], input: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pulsar/peer.py");
    python.run(script, &[&[broker.url()], arguments].concat(), input).unwrap()
}

fn topic(config: &PulsarConfig, topic: Topic) -> String {
    format!("persistent://{}/{}", config.namespace, topic.name())
}

/// One line, as the wire has it.
fn compact(example: &str) -> String {
    serde_json::from_str::<Value>(example).unwrap().to_string()
}

/// Topics, keys, properties, and the payload to the byte; also where it is compressed.
pub(crate) fn others_read_what_we_publish(broker: &Broker) -> Result<(), Absence> {
    let (python, config) = (Python::find()?, config(broker));
    block_on(async {
        let bus = bus(&config);
        for (topic_of, example) in EXAMPLES {
            let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let message = Outgoing {
                key: "550e8400-e29b-41d4-a716-446655440000".to_owned(),
                payload: compact(example).into(),
                properties: [("traceparent".to_owned(), traceparent.to_owned())].into(),
            };
            bus.publish(topic_of, message.clone()).await.unwrap();
            let topic = topic(&config, topic_of);
            let seen: Value = serde_json::from_str(&peer(&python, broker, &["listen", &topic, "1"], &[])).unwrap();
            let now = bus.last(topic_of).await.unwrap().unwrap().published_at.as_millisecond();
            let expected = json!({
                "topic": topic,
                "key": message.key,
                "payload": compact(example),
                "properties": {"traceparent": traceparent},
                "publishedAt": now,
            });
            assert_eq!(seen, expected);
        }
        // Compressed on its way and at rest: a message of changes that says the same a thousand times takes little room.
        let long = json!({"text": "wind ".repeat(20_000)}).to_string();
        bus.publish(Topic::CdcForecasts, Outgoing { payload: long.clone().into(), ..example_message() }).await.unwrap();
        let topic = topic(&config, Topic::CdcForecasts);
        let seen = peer(&python, broker, &["listen", &topic, "2"], &[]);
        let seen: Value = serde_json::from_str(seen.lines().last().unwrap()).unwrap();
        assert_eq!(seen["payload"], long);
        let stats = format!("persistent/{}/cdc%3Aforecasts/stats", config.namespace);
        let stored = broker.admin().expect("GET", &stats, "")["storageSize"].as_u64().unwrap();
        assert!((1..5_000).contains(&stored), "{stored} bytes for {}", long.len());
    });
    Ok(())
}

fn example_message() -> Outgoing {
    Outgoing { key: "k".to_owned(), payload: "{}".into(), properties: [].into() }
}

/// Another program's payloads, without our properties and keys.
pub(crate) fn we_read_what_others_publish(broker: &Broker) -> Result<(), Absence> {
    let (python, config) = (Python::find()?, config(broker));
    block_on(async {
        let bus = bus(&config);
        for (topic_of, example) in EXAMPLES {
            let mut consumer = bus.subscribe(exclusive(topic_of, "s")).await.unwrap();
            let lines = [compact(example), "{\"umlaut\":\"ü\"}".to_owned()];
            peer(&python, broker, &["publish", &topic(&config, topic_of)], &lines.each_ref().map(String::as_str));
            for line in &lines {
                let received = receive(&mut consumer).await;
                let expected = Outgoing { key: String::new(), payload: line.clone().into(), properties: [].into() };
                assert_eq!((received.message, received.redeliveries), (expected, 0));
                consumer.ack(received.id).await.unwrap();
            }
        }
    });
    Ok(())
}

/// Other clients make batches by default: nothing of one is lost while a part of it is not done.
pub(crate) fn batches_of_others_are_acknowledged_whole(broker: &Broker) -> Result<(), Absence> {
    const TOPIC: Topic = Topic::ForecastCompleted;
    let (python, config) = (Python::find()?, config(broker));
    let lines: Vec<String> = (0..5).map(|n| format!("{{\"n\":{n}}}")).collect();
    let publish = || {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        peer(&python, broker, &["publish", &topic(&config, TOPIC), "batch"], &lines);
    };
    let text = |received: &domain::ports::BusMessage| String::from_utf8(received.message.payload.to_vec()).unwrap();
    block_on(async {
        for subscription in [shared(TOPIC, "shared"), exclusive(TOPIC, "exclusive")] {
            let one = bus(&config);
            let mut consumer = one.subscribe(subscription.clone()).await.unwrap();
            publish();
            let mut received = Vec::new();
            for line in &lines {
                received.push(receive(&mut consumer).await);
                assert_eq!(text(received.last().unwrap()), *line);
            }
            assert!(received.is_sorted_by(|a, b| a.id < b.id), "{received:?}");
            // All but one; that comes again, to this consumer alone or with its batch to the next.
            for done in [0, 1, 2, 4] {
                consumer.ack(received[done].id).await.unwrap();
            }
            let again = receive(&mut consumer).await;
            assert_eq!((text(&again), again.redeliveries), (lines[3].clone(), 1));
            drop(consumer);
            let mut consumer = one.subscribe(subscription.clone()).await.unwrap();
            for line in &lines {
                let received = receive(&mut consumer).await;
                assert_eq!(text(&received), *line);
                consumer.ack(received.id).await.unwrap();
            }
            drop(consumer);
            let mut consumer = one.subscribe(subscription.clone()).await.unwrap();
            let nothing = timeout(QUIET + Duration::from_secs(1), consumer.next()).await;
            assert!(nothing.is_err(), "{nothing:?}");
            drop(consumer);
            one.unsubscribe(TOPIC, &subscription.name).await.unwrap();
            broker.admin().expect(
                "DELETE",
                &format!("persistent/{}/forecast%3Acompleted?force=true", config.namespace),
                "",
            );
            one.close().await;
        }
    });
    Ok(())
}
